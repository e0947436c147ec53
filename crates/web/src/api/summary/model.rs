//! How totals look.

use overlock_fleet::Denominator;
use overlock_fleet::answer::ByDecision;
use schemars::JsonSchema;
use serde::Serialize;

/// Totals (`overlock.summary/1`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Summary {
    /// `overlock.summary/1`.
    pub schema: &'static str,
    /// The hosts that the caller may see, and what is not known of them.
    pub denominator: Denominator,
    /// Open exposures by decision, each host counted.
    pub open: ByDecision,
    /// Distinct exposures (a vulnerability in a source package) by the most urgent decision for any host.
    pub exposures: ByDecision,
    /// Fixes that are installed and not in force, each host counted.
    pub not_in_force: u64,
    /// Hosts that wait to be judged; `null` for who may not see all hosts.
    pub judging: Option<u64>,
}

impl Summary {
    /// Hosts by word, for metrics.
    pub(crate) fn hosts_by_word(&self) -> Vec<(String, i64)> {
        let of = &self.denominator;
        [
            ("all", of.hosts),
            ("judged", of.judged),
            ("silent", of.silent),
            ("stale", of.stale),
            ("uncovered", of.uncovered),
            ("unmanaged", of.unmanaged),
            ("unconfirmed", of.unconfirmed),
            ("quarantined", of.quarantined),
            ("revoked", of.revoked),
            ("switched_off", of.switched_off),
        ]
        .map(count)
        .into()
    }

    /// Open exposures by word, for metrics.
    pub(crate) fn open_by_word(&self) -> Vec<(String, i64)> {
        [
            ("immediate", self.open.immediate),
            ("out_of_cycle", self.open.out_of_cycle),
            ("scheduled", self.open.scheduled),
            ("defer", self.open.defer),
        ]
        .map(count)
        .into()
    }
}

fn count((word, count): (&str, u64)) -> (String, i64) {
    (word.to_owned(), i64::try_from(count).unwrap_or(i64::MAX))
}
