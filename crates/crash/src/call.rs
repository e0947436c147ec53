//! Which system calls change a file system: the events that a run is cut at.
//!
//! Counted is whatever leaves a trace on disk or orders traces there: names, contents, attributes, and syncs. Every
//! write to a file or folder counts by itself, so a large file is many events. Not counted: pipes, sockets, devices,
//! `/proc`; files opened for reading; mounts; writes through a mapping.

use anyhow::{Context, Result};
use nix::libc;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};
use std::collections::BTreeMap;

/// Where a call says what it changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The argument at this place points to a path.
    Path(usize),
    /// The argument at this place is an open file.
    File(usize),
    /// A path, opened; the second place has the flags, and only opening for writing or creating counts.
    Opening(usize, usize),
    /// Everything.
    All,
}

/// A call that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// Its name.
    pub name: &'static str,
    number: i64,
    /// What it changes.
    pub subject: Subject,
}

macro_rules! calls {
    ($($name:literal $number:ident $subject:expr;)*) => {
        [$(Call { name: $name, number: libc::$number, subject: $subject },)*]
    };
}

use Subject::{All, File, Opening, Path};

const CALLS: [Call; 37] = calls! {
    "openat" SYS_openat Opening(1, 2);
    "openat2" SYS_openat2 Path(1);
    "write" SYS_write File(0);
    "pwrite64" SYS_pwrite64 File(0);
    "writev" SYS_writev File(0);
    "pwritev" SYS_pwritev File(0);
    "pwritev2" SYS_pwritev2 File(0);
    "sendfile" SYS_sendfile File(0);
    "splice" SYS_splice File(2);
    "copy_file_range" SYS_copy_file_range File(2);
    "renameat2" SYS_renameat2 Path(3);
    "linkat" SYS_linkat Path(3);
    "unlinkat" SYS_unlinkat Path(1);
    "symlinkat" SYS_symlinkat Path(2);
    "mkdirat" SYS_mkdirat Path(1);
    "mknodat" SYS_mknodat Path(1);
    "fchmodat" SYS_fchmodat Path(1);
    "fchownat" SYS_fchownat Path(1);
    "utimensat" SYS_utimensat Path(1);
    "fchmod" SYS_fchmod File(0);
    "fchown" SYS_fchown File(0);
    "truncate" SYS_truncate Path(0);
    "ftruncate" SYS_ftruncate File(0);
    "fallocate" SYS_fallocate File(0);
    "fsync" SYS_fsync File(0);
    "fdatasync" SYS_fdatasync File(0);
    "sync_file_range" SYS_sync_file_range File(0);
    "syncfs" SYS_syncfs File(0);
    "sync" SYS_sync All;
    "setxattr" SYS_setxattr Path(0);
    "lsetxattr" SYS_lsetxattr Path(0);
    "fsetxattr" SYS_fsetxattr File(0);
    "removexattr" SYS_removexattr Path(0);
    "lremovexattr" SYS_lremovexattr Path(0);
    "fremovexattr" SYS_fremovexattr File(0);
    "fchmodat2" SYS_fchmodat2 Path(1);
    "renameat" SYS_renameat Path(3);
};

/// Calls that only older architectures have.
#[cfg(target_arch = "x86_64")]
const OLDER: [Call; 14] = calls! {
    "open" SYS_open Opening(0, 1);
    "creat" SYS_creat Path(0);
    "rename" SYS_rename Path(1);
    "link" SYS_link Path(1);
    "unlink" SYS_unlink Path(0);
    "symlink" SYS_symlink Path(1);
    "mkdir" SYS_mkdir Path(0);
    "rmdir" SYS_rmdir Path(0);
    "mknod" SYS_mknod Path(0);
    "chmod" SYS_chmod Path(0);
    "chown" SYS_chown Path(0);
    "lchown" SYS_lchown Path(0);
    "utimes" SYS_utimes Path(0);
    "utime" SYS_utime Path(0);
};
#[cfg(not(target_arch = "x86_64"))]
const OLDER: [Call; 0] = [];

/// The call of this number, if it counts.
pub fn by_number(number: i64) -> Option<&'static Call> {
    CALLS
        .iter()
        .chain(&OLDER)
        .find(|call| call.number == number)
}

/// Stops at these calls only, so that everything else runs at full speed.
///
/// # Errors
/// On an architecture that seccomp filters cannot be made for.
pub fn filter() -> Result<BpfProgram> {
    let mut rules = BTreeMap::new();
    for call in CALLS.iter().chain(&OLDER) {
        let conditions = match call.subject {
            Subject::Opening(_, flags) => writing(flags)?,
            // None at all: the call always counts.
            _ => Vec::new(),
        };
        rules.insert(call.number, conditions);
    }
    let arch = std::env::consts::ARCH.try_into();
    let filter = SeccompFilter::new(
        rules,
        SeccompAction::Allow,
        SeccompAction::Trace(0),
        arch.context("no seccomp filter can be made for this architecture")?,
    )?;
    Ok(filter.try_into()?)
}

/// Flags of an opening that may change something.
fn writing(place: usize) -> Result<Vec<SeccompRule>> {
    [
        (libc::O_ACCMODE, libc::O_WRONLY),
        (libc::O_ACCMODE, libc::O_RDWR),
        (libc::O_CREAT, libc::O_CREAT),
        (libc::O_TRUNC, libc::O_TRUNC),
    ]
    .into_iter()
    .map(|(mask, value)| {
        let condition = SeccompCondition::new(
            u8::try_from(place)?,
            SeccompCmpArgLen::Dword,
            SeccompCmpOp::MaskedEq(u64::try_from(mask)?),
            u64::try_from(value)?,
        )?;
        Ok(SeccompRule::new(vec![condition])?)
    })
    .collect()
}
