//! One host's part of a plan: typed actions in order. There is no verb for anything else (R2).

use super::{CanonicalError, Digest, HostId, to_canonical};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What one host is to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HostEntry {
    /// The host; any other refuses.
    pub host: HostId,
    /// Its name when the plan was made; for people only.
    pub name: String,
    /// Release that the plan was made for, such as `debian:12`.
    pub os: String,
    /// Digest of its closure.
    pub closure: Digest,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// What follows a step that fails after the host was changed.
    pub on_failure: OnFailure,
}

/// One typed action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "verb", rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// Record processes, sockets, units, users and logs before anything is changed.
    Evidence {
        /// Why the decision asks for it.
        reason: String,
    },
    /// Bring every artifact, new and old, into the host's own store and check its hash.
    Fetch {},
    /// Install the closure in one transaction.
    Install {},
    /// Restart units that still run replaced code, each once, in this order; units that need it and are not named are
    /// restarted after them.
    Restart {
        /// Units expected to need it.
        units: Vec<String>,
    },
    /// Take inventory again and compare it with what was promised.
    Verify {
        /// Exposures that must have ended.
        ends: Vec<Ends>,
    },
    /// Call the run done; with a time, only once the change was confirmed within it.
    Commit {
        /// Seconds in which a confirmation must arrive, else the run is reverted; `null` needs none.
        confirm_within: Option<u64>,
    },
}

/// An exposure that a plan ends.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ends {
    /// Vulnerability.
    pub vulnerability: String,
    /// Package that stands for it.
    pub package: String,
}

/// After a failure that left the host changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// Put the former packages back.
    Revert,
    /// Leave the host as it is and say so.
    Stop,
}

/// The kind of a step.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// See [`Step::Evidence`].
    Evidence,
    /// See [`Step::Fetch`].
    Fetch,
    /// See [`Step::Install`].
    Install,
    /// See [`Step::Restart`].
    Restart,
    /// See [`Step::Verify`].
    Verify,
    /// See [`Step::Commit`].
    Commit,
}

impl Step {
    /// Its kind.
    #[must_use]
    pub fn verb(&self) -> Verb {
        match self {
            Self::Evidence { .. } => Verb::Evidence,
            Self::Fetch {} => Verb::Fetch,
            Self::Install {} => Verb::Install,
            Self::Restart { .. } => Verb::Restart,
            Self::Verify { .. } => Verb::Verify,
            Self::Commit { .. } => Verb::Commit,
        }
    }
}

impl Verb {
    /// As written in plans.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Evidence => "evidence",
            Self::Fetch => "fetch",
            Self::Install => "install",
            Self::Restart => "restart",
            Self::Verify => "verify",
            Self::Commit => "commit",
        }
    }

    /// Whether the step changes what is installed or running.
    #[must_use]
    pub fn changes_host(self) -> bool {
        matches!(self, Self::Install | Self::Restart)
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl HostEntry {
    /// The canonical bytes, a leaf of the plan's tree.
    ///
    /// # Errors
    /// When a number is too large for canonical JSON.
    pub fn bytes(&self) -> Result<Vec<u8>, CanonicalError> {
        to_canonical(self)
    }
}
