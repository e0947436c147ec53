//! Installing: rpm with exactly the files that we hashed, in a unit of its own, without network.

use super::cut::{self, Cut};
use super::database::{self, Database, Header};
use super::{Dnf, OFFLINE, reload_units, scriptlets, spec};
use crate::asked;
use crate::program::{Program, ProgramError};
use crate::transient::Transaction;
use overlock_model::plan::Change;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Replaces, installs and removes; what is at its version already is left alone.
pub(super) fn install(
    dnf: &Dnf,
    files: &[PathBuf],
    removals: &[&Change],
    log: &Path,
    unit: &str,
) -> Result<(), ProgramError> {
    let database = Database::read()?;
    let was_cut = Cut::read(Path::new(cut::FOLDER)).is_some();
    // After a cut every file is laid down anew: the database does not say how far rpm came.
    let (headers, files): (Vec<Header>, Vec<PathBuf>) = database::headers(files)?
        .into_iter()
        .zip(files.iter().cloned())
        .filter(|(header, _)| was_cut || !database.is_at(header))
        .unzip();
    let leaving: Vec<&&Change> = removals
        .iter()
        .filter(|change| database.has(change))
        .collect();
    if files.is_empty() && leaving.is_empty() {
        return Ok(());
    }
    let refused = |how: String| ProgramError::Failed {
        line: "rpm".to_owned(),
        how,
    };
    if let Some(kernel) = leaving.iter().find(|change| runs(change)) {
        return Err(refused(format!(
            "would remove the running kernel, {}",
            kernel.spec()
        )));
    }
    let obsoleted = dnf.check(&headers, &files)?;
    if let Some(other) = obsoleted.iter().find(|one| one.to.is_none()) {
        return Err(refused(format!(
            "would remove {}, which is not planned",
            other.name
        )));
    }
    let wishes = scriptlets::wishes(&headers, &files, &database)?;
    let failed = |source| ProgramError::Start {
        program: Program::Rpm.path().to_owned(),
        source,
    };
    asked::note(&wishes).map_err(failed)?;
    let cut = Cut::begin(Path::new(cut::FOLDER), &headers, log).map_err(failed)?;
    let again: &[&str] = if was_cut { &["--replacepkgs"] } else { &[] };
    dnf.upgrade(&headers, &files, again, log, unit)?;
    if !leaving.is_empty() {
        let named = leaving
            .iter()
            .filter_map(|change| Some(spec(&(&change.name, &change.arch, change.from()?))));
        let arguments = ["--erase".to_owned(), "--".to_owned()];
        dnf.transaction(arguments.into_iter().chain(named), log, unit)?;
    }
    reload_units();
    // rpm takes a failure of some scriptlets for a warning; a plan does not.
    let failures = cut.failures();
    if !failures.is_empty() {
        return Err(refused(failures.join("; ")));
    }
    cut.end().map_err(failed)
}

impl Dnf {
    /// One rpm without network, in a unit of its own.
    pub(super) fn transaction(
        &self,
        arguments: impl IntoIterator<Item = impl Into<OsString>>,
        log: &Path,
        unit: &str,
    ) -> Result<(), ProgramError> {
        let transaction = Transaction {
            program: Program::Rpm,
            arguments: arguments.into_iter().map(Into::into).collect(),
            environment: &OFFLINE,
            limit: self.limit,
        };
        transaction.run(log, unit)
    }

    /// Installs files over what is there; those that rpm keeps several versions of are installed beside.
    pub(super) fn upgrade(
        &self,
        headers: &[Header],
        files: &[PathBuf],
        options: &[&str],
        log: &Path,
        unit: &str,
    ) -> Result<(), ProgramError> {
        for (verb, beside) in [("--upgrade", false), ("--install", true)] {
            let some: Vec<&PathBuf> = headers
                .iter()
                .zip(files)
                .filter(|(header, _)| header.installonly == beside)
                .map(|(_, file)| file)
                .collect();
            if some.is_empty() {
                continue;
            }
            let arguments = [verb, "--oldpackage"]
                .into_iter()
                .chain(options.iter().copied())
                .chain(["--"])
                .map(OsString::from)
                .chain(some.into_iter().map(OsString::from));
            self.transaction(arguments, log, unit)?;
        }
        Ok(())
    }
}

/// Whether a change removes the kernel that runs: its release is version, release and architecture of its packages.
fn runs(change: &Change) -> bool {
    let release = overlock_host::kernel::uname().release;
    change.name.starts_with("kernel")
        && change
            .from()
            .is_some_and(|from| release == format!("{from}.{}", change.arch))
}
