//! dnf and rpm: dnf resolves and fetches, rpm installs.
//!
//! dnf works out what moves together from the metadata that the host has, and checks the signatures of what it fetches.
//! The transaction itself is rpm's, with the files that we hashed and nothing else: dnf would resolve anew, needs metadata
//! for modular packages, and its plugins would act beside us (decision 0023). rpm's transactions are not atomic: what a
//! cut leaves is seen by [`cut`] and mended by [`mend`].
//!
//! ```text
//! plan     dnf -C --assumeno install N-EVR.A …   table.rs
//! fetch    dnf --downloadonly                     signatures checked by dnf, hashes by us
//! install  rpm --test, then rpm -U                SYSTEMD_OFFLINE: units wait for our restart pass (scriptlets.rs)
//! ```

mod cut;
mod database;
mod excludes;
mod install;
mod mend;
mod resolve;
mod scriptlets;
mod table;
mod words;

use crate::apt::{Quiet, RebuildError};
use crate::artifacts::Artifacts;
use crate::configuration::{self, Edited};
use crate::lock;
use crate::manager::Named;
use crate::program::{Call, Program, ProgramError};
use crate::{Listed, PackageManager, Simulated};
use cut::Cut;
use database::Database;
use jiff::Timestamp;
use overlock_model::plan::{Change, Closure};
use overlock_model::run::{RunId, Standing};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where dnf writes down which process has one of its locks.
const PID_FILES: [&str; 3] = [
    "/var/lib/dnf/rpmdb_lock.pid",
    "/var/cache/dnf/metadata_lock.pid",
    "/var/cache/dnf/download_lock.pid",
];
/// Where dnf keeps what it has downloaded, a folder for each repository.
const CACHE: &str = "/var/cache/dnf";
/// The environment of a transaction: systemctl does what belongs to files and nothing to the running system.
const OFFLINE: [(&str, &str); 1] = [("SYSTEMD_OFFLINE", "1")];

/// dnf 4 and rpm on the running root.
#[derive(Debug, Clone)]
pub struct Dnf {
    /// rpm's own architecture.
    native: String,
    /// The lock that every transaction takes.
    lock: String,
    /// How long one transaction may take.
    limit: Duration,
}

impl Dnf {
    /// Whether this host has rpm, dnf and a database.
    #[must_use]
    pub fn is_here() -> bool {
        let databases = ["/var/lib/rpm", "/usr/lib/sysimage/rpm"];
        Program::Rpm.is_here()
            && Program::Dnf.is_here()
            && databases.iter().any(|path| Path::new(path).is_dir())
    }

    /// Asks rpm for its architecture and its database.
    ///
    /// # Errors
    /// When rpm is not there, or dnf is of a kind that prints what we cannot read.
    pub fn new(limit: Duration) -> Result<Self, ProgramError> {
        let dnf = fs::canonicalize(Program::Dnf.path()).unwrap_or_default();
        if dnf.ends_with("dnf5") {
            return Err(ProgramError::Failed {
                line: Program::Dnf.path().to_owned(),
                how: "is dnf 5, which is not supported yet".to_owned(),
            });
        }
        let text = Call::new(Program::Rpm, ["--eval", "%_arch", "--eval", "%_dbpath"]).output()?;
        let text = String::from_utf8_lossy(&text);
        let mut lines = text.lines().map(str::trim);
        Ok(Self {
            native: lines.next().unwrap_or_default().to_owned(),
            lock: format!("{}/.rpm.lock", lines.next().unwrap_or("/var/lib/rpm")),
            limit,
        })
    }
}

/// `NAME-[EPOCH:]VERSION-RELEASE.ARCH`, as dnf and rpm read it.
fn spec((name, arch, version): &Named<'_>) -> String {
    format!("{name}-{version}.{arch}")
}

/// Nobody's system manager knows of new units yet, since packages could not tell it.
fn reload_units() {
    if crate::restart::is_systemd() {
        // Where it fails, the restart pass says what does not come up.
        drop(Call::new(Program::Systemctl, ["daemon-reload"]).run());
    }
}

