//! Clocks: one that runs through sleep, and whether the host slept.

use crate::reporter::Moment;
use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// Longer than any delay of a busy host: then it was asleep.
pub(crate) const SLEPT: Duration = Duration::from_secs(10);

/// Since when the two clocks of the kernel differ by how much.
#[derive(Debug)]
pub(crate) struct Clock {
    asleep: Duration,
}

impl Clock {
    pub fn start() -> Self {
        Self { asleep: asleep() }
    }

    pub fn now(&self) -> Moment {
        Moment {
            since_boot: read(ClockId::Boottime),
            wall: jiff::Timestamp::now(),
        }
    }

    /// How long the host has slept since this was last asked.
    pub fn slept(&mut self) -> Duration {
        let now = asleep();
        let slept = now.saturating_sub(self.asleep);
        self.asleep = now;
        slept
    }
}

/// All sleep since boot: the one clock runs through it, the other does not.
fn asleep() -> Duration {
    let awake = read(ClockId::Monotonic);
    read(ClockId::Boottime).saturating_sub(awake)
}

fn read(clock: ClockId) -> Duration {
    // Both clocks begin at boot: neither is ever before zero.
    Duration::try_from(clock_gettime(clock)).unwrap_or_default()
}

/// Which boot this is, or empty where the kernel does not say: the server then compares nothing by it.
pub(crate) fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|text| text.trim().to_owned())
        .unwrap_or_default()
}
