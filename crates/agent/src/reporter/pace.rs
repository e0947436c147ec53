//! How often the reporter does things, as one value: the one that is documented, and quicker ones for tests and labs.

use super::delay::BackOff;
use std::time::Duration;

/// How often things are done. Every wait is spread, so that equal hosts do not act in step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Files are asked whether they changed.
    pub check: Duration,
    /// A look though nothing seems to have changed: what no file tells (mounts, new folders of language packages).
    pub look: Duration,
    /// A look while old code still runs or a reboot is pending, so that a restart is seen soon.
    pub look_unsettled: Duration,
    /// Least time between two polls, whatever the server says.
    pub poll_least: Duration,
    /// Longest time that a poll is held open, whatever the server says.
    pub hold_most: Duration,
    /// Wait after a refusal that more tries do not change.
    pub hopeless: Duration,
    /// Waits after failures.
    pub back_off: BackOff,
}

impl Pace {
    /// As documented in `docs/agent.md`.
    pub const DEFAULT: Self = Self {
        check: Duration::from_secs(60),
        look: Duration::from_secs(12 * 3600),
        look_unsettled: Duration::from_secs(300),
        poll_least: Duration::from_secs(1),
        hold_most: Duration::from_secs(300),
        hopeless: Duration::from_secs(3600),
        back_off: BackOff::DEFAULT,
    };

    /// The same with every wait divided, to see in seconds what happens in hours.
    #[must_use]
    pub fn hurried(self, by: u32) -> Self {
        let by = by.max(1);
        Self {
            check: self.check / by,
            look: self.look / by,
            look_unsettled: self.look_unsettled / by,
            poll_least: self.poll_least / by,
            // Seconds on the wire; the server holds polls no longer than it wants.
            hold_most: self.hold_most,
            hopeless: self.hopeless / by,
            back_off: BackOff {
                first: self.back_off.first / by,
                longest: self.back_off.longest / by,
            },
        }
    }
}
