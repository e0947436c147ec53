//! How old is too old.

use crate::fleet::HostEntry;
use crate::host::seconds;
use jiff::SignedDuration;
use overlock_model::Timestamp;
use overlock_model::asset::Standing;
use overlock_protocol::Section;

/// When a host is silent, and when what is known of it is stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freshness {
    /// The time of asking.
    pub now: Timestamp,
    /// No contact for longer than this: silent.
    pub silent_after: SignedDuration,
    /// Inventory not confirmed, or metadata of repositories not made anew, for longer than this: stale.
    pub stale_after: SignedDuration,
}

impl Freshness {
    /// A day without contact, a week without new metadata: agents are in touch every few minutes and package managers
    /// ask daily, so either is long past any accident.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self {
            now,
            silent_after: SignedDuration::from_hours(24),
            stale_after: SignedDuration::from_hours(7 * 24),
        }
    }

    fn before(&self, age: SignedDuration) -> u32 {
        seconds(Some(self.now.saturating_sub(age).unwrap_or(Timestamp::MIN)))
    }
}

/// What keeps an answer about a host from being whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Flags {
    /// Packages are known and some table spoke of them.
    pub judged: bool,
    pub silent: bool,
    pub stale: bool,
    pub uncovered: bool,
}

impl HostEntry<'_> {
    /// What is missing, on a managed host.
    pub(crate) fn flags(&self, freshness: &Freshness) -> Flags {
        let record = self.record;
        let dates = &record.dates;
        let facts = self
            .key()
            .and_then(|key| key.set)
            .and_then(|set| self.fleet.sets.facts(set));
        // What no agent speaks for is counted by its standing.
        let managed = *record.standing() == Standing::Active;
        let confirmed = dates.seen.max(dates.reported);
        let sends_repositories = !self.switched_off().contains(&Section::Repositories);
        let old = freshness.before(freshness.stale_after);
        Flags {
            judged: facts.is_some_and(|facts| facts.judged),
            silent: managed && dates.seen < freshness.before(freshness.silent_after),
            stale: facts.is_some()
                && (confirmed < old || sends_repositories && dates.metadata < old),
            uncovered: facts.is_some_and(|facts| !facts.judged || facts.not_covered > 0),
        }
    }

    /// Whether it was not in touch for too long.
    #[must_use]
    pub fn is_silent(&self, freshness: &Freshness) -> bool {
        self.flags(freshness).silent
    }

    /// Whether what is known of it is too old.
    #[must_use]
    pub fn is_stale(&self, freshness: &Freshness) -> bool {
        self.flags(freshness).stale
    }
}
