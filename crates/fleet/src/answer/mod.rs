//! Answers: what the API and the CLI show, page by page, each with what it stands on.

mod exposure;
mod host;
mod upgrade;

pub use exposure::{
    EXPOSURE_LIST_SCHEMA, EXPOSURE_SCHEMA, ExposureCursor, ExposureDetail, ExposureFilter,
    ExposureList, ExposureRow, Ranked,
};
pub use host::{
    Gap, HOST_LIST_SCHEMA, HOST_TIMELINE_SCHEMA, HostCursor, HostList, HostRow, HostTimeline,
    TimelineItem, What,
};
pub use upgrade::{Cleared, UPGRADE_SCHEMA, UpgradeAnswer};

use overlock_model::decision::Decision;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A count for each decision.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ByDecision {
    /// Act now.
    pub immediate: u64,
    /// Act at the next opportunity.
    pub out_of_cycle: u64,
    /// Act during maintenance.
    pub scheduled: u64,
    /// Do not act at present.
    pub defer: u64,
}

impl ByDecision {
    pub(crate) fn add(&mut self, decision: Decision, count: u64) {
        *match decision {
            Decision::Immediate => &mut self.immediate,
            Decision::OutOfCycle => &mut self.out_of_cycle,
            Decision::Scheduled => &mut self.scheduled,
            Decision::Defer => &mut self.defer,
        } += count;
    }

    /// Of one decision.
    #[must_use]
    pub fn of(&self, decision: Decision) -> u64 {
        match decision {
            Decision::Immediate => self.immediate,
            Decision::OutOfCycle => self.out_of_cycle,
            Decision::Scheduled => self.scheduled,
            Decision::Defer => self.defer,
        }
    }

    /// All together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.immediate + self.out_of_cycle + self.scheduled + self.defer
    }
}