impl PackageManager for Dnf {
    fn word(&self) -> &'static str {
        "rpm"
    }

    fn native(&self) -> &str {
        &self.native
    }

    fn foreign(&self) -> Result<Vec<String>, ProgramError> {
        let others: &[&str] = match self.native.as_str() {
            "x86_64" => &["i686", "i586", "i486", "i386"],
            _ => &[],
        };
        Ok(others.iter().map(|&arch| arch.to_owned()).collect())
    }

    fn kernel_packages(&self, _release: &str) -> Vec<String> {
        // All kernels have one name here; `install` refuses to remove the one that runs.
        Vec::new()
    }

    fn renewal(&self) -> &'static str {
        "dnf makecache"
    }

    fn holder(&self) -> Option<String> {
        let held = lock::holder(&[&self.lock]).map(|holder| holder.to_string());
        held.or_else(|| PID_FILES.iter().find_map(|path| pid_in(Path::new(path))))
    }

    fn edits(&self, closure: &Closure) -> Result<Vec<String>, ProgramError> {
        let replaced = closure.changes.iter();
        let replaced = replaced.filter_map(|change| Some((change, change.from()?)));
        let names: Vec<String> = replaced
            .map(|(change, from)| spec(&(&change.name, &change.arch, from)))
            .collect();
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let arguments = ["--verify", "--configfiles", "--"].map(str::to_owned);
        let said = Call::new(Program::Rpm, arguments.into_iter().chain(names)).run()?;
        Ok(configuration::verified(&String::from_utf8_lossy(
            &said.stdout,
        )))
    }

    fn owns(&self, path: &Path) -> bool {
        let arguments = [
            "--query".as_ref(),
            "--file".as_ref(),
            "--".as_ref(),
            path.as_os_str(),
        ];
        let ran = Call::new(Program::Rpm, arguments).run();
        ran.is_ok_and(|ran| ran.is_success())
    }

    fn verification(&self) -> (Program, &'static [&'static str]) {
        (Program::Rpm, &["--verify", "--all"])
    }

    fn resolve(&self, wanted: &[Named<'_>]) -> Result<Vec<Simulated>, ProgramError> {
        self.simulation(wanted, &[])
    }

    fn listed(&self, wanted: &[Named<'_>]) -> Result<Vec<Listed>, ProgramError> {
        resolve::listed(wanted)
    }

    fn rebuild(&self, _package: Named<'_>, _folder: &Path) -> Result<PathBuf, RebuildError> {
        Err(RebuildError::Unsupported("rpm"))
    }

    fn kept(&self, package: Named<'_>) -> Vec<PathBuf> {
        let name = self.file_name(package);
        let folders = fs::read_dir(CACHE).into_iter().flatten().flatten();
        folders
            .map(|folder| folder.path().join("packages").join(&name))
            .filter(|file| file.is_file())
            .collect()
    }

    /// `NAME-VERSION-RELEASE.ARCH.rpm`, without the epoch.
    fn file_name(&self, (name, arch, version): Named<'_>) -> String {
        let version = version.split_once(':').map_or(version, |(_, rest)| rest);
        format!("{name}-{version}.{arch}.rpm")
    }

    fn simulate(
        &self,
        changes: &[&Change],
        files: Option<&[PathBuf]>,
    ) -> Result<Vec<Simulated>, ProgramError> {
        let wanted: Vec<Named<'_>> = changes
            .iter()
            .filter_map(|change| Some((&*change.name, &*change.arch, change.to()?)))
            .collect();
        let mut found = match files {
            _ if wanted.is_empty() => Vec::new(),
            Some(files) => self.check(&database::headers(files)?, files)?,
            // What was decided is decided, whatever is excluded since.
            None => self.simulation(&wanted, &["--disableexcludes=all"])?,
        };
        let removals = changes.iter().filter(|change| change.to().is_none());
        found.extend(removals.map(|change| Simulated {
            name: change.name.clone(),
            arch: change.arch.clone(),
            from: change.from().map(str::to_owned),
            to: None,
        }));
        found.sort();
        Ok(found)
    }

    fn download(&self, wanted: &[Named<'_>], folder: &Path) -> Result<(), ProgramError> {
        resolve::download(self, wanted, folder)
    }

    fn hold_off(&self) -> io::Result<Option<Quiet>> {
        Ok(None)
    }

    /// What held restarts off ended with its transaction.
    fn disarm(&self) -> io::Result<()> {
        Ok(())
    }

    fn install(
        &self,
        files: &[PathBuf],
        removals: &[&Change],
        log: &Path,
        unit: &str,
    ) -> Result<(), ProgramError> {
        install::install(self, files, removals, log, unit)
    }

    fn rungs(&self) -> u32 {
        mend::RUNGS
    }

    fn rung_all(&self) -> u32 {
        mend::RUNG_ALL
    }

    fn mend(
        &self,
        attempt: u32,
        closure: &Closure,
        artifacts: &Artifacts,
        log: &Path,
    ) -> Result<Vec<String>, ProgramError> {
        mend::climb(self, attempt, closure, artifacts, log)
    }

    fn put_over(&self, files: &[PathBuf], log: &Path, unit: &str) -> Result<(), ProgramError> {
        mend::over(self, files, log, unit).map(drop)
    }

    fn settle(&self, _log: &Path) -> Result<(), ProgramError> {
        // A transaction that outlived us ended well, and nobody was there to say so.
        if let Some(cut) = Cut::read(Path::new(cut::FOLDER))
            && cut.failures().is_empty()
            && cut.damage()?.is_empty()
            && Database::read()?.twice()?.is_empty()
            && !cut.is_half(&Database::read()?)
        {
            reload_units();
            mend::sweep(cut.names().map(OsString::from))?;
            cut.end().map_err(|source| ProgramError::Start {
                program: Program::Rpm.path().to_owned(),
                source,
            })?;
        }
        Ok(())
    }

    fn standing(&self, closure: &Closure) -> Result<(Standing, Vec<String>), ProgramError> {
        let database = Database::read()?;
        let mut notes = database.twice()?;
        if let Some(cut) = Cut::read(Path::new(cut::FOLDER)) {
            notes.extend(cut.failures());
            notes.extend(cut.damage()?);
        }
        if !notes.is_empty() {
            return Ok((Standing::Broken, notes));
        }
        Ok(database.standing(closure))
    }

    fn beside(&self) -> &'static [&'static str] {
        &[".rpmnew", ".rpmsave"]
    }

    fn edited(&self, said: &str) -> BTreeSet<Edited> {
        words::edited(said)
    }

    fn complaints(&self, said: &str) -> Vec<String> {
        words::complaints(said)
    }

    fn keep_away(
        &self,
        run: RunId,
        versions: &[Named<'_>],
        until: Timestamp,
    ) -> io::Result<PathBuf> {
        excludes::keep_away(run, versions, until)
    }

    fn let_come(&self, now: Timestamp) -> io::Result<()> {
        excludes::let_come(now)
    }
}

/// A dnf that lives and has written itself into this file.
fn pid_in(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let pid: u32 = text.trim().parse().ok()?;
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    let name = name.trim();
    // The number may be another's by now.
    ["dnf", "yum", "python", "packagekit"]
        .iter()
        .any(|known| name.starts_with(known))
        .then(|| format!("`{}` is held by {name} (process {pid})", path.display()))
}
