//! The ladder by which packages that were cut off become whole again, one rung for each attempt.
//!
//! rpm cannot go on where it was cut; it can install again over what is there, which ends doubles too: every other
//! version of a package goes when one comes. What the rungs report is not believed: whoever climbs asks the packages.

use super::cut::{self, Cut};
use super::{Dnf, database, reload_units};
use crate::PackageManager;
use crate::artifacts::Artifacts;
use crate::manager::MEND_UNIT;
use crate::program::{Call, Program, ProgramError};
use overlock_model::plan::{Change, Closure};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// How many rungs there are.
pub(super) const RUNGS: u32 = 3;
/// The rung that puts every package of a closure to its new version.
pub(super) const RUNG_ALL: u32 = 1;

pub(super) fn climb(
    dnf: &Dnf,
    rung: u32,
    closure: &Closure,
    artifacts: &Artifacts,
    log: &Path,
) -> Result<Vec<String>, ProgramError> {
    let files: Vec<PathBuf> = closure
        .changes
        .iter()
        .filter(|change| change.to().is_some())
        .filter_map(|change| at_hand(dnf, change, artifacts))
        .collect();
    let mut notes = Vec::new();
    if rung >= RUNGS {
        let rebuilt = dnf.transaction(["--rebuilddb"], log, MEND_UNIT);
        notes.push(match rebuilt {
            Ok(()) => "rpm --rebuilddb".to_owned(),
            Err(error) => format!("rpm --rebuilddb: {error}"),
        });
    }
    if files.is_empty() {
        return Ok(notes);
    }
    if rung > RUNG_ALL {
        notes.extend(over(dnf, &files, log, MEND_UNIT)?);
        return Ok(notes);
    }
    let headers = database::headers(&files)?;
    let cut = Cut::begin(Path::new(cut::FOLDER), &headers, log).map_err(failed)?;
    dnf.upgrade(&headers, &files, &["--replacepkgs"], log, MEND_UNIT)?;
    let failures = cut.failures();
    finish(cut, &files)?;
    if !failures.is_empty() {
        return Err(ProgramError::Failed {
            line: "rpm --upgrade --replacepkgs".to_owned(),
            how: failures.join("; "),
        });
    }
    notes.push(format!(
        "rpm -U --replacepkgs, {} packages of the plan",
        files.len()
    ));
    Ok(notes)
}

/// Puts files over what is there without asking what depends on what; where scriptlets bar the way, without them.
pub(super) fn over(
    dnf: &Dnf,
    files: &[PathBuf],
    log: &Path,
    unit: &str,
) -> Result<Vec<String>, ProgramError> {
    let headers = database::headers(files)?;
    let options = ["--replacepkgs", "--replacefiles", "--nodeps"];
    let mut notes = vec![format!("rpm -U --nodeps, {} packages", files.len())];
    let cut = Cut::begin(Path::new(cut::FOLDER), &headers, log).map_err(failed)?;
    let put = dnf.upgrade(&headers, files, &options, log, unit);
    let is_done = put.is_ok() && cut.failures().is_empty();
    let cut = if is_done {
        cut
    } else {
        let silent: Vec<&str> = options
            .into_iter()
            .chain(["--noscripts", "--notriggers"])
            .collect();
        let cut = Cut::begin(Path::new(cut::FOLDER), &headers, log).map_err(failed)?;
        dnf.upgrade(&headers, files, &silent, log, unit)?;
        notes.push("rpm -U --nodeps --noscripts: scriptlets failed, and were left out".to_owned());
        cut
    };
    finish(cut, files)?;
    Ok(notes)
}

/// The new artifact, else the former one, hashed anew (R3).
fn at_hand(dnf: &Dnf, change: &Change, artifacts: &Artifacts) -> Option<PathBuf> {
    [change.artifact(), change.back()]
        .into_iter()
        .flatten()
        .find(|artifact| artifacts.has(artifact, dnf.word()).unwrap_or(false))
        .map(|artifact| artifacts.path(artifact, dnf.word()))
}

/// What came is whole now, unless one of its scriptlets failed.
fn finish(cut: Cut, files: &[PathBuf]) -> Result<(), ProgramError> {
    let named = files.iter().map(OsString::from);
    sweep(
        ["--package", "--"]
            .map(OsString::from)
            .into_iter()
            .chain(named),
    )?;
    reload_units();
    if cut.failures().is_empty() {
        cut.end().map_err(failed)?;
    }
    Ok(())
}

/// Removes what rpm was writing when it was cut off: `PATH;` and eight digits, beside where it would have been renamed to.
pub(super) fn sweep(packages: impl IntoIterator<Item = OsString>) -> Result<(), ProgramError> {
    let arguments = ["--query", "--list"].map(OsString::from);
    // A package that is not there makes it end badly; the rest is told all the same.
    let ran = Call::new(Program::Rpm, arguments.into_iter().chain(packages)).run()?;
    let text = String::from_utf8_lossy(&ran.stdout);
    let paths: BTreeSet<&Path> = text.lines().map(Path::new).collect();
    let folders: BTreeSet<&Path> = paths.iter().filter_map(|path| path.parent()).collect();
    for folder in folders {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if let Some(stem) = unfinished(&name)
                && paths.contains(folder.join(stem).as_path())
            {
                // Not there is as good as removed.
                drop(fs::remove_file(entry.path()));
            }
        }
    }
    Ok(())
}

/// The name that a file would have got.
fn unfinished(name: &str) -> Option<&str> {
    let (stem, number) = name.rsplit_once(';')?;
    (number.len() == 8 && number.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(stem)
}

fn failed(source: std::io::Error) -> ProgramError {
    ProgramError::Start {
        program: Program::Rpm.path().to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rpms_own_unfinished_files_are_swept() {
        assert_eq!(unfinished("libssl.so.3;5f3a2b1c"), Some("libssl.so.3"));
        assert_eq!(unfinished("notes;draft"), None);
        assert_eq!(unfinished("libssl.so.3"), None);
    }
}
