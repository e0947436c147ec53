//! The process that looks: this program, by a fixed argv, with a clean environment, bounded in output and time.

use super::{LONGEST_SECONDS, LookError, Looked, SCHEMA};
use std::ffi::OsString;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Most bytes of the answer: a few digests.
const OUTPUT_BYTES_MAX: u64 = 64 << 10;

pub(super) fn look(arguments: &[OsString]) -> Result<Looked, LookError> {
    let failed = |error: io::Error| LookError::Child(error.to_string());
    // The link leads to this very program, also after an upgrade has replaced its file.
    let mut child = Command::new("/proc/self/exe")
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LC_ALL", "C.UTF-8")
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        // Its words go where ours go.
        .stderr(Stdio::inherit())
        .spawn()
        .map_err(failed)?;
    let answer = answer(&mut child).map_err(failed);
    if answer.is_err() {
        // It may have ended by itself; how it ended is seen next.
        child.kill().ok();
    }
    let status = child.wait().map_err(failed)?;
    let answer = answer?;
    if !status.success() {
        return Err(LookError::Child(status.to_string()));
    }
    let looked: Looked = serde_json::from_slice(&answer)
        .map_err(|error| LookError::Child(format!("its answer cannot be read: {error}")))?;
    if looked.schema != SCHEMA {
        return Err(LookError::Child(format!("it answers `{}`", looked.schema)));
    }
    Ok(looked)
}

/// What it prints until it closes its output.
fn answer(child: &mut Child) -> io::Result<Vec<u8>> {
    let mut output = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let end = Instant::now() + Duration::from_secs(LONGEST_SECONDS);
    let mut bytes = Vec::new();
    loop {
        if !readable(&output, end.saturating_duration_since(Instant::now()))? {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("it took longer than {LONGEST_SECONDS} s"),
            ));
        }
        let mut block = [0; 4096];
        let read = output.read(&mut block)?;
        let Some(new) = block.get(..read).filter(|new| !new.is_empty()) else {
            return Ok(bytes);
        };
        bytes.extend_from_slice(new);
        if bytes.len() as u64 > OUTPUT_BYTES_MAX {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                "it printed more than an answer has",
            ));
        }
    }
}

fn readable(output: &impl AsFd, within: Duration) -> io::Result<bool> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let limit = Timespec::try_from(within).map_err(io::Error::other)?;
    let mut polled = [PollFd::new(output, PollFlags::IN)];
    loop {
        match poll(&mut polled, Some(&limit)) {
            Err(rustix::io::Errno::INTR) => {}
            ready => return Ok(ready? > 0),
        }
    }
}
