//! apt and dpkg.
//!
//! Installation gets the artifacts as files, named one by one, so that what is installed is what we hashed and not what
//! lists say today. It runs in a network namespace with nothing in it, in a transient unit of its own where systemd runs
//! (F26: it survives us and an upgrade of us), else in a process group of its own.

mod catalogue;
mod edits;
mod marks;
mod mend;
mod quiet;
mod rebuild;
mod simulation;

pub use quiet::Quiet;
pub use rebuild::RebuildError;

use crate::artifacts::Artifacts;
use crate::configuration::{self, Edited};
use crate::manager::Named;
use crate::program::{Call, Program, ProgramError};
use crate::transient::Transaction;
use crate::{Listed, PackageManager, Simulated, complaints, lock, pins};
use jiff::Timestamp;
use overlock_model::plan::{Change, Closure};
use overlock_model::run::{RunId, Standing};
use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// dpkg's and apt's locks, in the order in which apt takes them.
const LOCKS: [&str; 4] = [
    "/var/lib/dpkg/lock-frontend",
    "/var/lib/dpkg/lock",
    "/var/lib/apt/lists/lock",
    "/var/cache/apt/archives/lock",
];

/// Where apt keeps what it has downloaded.
const KEPT: &str = "/var/cache/apt/archives";

/// Options of every call: no questions, no colours, no phasing (the plan says who gets what, REQ-28), no sandbox user who
/// could not read our store.
const OPTIONS: [&str; 9] = [
    "-q=1",
    "-y",
    "-oAPT::Sandbox::User=root",
    "-oAPT::Get::Always-Include-Phased-Updates=true",
    "-oAPT::Install-Recommends=false",
    "-oAPT::Color=0",
    "-oDpkg::Use-Pty=0",
    "-oDpkg::Progress-Fancy=0",
    "-oDPkg::Lock::Timeout=60",
];

/// Local edits stay; a configuration file that nobody edited is replaced (F11).
const KEEP_EDITS: [&str; 2] = [
    "-oDpkg::Options::=--force-confdef",
    "-oDpkg::Options::=--force-confold",
];

/// apt on the running root.
#[derive(Debug, Clone)]
pub struct Apt {
    /// dpkg's own architecture.
    native: String,
    /// How long one transaction may take.
    limit: Duration,
}

/// A package as dpkg has it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Installed {
    version: String,
    /// `installed`, `half-configured` …
    status: String,
    /// `ok` or `reinstreq`.
    error: String,
}

impl Apt {
    /// Asks dpkg for its architecture.
    ///
    /// # Errors
    /// When dpkg is not there.
    pub fn new(limit: Duration) -> Result<Self, ProgramError> {
        let native = Call::new(Program::Dpkg, ["--print-architecture"]).output()?;
        Ok(Self {
            native: String::from_utf8_lossy(&native).trim().to_owned(),
            limit,
        })
    }

    /// `name:arch=version` as apt wants it; packages of all architectures are asked for without one.
    fn spec(&self, (name, arch, version): &(&str, &str, &str)) -> String {
        match *arch {
            "all" | "" => format!("{name}={version}"),
            arch => format!("{name}:{arch}={version}"),
        }
    }

    fn installed(&self) -> Result<HashMap<(String, String), Installed>, ProgramError> {
        let format = "-f=${Package}\\t${Architecture}\\t${Version}\\t${db:Status-Status}\\t${db:Status-Eflag}\\n";
        let text = Call::new(Program::DpkgQuery, ["-W", format]).output()?;
        Ok(String::from_utf8_lossy(&text)
            .lines()
            .filter_map(|line| {
                let mut fields = line.split('\t').map(str::to_owned);
                let key = (fields.next()?, fields.next()?);
                Some((
                    key,
                    Installed {
                        version: fields.next()?,
                        status: fields.next()?,
                        error: fields.next()?,
                    },
                ))
            })
            .collect())
    }

    fn simulation(
        &self,
        named: &[PathBuf],
        removals: &[&Change],
        others: Removals,
    ) -> Result<Vec<Simulated>, ProgramError> {
        let mut arguments = install_arguments(named, removals, others);
        // A simulation takes no lock, so it works beside whoever holds one.
        arguments.insert(0, "-s".into());
        arguments.insert(1, "-oDebug::NoLocking=1".into());
        let text = Call::new(Program::AptGet, &arguments).output()?;
        simulation::parse(&String::from_utf8_lossy(&text)).map_err(|line| ProgramError::Failed {
            line: "apt-get --simulate".to_owned(),
            how: format!("printed a line that is not understood: `{line}`"),
        })
    }

