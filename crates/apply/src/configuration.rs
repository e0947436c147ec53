//! Configuration files with local edits: they stay, and what the new version would change is reported (F11, F39b).

use crate::PackageManager;
use crate::program::{Call, Program};
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// dpkg puts the new version of a file whose edit was kept beside it, under this extension.
pub(crate) const DPKG_NEW: &str = ".dpkg-dist";
/// The list of such files before the run.
const BEFORE: &str = "dist-files";
/// Most bytes of the package manager's output that are looked through.
const LOG_BYTES_MAX: u64 = 16 << 20;
/// Most lines of one difference that are kept.
const LINES_MAX: usize = 200;
/// Folders below `/etc` are not deeper than this.
const DEPTH_MAX: usize = 16;

/// A configuration file with local edits that the package manager met.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edited {
    /// The file.
    pub file: String,
    /// What lies beside it now.
    pub beside: String,
    /// Which of the two has the edit.
    pub outcome: EditOutcome,
}

/// What became of a local edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EditOutcome {
    /// It stays in force, and the new version lies beside.
    Kept,
    /// The package wants its new version in force, and the edit lies beside.
    Saved,
}

/// Configuration files whose content is not the package's, as dpkg and rpm verify them in the same form
/// (`??5?????? c /etc/file`: `dpkg(1)`, `--verify-format`; `rpm(8)`, verify options).
pub(crate) fn verified(said: &str) -> Vec<String> {
    said.lines()
        .filter_map(|line| line.split_once(" c /"))
        .filter(|(flags, _)| flags.contains('5'))
        .map(|(_, path)| format!("/{path}"))
        .collect()
}

/// Writes down which new versions lay beside edited files before the run.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn remember(folder: &Path, manager: &dyn PackageManager) -> io::Result<()> {
    let mut found = BTreeSet::new();
    find(Path::new("/etc"), manager.beside(), DEPTH_MAX, &mut found);
    let text: String = found
        .iter()
        .map(|path| format!("{}\n", path.display()))
        .collect();
    fs::write(folder.join(BEFORE), text)
}

fn find(folder: &Path, ends: &[&str], depth: usize, found: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        let path = entry.path();
        if kind.is_dir() && depth > 0 {
            find(&path, ends, depth - 1, found);
        } else if ends.iter().any(|end| path.to_string_lossy().ends_with(end)) {
            found.insert(path);
        }
    }
}

/// Files with local edits that the package manager met, by what it wrote into a log from `begin` on.
pub(crate) fn edited(log: &Path, begin: u64, manager: &dyn PackageManager) -> BTreeSet<Edited> {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = fs::File::open(log)?;
        file.seek(SeekFrom::Start(begin))?;
        let mut bytes = Vec::new();
        file.take(LOG_BYTES_MAX).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    manager.edited(&String::from_utf8_lossy(&read().unwrap_or_default()))
}

/// dpkg's words, which it says whatever it was told to do about the file (the locale is C).
pub(crate) fn dpkg_kept(text: &str) -> BTreeSet<Edited> {
    text.lines()
        .filter_map(|line| line.strip_prefix("Configuration file '"))
        .filter_map(|rest| rest.rsplit_once('\'').map(|(file, _)| file))
        .map(|file| Edited {
            file: file.to_owned(),
            beside: format!("{file}{DPKG_NEW}"),
            outcome: EditOutcome::Kept,
        })
        .collect()
}

/// What the new versions would have changed, or did, for people.
pub(crate) fn differences(edited: &BTreeSet<Edited>) -> Vec<String> {
    let mut notes = Vec::new();
    for Edited {
        file,
        beside,
        outcome,
    } in edited
    {
        if !Path::new(beside).is_file() {
            continue;
        }
        let (note, mine, new) = match outcome {
            EditOutcome::Kept => (
                format!("kept the local edit of {file}; the new version is {beside}"),
                file,
                beside,
            ),
            EditOutcome::Saved => (
                format!("the package replaces {file}; the local edit is saved as {beside}"),
                beside,
                file,
            ),
        };
        notes.push(note);
        if let Ok(ran) = Call::new(Program::Diff, ["-u", "--", mine, new]).run() {
            let text = String::from_utf8_lossy(&ran.stdout).into_owned();
            notes.extend(text.lines().take(LINES_MAX).map(str::to_owned));
        }
    }
    notes
}

/// After packages went back: removes new versions that were not there before the run, so that nothing of it stays.
pub(crate) fn drop_new(edited: &BTreeSet<Edited>, folder: &Path) -> Vec<String> {
    let before = fs::read_to_string(folder.join(BEFORE)).unwrap_or_default();
    let before: BTreeSet<&str> = before.lines().collect();
    let kept = edited.iter().filter(|one| one.outcome == EditOutcome::Kept);
    kept.map(|Edited { file, beside, .. }| {
        if !before.contains(beside.as_str()) {
            // Not there is as good as removed.
            drop(fs::remove_file(beside));
        }
        format!("kept the local edit of {file}")
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_edited_configuration_is_told_of_what_was_verified() {
        let dpkg = "??5?????? c /etc/a\nmissing   c /etc/b\n??5??????   /usr/bin/a\n";
        assert_eq!(verified(dpkg), ["/etc/a"]);
        let rpm = "S.5....T.  c /etc/c.conf\n.......T.  c /etc/d.conf\nS.5....T.    /usr/lib/e\n";
        assert_eq!(verified(rpm), ["/etc/c.conf"]);
    }

    #[test]
    fn dpkg_names_the_files() {
        let text = "Setting up lib (2.0) ...\n\nConfiguration file '/etc/lib.conf'\n ==> Modified (by you or by a script) since installation.\nConfiguration file '/etc/it's.conf'\n";
        let found: Vec<String> = dpkg_kept(text).into_iter().map(|one| one.file).collect();
        assert_eq!(found, ["/etc/it's.conf", "/etc/lib.conf"]);
    }
}
