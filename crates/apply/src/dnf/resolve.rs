//! What dnf and rpm would do, what repositories state, and fetching it.

use super::database::{Database, Header};
use super::{Dnf, spec, table};
use crate::manager::Named;
use crate::program::{Call, Program, ProgramError};
use crate::{Listed, Simulated};
use overlock_model::plan::Artifact;
use overlock_rootfs::Root;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

impl Dnf {
    /// What dnf would do to have these; nothing is fetched, so that it speaks of what the scan saw.
    pub(super) fn simulation(
        &self,
        wanted: &[Named<'_>],
        more: &[&str],
    ) -> Result<Vec<Simulated>, ProgramError> {
        let arguments = ["-C", "-y", "--assumeno", "--color=never"]
            .iter()
            .chain(more)
            .chain(&["install", "--"])
            .map(|word| (*word).to_owned())
            .chain(wanted.iter().map(spec));
        let call = Call::new(Program::Dnf, arguments);
        let ran = call.run()?;
        let said = String::from_utf8_lossy(&ran.stdout);
        let messages = String::from_utf8_lossy(&ran.stderr);
        let announced = [&said, &messages]
            .iter()
            .any(|text| text.contains("Operation aborted."));
        if !announced && !ran.is_success() {
            return Err(ProgramError::Failed {
                line: call.short_line(),
                how: ran.how(),
            });
        }
        let not_understood = |line: String| ProgramError::Failed {
            line: call.short_line(),
            how: format!("printed a line that is not understood: `{line}`"),
        };
        let rows = table::parse(&said).map_err(not_understood)?;
        let database = Database::read()?;
        table::changes(rows, &database).map_err(not_understood)
    }

    /// What rpm would do with these files: rpm's own check, and what they replace and obsolete.
    pub(super) fn check(
        &self,
        headers: &[Header],
        files: &[PathBuf],
    ) -> Result<Vec<Simulated>, ProgramError> {
        let database = Database::read()?;
        let (beside, over): (Vec<_>, Vec<_>) = headers
            .iter()
            .zip(files)
            .partition(|(header, _)| header.installonly);
        for (verb, some) in [("--install", beside), ("--upgrade", over)] {
            if some.is_empty() {
                continue;
            }
            let options = [verb, "--test", "--oldpackage", "--replacepkgs", "--"];
            let arguments = options
                .iter()
                .map(OsString::from)
                .chain(some.iter().map(|(_, file)| OsString::from(file)));
            Call::new(Program::Rpm, arguments)
                .limit(self.limit)
                .output()?;
        }
        Ok(database.simulated(headers))
    }
}

/// What repositories state of exact versions.
pub(super) fn listed(wanted: &[Named<'_>]) -> Result<Vec<Listed>, ProgramError> {
    let failed = |how: String| ProgramError::Failed {
        line: "metadata of dnf".to_owned(),
        how,
    };
    let root = Root::open("/").map_err(|error| failed(error.to_string()))?;
    let names: BTreeSet<&str> = wanted.iter().map(|(name, ..)| *name).collect();
    let found = overlock_packages::rpm::listed(&root, &|name| names.contains(name))
        .map_err(|error| failed(error.to_string()))?;
    let artifact = |repository: String, one: overlock_packages::rpm::primary::Listed| {
        let version = one.evr();
        Some(Listed {
            artifact: Artifact {
                sha256: one.sha256?.parse().ok()?,
                size: one.size_bytes?,
                origin: repository,
                path: one.location,
            },
            name: one.name,
            arch: one.arch,
            version,
        })
    };
    Ok(found
        .into_iter()
        .filter_map(|(repository, one)| artifact(repository, one))
        .collect())
}

/// Fetches with dnf, which checks signatures where the repository asks for that.
pub(super) fn download(dnf: &Dnf, wanted: &[Named<'_>], folder: &Path) -> Result<(), ProgramError> {
    let database = Database::read()?;
    let (here, other): (Vec<_>, Vec<_>) = wanted
        .iter()
        .partition(|(name, arch, version)| database.versions(name, arch).contains(version));
    for (verb, some) in [("install", other), ("reinstall", here)] {
        if some.is_empty() {
            continue;
        }
        let arguments = [
            "-y".to_owned(),
            "--color=never".to_owned(),
            // The repository may have moved on; what the plan names is what its former metadata names.
            "--setopt=metadata_expire=-1".to_owned(),
            "--disableexcludes=all".to_owned(),
            "--downloadonly".to_owned(),
            format!("--downloaddir={}", folder.display()),
            verb.to_owned(),
            "--".to_owned(),
        ];
        let arguments = arguments.into_iter().chain(some.into_iter().map(spec));
        Call::new(Program::Dnf, arguments)
            .limit(dnf.limit)
            .output()?;
    }
    Ok(())
}
