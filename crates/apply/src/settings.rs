//! Files under `/etc` that a run changed beside dpkg's back, kept for the way back.
//!
//! Maintainer scripts write configuration too (lists of certificates, users, generated files), and putting the former
//! package back does not undo that. So a run keeps what `/etc` held before: all of it first, then only the files that the
//! installation changed, with the hash of what it made of them. Going back restores those, except where somebody has
//! edited a file since: that edit stays and is told (F39b).

use crate::artifacts::hash_file;
use crate::durable;
use overlock_model::plan::Digest;
use overlock_model::run::RunId;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

const ETC: &str = "/etc";
/// The copies, below a run's folder.
const COPIES: &str = "etc";
/// `HASH PATH` of what the installation made; `-` where it removed the file.
const LIST: &str = "etc-changed";
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
}

fn copy_path(folder: &Path, path: &Path) -> PathBuf {
    folder
        .join(COPIES)
        .join(path.strip_prefix("/").unwrap_or(path))
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    let of = fs::symlink_metadata(from)?;
    fs::copy(from, to)?;
    chown(to, Some(of.uid()), Some(of.gid()))?;
    fs::set_permissions(to, fs::Permissions::from_mode(of.mode() & 0o7777))
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
    Ok(())
}

/// Writes down what became of the files. Every copy stays: a further try of the installation is measured against them too.
///
/// # Errors
/// When it cannot be read or written.
pub(crate) fn settle(folder: &Path) -> io::Result<()> {
    let copies = folder.join(COPIES);
    let (mut before, mut after) = (Files::new(), Files::new());
    files(&copies, DEPTH_MAX + 1, &mut before);
    files(Path::new(ETC), DEPTH_MAX, &mut after);
    // Nothing was copied because it was too much.
    if before.is_empty() {
        return Ok(());
    }
    let mut list = String::new();
    for kept in before.keys() {
        let path = Path::new("/").join(kept.strip_prefix(&copies).unwrap_or(kept));
        if !after.contains_key(&path) {
            list.push_str(&format!("- {}\n", path.display()));
            continue;
        }
        let (was, is) = (hash_file(kept)?.0, hash_file(&path)?.0);
        if was != is {
            list.push_str(&format!("{is} {}\n", path.display()));
        }
    }
    for path in after.keys() {
        if !before.contains_key(&copy_path(folder, path)) {
            list.push_str(&format!("{} {}\n", hash_file(path)?.0, path.display()));
        }
    }
    durable::write(&folder.join(LIST), &list)
}

/// Removes the copies of what did not change, once the run is sure to begin no further installation.
pub(crate) fn prune(folder: &Path) {
    let Ok(list) = fs::read_to_string(folder.join(LIST)) else {
        return;
    };
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

/// [`settle`], unless it was done: an edit since would be taken for the installation's.
///
/// # Errors
/// When it cannot be read or written.
pub(crate) fn settle_once(folder: &Path) -> io::Result<()> {
    if folder.join(LIST).exists() {
        return Ok(());
    }
    settle(folder)
}

/// After a loss of power, before packages are put in place again: files of `/etc` that were not empty before the run and
/// are now get their former content, and those that the run had made and that are empty go, so that scripts make them
/// again. Lines for people.
///
/// # Errors
/// When a file cannot be written.
pub(crate) fn salvage(folder: &Path) -> io::Result<Vec<String>> {
    let mut before = Files::new();
    files(&folder.join(COPIES), DEPTH_MAX + 1, &mut before);
    let mut now = Files::new();
    files(Path::new(ETC), DEPTH_MAX, &mut now);
    let mut notes = Vec::new();
    // Nothing was copied because it was too much; or only what changed is there still.
    if before.is_empty() || folder.join(LIST).exists() {
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
            None => {
                fs::remove_file(path)?;
                notes.push(format!("was empty, removed {}", path.display()));
            }
        }
    }
    Ok(notes)
}

fn put_back(kept: &Path, path: &Path) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".overlock-new");
    let new = PathBuf::from(name);
    copy(kept, &new)?;
    fs::rename(&new, path)
}

/// The way back: asked before packages go back, finished after.
#[derive(Debug)]
pub(crate) struct GoingBack {
    folder: PathBuf,
    /// Files that are still as the run left them.
    untouched: Vec<PathBuf>,
    /// Files that somebody has edited since.
    edited: Vec<PathBuf>,
    /// Former versions that lie beside files already.
    beside: BTreeSet<PathBuf>,
}

/// What package tools lay beside a file that they replace.
fn beside() -> BTreeSet<PathBuf> {
    let mut found = Files::new();
    files(Path::new(ETC), DEPTH_MAX, &mut found);
    found
        .into_keys()
        .filter(|path| {
            [
                ".dpkg-old",
                ".ucf-old",
                ".dpkg-bak",
                ".rpmnew",
                ".rpmsave",
                ".rpmorig",
            ]
            .iter()
            .any(|end| path.to_string_lossy().ends_with(end))
        })
        .collect()
}

/// Where it is written what a run that takes this one back has seen.
fn seen_path(folder: &Path, by: RunId) -> PathBuf {
    folder.join(format!("going-back-{by}"))
}

