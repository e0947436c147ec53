//! A host as the fleet knows it: its standing with the server, and what people say of it.

use crate::facts::Facts;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What people say of a host. Nothing of it comes from the host itself: what it says of itself are labels.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HostFacts {
    /// Criticality, exposure, environment, owner and what else decisions depend on.
    pub facts: Facts,
    /// Free words to select by.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
    /// Hosts that do one job together; not all of them may be down at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// What fails together: rack, zone, hypervisor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_domain: Option<String>,
}

/// A host's standing with the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "standing", rename_all = "snake_case")]
pub enum Standing {
    /// Enrolled, and nobody has confirmed its key yet: nothing is taken from it.
    Unconfirmed,
    /// Managed.
    Active,
    /// Its identity was seen in two places: nothing is taken from either until somebody has looked.
    Quarantined {
        /// Since when.
        since: Timestamp,
        /// What was seen.
        why: String,
    },
    /// Its certificates are refused.
    Revoked {
        /// Since when.
        since: Timestamp,
        /// Why.
        why: String,
    },
    /// Known from elsewhere (a list, a network), without an agent: unmanaged, and counted as such.
    Unmanaged,
}

impl Standing {
    /// The word used in the store and in selections.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Unconfirmed => "unconfirmed",
            Self::Active => "active",
            Self::Quarantined { .. } => "quarantined",
            Self::Revoked { .. } => "revoked",
            Self::Unmanaged => "unmanaged",
        }
    }
}
