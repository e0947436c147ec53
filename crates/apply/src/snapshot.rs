//! Keeping the root file system as it is, and putting it back as a whole: what a state revert stands on.
//!
//! The hands call it for a plan's snapshot and for a state revert; `overlock plan` asks whether the host can do either.
//! btrfs today ([`btrfs`]); the trait is what LVM-thin or ZFS would have to answer. What is kept is the file system of `/`
//! and nothing else: other mounts and nested subvolumes are *excluded*, which every snapshot's notes say by name.

pub mod btrfs;
mod carry;
pub mod mounts;

use crate::program::ProgramError;
use mounts::Mounts;
use overlock_model::run::RunId;
use std::io;
use std::path::{Path, PathBuf};

/// Snapshots that are kept, those of the newest runs: an unfinished run is the newest, so its own is never removed. More
/// would hold on to the space of every file that was replaced since.
pub const SNAPSHOTS_KEPT: usize = 3;
/// Replaced roots that are kept, the newest. Each is a whole system with what was written until it was replaced.
pub const REPLACED_KEPT: usize = 2;

/// Most lines that say what is excluded: a host of containers has thousands of nested subvolumes.
const EXCLUDED_MAX: usize = 20;

/// A file system that can keep the root and put it back.
pub trait Snapshots {
    /// Its word for people: `btrfs`.
    fn word(&self) -> &'static str;

    /// What is no part of a snapshot and stays as it is when one is put back: mounts, nested subvolumes. Lines for people;
    /// where there are very many, the last says how many more.
    ///
    /// # Errors
    /// When it cannot be listed.
    fn excluded(&self) -> Result<Vec<String>, SnapshotError>;

    /// Whether a place is part of a snapshot.
    fn holds(&self, place: &Path) -> bool;

    /// What a snapshot before an installation of so many bytes lacks in room, with figures; empty when it fits.
    ///
    /// # Errors
    /// When the file system cannot be asked.
    fn lacking(&self, bytes: u64) -> Result<Vec<String>, SnapshotError>;

    /// Where people find the snapshot of a run.
    fn name(&self, run: RunId) -> String;

    /// Where people find the root that a run replaced.
    fn replaced(&self, by: RunId) -> String;

    /// Keeps the root under the name of a run, on the disk; whether it was not there yet.
    ///
    /// # Errors
    /// When it cannot be taken.
    fn take(&self, run: RunId) -> Result<bool, SnapshotError>;

    /// Whether the snapshot of a run is there and can be put back.
    ///
    /// # Errors
    /// When the file system cannot be asked.
    fn has(&self, run: RunId) -> Result<bool, SnapshotError>;

    /// Removes what is more than [`SNAPSHOTS_KEPT`] and [`REPLACED_KEPT`]; lines for people. Called by a run that goes on,
    /// never for itself: what resists stays until the next.
    ///
    /// # Errors
    /// When the file system cannot be asked.
    fn prune(&self, current: RunId) -> Result<Vec<String>, SnapshotError>;

    /// Makes a copy of a snapshot the root of the next boot. May be called again after a cut at any point, and before the
    /// boot as often as one likes.
    ///
    /// # Errors
    /// When it cannot be done; the next boot is then into the root that runs.
    fn put_back(&self, back: &Back<'_>) -> Result<PutBack, SnapshotError>;

    /// Whether the root that runs is the one that [`Snapshots::put_back`] made for this run.
    fn is_back(&self, folder: &Path) -> bool;
}

/// What is to be put back.
#[derive(Debug, Clone, Copy)]
pub struct Back<'a> {
    /// The run whose snapshot it is.
    pub snapshot: RunId,
    /// The run that puts it back.
    pub by: RunId,
    /// The folder of that run, where it is written down before anything is switched.
    pub folder: &'a Path,
    /// What must not go back in time and is brought along, where it lies in the root: the state directory, files of the
    /// unit that goes on after the boot, pins.
    pub carried: &'a [PathBuf],
    /// What the snapshot must have, or nothing would go on after the boot: our own program.
    pub needed: &'a Path,
}

/// What a call of [`Snapshots::put_back`] came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutBack {
    /// The next boot is into the restored root; lines for people.
    AwaitsBoot(Vec<String>),
    /// The restored root runs.
    Runs,
}

