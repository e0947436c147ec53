//! Whether a look is worth its cost: files that change when the host changes, asked by `stat` alone.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Files and folders that package managers and administrators write. What none of them tells (language packages in home
/// folders, mounts) is found by the look that comes every few hours.
const WATCHED: [&str; 28] = [
    "/var/lib/dpkg/status",
    "/var/lib/dpkg/status.d",
    "/var/lib/apt/extended_states",
    "/var/lib/apt/lists",
    "/var/lib/apt/lists/partial",
    "/etc/apt/sources.list",
    "/etc/apt/sources.list.d",
    "/etc/apt/preferences.d",
    "/var/lib/rpm/rpmdb.sqlite",
    "/var/lib/rpm/rpmdb.sqlite-wal",
    "/var/lib/rpm/Packages",
    "/var/lib/rpm/Packages.db",
    "/usr/lib/sysimage/rpm/rpmdb.sqlite",
    "/usr/lib/sysimage/rpm/rpmdb.sqlite-wal",
    "/usr/lib/sysimage/rpm/Packages.db",
    "/etc/yum.repos.d",
    "/var/cache/dnf",
    "/etc/zypp/repos.d",
    "/lib/apk/db/installed",
    "/etc/apk/repositories",
    "/var/lib/pacman/local",
    "/var/lib/pacman/sync",
    "/etc/os-release",
    "/usr/lib/os-release",
    "/etc/hostname",
    "/usr/lib/modules",
    "/run/reboot-required",
    "/run/reboot-required.pkgs",
];

/// What `stat` says of a file: enough to see that it was written, replaced, made or removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    written: (i64, i64),
    changed: (i64, i64),
}

/// `None` for a file that is away or out of reach; when it comes, that is a change.
fn stamp(path: &Path) -> Option<Stamp> {
    std::fs::metadata(path).ok().map(|of| Stamp {
        device: of.dev(),
        inode: of.ino(),
        bytes: of.len(),
        written: (of.mtime(), of.mtime_nsec()),
        changed: (of.ctime(), of.ctime_nsec()),
    })
}

/// Files and how they were last time.
#[derive(Debug)]
pub struct Watch {
    files: Vec<(PathBuf, Option<Stamp>)>,
}

impl Watch {
    /// Files of the host in this root.
    #[must_use]
    pub fn of_host(root: &Path) -> Self {
        Self::of(
            WATCHED
                .iter()
                .map(|path| root.join(path.trim_start_matches('/'))),
        )
    }

    /// These files.
    pub fn of(paths: impl IntoIterator<Item = PathBuf>) -> Self {
        Self {
            files: paths
                .into_iter()
                .map(|path| {
                    let stamp = stamp(&path);
                    (path, stamp)
                })
                .collect(),
        }
    }

    /// Whether any changed since the last time this was asked.
    pub fn changed(&mut self) -> bool {
        let mut changed = false;
        for (path, before) in &mut self.files {
            let now = stamp(path);
            changed |= now != *before;
            *before = now;
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_made_replaced_or_removed_is_seen_once() {
        let root = tempfile::tempdir().unwrap();
        let status = root.path().join("var/lib/dpkg/status");
        std::fs::create_dir_all(status.parent().unwrap()).unwrap();
        let mut watch = Watch::of_host(root.path());
        assert!(!watch.changed());
        std::fs::write(&status, "one").unwrap();
        assert!(watch.changed() && !watch.changed());
        let new = root.path().join("new");
        std::fs::write(&new, "two").unwrap();
        std::fs::rename(&new, &status).unwrap();
        assert!(watch.changed() && !watch.changed());
        std::fs::remove_file(&status).unwrap();
        assert!(watch.changed() && !watch.changed());
    }
}
