//! Files under `/etc` that a run changed beside dpkg's back, kept for the way back.
//!
//! Maintainer scripts write configuration too (lists of certificates, users, generated files), and putting the former
//! package back does not undo that. So a run keeps what `/etc` held before: all of it first, then only the files that the
//! installation changed, with the hash of what it made of them. Going back restores those, except where somebody has
//! edited a file since: that edit stays and is told (F39b). Whatever is displaced on the way lies in the run's folder
//! afterwards: an edit that nobody could know of is not lost either.

mod copying;
mod going_back;

pub(crate) use going_back::GoingBack;

use crate::artifacts::hash_file;
use crate::{PackageManager, durable};
use copying::{copy, put_back};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

const ETC: &str = "/etc";
/// The copies, below a run's folder.
const COPIES: &str = "etc";
/// `HASH PATH` of what the installation made; `-` where it removed the file.
const LIST: &str = "etc-changed";
/// Names of all that was there and has no copy: links, sockets, large files. The run has not made them.
const THERE: &str = "etc-there";
/// Says that the copies of what did not change are gone, so that nothing can be measured against them any more.
const PRUNED: &str = "etc-pruned";
/// A larger file is no configuration.
const FILE_BYTES_MAX: u64 = 8 << 20;
/// More than this is not kept; going back then restores what dpkg itself restores.
const TOTAL_BYTES_MAX: u64 = 128 << 20;
const DEPTH_MAX: usize = 16;

/// Made anew by the system at any time, or about the machine rather than about packages.
const PASSING: [&str; 8] = [
    "/etc/ld.so.cache",
    "/etc/machine-id",
    "/etc/mtab",
    "/etc/resolv.conf",
    "/etc/adjtime",
    "/etc/.pwd.lock",
    "/etc/.updated",
    "/etc/hostname",
];

/// By path.
type Files = BTreeMap<PathBuf, (u64, u64)>;

/// Regular files under a folder, with size and time of change in nanoseconds.
fn files(folder: &Path, depth: usize, found: &mut Files) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        // Not followed: a link out of `/etc` is no file of `/etc`.
        let Ok(of) = fs::symlink_metadata(&path) else {
            continue;
        };
        if of.is_dir() && depth > 0 {
            files(&path, depth - 1, found);
        } else if of.is_file() && of.len() <= FILE_BYTES_MAX && !is_passing(&path) {
            let changed =
                of.ctime().unsigned_abs() * 1_000_000_000 + of.ctime_nsec().unsigned_abs();
            found.insert(path, (of.len(), changed));
        }
    }
}

fn is_passing(path: &Path) -> bool {
    let text = path.to_string_lossy();
    PASSING.contains(&text.as_ref())
        || text.starts_with("/etc/apt/preferences.d/overlock-")
        || text.starts_with("/etc/systemd/system/overlock-")
        || text.ends_with(".dpkg-dist")
        || text.ends_with(copying::NEW)
}

fn copy_path(folder: &Path, path: &Path) -> PathBuf {
    folder
        .join(COPIES)
        .join(path.strip_prefix("/").unwrap_or(path))
}

/// Everything under a folder that is no folder and has no copy.
fn uncopied(folder: &Path, depth: usize, copied: &Files, found: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && depth > 0 => uncopied(&path, depth - 1, copied, found),
            _ if copied.contains_key(&path) => {}
            _ => drop(found.insert(path)),
        }
    }
}

/// Copies all of `/etc` before the installation.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn remember(folder: &Path) -> io::Result<()> {
    let copies = folder.join(COPIES);
    if copies.exists() {
        fs::remove_dir_all(&copies)?;
    }
    fs::create_dir_all(&copies)?;
    fs::set_permissions(&copies, fs::Permissions::from_mode(0o700))?;
    let mut found = Files::new();
    files(Path::new(ETC), DEPTH_MAX, &mut found);
    if found.values().map(|(size, _)| size).sum::<u64>() > TOTAL_BYTES_MAX {
        return Ok(());
    }
    for path in found.keys() {
        copy(path, &copy_path(folder, path))?;
    }
    let mut others = BTreeSet::new();
    uncopied(Path::new(ETC), DEPTH_MAX, &found, &mut others);
    let names: String = others
        .iter()
        .map(|path| format!("{}\n", path.display()))
        .collect();
    durable::write(&folder.join(THERE), &names)
}

