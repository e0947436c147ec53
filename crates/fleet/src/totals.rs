//! What stands under every count: of how many hosts, and what of them is not known. Silence is never green (R6).

use crate::fleet::Fleet;
use crate::freshness::Freshness;
use overlock_model::asset::Standing;
use roaring::RoaringBitmap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The hosts that an answer is about, and why it may be too good. One host may count in several places.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Denominator {
    /// All of them.
    pub hosts: u64,
    /// Active, with known packages that some table spoke of: only these can have exposures.
    pub judged: u64,
    /// Active, and not in touch for too long.
    pub silent: u64,
    /// What is known of their packages or repositories is too old.
    pub stale: u64,
    /// No advisories for the release, or for some of the packages.
    pub uncovered: u64,
    /// Known without an agent.
    pub unmanaged: u64,
    /// Enrolled, and not confirmed yet.
    pub unconfirmed: u64,
    /// Under quarantine.
    pub quarantined: u64,
    /// Their certificates are refused.
    pub revoked: u64,
    /// Active, and sections of their inventory are switched off.
    pub switched_off: u64,
}

impl Denominator {
    /// Whether every host is judged, in touch, up to date and covered: only then may "nothing found" be read as clear.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.judged == self.hosts
            && self.silent + self.stale + self.uncovered + self.switched_off == 0
    }
}

impl Fleet {
    /// Counts hosts, or all where none are named.
    #[must_use]
    pub fn denominator(&self, hosts: Option<&RoaringBitmap>, freshness: &Freshness) -> Denominator {
        let mut total = Denominator::default();
        match hosts {
            None => self.hosts().for_each(|host| total.add(host, freshness)),
            Some(hosts) => hosts
                .iter()
                .filter_map(|number| self.numbered(number))
                .for_each(|host| total.add(host, freshness)),
        }
        total
    }
}

impl Denominator {
    fn add(&mut self, host: crate::HostEntry<'_>, freshness: &Freshness) {
        self.hosts += 1;
        let flags = host.flags(freshness);
        match host.standing() {
            Standing::Active => {
                self.judged += u64::from(flags.judged);
                self.switched_off += u64::from(host.record.switched_off != 0);
            }
            Standing::Unconfirmed => self.unconfirmed += 1,
            Standing::Quarantined { .. } => self.quarantined += 1,
            Standing::Revoked { .. } => self.revoked += 1,
            Standing::Unmanaged => self.unmanaged += 1,
        }
        self.silent += u64::from(flags.silent);
        self.stale += u64::from(flags.stale);
        self.uncovered += u64::from(flags.uncovered);
    }
}
