//! The ladder by which packages that were cut off become whole again, one rung for each attempt.
//!
//! dpkg finishes what it has unpacked (`--configure -a`), but a package that was cut off while it was unpacked needs its
//! artifact again, which nothing but us has at hand without network. What the rungs report is not believed: whoever
//! climbs asks the packages after each.

use super::{Apt, KEEP_EDITS, OPTIONS};
use crate::PackageManager;
use crate::artifacts::Artifacts;
use crate::manager::MEND_UNIT as UNIT;
use crate::program::{Program, ProgramError};
use overlock_model::plan::{Change, Closure};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// How many rungs there are.
pub const RUNGS: u32 = 4;
/// The rung that unpacks every package of the closure that is not as planned.
pub const RUNG_ALL: u32 = 3;

/// Which packages are unpacked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Again {
    /// Those that were cut off while they were unpacked.
    Cut,
    /// All of the closure that are not as planned, for those that depend on each other.
    All,
}

pub(super) fn climb(
    apt: &Apt,
    rung: u32,
    closure: &Closure,
    artifacts: &Artifacts,
    log: &Path,
) -> Result<Vec<String>, ProgramError> {
    let again = match rung {
        1 => return Ok(vec![configure(apt, log)]),
        2 => unpack(apt, Again::Cut, closure, artifacts, log)?,
        RUNG_ALL => unpack(apt, Again::All, closure, artifacts, log)?,
        _ => {
            let arguments = OPTIONS
                .iter()
                .chain(&KEEP_EDITS)
                .copied()
                .chain(["--no-remove", "--fix-broken", "install"])
                .map(OsString::from);
            apt.transaction(Program::AptGet, arguments.collect(), log, UNIT)?;
            return Ok(vec!["apt-get --fix-broken install".to_owned()]);
        }
    };
    Ok(again.into_iter().chain([configure(apt, log)]).collect())
}

fn configure(apt: &Apt, log: &Path) -> String {
    dpkg(apt, "dpkg --configure -a", ["--configure", "-a"], log)
}

fn unpack(
    apt: &Apt,
    which: Again,
    closure: &Closure,
    artifacts: &Artifacts,
    log: &Path,
) -> Result<Option<String>, ProgramError> {
    let installed = apt.installed()?;
    let wanted = |change: &Change| {
        let package = installed.get(&(change.name.clone(), change.arch.clone()));
        match which {
            Again::Cut => package
                .is_some_and(|package| package.error != "ok" || package.status == "half-installed"),
            Again::All => {
                package.is_none_or(|package| Some(package.version.as_str()) != change.to())
                    || package.is_some_and(|package| package.status != "installed")
            }
        }
    };
    let files: Vec<PathBuf> = closure
        .changes
        .iter()
        .filter(|change| change.to().is_some() && wanted(change))
        .filter_map(|change| at_hand(apt, change, artifacts))
        .collect();
    if files.is_empty() {
        return Ok(None);
    }
    let line = format!("dpkg --unpack, {} packages of the plan", files.len());
    let arguments = [OsString::from("--unpack")]
        .into_iter()
        .chain(files.into_iter().map(PathBuf::into_os_string));
    Ok(Some(dpkg(apt, &line, arguments, log)))
}

/// The new artifact, else the former one, hashed anew (R3).
fn at_hand(apt: &Apt, change: &Change, artifacts: &Artifacts) -> Option<PathBuf> {
    [change.artifact(), change.back()]
        .into_iter()
        .flatten()
        .find(|artifact| artifacts.has(artifact, apt.word()).unwrap_or(false))
        .map(|artifact| artifacts.path(artifact, apt.word()))
}

/// One dpkg without network; what it was and how it ended, as a note. A higher rung may do what this one could not.
fn dpkg(
    apt: &Apt,
    line: &str,
    arguments: impl IntoIterator<Item = impl Into<OsString>>,
    log: &Path,
) -> String {
    let arguments = ["--force-confdef", "--force-confold"]
        .map(OsString::from)
        .into_iter()
        .chain(arguments.into_iter().map(Into::into));
    match apt.transaction(Program::Dpkg, arguments.collect(), log, UNIT) {
        Ok(()) => line.to_owned(),
        Err(_) => format!("{line}: it ended badly"),
    }
}