/// Writes down what became of the files, as they are now. Every copy stays: a further try of the installation, or mending
/// it, is measured against them too.
///
/// # Errors
/// When it cannot be read or written; going back then leaves `/etc` as it is, and says so.
pub(crate) fn settle(folder: &Path) -> io::Result<()> {
    let copies = folder.join(COPIES);
    let (mut before, mut after) = (Files::new(), Files::new());
    files(&copies, DEPTH_MAX + 1, &mut before);
    files(Path::new(ETC), DEPTH_MAX, &mut after);
    // Nothing was copied because it was too much; or it was settled for good.
    if before.is_empty() || folder.join(PRUNED).exists() {
        return Ok(());
    }
    let there = fs::read_to_string(folder.join(THERE)).unwrap_or_default();
    let there: BTreeSet<&Path> = there.lines().map(Path::new).collect();
    let mut list = String::new();
    for kept in before.keys() {
        let path = Path::new("/").join(kept.strip_prefix(&copies).unwrap_or(kept));
        if !after.contains_key(&path) {
            list.push_str(&format!("- {}\n", path.display()));
            continue;
        }
        // One that goes while we look is somebody else's business.
        let Ok((is, _)) = hash_file(&path) else {
            continue;
        };
        if hash_file(kept)?.0 != is {
            list.push_str(&format!("{is} {}\n", path.display()));
        }
    }
    for path in after.keys() {
        if before.contains_key(&copy_path(folder, path)) || there.contains(path.as_path()) {
            continue;
        }
        if let Ok((is, _)) = hash_file(path) {
            list.push_str(&format!("{is} {}\n", path.display()));
        }
    }
    durable::write(&folder.join(LIST), &list)
}

/// Removes the copies of what did not change, once the run is sure to begin no further installation.
pub(crate) fn prune(folder: &Path) {
    let Ok(list) = fs::read_to_string(folder.join(LIST)) else {
        return;
    };
    if durable::write(&folder.join(PRUNED), "").is_err() {
        return;
    }
    let changed: BTreeSet<PathBuf> = list
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(_, path)| copy_path(folder, Path::new(path)))
        .collect();
    let mut kept = Files::new();
    files(&folder.join(COPIES), DEPTH_MAX + 1, &mut kept);
    for path in kept.keys().filter(|path| !changed.contains(*path)) {
        // One that stays is only room.
        drop(fs::remove_file(path));
    }
}

/// After a loss of power, before packages are put in place again: files of `/etc` that were not empty before the run and
/// are now get their former content; those that are empty, were not there before and are no package's go aside, so that
/// scripts make them again. Lines for people.
///
/// # Errors
/// When a file cannot be written.
pub(crate) fn salvage(folder: &Path, manager: &dyn PackageManager) -> io::Result<Vec<String>> {
    let mut before = Files::new();
    files(&folder.join(COPIES), DEPTH_MAX + 1, &mut before);
    let mut now = Files::new();
    files(Path::new(ETC), DEPTH_MAX, &mut now);
    let mut notes = Vec::new();
    // Nothing was copied because it was too much; or only what changed is there still.
    if before.is_empty() || folder.join(PRUNED).exists() {
        return Ok(notes);
    }
    for (path, _) in now.iter().filter(|(_, (size, _))| *size == 0) {
        let kept = copy_path(folder, path);
        match before.get(&kept) {
            Some((0, _)) => {}
            Some(_) => {
                put_back(&kept, path)?;
                notes.push(format!("was empty, put back {}", path.display()));
            }
            // dpkg and rpm sync what they lay down: it is meant to be empty.
            None if manager.owns(path) => {}
            None => {
                fs::remove_file(path)?;
                notes.push(format!("was empty, removed {}", path.display()));
            }
        }
    }
    Ok(notes)
}