    /// One program without network, in a unit of its own.
    fn transaction(
        &self,
        program: Program,
        arguments: Vec<OsString>,
        log: &Path,
        unit: &str,
    ) -> Result<(), ProgramError> {
        let transaction = Transaction {
            program,
            arguments,
            environment: &[],
            limit: self.limit,
        };
        transaction.run(log, unit)
    }
}

/// Removals that nobody named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Removals {
    /// apt ends with an error.
    Refused,
    /// apt says which.
    Shown,
}

fn install_arguments(files: &[PathBuf], removals: &[&Change], others: Removals) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = OPTIONS
        .iter()
        .chain(&KEEP_EDITS)
        .map(OsString::from)
        .collect();
    arguments.push("--allow-downgrades".into());
    if removals.is_empty() && others == Removals::Refused {
        arguments.push("--no-remove".into());
    }
    arguments.push("install".into());
    arguments.push("--".into());
    arguments.extend(files.iter().map(OsString::from));
    arguments.extend(removals.iter().map(|change| {
        let spec = match change.arch.as_str() {
            "all" => change.name.clone(),
            _ => change.spec(),
        };
        OsString::from(format!("{spec}-"))
    }));
    arguments
}

fn ended(call: &Call) -> Result<(), ProgramError> {
    call.output().map(drop)
}

