//! The run: one attempt to carry a plan out on a host, as a list of events.
//!
//! An event is written to the journal *before* what it announces is done (R4); reading them back says where a run was
//! when it was cut off.

use crate::plan::{HostId, PlanId, Verb};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A run's number on its host: 1, 2, 3 …
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct RunId(pub u64);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// One line of a host's journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Position, from 0, without gaps.
    pub sequence: u64,
    /// When it was written.
    pub at: Timestamp,
    /// What happens.
    pub event: Event,
}

/// Schema of [`HistoryReport`].
pub const HISTORY_SCHEMA: &str = "overlock.history/1";
/// Schema of [`EventLine`].
pub const EVENT_SCHEMA: &str = "overlock.event/1";

/// What `overlock history --format json` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HistoryReport {
    /// [`HISTORY_SCHEMA`].
    pub schema: String,
    /// Entries of the journal, oldest first; of one run where one was asked for.
    pub entries: Vec<Entry>,
}

/// One line of what `overlock apply --format json` prints while it happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventLine {
    /// [`EVENT_SCHEMA`].
    pub schema: String,
    /// The entry just written to the journal.
    pub entry: Entry,
}

/// What a journal knows of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// The first entry of every journal: whose it is.
    Opened {
        /// The host.
        host: HostId,
    },
    /// The host took on another id: it was enrolled as the host that it was before it was installed anew. Plans for the
    /// id so far are no longer for it.
    Adopted {
        /// Who it is from here on.
        host: HostId,
    },
    /// A plan with this generation was seen; lower ones are refused from now on.
    GenerationSeen {
        /// Generation.
        generation: u64,
    },
    /// A run begins.
    Started {
        /// Its number.
        run: RunId,
        /// The plan it carries out; its bytes are kept beside the journal under this name.
        plan: PlanId,
        /// The run whose changes it takes back, if that is what it is for.
        reverts: Option<RunId>,
    },
    /// A phase is about to begin.
    Begun {
        /// The run.
        run: RunId,
        /// The phase.
        phase: Phase,
        /// 1 for the first try.
        attempt: u32,
    },
    /// A phase has ended.
    Done {
        /// The run.
        run: RunId,
        /// The phase.
        phase: Phase,
        /// Which try.
        attempt: u32,
        /// How.
        outcome: Outcome,
        /// Lines for people: what was done or found.
        notes: Vec<String>,
    },
    /// The packages were looked at, after a phase that changes them was cut off or failed.
    Found {
        /// The run.
        run: RunId,
        /// Where they are.
        standing: Standing,
        /// Lines for people: which packages are where.
        notes: Vec<String>,
    },
    /// The run is over.
    Ended {
        /// The run.
        run: RunId,
        /// Where it left the host.
        end: End,
    },
}

/// What a run is doing: preflight, a step of the plan, or what it does when a step fails.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(tag = "phase", rename_all = "snake_case", deny_unknown_fields)]
pub enum Phase {
    /// Look whether the host is as the plan takes it to be, and fit to be changed.
    Preflight,
    /// A step of the plan.
    Step {
        /// Its position in the entry, from 0.
        at: u32,
        /// Its kind.
        verb: Verb,
    },
    /// Bring a package manager that was cut off back to a state in which it can work.
    Mend,
    /// Put the former packages back.
    Revert,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Preflight => f.write_str("preflight"),
            Self::Step { verb, .. } => verb.fmt(f),
            Self::Mend => f.write_str("mend"),
            Self::Revert => f.write_str("revert"),
        }
    }
}

/// Where a host's packages are, measured against a closure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// All whole, all as before.
    Prior,
    /// All whole, all as planned.
    Target,
    /// All whole, some as before, some as planned, or one in a third version.
    Mixed,
    /// The package manager itself says that some are not whole.
    Broken,
}

/// How a phase ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "snake_case", deny_unknown_fields)]
pub enum Outcome {
    /// Done, now or before.
    Done,
    /// Not now: something that passes by itself is in the way.
    Deferred {
        /// What.
        why: String,
    },
    /// Not this plan: the host or the guard says no. Nothing was changed in this phase.
    Refused {
        /// Why.
        why: String,
    },
    /// It was tried and failed.
    Failed {
        /// How.
        why: String,
    },
}

/// Where a run left the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "end", rename_all = "snake_case", deny_unknown_fields)]
pub enum End {
    /// In the plan's target.
    Target,
    /// As it was; nothing was changed.
    Prior {
        /// Why.
        why: NotApplied,
    },
    /// As it was: packages were changed and put back.
    Reverted {
        /// What failed.
        why: String,
    },
    /// In neither state. `overlock repair` explains and mends it.
    Repair {
        /// Which named state.
        state: RepairState,
        /// What failed.
        why: String,
    },
}

/// Why a run changed nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "because", rename_all = "snake_case", deny_unknown_fields)]
pub enum NotApplied {
    /// Something that passes by itself was in the way.
    Deferred {
        /// What.
        what: String,
    },
    /// Guard or preflight said no.
    Refused {
        /// Why.
        reason: String,
    },
    /// A step before the change failed.
    Failed {
        /// How.
        how: String,
    },
}

/// Named states between prior and target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RepairState {
    /// The package manager says that packages are half installed or not configured.
    PackagesBroken,
    /// Every package is whole, but some are at the old and some at the new version.
    PackagesMixed,
    /// Packages are in the target, but what was promised of the running system does not hold.
    NotEffective,
    /// Putting the former packages back failed.
    RevertFailed,
}

impl Event {
    /// The run that it belongs to.
    #[must_use]
    pub fn run(&self) -> Option<RunId> {
        match self {
            Self::Opened { .. } | Self::Adopted { .. } | Self::GenerationSeen { .. } => None,
            Self::Started { run, .. }
            | Self::Begun { run, .. }
            | Self::Done { run, .. }
            | Self::Found { run, .. }
            | Self::Ended { run, .. } => Some(*run),
        }
    }
}

impl Standing {
    /// As written.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Prior => "prior",
            Self::Target => "target",
            Self::Mixed => "mixed",
            Self::Broken => "broken",
        }
    }
}

impl End {
    /// One word for people and for scripts.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Target => "target",
            Self::Prior { why } => match why {
                NotApplied::Deferred { .. } => "deferred",
                NotApplied::Refused { .. } => "refused",
                NotApplied::Failed { .. } => "failed",
            },
            Self::Reverted { .. } => "reverted",
            Self::Repair { .. } => "repair",
        }
    }
}
