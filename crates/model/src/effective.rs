//! What really runs: processes that still map replaced files, and reasons to reboot.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What was seen of the running system; absent for a root that does not run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Effective {
    /// Processes that map files which were deleted or replaced since they started, by unit.
    #[serde(default)]
    pub stale: Vec<StaleProcess>,
    /// Files in use by unit: which packages' code each unit has mapped now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub units: Vec<UnitFiles>,
    /// Markers that ask for a reboot.
    #[serde(default)]
    pub reboot_required: Vec<RebootReason>,
    /// How many processes could be looked into.
    #[serde(default)]
    pub processes_seen: u64,
    /// How many could not, or not wholly (other users' processes). One that ended meanwhile is no gap.
    #[serde(default)]
    pub processes_unseen: u64,
    /// Of those seen: how many live in another root (containers, chroots). Their files are not this root's, so
    /// they are counted apart, judged by deletion only, and left out of `units`.
    #[serde(default)]
    pub processes_elsewhere: u64,
}

/// One process that runs code which is no longer on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StaleProcess {
    /// Process id.
    pub pid: u32,
    /// Name (`comm`), control characters replaced.
    pub name: String,
    /// systemd unit, or container, that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// When it was started; with the package manager's log this says which version it still runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// Mapped files that are gone or replaced, sorted.
    pub files: Vec<String>,
    /// Package each file belonged to, where known, sorted and without repeats.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<String>,
}

/// Files that the processes of one unit have mapped executable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnitFiles {
    /// systemd unit, or `pid N NAME` where there is none.
    pub unit: String,
    /// Mapped paths, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// Packages that own them, sorted; filled where the package database was asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<String>,
}

/// A reason to reboot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum RebootReason {
    /// `/run/reboot-required` or its like.
    Marker {
        /// Path of the marker.
        path: String,
        /// Packages that asked for it.
        #[serde(default)]
        packages: Vec<String>,
    },
    /// A newer kernel is installed than the one that runs.
    Kernel {
        /// Release that runs.
        running: String,
        /// Newest release that is installed.
        installed: String,
    },
}
