//! Lists of hosts.

use super::ByDecision;
use crate::decided::Judged;
use crate::fleet::{Fleet, HostEntry};
use crate::freshness::Freshness;
use crate::host::id_bits;
use crate::interner::Map;
use crate::totals::Denominator;
use overlock_model::Timestamp;
use overlock_model::asset::{HostFacts, Standing};
use overlock_model::episode::{EpisodeKey, EpisodeState};
use overlock_model::exposure::Exposure;
use overlock_model::mitigation::Placed;
use overlock_model::os::Os;
use overlock_model::plan::HostId;
use overlock_protocol::Section;
use overlock_protocol::content::Labels;
use overlock_risk::{Judgement, Setting};
use roaring::RoaringBitmap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

/// Schema of [`HostList`].
pub const HOST_LIST_SCHEMA: &str = "overlock.host-list/1";
/// Schema of [`HostTimeline`].
pub const HOST_TIMELINE_SCHEMA: &str = "overlock.host-timeline/1";

/// One page of hosts, by name and id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HostList {
    /// [`HOST_LIST_SCHEMA`].
    pub schema: String,
    /// All hosts that were asked for, those on other pages too.
    pub totals: Denominator,
    /// This page.
    pub hosts: Vec<HostRow>,
    /// Where the next page begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<HostCursor>,
}

/// The last host of a page.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct HostCursor {
    /// Its name.
    pub name: String,
    /// Its id, since names repeat.
    pub id: HostId,
}

/// One host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HostRow {
    /// Its id.
    pub id: HostId,
    /// Its name.
    pub name: String,
    /// Operating system release.
    pub os: Os,
    /// Architecture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arch: Option<String>,
    /// Release of the running kernel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<String>,
    /// Standing with the server.
    #[serde(flatten)]
    pub standing: Standing,
    /// What people say of it.
    pub about: HostFacts,
    /// What it says of itself.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// Version of its agent.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub agent: String,
    /// Last contact.
    pub last_seen: Option<Timestamp>,
    /// Vulnerabilities in force, by what to do about them.
    pub exposures: ByDecision,
    /// Fixes that are installed and not in force.
    pub not_in_force: u64,
    /// Whether something asks for a reboot; absent is unknown.
    pub reboot_pending: Option<bool>,
    /// What keeps this row from being the whole truth.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
}

/// What is not known of a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "gap", rename_all = "snake_case")]
pub enum Gap {
    /// It was not in touch for too long.
    Silent,
    /// What is known of its packages or repositories is too old.
    Stale,
    /// It never reported packages.
    NoInventory,
    /// No advisories are at hand for any of its packages.
    NoAdvisories,
    /// Some packages could not be judged.
    NotCovered {
        /// How many.
        packages: u64,
    },
    /// Its owner switched sections off.
    SwitchedOff {
        /// Which.
        sections: BTreeSet<Section>,
    },
    /// What runs on it is not known, or not wholly.
    ProcessesUnknown,
}

/// What happened on a host, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HostTimeline {
    /// [`HOST_TIMELINE_SCHEMA`].
    pub schema: String,
    /// Which host.
    pub host: HostId,
    /// This page.
    pub items: Vec<TimelineItem>,
    /// Where the next page begins: the number of the last row of the log on this page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TimelineItem {
    /// Row of the log.
    pub sequence: u64,
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What can happen on a host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum What {
    /// An episode came to another state.
    Episode {
        /// What it is about.
        #[serde(flatten)]
        key: EpisodeKey,
        /// Which of that key.
        ordinal: u32,
        /// Before; absent for a new one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<EpisodeState>,
        /// After.
        to: EpisodeState,
        /// Why.
        because: String,
    },
    /// Sections of its inventory changed.
    Reported {
        /// Which.
        sections: BTreeSet<Section>,
    },
    /// Its standing changed.
    Standing {
        /// What it is now.
        #[serde(flatten)]
        standing: Standing,
        /// Who did it.
        by: String,
    },
    /// What people say of it changed.
    Facts {
        /// What it is now.
        about: HostFacts,
        /// Who did it.
        by: String,
    },
}

impl Fleet {
    /// One page of hosts, or of all hosts where none are named, after a cursor.
    #[must_use]
    pub fn host_list(
        &self,
        hosts: Option<&RoaringBitmap>,
        after: Option<&HostCursor>,
        limit: usize,
        freshness: &Freshness,
    ) -> HostList {
        let page = self.page(hosts, after, limit.saturating_add(1));
        let more = page.len() > limit;
        let mut memo = Map::default();
        let rows: Vec<HostRow> = page
            .into_iter()
            .take(limit)
            .filter_map(|host| self.host_row_by(host, freshness, &mut memo))
            .collect();
        let next = rows.last().filter(|_| more).map(|row| HostCursor {
            name: row.name.clone(),
            id: row.id.clone(),
        });
        HostList {
            schema: HOST_LIST_SCHEMA.to_owned(),
            totals: self.denominator(hosts, freshness),
            hosts: rows,
            next,
        }
    }

