//! dnf and rpm: dnf resolves and fetches, rpm installs.
//!
//! dnf works out what moves together from the metadata that the host has, and checks the signatures of what it fetches.
//! The transaction itself is rpm's, with the files that we hashed and nothing else: dnf would resolve anew, needs metadata
//! for modular packages, and its plugins would act beside us (decision 0022). rpm's transactions are not atomic: what a
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
mod mend;
mod scriptlets;
mod table;
mod words;

use crate::apt::Quiet;
use crate::artifacts::Artifacts;
use crate::configuration::Edited;
use crate::lock;
use crate::manager::Named;
use crate::program::{Call, Program, ProgramError};
use crate::transient::Transaction;
use crate::{Listed, PackageManager, Simulated, asked};
use cut::Cut;
use database::{Database, Header};
use jiff::Timestamp;
use overlock_model::plan::{Artifact, Change, Closure};
use overlock_model::run::{RunId, Standing};
use overlock_rootfs::Root;
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

    /// What dnf would do to have these; nothing is fetched, so that it speaks of what the scan saw.
    fn simulation(
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
    fn check(&self, headers: &[Header], files: &[PathBuf]) -> Result<Vec<Simulated>, ProgramError> {
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

    /// One rpm without network, in a unit of its own.
    fn transaction(
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
    fn upgrade(
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

    fn verification(&self) -> (Program, &'static [&'static str]) {
        (Program::Rpm, &["--verify", "--all"])
    }

    fn resolve(&self, wanted: &[Named<'_>]) -> Result<Vec<Simulated>, ProgramError> {
        self.simulation(wanted, &[])
    }

    fn listed(&self, wanted: &[Named<'_>]) -> Result<Vec<Listed>, ProgramError> {
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
                .limit(self.limit)
                .output()?;
        }
        Ok(())
    }

    fn hold_off(&self) -> io::Result<Option<Quiet>> {
        Ok(None)
    }

    fn install(
        &self,
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
        let obsoleted = self.check(&headers, &files)?;
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
        self.upgrade(&headers, &files, again, log, unit)?;
        if !leaving.is_empty() {
            let named = leaving
                .iter()
                .filter_map(|change| Some(spec(&(&change.name, &change.arch, change.from()?))));
            let arguments = ["--erase".to_owned(), "--".to_owned()];
            self.transaction(arguments.into_iter().chain(named), log, unit)?;
        }
        reload_units();
        // rpm takes a failure of some scriptlets for a warning; a plan does not.
        let failures = cut.failures();
        if !failures.is_empty() {
            return Err(refused(failures.join("; ")));
        }
        cut.end().map_err(failed)
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

/// Whether a change removes the kernel that runs: its release is version, release and architecture of its packages.
fn runs(change: &Change) -> bool {
    let release = overlock_host::kernel::uname().release;
    change.name.starts_with("kernel")
        && change
            .from()
            .is_some_and(|from| release == format!("{from}.{}", change.arch))
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
