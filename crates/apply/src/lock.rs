//! Who holds a package manager's lock. We look and wait; we never break one (F8).

use rustix::fs::{Mode, OFlags, open};
use rustix::process::{Flock, FlockType, fcntl_getlk};
use std::path::Path;

/// Somebody holds a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The lock's file.
    pub path: String,
    /// Process.
    pub pid: i32,
    /// Its name.
    pub name: String,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "`{}` is held by {} (process {})",
            self.path, self.name, self.pid
        )
    }
}

/// The first of these files that another process has locked (POSIX record locks, as apt and dpkg take them).
#[must_use]
pub fn holder(paths: &[&str]) -> Option<Holder> {
    paths.iter().find_map(|path| {
        let file = open(
            Path::new(path),
            OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW,
            Mode::empty(),
        )
        .ok()?;
        let found = fcntl_getlk(&file, &Flock::from(FlockType::WriteLock)).ok()??;
        let pid = found.pid?.as_raw_nonzero().get();
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        Some(Holder {
            path: (*path).to_owned(),
            pid,
            name: name.trim().chars().filter(|c| !c.is_control()).collect(),
        })
    })
}