impl PackageManager for Apt {
    fn word(&self) -> &'static str {
        "deb"
    }

    fn native(&self) -> &str {
        &self.native
    }

    fn foreign(&self) -> Result<Vec<String>, ProgramError> {
        let text = Call::new(Program::Dpkg, ["--print-foreign-architectures"]).output()?;
        Ok(String::from_utf8_lossy(&text)
            .lines()
            .map(str::to_owned)
            .collect())
    }

    fn kernel_packages(&self, release: &str) -> Vec<String> {
        vec![format!("linux-image-{release}")]
    }

    fn renewal(&self) -> &'static str {
        "apt-get update"
    }

    fn renew(&self) -> Result<bool, ProgramError> {
        // Without the mode, a repository that cannot be reached is only a warning, with exit code 0.
        let arguments = [
            "-q=2",
            "-oAPT::Update::Error-Mode=any",
            "-oAPT::Color=0",
            "update",
        ];
        Call::new(Program::AptGet, arguments).output().map(|_| true)
    }

    fn holder(&self) -> Option<String> {
        lock::holder(&LOCKS).map(|holder| holder.to_string())
    }

    fn edits(&self, closure: &Closure) -> Result<Vec<String>, ProgramError> {
        edits::edits(closure)
    }

    fn owns(&self, path: &Path) -> bool {
        let arguments = ["--search".as_ref(), "--".as_ref(), path.as_os_str()];
        let ran = Call::new(Program::DpkgQuery, arguments).run();
        ran.is_ok_and(|ran| ran.is_success())
    }

    fn verification(&self) -> (Program, &'static [&'static str]) {
        (Program::Dpkg, &["--verify"])
    }

    fn resolve(&self, wanted: &[Named<'_>]) -> Result<Vec<Simulated>, ProgramError> {
        let specs = wanted.iter().map(|one| self.spec(one).into());
        self.simulation(&specs.collect::<Vec<_>>(), &[], Removals::Shown)
    }

    fn listed(&self, wanted: &[Named<'_>]) -> Result<Vec<Listed>, ProgramError> {
        let mut found = Vec::new();
        // Argument lists have a bound; a version that is not listed makes apt-cache complain of that one only.
        for some in wanted.chunks(500) {
            let specs = some.iter().map(|one| self.spec(one));
            let arguments = ["show", "--"].map(str::to_owned).into_iter().chain(specs);
            let ran = Call::new(Program::AptCache, arguments).run()?;
            found.extend(catalogue::parse(&String::from_utf8_lossy(&ran.stdout)));
        }
        Ok(found)
    }

    fn rebuild(&self, package: Named<'_>, folder: &Path) -> Result<PathBuf, RebuildError> {
        rebuild::rebuild(package, &self.file_name(package), folder)
    }

    fn kept(&self, package: Named<'_>) -> Vec<PathBuf> {
        vec![Path::new(KEPT).join(self.file_name(package))]
    }

    /// `NAME_VERSION_ARCH.deb`, the epoch's colon escaped.
    fn file_name(&self, (name, arch, version): Named<'_>) -> String {
        format!("{name}_{}_{arch}.deb", version.replace(':', "%3a"))
    }

    fn simulate(
        &self,
        changes: &[&Change],
        files: Option<&[PathBuf]>,
    ) -> Result<Vec<Simulated>, ProgramError> {
        let removals: Vec<&Change> = changes
            .iter()
            .copied()
            .filter(|change| change.to().is_none())
            .collect();
        let named: Vec<PathBuf> = match files {
            Some(files) => files.to_vec(),
            None => changes
                .iter()
                .filter_map(|change| Some((change, change.to()?)))
                .map(|(change, to)| self.spec(&(&change.name, &change.arch, to)).into())
                .collect(),
        };
        self.simulation(&named, &removals, Removals::Refused)
    }

    fn download(&self, wanted: &[Named<'_>], folder: &Path) -> Result<(), ProgramError> {
        if wanted.is_empty() {
            return Ok(());
        }
        let specs = wanted.iter().map(|one| OsString::from(self.spec(one)));
        let arguments = OPTIONS
            .iter()
            .map(OsString::from)
            .chain(["download".into(), "--".into()])
            .chain(specs);
        let call = Call::new(Program::AptGet, arguments).within(folder);
        ended(&call.limit(self.limit))
    }

    fn hold_off(&self) -> io::Result<Option<Quiet>> {
        Quiet::begin().map(Some)
    }

    fn disarm(&self) -> io::Result<()> {
        quiet::disarm()
    }

    fn install(
        &self,
        files: &[PathBuf],
        removals: &[&Change],
        log: &Path,
        unit: &str,
    ) -> Result<(), ProgramError> {
        marks::keep(log)?;
        let arguments = install_arguments(files, removals, Removals::Refused);
        self.transaction(Program::AptGet, arguments, log, unit)
    }

    fn rungs(&self) -> u32 {
        mend::RUNGS
    }

    fn rung_all(&self) -> u32 {
        mend::RUNG_ALL
    }

    fn settle(&self, log: &Path) -> Result<(), ProgramError> {
        marks::restore(log)
    }

    fn beside(&self) -> &'static [&'static str] {
        &[configuration::DPKG_NEW]
    }

    fn edited(&self, said: &str) -> BTreeSet<Edited> {
        configuration::dpkg_kept(said)
    }

    fn complaints(&self, said: &str) -> Vec<String> {
        complaints::of_dpkg(said)
    }

    fn keep_away(
        &self,
        run: RunId,
        versions: &[Named<'_>],
        until: Timestamp,
    ) -> io::Result<PathBuf> {
        pins::keep_away(run, versions, until)
    }

    fn let_come(&self, now: Timestamp) -> io::Result<()> {
        pins::end(now).map(drop)
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
        let options = [
            "--force-confdef",
            "--force-confold",
            "--force-downgrade",
            "--force-depends",
        ];
        let unpack = options
            .into_iter()
            .chain(["--unpack", "--"])
            .map(OsString::from)
            .chain(files.iter().map(OsString::from));
        self.transaction(Program::Dpkg, unpack.collect(), log, unit)?;
        let configure = options
            .into_iter()
            .chain(["--configure", "--pending"])
            .map(OsString::from);
        self.transaction(Program::Dpkg, configure.collect(), log, unit)
    }

    fn standing(&self, closure: &Closure) -> Result<(Standing, Vec<String>), ProgramError> {
        let installed = self.installed()?;
        let mut notes: Vec<String> = installed
            .iter()
            .filter(|(_, package)| {
                package.error != "ok"
                    || !matches!(
                        package.status.as_str(),
                        "installed" | "config-files" | "not-installed"
                    )
            })
            .map(|((name, arch), package)| {
                format!("{name}:{arch} {} is {}", package.version, package.status)
            })
            .collect();
        // Files named by numbers are what dpkg had not yet merged into its database.
        let journal = std::fs::read_dir("/var/lib/dpkg/updates")
            .into_iter()
            .flatten()
            .flatten()
            .any(|entry| {
                entry
                    .file_name()
                    .to_string_lossy()
                    .bytes()
                    .all(|byte| byte.is_ascii_digit())
            });
        if journal {
            notes.push("dpkg was cut off and has not merged its journal".to_owned());
        }
        if !notes.is_empty() {
            notes.sort();
            return Ok((Standing::Broken, notes));
        }
        let version = |change: &Change| {
            installed
                .get(&(change.name.clone(), change.arch.clone()))
                .filter(|package| package.status == "installed")
                .map(|package| package.version.as_str())
        };
        let at = |wanted: fn(&Change) -> Option<&str>| {
            closure
                .changes
                .iter()
                .all(|change| version(change) == wanted(change))
        };
        let standing = if at(Change::to) {
            Standing::Target
        } else if at(Change::from) {
            Standing::Prior
        } else {
            notes = closure
                .changes
                .iter()
                .filter(|change| version(change) != change.to())
                .map(|change| {
                    format!(
                        "{} is at {}",
                        change.spec(),
                        version(change).unwrap_or("nothing")
                    )
                })
                .collect();
            Standing::Mixed
        };
        Ok((standing, notes))
    }
}
