//! `/proc/PID/stat`, `/proc/stat`, and how files of `/proc` are read.

use jiff::Timestamp;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::os::fd::OwnedFd;
use std::path::Path;

/// When the system was started, from `btime` of `/proc/stat` (proc_stat(5)).
#[must_use]
pub fn boot_time(proc: &Path) -> Option<Timestamp> {
    let directory = rustix::fs::open(proc, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let mut text = Vec::new();
    // Interrupt counts of a machine with hundreds of processors make this file long; `btime` is behind them.
    read(&directory, "stat", 4 * 1024 * 1024, &mut text).ok()?;
    let line = text
        .split(|byte| *byte == b'\n')
        .find_map(|line| line.strip_prefix(b"btime "))?;
    let seconds: i64 = std::str::from_utf8(line).ok()?.trim().parse().ok()?;
    Timestamp::from_second(seconds).ok()
}

/// Reads at most `limit` bytes of a file into `text`; tells whether that was all of it.
pub(super) fn read(
    directory: &OwnedFd,
    path: &str,
    limit: usize,
    text: &mut Vec<u8>,
) -> Result<bool, Errno> {
    let file = rustix::fs::openat(
        directory,
        path,
        OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    text.clear();
    loop {
        if text.len() >= limit {
            text.truncate(limit);
            return Ok(false);
        }
        text.reserve(8 * 1024);
        if rustix::io::retry_on_intr(|| {
            rustix::io::read(&file, rustix::buffer::spare_capacity(text))
        })? == 0
        {
            return Ok(true);
        }
    }
}

/// The fields of `/proc/PID/stat` that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat<'a> {
    /// Name, as the process set it: any bytes.
    pub name: &'a [u8],
    /// State letter.
    pub state: u8,
    /// Kernel flags of the process.
    pub flags: u32,
    /// Start, in clock ticks since boot.
    pub start_ticks: u64,
}

/// Parses `/proc/PID/stat` (proc_pid_stat(5)). The name may hold spaces and parentheses, so it ends at the last `)`.
#[must_use]
pub fn parse_stat(text: &[u8]) -> Option<Stat<'_>> {
    let open = memchr::memchr(b'(', text)?;
    let close = memchr::memrchr(b')', text)?;
    let name = text.get(open + 1..close)?;
    let mut fields = text
        .get(close + 1..)?
        .split(|byte| *byte == b' ')
        .filter(|field| !field.is_empty());
    let number = |field: &[u8]| std::str::from_utf8(field).ok()?.trim().parse::<u64>().ok();
    // Field numbers of the manual: 3 is the state, 9 the flags, 22 the start.
    let state = *fields.next()?.first()?;
    let flags = u32::try_from(number(fields.nth(5)?)?).ok()?;
    let start_ticks = number(fields.nth(12)?)?;
    Some(Stat {
        name,
        state,
        flags,
        start_ticks,
    })
}