    /// One host as a row.
    #[must_use]
    pub fn host_row(&self, host: HostEntry<'_>, freshness: &Freshness) -> Option<HostRow> {
        self.host_row_by(host, freshness, &mut Map::default())
    }

    /// Exposures of one host with their decisions, most urgent first: just what a scan of it says, and what still runs.
    #[must_use]
    pub fn exposures_of_host(
        &self,
        host: HostEntry<'_>,
        placed: &[Placed],
    ) -> Vec<(Exposure, Judgement)> {
        let facts = host.facts().map(|facts| facts.facts.clone());
        let judging = self.judging();
        let setting = Setting {
            facts: &facts.unwrap_or_default(),
            policy: &judging.policy,
            rules: &judging.rules,
            now: judging.now,
        };
        overlock_exposure::judge_all(
            self.findings(host),
            |name| self.claims.threat(name),
            &setting,
            placed,
        )
    }

    /// Hosts in order of name and id, after a cursor.
    fn page(
        &self,
        hosts: Option<&RoaringBitmap>,
        after: Option<&HostCursor>,
        limit: usize,
    ) -> Vec<HostEntry<'_>> {
        let after =
            after.map(|cursor| (Arc::<str>::from(cursor.name.as_str()), id_bits(&cursor.id)));
        // Few hosts are put in order; many are met on a walk through all in order.
        if let Some(few) = hosts.filter(|hosts| hosts.len() * 64 < self.len() as u64) {
            let mut found: Vec<HostEntry<'_>> = few
                .iter()
                .filter_map(|number| self.numbered(number))
                .filter(|host| {
                    after.as_ref().is_none_or(|(name, id)| {
                        (host.name(), host.record.id) > (name.as_ref(), *id)
                    })
                })
                .collect();
            found.sort_by(|a, b| (a.name(), a.record.id).cmp(&(b.name(), b.record.id)));
            found.truncate(limit);
            return found;
        }
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.by_name
            .range((from, Bound::Unbounded))
            .filter_map(|(_, id)| self.of_bits(*id))
            .filter(|host| hosts.is_none_or(|hosts| hosts.contains(host.number())))
            .take(limit)
            .collect()
    }

    fn host_row_by(
        &self,
        host: HostEntry<'_>,
        freshness: &Freshness,
        memo: &mut Map<(u32, u32), ByDecision>,
    ) -> Option<HostRow> {
        let exposures = *memo
            .entry((host.record.cohort, host.record.class))
            .or_insert_with(|| self.by_decision(host));
        Some(HostRow {
            id: host.id()?,
            name: host.name().to_owned(),
            os: host.os()?.clone(),
            arch: host.arch().map(str::to_owned),
            kernel: host.kernel().map(str::to_owned),
            standing: host.standing().clone(),
            about: host.facts()?.clone(),
            labels: host.labels()?.clone(),
            agent: host.agent().to_owned(),
            last_seen: host.dates().seen,
            exposures,
            not_in_force: host.record.lingering.iter().flatten().count() as u64,
            reboot_pending: host.running().map(|running| running.reboot),
            gaps: self.gaps(host, freshness),
        })
    }

    /// Vulnerabilities in force by the most urgent decision for any source.
    fn by_decision(&self, host: HostEntry<'_>) -> ByDecision {
        let mut worst: Map<u32, Judged> = Map::default();
        let facts = host.facts_number().unwrap_or(u32::MAX);
        for (_, claim) in self.findings_in_force(host) {
            let Some(judged) = self.decided.of(&self.claims, claim.id, facts) else {
                continue;
            };
            worst
                .entry(claim.topic)
                .and_modify(|known| {
                    if judged.decision > known.decision {
                        *known = judged;
                    }
                })
                .or_insert(judged);
        }
        let mut counts = ByDecision::default();
        for judged in worst.values() {
            counts.add(judged.decision, 1);
        }
        counts
    }

    fn gaps(&self, host: HostEntry<'_>, freshness: &Freshness) -> Vec<Gap> {
        let flags = host.flags(freshness);
        let facts = host.set().and_then(|set| self.sets.facts(set.0));
        let off = host.switched_off();
        let mut gaps = Vec::new();
        if flags.silent {
            gaps.push(Gap::Silent);
        }
        if flags.stale {
            gaps.push(Gap::Stale);
        }
        match facts {
            None => gaps.push(Gap::NoInventory),
            Some(facts) if !facts.judged => gaps.push(Gap::NoAdvisories),
            Some(facts) if facts.not_covered > 0 => gaps.push(Gap::NotCovered {
                packages: facts.not_covered,
            }),
            Some(_) => {}
        }
        let whole = host.running().is_some_and(|running| running.complete);
        if facts.is_some() && !whole && !off.contains(&Section::Processes) {
            gaps.push(Gap::ProcessesUnknown);
        }
        if !off.is_empty() {
            gaps.push(Gap::SwitchedOff { sections: off });
        }
        gaps
    }
}
