//! What one host may ask of the server at once and within an hour, so that one key that was stolen costs one host's share.

use jiff::{SignedDuration, Timestamp};
use overlock_model::plan::HostId;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Changes of what a host says of itself, each a row of the log: updates of its agent and of its configuration.
const CHANGES: u32 = 10;
const WINDOW: SignedDuration = SignedDuration::from_hours(1);
/// Hosts with a change within this hour that are remembered before those whose hour is over are forgotten.
const REMEMBERED: usize = 10_000;

/// Turns of all hosts.
#[derive(Debug, Default)]
pub struct Turns {
    reporting: Mutex<HashSet<HostId>>,
    changes: Mutex<HashMap<HostId, (Timestamp, u32)>>,
}

/// A host's report is being taken in until this is dropped.
#[derive(Debug)]
pub(super) struct Reporting {
    turns: Arc<Turns>,
    host: HostId,
}

impl Drop for Reporting {
    fn drop(&mut self) {
        lock(&self.turns.reporting).remove(&self.host);
    }
}

impl Turns {
    /// A host begins to report; none while another report of it is being taken in.
    pub(super) fn report(self: &Arc<Self>, host: &HostId) -> Option<Reporting> {
        lock(&self.reporting)
            .insert(host.clone())
            .then(|| Reporting {
                turns: Arc::clone(self),
                host: host.clone(),
            })
    }

    #[cfg(test)]
    pub(super) fn is_reporting(&self, host: &HostId) -> bool {
        lock(&self.reporting).contains(host)
    }

    /// Seconds that a host must wait until it may change again what it says of itself; none when it may now.
    pub(super) fn wait_to_change(&self, host: &HostId, now: Timestamp) -> Option<u32> {
        let changes = lock(&self.changes);
        let (since, count) = changes.get(host)?;
        let rest = WINDOW - now.duration_since(*since);
        (*count >= CHANGES && rest.is_positive())
            .then(|| u32::try_from(rest.as_secs()).unwrap_or_default().max(1))
    }

    /// Counts a change.
    pub(super) fn changed(&self, host: &HostId, now: Timestamp) {
        let mut changes = lock(&self.changes);
        if changes.len() >= REMEMBERED {
            changes.retain(|_, (since, _)| now.duration_since(*since) < WINDOW);
        }
        let (since, count) = changes.entry(host.clone()).or_insert((now, 0));
        if now.duration_since(*since) >= WINDOW {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_one_report_at_a_time_and_others_do_not_wait_for_it() {
        let turns = Arc::new(Turns::default());
        let [one, other] = [1, 2].map(|number| HostId::from_random([number; 16]));
        let first = turns.report(&one);
        assert!(first.is_some() && turns.report(&one).is_none());
        assert!(turns.report(&other).is_some());
        drop(first);
        assert!(turns.report(&one).is_some());
    }

    #[test]
    fn a_host_changes_ten_times_an_hour() {
        let turns = Turns::default();
        let [one, other] = [1, 2].map(|number| HostId::from_random([number; 16]));
        let now = Timestamp::UNIX_EPOCH;
        for _ in 0..CHANGES {
            assert_eq!(turns.wait_to_change(&one, now), None);
            turns.changed(&one, now);
        }
        assert_eq!(turns.wait_to_change(&one, now), Some(3_600));
        assert_eq!(turns.wait_to_change(&other, now), None);
        assert_eq!(turns.wait_to_change(&one, now + WINDOW), None);
        turns.changed(&one, now + WINDOW);
        assert_eq!(turns.wait_to_change(&one, now + WINDOW), None);
    }
}
