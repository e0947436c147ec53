//! An installation that is under way, as the disk knows it.
//!
//! dpkg and rpm sync what they write; maintainer scripts do not. When the power goes in the midst of an installation, the
//! package database may say `installed` while what a script had written is an empty file. So a mark lies in the run's
//! folder from before the package manager begins until after everything was synced, with the boot in which it was made.
//! A mark of another boot means: whatever the database says, the packages are to be put in place again.
//!
//! ```text
//! mark ──► package manager ──► sync ──► no mark
//!   │ killed: same boot, nothing is lost: sync, no mark
//!   │ power lost: another boot ──► empty files of /etc put right ──► packages again ──► sync ──► no mark
//! ```

use crate::durable;
use crate::reboot::Boot;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Below a run's folder.
const MARK: &str = "under-way";

/// What the mark says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Underway {
    /// There is none.
    No,
    /// It was made in this boot: what was written is there, if perhaps not on the disk.
    ThisBoot,
    /// The host went down since: what was not synced may be lost.
    Interrupted(Direction),
}

/// Where the packages were on their way to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// As planned.
    Forward,
    /// As they were.
    Back,
}

impl Direction {
    fn word(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Back => "back",
        }
    }
}

/// What a run's folder says.
pub(crate) fn read(folder: &Path) -> Underway {
    let Ok(mark) = fs::read_to_string(mark(folder)) else {
        return Underway::No;
    };
    let (word, then) = mark.trim().split_once(' ').unwrap_or_default();
    match Boot::now() {
        Ok(now) if now.to_string() == then => Underway::ThisBoot,
        // Where nobody can tell which boot this is, the worse is taken to be so.
        _ if word == Direction::Back.word() => Underway::Interrupted(Direction::Back),
        _ => Underway::Interrupted(Direction::Forward),
    }
}

/// Writes the mark.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn begin(folder: &Path, direction: Direction) -> io::Result<()> {
    let text = format!("{} {}\n", direction.word(), Boot::now()?);
    durable::write(&mark(folder), &text)
}

/// Writes everything to the disk, then takes the mark away.
pub(crate) fn end(folder: &Path) {
    sync();
    // If it stays, packages are put in place once more after the next boot, and nothing worse.
    drop(durable::remove(&mark(folder)));
}

fn mark(folder: &Path) -> PathBuf {
    folder.join(MARK)
}

/// Writes out the file systems that packages live on, and no others: a slow disk of somebody's is not our business.
pub(crate) fn sync() {
    for place in ["/", "/boot", "/etc", "/usr", "/var"] {
        // What cannot be synced could not be written to either, and that was told before.
        if let Ok(place) = File::open(place) {
            let _ = rustix::fs::syncfs(&place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mark_of_another_boot_is_an_interruption() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path()), Underway::No);
        for direction in [Direction::Forward, Direction::Back] {
            begin(folder.path(), direction).unwrap();
            assert_eq!(read(folder.path()), Underway::ThisBoot);
            let another = format!("{} another 1\n", direction.word());
            fs::write(mark(folder.path()), another).unwrap();
            assert_eq!(read(folder.path()), Underway::Interrupted(direction));
        }
        fs::write(mark(folder.path()), "").unwrap();
        assert_eq!(
            read(folder.path()),
            Underway::Interrupted(Direction::Forward)
        );
        end(folder.path());
        assert_eq!(read(folder.path()), Underway::No);
        end(folder.path());
    }
}
