//! Updates worth making, and what is held and why.

use crate::decision::Decision;
use crate::exposure::ExposureStatus;
use crate::repository::Blocked;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One update: a package and all that must move with it, in one transaction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Update {
    /// The package that stands for the update.
    pub package: String,
    /// Its architecture.
    pub arch: Option<String>,
    /// Installed version.
    pub from: String,
    /// Version to install.
    pub to: String,
    /// Repository it comes from.
    pub origin: String,
    /// Hash of the artifact, lower-case hex; absent where the repository states none.
    pub sha256: Option<String>,
    /// All packages that move together, the first included, sorted by name.
    #[serde(default)]
    pub members: Vec<Member>,
    /// Vulnerabilities that this update ends on this host, most urgent first.
    pub resolves: Vec<String>,
    /// The most urgent decision among them; absent for an update that resolves nothing known.
    pub decision: Option<Decision>,
    /// The earliest deadline among them.
    pub deadline: Option<Timestamp>,
    /// Share of the host's known risk that it removes, 0.0 to 1.0.
    pub risk_removed: f64,
    /// Units that run this code and have to be restarted.
    #[serde(default)]
    pub restarts: Vec<String>,
    /// Why a reboot is needed; absent when it is not.
    pub reboot: Option<String>,
}

/// One package of an update.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Member {
    /// Package name.
    pub package: String,
    /// Architecture.
    pub arch: Option<String>,
    /// Installed version.
    pub from: String,
    /// Version to install.
    pub to: String,
    /// Repository.
    pub origin: String,
    /// Artifact hash.
    pub sha256: Option<String>,
    /// Artifact size.
    pub size_bytes: Option<u64>,
}

/// What stays exposed, and why nothing can be done about it now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Held {
    /// Package that stands for it.
    pub package: String,
    /// Installed version.
    pub installed: String,
    /// Vulnerabilities that stay, most urgent first.
    pub vulnerabilities: Vec<String>,
    /// Why.
    pub reason: HoldReason,
}

/// Typed reasons for holding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum HoldReason {
    /// Held, pinned or phased: a fixed version is offered but the administrator or the publisher keeps it back.
    Blocked {
        /// By what.
        by: Blocked,
        /// Version that is kept back.
        to: String,
    },
    /// A fix exists but no repository of this host offers it.
    NoCandidate {
        /// Version that would end it.
        fixed: String,
        /// Newest version on offer.
        offered: Option<String>,
    },
    /// No repository knows this package at all.
    RepositoryMissing,
    /// The vendor has no fix.
    NoFix {
        /// The vendor's position.
        status: ExposureStatus,
    },
    /// The release gets no fixes any more.
    EndOfLife,
    /// A package that must move together with it is blocked.
    TogetherBlocked {
        /// That package.
        package: String,
    },
    /// The fix is installed; the old code still runs until a reboot or a restart.
    RebootPending,
    /// Language packages are updated by their own tools; shown, not planned.
    OtherManager {
        /// Which kind of package.
        manager: String,
    },
    /// More than `--capacity` updates: left for the next round.
    Capacity,
}
