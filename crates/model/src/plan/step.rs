//! One host's part of a plan: typed actions in order. There is no verb for anything else (R2).

use super::{CanonicalError, Digest, HostId, to_canonical};
use crate::mitigation::Mitigation;
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
    /// Keep the root file system as it is now, so that it can be put back as a whole.
    Snapshot {},
    /// Install the closure in one transaction.
    Install {},
    /// Put measures in place where there is no patch, or take them away again. A plan of these has an empty closure.
    Mitigate {
        /// The measures, each once.
        measures: Vec<Mitigation>,
        /// Whether they are taken away instead.
        undo: bool,
    },
    /// Put the root file system back as the snapshot of a run has it, and boot into it: a state revert. A plan of this has
    /// an empty closure: packages go back with everything else, one-way ones too.
    Revert {
        /// Number of the run whose snapshot it is.
        run: u64,
    },
    /// Restart units that still run replaced code, each once, in this order; units that need it and are not named are
    /// restarted after them.
    Restart {
        /// Units expected to need it.
        units: Vec<String>,
    },
    /// Boot anew; the run goes on after it.
    Reboot {
        /// Release of the kernel that must run then (`uname -r`), where the plan changes it.
        kernel: Option<String>,
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
    /// Put the former packages back: a package revert.
    Revert,
    /// Put the snapshot of the root file system back and boot into it: a state revert. The plan must take one.
    StateRevert,
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
    /// See [`Step::Snapshot`].
    Snapshot,
    /// See [`Step::Install`].
    Install,
    /// See [`Step::Mitigate`].
    Mitigate,
    /// See [`Step::Revert`].
    Revert,
    /// See [`Step::Restart`].
    Restart,
    /// See [`Step::Reboot`].
    Reboot,
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
            Self::Snapshot {} => Verb::Snapshot,
            Self::Install {} => Verb::Install,
            Self::Mitigate { .. } => Verb::Mitigate,
            Self::Revert { .. } => Verb::Revert,
            Self::Restart { .. } => Verb::Restart,
            Self::Reboot { .. } => Verb::Reboot,
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
            Self::Snapshot => "snapshot",
            Self::Install => "install",
            Self::Mitigate => "mitigate",
            Self::Revert => "revert",
            Self::Restart => "restart",
            Self::Reboot => "reboot",
            Self::Verify => "verify",
            Self::Commit => "commit",
        }
    }

    /// Whether the step is the change that its plan is for; a plan has at most one. Whatever it reports, the host is
    /// looked at afterwards.
    #[must_use]
    pub fn is_the_change(self) -> bool {
        matches!(self, Self::Install | Self::Mitigate | Self::Revert)
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl HostEntry {
    /// Whether the host boots anew when all goes as planned.
    #[must_use]
    pub fn reboots(&self) -> bool {
        let mut steps = self.steps.iter();
        steps.any(|step| matches!(step.verb(), Verb::Reboot | Verb::Revert))
    }

    /// The canonical bytes, a leaf of the plan's tree.
    ///
    /// # Errors
    /// When a number is too large for canonical JSON.
    pub fn bytes(&self) -> Result<Vec<u8>, CanonicalError> {
        to_canonical(self)
    }
}
