//! What a package manager does for a run, behind one trait: apt and dpkg, dnf and rpm.
//!
//! A run never asks which one it has. What differs (where locks are, how configuration with local edits is treated, how a
//! version is kept away, how a cut is mended) is the manager's own; what must be the same everywhere (hashes, the order
//! of steps, what counts as where the packages are) is not. The trait leaves room for zypper, apk and pacman.

use crate::apt::{Apt, Quiet, RebuildError};
use crate::artifacts::Artifacts;
use crate::configuration::Edited;
use crate::dnf::Dnf;
use crate::program::{Program, ProgramError};
use jiff::Timestamp;
use overlock_model::plan::{Artifact, Change, Closure};
use overlock_model::run::{RunId, Standing};
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The transient unit in which packages are mended; there is never more than one, as the journal has one owner.
pub(crate) const MEND_UNIT: &str = "overlock-mend";

/// A package by name, architecture and version.
pub type Named<'a> = (&'a str, &'a str, &'a str);

/// What a package manager can do for us.
pub trait PackageManager {
    /// The closure's word for it, which is also the extension of its files: `deb`, `rpm`.
    fn word(&self) -> &'static str;

    /// Its own architecture: `amd64`, `x86_64`.
    fn native(&self) -> &str;

    /// Other architectures whose packages this host takes.
    ///
    /// # Errors
    /// When it cannot be asked.
    fn foreign(&self) -> Result<Vec<String>, ProgramError>;

    /// What holds the running kernel; it must stay.
    fn kernel_packages(&self, release: &str) -> Vec<String>;

    /// The command by which an administrator renews what repositories state.
    fn renewal(&self) -> &'static str;

    /// Renews it, for runs that nobody attends; `false` where it does so by itself whenever it is asked.
    ///
    /// # Errors
    /// When a repository cannot be reached; what was at hand before still is.
    fn renew(&self) -> Result<bool, ProgramError> {
        Ok(false)
    }

    /// Who holds its locks now.
    fn holder(&self) -> Option<String>;

    /// Configuration files with local edits, of the packages that a closure replaces.
    ///
    /// # Errors
    /// When the database cannot be asked.
    fn edits(&self, closure: &Closure) -> Result<Vec<String>, ProgramError>;

    /// Whether a file is an installed package's.
    fn owns(&self, path: &Path) -> bool;

