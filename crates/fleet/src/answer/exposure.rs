//! Lists of exposures: what is wrong in the fleet, and how urgent.

use super::ByDecision;
use super::host::{HostCursor, HostList};
use crate::claim::Claim;
use crate::decided::Judged;
use crate::fleet::{Fleet, HostEntry};
use crate::freshness::Freshness;
use crate::interner::{Map, place};
use crate::totals::Denominator;
use overlock_model::Timestamp;
use overlock_model::decision::Decision;
use overlock_model::episode::EpisodeKey;
use overlock_model::exposure::ExposureStatus;
use overlock_model::facts::Facts;
use overlock_model::package::PackageType;
use overlock_model::threat::{Cvss, Epss, Kev};
use roaring::RoaringBitmap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Schema of [`ExposureList`].
pub const EXPOSURE_LIST_SCHEMA: &str = "overlock.exposure-list/1";
/// Schema of [`ExposureDetail`].
pub const EXPOSURE_SCHEMA: &str = "overlock.exposure/1";

/// What is asked for; what is left out, is not asked.
#[derive(Debug, Clone, Default)]
pub struct ExposureFilter {
    /// A vulnerability, by any of its identifiers.
    pub vulnerability: Option<String>,
    /// A source package, or the module of a language.
    pub source: Option<String>,
    /// Kind of package.
    pub kind: Option<PackageType>,
    /// Some host must have this decision, and only such hosts are counted.
    pub decision: Option<Decision>,
    /// Only what a vendor has fixed.
    pub fixable: bool,
    /// Only on these hosts.
    pub hosts: Option<RoaringBitmap>,
}

/// One page of exposures, most urgent first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExposureList {
    /// [`EXPOSURE_LIST_SCHEMA`].
    pub schema: String,
    /// The hosts that were looked at.
    pub totals: Denominator,
    /// How many exposures there are on all pages.
    pub exposures_total: u64,
    /// This page.
    pub exposures: Vec<ExposureRow>,
    /// Where the next page begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<ExposureCursor>,
}

/// The last exposure of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExposureCursor {
    /// Its decision.
    pub decision: Decision,
    /// Its weight, as the bits of its number, which are in its order.
    pub risk: u64,
    /// What it is about.
    #[serde(flatten)]
    pub key: EpisodeKey,
}

/// A vulnerability in one source, over all hosts that have it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExposureRow {
    /// What it is about.
    #[serde(flatten)]
    pub key: EpisodeKey,
    /// Other identifiers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// One line of what it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// Versions that end it, one for each release that has one.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub fixed: BTreeSet<String>,
    /// What vendors say.
    pub statuses: BTreeSet<ExposureStatus>,
    /// The most urgent decision for any host.
    pub decision: Decision,
    /// The earliest deadline for any host.
    pub deadline: Option<Timestamp>,
    /// Hosts on which it is in force, or may be.
    pub hosts: u64,
    /// The same by decision.
    pub by_decision: ByDecision,
    /// Hosts on which the fix is installed and not in force; they are among `hosts`.
    pub not_in_force: u64,
    /// Advisories that speak of it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub advisories: BTreeSet<String>,
    /// The vendor's rating.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor_severity: Option<String>,
    /// CVSS; absent is unknown.
    pub cvss: Option<Cvss>,
    /// EPSS; absent is unknown.
    pub epss: Option<Epss>,
    /// Listing in CISA's catalogue of known exploited vulnerabilities.
    pub kev: Option<Kev>,
}

/// One vulnerability with its hosts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExposureDetail {
    /// [`EXPOSURE_SCHEMA`].
    pub schema: String,
    /// The identifier that was asked for.
    pub vulnerability: String,
    /// One row for each source that has it.
    pub exposures: Vec<ExposureRow>,
    /// All hosts that could have it.
    pub totals: Denominator,
    /// Those that do, page by page.
    pub affected: HostList,
}

/// How urgent a vulnerability in one source is, and for how many hosts.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    /// What it is about.
    pub key: EpisodeKey,
    /// The most urgent decision for any host.
    pub decision: Decision,
    /// The largest weight for any host.
    pub risk: f64,
    /// The earliest deadline for any host.
    pub deadline: Option<Timestamp>,
    /// Hosts by decision.
    pub by_decision: ByDecision,
    /// Hosts on which the fix is installed and not in force.
    pub not_in_force: u64,
    topic: Option<u32>,
}

