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
use std::fs::File;
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
    Interrupted,
}

/// What a run's folder says.
pub(crate) fn read(folder: &Path) -> Underway {
    match (Boot::read(&mark(folder)), Boot::now()) {
        (None, _) => Underway::No,
        (Some(then), Ok(now)) if then == now => Underway::ThisBoot,
        // Where nobody can tell which boot this is, the worse is taken to be so.
        (Some(_), _) => Underway::Interrupted,
    }
}

/// Writes the mark.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn begin(folder: &Path) -> io::Result<()> {
    Boot::now()?.write(&mark(folder))
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
    use std::fs;

    #[test]
    fn mark_of_another_boot_is_an_interruption() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path()), Underway::No);
        begin(folder.path()).unwrap();
        assert_eq!(read(folder.path()), Underway::ThisBoot);
        fs::write(mark(folder.path()), "another 1\n").unwrap();
        assert_eq!(read(folder.path()), Underway::Interrupted);
        end(folder.path());
        assert_eq!(read(folder.path()), Underway::No);
        end(folder.path());
    }
}
