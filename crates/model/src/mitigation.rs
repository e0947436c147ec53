//! What is done about a vulnerability while there is no patch.
//!
//! A mitigation is a measure with somebody who answers for it and an end (R11). Plans carry them in
//! [`Step::Mitigate`](crate::plan::Step::Mitigate); a host puts them in place, takes them away when they expire or when the
//! run is reverted, and knows at any time which are in force.

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
