//! The top level of a btrfs, mounted for the time of one act.

use super::subvolumes::Subvolumes;
use super::{SnapshotError, btrfs};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use std::ffi::{CString, OsStr};
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// Unmounted again when dropped; what a killed process left mounted is unmounted by the next.
#[derive(Debug)]
pub(super) struct Top {
    at: PathBuf,
}

impl Top {
    pub fn mount(device: &str, at: &Path) -> Result<Self, SnapshotError> {
        // For its owner alone: below lie roots with their own idea of who may read what.
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(at)
            .map_err(SnapshotError::io("make", at))?;
        while unmount(at, UnmountFlags::DETACH).is_ok() {}
        let flags =
            MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC | MountFlags::NOATIME;
        let options = CString::from(c"subvolid=5");
        mount(device, at, "btrfs", flags, options.as_c_str())
            .map_err(|errno| SnapshotError::io("mount the top level at", at)(errno.into()))?;
        Ok(Self { at: at.to_owned() })
    }

    /// Where a path of the top level is now.
    pub fn path(&self, path: &str) -> PathBuf {
        self.at.join(path)
    }

    pub fn subvolumes(&self) -> Result<Subvolumes, SnapshotError> {
        let arguments = ["subvolume", "list"].map(OsStr::new);
        let text = btrfs(arguments.into_iter().chain([self.at.as_os_str()]))?;
        Subvolumes::parse(&text).ok_or(SnapshotError::Printed("btrfs subvolume list"))
    }

    /// Number of the subvolume that is mounted where none is named.
    pub fn default(&self) -> Result<u64, SnapshotError> {
        let arguments = ["subvolume", "get-default"].map(OsStr::new);
        let text = btrfs(arguments.into_iter().chain([self.at.as_os_str()]))?;
        // `ID 256 gen 13 top level 5 path @`, `ID 5 (FS_TREE)`
        let id = text
            .split_whitespace()
            .nth(1)
            .and_then(|id| id.parse().ok());
        id.ok_or(SnapshotError::Printed("btrfs subvolume get-default"))
    }

    pub fn set_default(&self, id: u64) -> Result<(), SnapshotError> {
        let id = id.to_string();
        let arguments = ["subvolume", "set-default", &id].map(OsStr::new);
        btrfs(arguments.into_iter().chain([self.at.as_os_str()])).map(drop)
    }

    /// Whether nothing can have been written to a snapshot since it was taken.
    pub fn is_untouched(&self, name: &str) -> Result<bool, SnapshotError> {
        let path = self.path(name);
        let arguments = ["property", "get", "-t", "subvol"].map(OsStr::new);
        let text = btrfs(
            arguments
                .into_iter()
                .chain([path.as_os_str(), OsStr::new("ro")]),
        )?;
        Ok(text.trim() == "ro=true")
    }

    /// Deletes a subvolume of ours; never the root that runs, nor the one that is mounted by default. btrfs would let
    /// one delete the root under a running system.
    pub fn delete(&self, name: &str, running: u64) -> Result<(), SnapshotError> {
        let id = self.subvolumes()?.id(name);
        if id == Some(running) || id == Some(self.default()?) {
            return Err(SnapshotError::Taken(name.to_owned()));
        }
        let path = self.path(name);
        let arguments = ["subvolume", "delete"].map(OsStr::new);
        btrfs(arguments.into_iter().chain([path.as_os_str()])).map(drop)
    }

    pub fn make_folder(&self, name: &str) -> Result<(), SnapshotError> {
        let path = self.path(name);
        match DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                Err(SnapshotError::io("make", &path)(error))
            }
            _ => Ok(()),
        }
    }

    pub fn rename(&self, from: &str, to: &str) -> Result<(), SnapshotError> {
        let from = self.path(from);
        fs::rename(&from, self.path(to)).map_err(SnapshotError::io("rename", &from))
    }

    /// Everything that was done is on the disk afterwards.
    pub fn sync(&self) -> Result<(), SnapshotError> {
        File::open(&self.at)
            .and_then(|top| rustix::fs::syncfs(&top).map_err(io::Error::from))
            .map_err(SnapshotError::io("sync", &self.at))
    }
}

impl Drop for Top {
    fn drop(&mut self) {
        let _ = unmount(&self.at, UnmountFlags::DETACH);
    }
}
