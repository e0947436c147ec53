//! Bringing files along into a restored root: whole, on the disk, and in place of what the snapshot has there.
//!
//! A copy lies beside its place until it is whole and synced, then both change names in one step, so that a loss of power
//! leaves the one or the other. On one btrfs the copies share their blocks with the originals.

use rustix::fs::{AtFlags, CWD, Gid, RenameFlags, Uid, chownat, renameat_with};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

/// Copies a file, a link or a folder with all below to `to`, in place of what is there. What `from` does not have, `to`
/// does not have either afterwards.
pub(super) fn carry(from: &Path, to: &Path) -> io::Result<()> {
    let new = beside(to);
    remove(&new)?;
    if from.symlink_metadata().is_err() {
        return remove(to);
    }
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    copy(from, &new)?;
    // Also the names in it: a whole file system is synced faster than its files one by one.
    let parent = to.parent().unwrap_or(Path::new("/"));
    let folder = File::open(parent)?;
    rustix::fs::syncfs(&folder)?;
    if to.symlink_metadata().is_ok() {
        renameat_with(CWD, &new, CWD, to, RenameFlags::EXCHANGE)?;
        remove(&new)?;
    } else {
        fs::rename(&new, to)?;
    }
    rustix::fs::syncfs(&folder)?;
    Ok(())
}

fn beside(path: &Path) -> PathBuf {
    let mut name = OsString::from(".overlock-");
    name.push(path.file_name().unwrap_or_default());
    path.with_file_name(name)
}

fn remove(path: &Path) -> io::Result<()> {
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(of) if of.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let of = from.symlink_metadata()?;
    let kind = of.file_type();
    if kind.is_symlink() {
        symlink(fs::read_link(from)?, to)?;
    } else if kind.is_dir() {
        fs::create_dir(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
    } else if kind.is_file() {
        fs::copy(from, to)?;
    } else {
        // A socket or a pipe is nothing without who listens.
        return Ok(());
    }
    let (owner, group) = (Uid::from_raw(of.uid()), Gid::from_raw(of.gid()));
    chownat(CWD, to, Some(owner), Some(group), AtFlags::SYMLINK_NOFOLLOW)?;
    if !kind.is_symlink() {
        // After the owner, whose change takes some bits away.
        fs::set_permissions(to, of.permissions())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn folder_takes_the_place_of_the_older_one() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("far/to"));
        fs::create_dir_all(from.join("runs/1")).unwrap();
        fs::write(from.join("runs/1/log"), "now").unwrap();
        symlink("runs", from.join("link")).unwrap();
        fs::set_permissions(from.join("runs"), fs::Permissions::from_mode(0o700)).unwrap();
        fs::create_dir_all(&to).unwrap();
        fs::write(to.join("gone"), "then").unwrap();
        for _ in 0..2 {
            carry(&from, &to).unwrap();
            assert_eq!(fs::read_to_string(to.join("runs/1/log")).unwrap(), "now");
            assert_eq!(fs::read_link(to.join("link")).unwrap(), Path::new("runs"));
            assert!(!to.join("gone").exists());
            let mode = fs::metadata(to.join("runs")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
            assert_eq!(fs::read_dir(folder.path().join("far")).unwrap().count(), 1);
        }
        carry(&folder.path().join("nothing"), &to).unwrap();
        assert!(!to.exists());
    }
}
