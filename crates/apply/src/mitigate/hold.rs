//! A package that stays at its version: apt's own hold, so that every tool of the host keeps to it.

use super::{Force, Former, MitigateError, Notes, lost};
use crate::program::{Call, Program};
use overlock_model::mitigation::Measure;

pub(super) fn check(measure: &Measure, package: &str) -> Notes {
    if !Program::AptMark.is_here() {
        let why =
            "only apt's holds are known so far; use the versionlock of this host's package manager";
        return Err(MitigateError::unfit(measure, why));
    }
    let query = ["-W", "-f=${db:Status-Status}\\n", "--", package];
    let ran = Call::new(Program::DpkgQuery, query).run()?;
    if !String::from_utf8_lossy(&ran.stdout)
        .lines()
        .any(|line| line == "installed")
    {
        return Err(MitigateError::unfit(measure, "it is not installed"));
    }
    Ok(match is_held(package)? {
        true => vec![format!(
            "{package} is held by this host's administrator already; it stays so afterwards"
        )],
        false => Vec::new(),
    })
}

pub(super) fn former(package: &str) -> Result<Former, MitigateError> {
    Ok(Former::Package {
        held: is_held(package)?,
    })
}

pub(super) fn put(package: &str) -> Notes {
    Call::new(Program::AptMark, ["hold", "--", package]).output()?;
    Ok(vec![format!("{package} is held")])
}

pub(super) fn take(package: &str, former: &Former) -> Notes {
    if *former != (Former::Package { held: false }) {
        return Ok(vec![format!("{package} stays held, as it was before")]);
    }
    if !is_held(package)? {
        return Ok(vec![format!("nobody holds {package} any more")]);
    }
    Call::new(Program::AptMark, ["unhold", "--", package]).output()?;
    Ok(vec![format!("{package} is no longer held")])
}

pub(super) fn force(package: &str) -> Result<Force, MitigateError> {
    Ok(match is_held(package)? {
        true => Force::Now,
        false => lost("nobody holds it"),
    })
}

fn is_held(package: &str) -> Result<bool, MitigateError> {
    let text = Call::new(Program::AptMark, ["showhold"]).output()?;
    Ok(String::from_utf8_lossy(&text)
        .lines()
        .any(|line| line == package || line.split(':').next() == Some(package)))
}