/// The root of this host cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum NoSnapshots {
    /// Mounts cannot be read.
    #[error("`/proc/self/mountinfo` cannot be read")]
    Mounts(#[source] io::Error),
    /// Something else than btrfs.
    #[error("the root file system is {kind}: snapshots need btrfs")]
    Kind {
        /// As the kernel calls it.
        kind: String,
    },
    /// Only a part of a subvolume is mounted.
    #[error("the root is the folder `{0}` in a subvolume, as in a container")]
    Folder(String),
    /// The top level has no name that could be exchanged.
    #[error("the root is the top level of its btrfs, not a subvolume like `@`")]
    TopLevel,
    /// Some boot configuration names the subvolume by its number, which a restored one does not have.
    #[error("{place} names the root by `subvolid=`; a restored root has another number")]
    ByNumber {
        /// Which.
        place: &'static str,
    },
    /// A part of the system lies elsewhere and would not go back with the rest.
    #[error("`{0}` is no part of the root subvolume: packages and their database would go apart")]
    Split(PathBuf),
    /// The host runs a root that was replaced and has not booted yet.
    #[error("a state revert waits for its boot: the root that runs was replaced")]
    Replaced,
    /// The program is not there.
    #[error("`btrfs` is not installed (package btrfs-progs)")]
    NoProgram,
}

/// A snapshot could not be taken, looked at or put back.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The root cannot be kept at all.
    #[error(transparent)]
    Root(#[from] NoSnapshots),
    /// `btrfs` says no.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// What `btrfs` printed is not understood.
    #[error("what `{0}` prints is not understood")]
    Printed(&'static str),
    /// A file or a mount.
    #[error("cannot {act} `{path}`")]
    Io {
        /// What was tried.
        act: &'static str,
        /// On what.
        path: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// There is no snapshot of that run, or it can be written to and is not what it was.
    #[error("there is no untouched snapshot `{0}`")]
    Missing(String),
    /// After a boot nobody would go on.
    #[error("the snapshot `{snapshot}` has no `{path}` that could go on after the boot")]
    NoProgramInside {
        /// Which.
        snapshot: String,
        /// Our own program.
        path: PathBuf,
    },
    /// It would be moved away while we write to it.
    #[error(
        "the state directory is in the nested subvolume `{0}`; mount it by an entry of `/etc/fstab` instead"
    )]
    StateNested(PathBuf),
    /// A name that is needed is taken.
    #[error("`{0}` is there already and is not ours to remove")]
    Taken(String),
}

impl SnapshotError {
    pub(crate) fn io(act: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { act, path, source }
    }
}

/// What keeps the root of the running host.
///
/// # Errors
/// Why its root cannot be kept.
pub fn of_root() -> Result<Box<dyn Snapshots>, NoSnapshots> {
    let mounts = Mounts::now().map_err(NoSnapshots::Mounts)?;
    Ok(Box::new(btrfs::Btrfs::of(Path::new("/"), &mounts)?))
}

/// The first lines, and how many more there are.
fn first_lines(mut lines: Vec<String>) -> Vec<String> {
    let more = lines.len().saturating_sub(EXCLUDED_MAX);
    if more > 0 {
        lines.truncate(EXCLUDED_MAX);
        lines.push(format!("and {more} more"));
    }
    lines
}

/// What is more than `kept` of these numbered names, oldest first; never `current`.
fn surplus(numbers: impl IntoIterator<Item = u64>, kept: usize, current: u64) -> Vec<u64> {
    let mut numbers: Vec<u64> = numbers.into_iter().collect();
    numbers.sort_unstable();
    numbers.dedup();
    let more = numbers.len().saturating_sub(kept);
    numbers.truncate(more);
    numbers.retain(|number| *number != current);
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newest_are_kept_and_the_current_one_in_any_case() {
        assert_eq!(surplus([7, 1, 9, 4], 3, 9), [1]);
        assert_eq!(surplus([7, 1, 9, 4], 2, 1), [4]);
        assert_eq!(surplus([7, 9], 3, 9), [0; 0]);
    }

    #[test]
    fn very_many_lines_are_counted() {
        let lines = |count: usize| first_lines(vec!["x".to_owned(); count]);
        assert_eq!(lines(EXCLUDED_MAX).len(), EXCLUDED_MAX);
        let many = lines(EXCLUDED_MAX + 2);
        assert_eq!(many.len(), EXCLUDED_MAX + 1);
        assert_eq!(many.last().unwrap(), "and 2 more");
    }
}
