//! Patches one host: the engine's hands on a real machine.
//!
//! `overlock apply` (and later the agent) makes a [`LocalHost`] and lets the engine drive it. All that is started is in
//! [`program`]; what package managers do differently is behind [`PackageManager`]; hashes are checked by us, in
//! [`artifacts`], before anything is installed (R3).
//!
//! ```text
//! engine ──► LocalHost ──► preflight   locks, audit, space, simulation equal to the plan
//!               │     ──► artifacts   content-addressed, new and old
//!               │     ──► apt         simulate, fetch, install, mend
//!               │     ──► restart     units that asked for it or run old code, once each
//!               │     ──► verify      versions, units, what else changed
//! ```

#![forbid(unsafe_code)]

pub mod apt;
pub mod artifacts;
pub mod checks;
mod complaints;
mod configuration;
pub mod confirm;
pub mod evidence;
mod host;
pub mod lock;
pub mod pins;
mod preflight;
pub mod probe;
pub mod program;
pub mod restart;
mod settings;
pub mod snapshot;
pub mod space;
mod verify;

pub use host::{LocalHost, Observer, Settings};
pub use preflight::difference;

use artifacts::Artifacts;
use overlock_model::plan::{Change, Closure};
use overlock_model::run::Standing;
use program::ProgramError;
use std::path::{Path, PathBuf};

/// What a package manager can do for us. apt today; the trait leaves room for dnf, zypper, apk and pacman.
pub trait PackageManager {
    /// The closure's word for it: `deb`, `rpm`.
    fn word(&self) -> &'static str;

    /// What it would do, were it asked for exactly these changes; `files` are artifacts by change, where at hand.
    ///
    /// # Errors
    /// When it refuses, with its own words.
    fn simulate(
        &self,
        changes: &[&Change],
        files: Option<&[PathBuf]>,
    ) -> Result<Vec<Simulated>, ProgramError>;

    /// Brings one version of some packages into a folder; file names are the package manager's business.
    ///
    /// # Errors
    /// When it cannot.
    fn download(&self, wanted: &[(&str, &str, &str)], folder: &Path) -> Result<(), ProgramError>;

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

    /// Where the packages of a closure are.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn standing(&self, closure: &Closure) -> Result<(Standing, Vec<String>), ProgramError>;
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
