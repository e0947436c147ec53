//! Configuration files with local edits: they stay, and what the new version would change is reported (F11, F39b).

use crate::program::{Call, Program};
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// dpkg puts the new version of a file whose edit was kept beside it, under this extension.
const NEW: &str = ".dpkg-dist";
/// The list of such files before the run.
const BEFORE: &str = "dist-files";
/// Most bytes of the package manager's output that are looked through.
const LOG_BYTES_MAX: u64 = 16 << 20;
/// Most lines of one difference that are kept.
const LINES_MAX: usize = 200;
/// Folders below `/etc` are not deeper than this.
const DEPTH_MAX: usize = 16;

/// Writes down which new versions lay beside edited files before the run.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn remember(folder: &Path) -> io::Result<()> {
    let mut found = BTreeSet::new();
    find(Path::new("/etc"), DEPTH_MAX, &mut found);
    let text: String = found
        .iter()
        .map(|path| format!("{}\n", path.display()))
        .collect();
    fs::write(folder.join(BEFORE), text)
}

fn find(folder: &Path, depth: usize, found: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        let path = entry.path();
        if kind.is_dir() && depth > 0 {
            find(&path, depth - 1, found);
        } else if path.to_string_lossy().ends_with(NEW) {
            found.insert(path);
        }
    }
}

/// Files whose edit was kept, by what dpkg wrote into a log from `begin` on.
pub(crate) fn kept(log: &Path, begin: u64) -> BTreeSet<String> {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = fs::File::open(log)?;
        file.seek(SeekFrom::Start(begin))?;
        let mut bytes = Vec::new();
        file.take(LOG_BYTES_MAX).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    files(&String::from_utf8_lossy(&read().unwrap_or_default()))
}

/// dpkg's words, which it says whatever it was told to do about the file (the locale is C).
fn files(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter_map(|line| line.strip_prefix("Configuration file '"))
        .filter_map(|rest| rest.rsplit_once('\'').map(|(file, _)| file.to_owned()))
        .collect()
}

/// What the new versions would have changed, for people.
pub(crate) fn differences(kept: &BTreeSet<String>) -> Vec<String> {
    let mut notes = Vec::new();
    for file in kept {
        let new = format!("{file}{NEW}");
        if !Path::new(&new).is_file() {
            continue;
        }
        notes.push(format!(
            "kept the local edit of {file}; the new version is {new}"
        ));
        if let Ok(ran) = Call::new(Program::Diff, ["-u", "--", file, &new]).run() {
            let text = String::from_utf8_lossy(&ran.stdout).into_owned();
            notes.extend(text.lines().take(LINES_MAX).map(str::to_owned));
        }
    }
    notes
}

/// After packages went back: removes new versions that were not there before the run, so that nothing of it stays.
pub(crate) fn drop_new(kept: &BTreeSet<String>, folder: &Path) -> Vec<String> {
    let before = fs::read_to_string(folder.join(BEFORE)).unwrap_or_default();
    let before: BTreeSet<&str> = before.lines().collect();
    kept.iter()
        .map(|file| {
            let new = format!("{file}{NEW}");
            if !before.contains(new.as_str()) {
                // Not there is as good as removed.
                drop(fs::remove_file(&new));
            }
            format!("kept the local edit of {file}")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dpkg_names_the_files() {
        let text = "Setting up lib (2.0) ...\n\nConfiguration file '/etc/lib.conf'\n ==> Modified (by you or by a script) since installation.\nConfiguration file '/etc/it's.conf'\n";
        let found: Vec<String> = files(text).into_iter().collect();
        assert_eq!(found, ["/etc/it's.conf", "/etc/lib.conf"]);
    }
}