impl Fleet {
    /// One page of exposures after a cursor.
    #[must_use]
    pub fn exposure_list(
        &self,
        filter: &ExposureFilter,
        after: Option<&ExposureCursor>,
        limit: usize,
        freshness: &Freshness,
    ) -> ExposureList {
        let ranked = self.ranked(filter);
        let from = after.map_or(0, |cursor| {
            ranked.partition_point(|row| row.order() <= cursor.order())
        });
        let page = ranked.iter().skip(from).take(limit);
        let next = page
            .clone()
            .next_back()
            .filter(|_| from.saturating_add(limit) < ranked.len())
            .map(Ranked::cursor);
        ExposureList {
            schema: EXPOSURE_LIST_SCHEMA.to_owned(),
            totals: self.denominator(filter.hosts.as_ref(), freshness),
            exposures_total: ranked.len() as u64,
            exposures: page.map(|row| self.exposure_row(row)).collect(),
            next,
        }
    }

    /// One vulnerability with its hosts, after a cursor.
    #[must_use]
    pub fn exposure_detail(
        &self,
        vulnerability: &str,
        hosts: Option<&RoaringBitmap>,
        after: Option<&HostCursor>,
        limit: usize,
        freshness: &Freshness,
    ) -> ExposureDetail {
        let ranked = self.ranked(&ExposureFilter {
            vulnerability: Some(vulnerability.to_owned()),
            hosts: hosts.cloned(),
            ..ExposureFilter::default()
        });
        let mut affected = self.hosts_of_vulnerability(vulnerability);
        if let Some(hosts) = hosts {
            affected &= hosts;
        }
        ExposureDetail {
            schema: EXPOSURE_SCHEMA.to_owned(),
            vulnerability: vulnerability.to_owned(),
            exposures: ranked.iter().map(|row| self.exposure_row(row)).collect(),
            totals: self.denominator(hosts, freshness),
            affected: self.host_list(Some(&affected), after, limit, freshness),
        }
    }

    /// Exposures with their counts, most urgent first. Claims that hold for the same subjects have the same hosts, which
    /// are counted once: a kernel's thousand vulnerabilities cost as much as one.
    #[must_use]
    pub fn ranked(&self, filter: &ExposureFilter) -> Vec<Ranked> {
        let counts = self.counts(filter.hosts.as_ref());
        let wanted = self.wanted_claims(filter);
        let mut spreads: Map<(bool, Vec<u32>), Rc<Spread>> = Map::default();
        let mut ranked = Vec::new();
        for (topic, about) in self.claims.topics.iter() {
            let claims: Vec<(u32, Rc<Spread>)> = self
                .claims
                .of_topic(topic)
                .iter()
                .filter(|claim| {
                    wanted
                        .as_ref()
                        .is_none_or(|wanted| wanted.contains(**claim))
                })
                .filter_map(|claim| self.claims.get(*claim))
                .map(|claim| {
                    let key = (claim.finding.kernel, claim.subjects.iter().collect());
                    let spread = spreads
                        .entry(key)
                        .or_insert_with(|| Rc::new(self.spread(&claim.subjects, &counts)));
                    (claim.id, Rc::clone(spread))
                })
                .collect();
            let Some(known) = self.claims.vulnerability(about.vulnerability) else {
                continue;
            };
            let mut row = Ranked {
                key: EpisodeKey {
                    vulnerability: known.name.to_string(),
                    kind: about.kind.clone(),
                    source: about.source.to_string(),
                },
                decision: Decision::Defer,
                risk: 0.0,
                deadline: None,
                by_decision: ByDecision::default(),
                not_in_force: 0,
                topic: Some(topic),
            };
            self.count_topic(&mut row, &claims, &counts, filter.decision);
            if row.by_decision.total() > 0 {
                ranked.push(row);
            }
        }
        self.add_lingering(&mut ranked, filter);
        ranked.sort_by(|a, b| a.order().cmp(&b.order()));
        ranked
    }