impl GoingBack {
    /// Looks which files are still as the run left them, and writes it down: once packages begin to go back, that can no
    /// longer be told. `by` is the run that takes back; after a cut it goes on with what it saw first.
    pub fn begin(folder: &Path, by: RunId) -> Self {
        if let Some(seen) = Self::seen(folder, by) {
            return seen;
        }
        let now = Self::look(folder);
        let line =
            |word: &'static str| move |path: &PathBuf| format!("{word} {}\n", path.display());
        let untouched = now.untouched.iter().map(line("untouched"));
        let edited = now.edited.iter().map(line("edited"));
        let beside = now.beside.iter().map(line("beside"));
        let text: String = untouched.chain(edited).chain(beside).collect();
        // Where it cannot be written, only a cut makes a difference.
        drop(durable::write(&seen_path(folder, by), &text));
        now
    }

    /// What a run that was cut off while it took this one back had seen before it began.
    pub fn seen(folder: &Path, by: RunId) -> Option<Self> {
        let text = fs::read_to_string(seen_path(folder, by)).ok()?;
        let of = |word: &str| {
            let paths = text.lines().filter_map(|line| line.split_once(' '));
            let paths = paths.filter(move |(found, _)| *found == word);
            paths
                .map(|(_, path)| PathBuf::from(path))
                .collect::<Vec<_>>()
        };
        Some(Self {
            folder: folder.to_owned(),
            untouched: of("untouched"),
            edited: of("edited"),
            beside: of("beside").into_iter().collect(),
        })
    }

    /// Packages and files are back: what was seen is of no use any more.
    pub fn forget(folder: &Path, by: RunId) {
        // One that stays is only read by the same run.
        drop(durable::remove(&seen_path(folder, by)));
    }

    fn look(folder: &Path) -> Self {
        // A run that was cut off before it could say what it changed has all copies still.
        if !folder.join(LIST).exists() {
            drop(settle(folder));
        }
        let list = fs::read_to_string(folder.join(LIST)).unwrap_or_default();
        let (mut untouched, mut edited) = (Vec::new(), Vec::new());
        for line in list.lines() {
            let Some((hash, path)) = line.split_once(' ') else {
                continue;
            };
            let path = PathBuf::from(path);
            let is = hash_file(&path).ok().map(|(hash, _)| hash);
            if is == hash.parse::<Digest>().ok() {
                untouched.push(path);
            } else {
                edited.push(path);
            }
        }
        Self {
            folder: folder.to_owned(),
            untouched,
            edited,
            beside: beside(),
        }
    }

    /// Restores them, where the packages did not; lines for people.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn finish(&self) -> io::Result<Vec<String>> {
        let mut notes = Vec::new();
        // The way back itself is no reason to leave such things.
        for path in beside().difference(&self.beside) {
            fs::remove_file(path)?;
        }
        for path in &self.untouched {
            let kept = copy_path(&self.folder, path);
            let is = hash_file(path).ok().map(|(hash, _)| hash);
            match hash_file(&kept) {
                Ok((was, _)) if is == Some(was) => {}
                Ok(_) => {
                    put_back(&kept, path)?;
                    notes.push(format!("put back {}", path.display()));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    if is.is_some() {
                        fs::remove_file(path)?;
                        notes.push(format!(
                            "removed {}, which the run had made",
                            path.display()
                        ));
                    }
                }
                Err(error) => return Err(error),
            }
        }
        notes.extend(
            self.edited
                .iter()
                .map(|path| format!("edited since, left as it is: {}", path.display())),
        );
        Ok(notes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The way back on files of our own making; `/etc` itself is only read.
    #[test]
    fn edits_since_the_run_stay_and_the_rest_goes_back() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run");
        let etc = folder.path().join("etc");
        fs::create_dir_all(&etc).unwrap();
        let (changed, edited, made) = (etc.join("changed"), etc.join("edited"), etc.join("made"));
        for (path, before) in [(&changed, "before"), (&edited, "before")] {
            fs::write(path, before).unwrap();
            copy(path, &copy_path(&run, path)).unwrap();
        }
        let mut list = String::new();
        for path in [&changed, &edited, &made] {
            fs::write(path, "after").unwrap();
            list.push_str(&format!("{} {}\n", Digest::of(b"after"), path.display()));
        }
        fs::write(run.join(LIST), list).unwrap();
        fs::write(&edited, "mine").unwrap();
        let notes = GoingBack::look(&run).finish().unwrap();
        assert_eq!(fs::read(&changed).unwrap(), b"before");
        assert_eq!(fs::read(&edited).unwrap(), b"mine");
        assert!(!made.exists());
        assert_eq!(notes.len(), 3, "{notes:?}");
        // What did not change is dropped at the end of a run; the way back does without.
        let unchanged = copy_path(&run, &etc.join("unchanged"));
        fs::write(&unchanged, "same").unwrap();
        prune(&run);
        assert!(!unchanged.exists());
        assert!(copy_path(&run, &changed).exists());
        // Again is nothing new.
        assert!(GoingBack::look(&run).finish().is_ok());
        assert_eq!(fs::read(&edited).unwrap(), b"mine");
    }
}
