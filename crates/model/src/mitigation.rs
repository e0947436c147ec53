//! What is done about a vulnerability while there is no patch.
//!
//! A mitigation is a measure with somebody who answers for it and an end (R11). Plans carry them in
//! [`Step::Mitigate`](crate::plan::Step::Mitigate); a host puts them in place, takes them away when they expire or when the
//! run is reverted, and knows at any time which are in force.

use crate::run::RunId;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A measure, why it is there, who answers for it, and until when.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mitigation {
    /// What is done.
    pub measure: Measure,
    /// The vulnerabilities that it stands against; none for a hold that is against a bad update.
    pub against: Vec<String>,
    /// Who answers for it.
    pub owner: String,
    /// Why this measure is enough, and what it costs.
    pub reason: String,
    /// When it is taken away again.
    pub expires: Timestamp,
}

impl Measure {
    /// What it acts on: its kind and the name. Two measures on one thing would undo each other.
    #[must_use]
    pub fn subject(&self) -> (&'static str, &str) {
        match self {
            Self::DisableUnit { unit } => ("unit", unit),
            Self::Sysctl { key, .. } => ("parameter", key),
            Self::BlockModule { module } => ("module", module),
            Self::HoldPackage { package } => ("package", package),
        }
    }

    /// Whether it can stand against a vulnerability. A hold keeps a package as it is, vulnerabilities included.
    #[must_use]
    pub fn protects(&self) -> bool {
        !matches!(self, Self::HoldPackage { .. })
    }
}

/// Schema of [`MitigationReport`].
pub const MITIGATIONS_SCHEMA: &str = "overlock.mitigations/1";

/// What `overlock mitigate --list --format json` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MitigationReport {
    /// [`MITIGATIONS_SCHEMA`].
    pub schema: String,
    /// Measures that runs put in place and nobody took away yet, by run.
    pub mitigations: Vec<Placed>,
}

/// A measure that a run put in place on this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Placed {
    /// The run; reverting it takes the measure away.
    pub run: RunId,
    /// The measure, its owner, reason and end.
    pub mitigation: Mitigation,
    /// Whether it is over: what has expired is taken away and stands against nothing.
    pub expired: bool,
    /// Whether it really holds, as seen on the host.
    pub force: Force,
}

/// Whether a measure holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Force {
    /// Yes.
    Now,
    /// Only once the host has booted anew.
    AfterBoot {
        /// Why.
        why: String,
    },
    /// No: somebody or something undid it.
    Lost {
        /// What was found.
        why: String,
    },
}

/// What is done. There is no kind that runs a command (R2).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Measure {
    /// A unit is stopped and cannot be started.
    DisableUnit {
        /// Its full name.
        unit: String,
    },
    /// A parameter of the kernel has another value, now and after a boot.
    Sysctl {
        /// Its name in dotted form: `kernel.unprivileged_bpf_disabled`.
        key: String,
        /// The value; every parameter that can be asked for takes a number.
        value: i64,
    },
    /// A module of the kernel cannot be loaded; it is unloaded where nothing uses it.
    BlockModule {
        /// Its name.
        module: String,
    },
    /// A package stays at the version that it has.
    HoldPackage {
        /// Its name.
        package: String,
    },
}

impl std::fmt::Display for Measure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::DisableUnit { unit } => write!(f, "unit {unit} disabled"),
            Self::Sysctl { key, value } => write!(f, "{key} = {value}"),
            Self::BlockModule { module } => write!(f, "module {module} blocked"),
            Self::HoldPackage { package } => write!(f, "package {package} held"),
        }
    }
}