    /// Adds up the hosts of some claims, each host by the most urgent decision for it.
    fn count_topic(
        &self,
        row: &mut Ranked,
        claims: &[(u32, Rc<Spread>)],
        counts: &Counts,
        wanted: Option<Decision>,
    ) {
        let mut add = |judged: Judged, hosts: u64| {
            if hosts > 0 && wanted.is_none_or(|wanted| wanted == judged.decision) {
                row.decision = row.decision.max(judged.decision);
                row.risk = row.risk.max(judged.risk);
                row.deadline = earlier(row.deadline, judged.deadline);
                row.by_decision.add(judged.decision, hosts);
            }
        };
        let together: u64 = claims.iter().map(|(_, spread)| spread.cohorts.len()).sum();
        let mut union = RoaringBitmap::new();
        for (_, spread) in claims {
            union |= &spread.cohorts;
        }
        if union.len() == together {
            for (claim, spread) in claims {
                for (facts, hosts) in &spread.hosts {
                    if let Some(judged) = self.decided.of(&self.claims, *claim, *facts) {
                        add(judged, *hosts);
                    }
                }
            }
            return;
        }
        // Some hosts have several of them (two builds, two binaries): the worst counts.
        let all: BTreeSet<u32> = claims
            .iter()
            .flat_map(|(_, spread)| spread.hosts.keys().copied())
            .collect();
        for facts in all {
            let mut judged: Vec<(Judged, &Spread)> = claims
                .iter()
                .filter_map(|(claim, spread)| {
                    Some((
                        self.decided.of(&self.claims, *claim, facts)?,
                        spread.as_ref(),
                    ))
                })
                .collect();
            judged.sort_by_key(|(judged, _)| Reverse((judged.decision, judged.risk.to_bits())));
            let mut seen = RoaringBitmap::new();
            for (judged, spread) in judged {
                let fresh = &spread.cohorts - &seen;
                let hosts = fresh.iter().map(|cohort| counts.of(cohort, facts)).sum();
                seen |= fresh;
                add(judged, hosts);
            }
        }
    }

    /// Where subjects are in force, and how many hosts of which facts that is.
    fn spread(&self, subjects: &RoaringBitmap, counts: &Counts) -> Spread {
        let cohorts = self.cohorts_awake(subjects);
        let mut hosts: BTreeMap<u32, u64> = BTreeMap::new();
        for cohort in &cohorts {
            for (facts, count) in counts.0.get(cohort as usize).into_iter().flatten() {
                *hosts.entry(*facts).or_default() += count;
            }
        }
        Spread { cohorts, hosts }
    }

    /// Hosts whose fix is installed and not in force are exposed all the same, whatever the packages say.
    fn add_lingering(&self, ranked: &mut Vec<Ranked>, filter: &ExposureFilter) {
        let mains: Option<BTreeSet<&str>> = filter.vulnerability.as_deref().map(|asked| {
            let claims = self.claims.named(asked);
            let names = claims
                .iter()
                .filter_map(|claim| self.claims.get(*claim))
                .filter_map(|claim| self.claims.vulnerability(claim.vulnerability))
                .map(|known| known.name.as_ref());
            names.chain([asked]).collect()
        });
        for (key, hosts) in &self.lingering {
            let asked = mains
                .as_ref()
                .is_none_or(|mains| mains.contains(key.vulnerability.as_str()))
                && filter
                    .source
                    .as_ref()
                    .is_none_or(|source| *source == key.source)
                && filter.kind.as_ref().is_none_or(|kind| *kind == key.kind);
            let count = filter
                .hosts
                .as_ref()
                .map_or(hosts.len(), |selected| hosts.intersection_len(selected));
            // What is to be done is a restart, whenever that is due: the urgency of the fix itself is over.
            let decided = filter
                .decision
                .is_none_or(|wanted| wanted == Decision::Scheduled);
            if !asked || count == 0 || !decided {
                continue;
            }
            match ranked.iter_mut().find(|row| row.key == **key) {
                Some(row) => row.not_in_force += count,
                None => ranked.push(Ranked {
                    key: key.as_ref().clone(),
                    decision: Decision::Scheduled,
                    risk: 0.0,
                    deadline: None,
                    by_decision: ByDecision::default(),
                    not_in_force: count,
                    topic: None,
                }),
            }
        }
    }