    /// How installed packages are verified, as evidence.
    fn verification(&self) -> (Program, &'static [&'static str]);

    /// What it would do to have exactly these versions, with all that must move with them.
    ///
    /// # Errors
    /// When it refuses, with its own words.
    fn resolve(&self, wanted: &[Named<'_>]) -> Result<Vec<Simulated>, ProgramError>;

    /// What repositories state of exact versions; those that none has any more are missing.
    ///
    /// # Errors
    /// When it cannot be asked.
    fn listed(&self, wanted: &[Named<'_>]) -> Result<Vec<Listed>, ProgramError>;

    /// Where it may have kept an artifact of its own accord; the hash decides whether it is the one.
    fn kept(&self, package: Named<'_>) -> Vec<PathBuf>;

    /// Makes the artifact of an installed package again from its files, in `folder`.
    ///
    /// # Errors
    /// When this manager cannot, or what it made would not be what was installed.
    fn rebuild(&self, package: Named<'_>, folder: &Path) -> Result<PathBuf, RebuildError>;

    /// How it names a file that it downloads.
    fn file_name(&self, package: Named<'_>) -> String;

    /// What it would do, were it asked for exactly these changes; `files` are artifacts by change, where at hand.
    ///
    /// # Errors
    /// When it refuses, with its own words.
    fn simulate(
        &self,
        changes: &[&Change],
        files: Option<&[PathBuf]>,
    ) -> Result<Vec<Simulated>, ProgramError>;

    /// Brings one version of some packages into a folder, under [`PackageManager::file_name`].
    ///
    /// # Errors
    /// When it cannot.
    fn download(&self, wanted: &[Named<'_>], folder: &Path) -> Result<(), ProgramError>;

    /// Holds off what packages start and restart by themselves, as long as the answer lives; `None` where that needs
    /// nothing outside of the transaction.
    ///
    /// # Errors
    /// When files cannot be written.
    fn hold_off(&self) -> io::Result<Option<Quiet>>;

    /// Ends what a run that was cut off has left held off.
    ///
    /// # Errors
    /// When it is there and cannot be removed.
    fn disarm(&self) -> io::Result<()>;

    /// Installs exactly these files and removes exactly these packages, without network.
    ///
    /// # Errors
    /// When it ended badly; the packages may then be anywhere.
    fn install(
        &self,
        files: &[PathBuf],
        removals: &[&Change],
        log: &Path,
        unit: &str,
    ) -> Result<(), ProgramError>;

    /// How many rungs the ladder of [`PackageManager::mend`] has.
    fn rungs(&self) -> u32;

    /// The rung that puts every package of a closure to its new version.
    fn rung_all(&self) -> u32;

    /// Finishes or undoes what was cut off, with the artifacts of the closure that are at hand; a higher attempt does more.
    ///
    /// # Errors
    /// When it ended badly and nothing more can be tried.
    fn mend(
        &self,
        attempt: u32,
        closure: &Closure,
        artifacts: &Artifacts,
        log: &Path,
    ) -> Result<Vec<String>, ProgramError>;

    /// Puts these files over what is there, whole or not, without asking what depends on what: the way back where the
    /// ordinary one is barred.
    ///
    /// # Errors
    /// When it ended badly.
    fn put_over(&self, files: &[PathBuf], log: &Path, unit: &str) -> Result<(), ProgramError>;

    /// Puts right what an installation changes besides packages, whenever they are looked at, also after a cut; `log` is
    /// the run's.
    ///
    /// # Errors
    /// When it cannot be asked.
    fn settle(&self, log: &Path) -> Result<(), ProgramError>;

    /// Where the packages of a closure are.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn standing(&self, closure: &Closure) -> Result<(Standing, Vec<String>), ProgramError>;

    /// Extensions under which it lays other versions beside configuration files with local edits.
    fn beside(&self) -> &'static [&'static str];

    /// Configuration files with local edits that it met, by its own words.
    fn edited(&self, said: &str) -> BTreeSet<Edited>;

    /// What it complained of, in its own words without its ornaments; empty where it did not.
    fn complaints(&self, said: &str) -> Vec<String>;

    /// Keeps versions that were taken back by a run away until then; answers the file that does it.
    ///
    /// # Errors
    /// When the file cannot be written.
    fn keep_away(
        &self,
        run: RunId,
        versions: &[Named<'_>],
        until: Timestamp,
    ) -> io::Result<PathBuf>;

    /// Lets versions come again whose time away has ended.
    ///
    /// # Errors
    /// When it cannot be written.
    fn let_come(&self, now: Timestamp) -> io::Result<()>;
}

/// One change as the package manager's simulation states it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Simulated {
    /// Package.
    pub name: String,
    /// Architecture; empty where a removal does not name it.
    pub arch: String,
    /// Version before.
    pub from: Option<String>,
    /// Version after; `None` for a removal.
    pub to: Option<String>,
}

/// An artifact as a repository states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Package.
    pub name: String,
    /// Architecture.
    pub arch: String,
    /// Version.
    pub version: String,
    /// The artifact, with the path in its repository.
    pub artifact: Artifact,
}

/// The package manager of the running host, by whose database has packages; `limit` is how long one transaction may
/// take.
///
/// # Errors
/// When there is none that we know.
pub fn of_this_host(limit: Duration) -> Result<Box<dyn PackageManager>, ProgramError> {
    // dpkg may be there as a tool on an rpm host, with an empty database, and rpm on a Debian host.
    let is_deb = std::fs::metadata("/var/lib/dpkg/status").is_ok_and(|of| of.len() > 0);
    if is_deb || !Dnf::is_here() {
        return Ok(Box::new(Apt::new(limit)?));
    }
    Ok(Box::new(Dnf::new(limit)?))
}