    fn wanted_claims(&self, filter: &ExposureFilter) -> Option<RoaringBitmap> {
        let narrow = filter.vulnerability.is_some()
            || filter.source.is_some()
            || filter.kind.is_some()
            || filter.fixable;
        if !narrow {
            return None;
        }
        let fits = |claim: &&Claim| {
            filter
                .source
                .as_ref()
                .is_none_or(|source| *source == claim.finding.source)
                && filter
                    .kind
                    .as_ref()
                    .is_none_or(|kind| *kind == claim.finding.kind)
                && (!filter.fixable || claim.finding.status == ExposureStatus::FixAvailable)
        };
        let all = || 0..u32::try_from(self.claims.bound()).unwrap_or(u32::MAX);
        let numbers: Vec<u32> = match &filter.vulnerability {
            Some(vulnerability) => self.claims.named(vulnerability),
            None => all().collect(),
        };
        let claims = numbers
            .into_iter()
            .filter_map(|claim| self.claims.get(claim));
        Some(claims.filter(fits).map(|claim| claim.id).collect())
    }

    /// Selected hosts by cohort and facts.
    fn counts(&self, selected: Option<&RoaringBitmap>) -> Counts {
        let mut counts = Counts::default();
        let mut count = |host: HostEntry<'_>| {
            let Some(facts) = host.facts_number() else {
                return;
            };
            let of_cohort = place(&mut counts.0, host.record.cohort);
            match of_cohort.iter_mut().find(|(known, _)| *known == facts) {
                Some((_, hosts)) => *hosts += 1,
                None => of_cohort.push((facts, 1)),
            }
        };
        match selected {
            None => self.hosts().for_each(&mut count),
            Some(selected) => selected
                .iter()
                .filter_map(|number| self.numbered(number))
                .for_each(&mut count),
        }
        counts
    }

    fn exposure_row(&self, ranked: &Ranked) -> ExposureRow {
        let mut row = ExposureRow {
            key: ranked.key.clone(),
            aliases: Vec::new(),
            summary: None,
            fixed: BTreeSet::new(),
            statuses: BTreeSet::new(),
            decision: ranked.decision,
            deadline: ranked.deadline,
            hosts: ranked.by_decision.total() + ranked.not_in_force,
            by_decision: ranked.by_decision,
            not_in_force: ranked.not_in_force,
            advisories: BTreeSet::new(),
            vendor_severity: None,
            cvss: None,
            epss: None,
            kev: None,
        };
        let claims = ranked
            .topic
            .map_or(&[][..], |topic| self.claims.of_topic(topic));
        let mut aliases = BTreeSet::new();
        for claim in claims.iter().filter_map(|claim| self.claims.get(*claim)) {
            let finding = &claim.finding;
            aliases.extend(finding.aliases.iter().cloned());
            row.fixed.extend(finding.fixed.clone());
            row.statuses.insert(finding.status);
            row.advisories.extend(finding.advisories.iter().cloned());
            if row.summary.is_none() {
                row.summary.clone_from(&finding.summary);
            }
            if row.vendor_severity.is_none() {
                row.vendor_severity.clone_from(&finding.severity);
            }
            if row.cvss.is_none()
                && let Some((exposure, _)) =
                    self.decided.judge(&self.claims, claim, &Facts::default())
            {
                (row.cvss, row.epss, row.kev) = (exposure.cvss, exposure.epss, exposure.kev);
            }
        }
        row.aliases = aliases.into_iter().collect();
        row
    }
}

/// Hosts of each cohort by their facts.
#[derive(Default)]
struct Counts(Vec<Vec<(u32, u64)>>);

impl Counts {
    fn of(&self, cohort: u32, facts: u32) -> u64 {
        let of_cohort = self.0.get(cohort as usize).into_iter().flatten();
        of_cohort
            .filter(|(known, _)| *known == facts)
            .map(|(_, hosts)| hosts)
            .sum()
    }
}

/// Where a claim is in force.
struct Spread {
    cohorts: RoaringBitmap,
    /// Hosts by facts.
    hosts: BTreeMap<u32, u64>,
}

fn earlier(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (known, None) | (None, known) => known,
    }
}

type Order<'a> = (Reverse<Decision>, Reverse<u64>, &'a EpisodeKey);

impl Ranked {
    fn order(&self) -> Order<'_> {
        // Weights are never negative, so their bits are in order.
        (
            Reverse(self.decision),
            Reverse(self.risk.to_bits()),
            &self.key,
        )
    }

    fn cursor(&self) -> ExposureCursor {
        ExposureCursor {
            decision: self.decision,
            risk: self.risk.to_bits(),
            key: self.key.clone(),
        }
    }
}

impl ExposureCursor {
    fn order(&self) -> Order<'_> {
        (Reverse(self.decision), Reverse(self.risk), &self.key)
    }
}
