//! Claims: what the tables say of one vulnerability in one source of one release, whichever version is installed.
//!
//! A finding is a claim and a subject. The claim is nearly all of it (names, dates, ratings, the fix), and the same for
//! every version below the fix: kept once, a finding costs four bytes, and decisions are made once for each claim.

use crate::interner::{Interner, Map, Pool, place};
use crate::subject::SubjectKey;
use overlock_index::AdvisoryIndex;
use overlock_matching::{Applied, Finding, Subject};
use overlock_model::exposure::ExposureStatus;
use overlock_model::package::PackageType;
use overlock_model::threat::Threat;
use roaring::RoaringBitmap;
use std::sync::Arc;

/// What two equal claims have in common; the rest follows from it, as long as the table is the same.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct ClaimKey {
    ecosystem: Arc<str>,
    name: Arc<str>,
    source: Arc<str>,
    vulnerability: Arc<str>,
    status: ExposureStatus,
    against: Option<Arc<str>>,
    module: Option<Arc<str>>,
    channel: Arc<str>,
    /// Advisories of all statements, in their order.
    advisories: Box<[Arc<str>]>,
    kernel: bool,
}

/// A claim.
#[derive(Debug)]
pub(crate) struct Claim {
    /// Its own number.
    pub id: u32,
    /// Row in [`Claims::topics`].
    pub topic: u32,
    pub vulnerability: u32,
    /// The finding without what a host or a version adds to it.
    pub finding: Finding,
    /// Subjects it holds for.
    pub subjects: RoaringBitmap,
    /// Subjects it would hold for, were it not for somebody who vouches that they are not affected.
    pub vouched: RoaringBitmap,
}

/// What episodes and lists are about: a vulnerability in a source, on whatever release.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Topic {
    pub vulnerability: u32,
    pub kind: PackageType,
    pub source: Arc<str>,
}

/// A vulnerability that some subject has.
#[derive(Debug, Default)]
pub(crate) struct Vulnerability {
    pub name: Arc<str>,
    pub threat: Threat,
    pub claims: Vec<u32>,
}

/// One finding of a subject: a claim, and whether somebody vouches against it (the highest bit).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row(u32);

impl Row {
    const VOUCHED: u32 = 1 << 31;

    fn new(claim: u32, vouched: bool) -> Self {
        Self(claim | if vouched { Self::VOUCHED } else { 0 })
    }

    pub fn claim(self) -> u32 {
        self.0 & !Self::VOUCHED
    }

    pub fn is_vouched(self) -> bool {
        self.0 & Self::VOUCHED != 0
    }
}

/// All claims, and what each subject has of them.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    keys: Interner<ClaimKey>,
    claims: Vec<Option<Claim>>,
    pub topics: Interner<Topic>,
    topic_claims: Vec<Vec<u32>>,
    names: Interner<Arc<str>>,
    vulnerabilities: Vec<Vulnerability>,
    /// Other identifiers → vulnerabilities.
    aliases: Map<Arc<str>, Vec<u32>>,
    rows: Vec<Box<[Row]>>,
    /// Claims that were made since this was last taken.
    made: Vec<u32>,
}

impl Claims {
    /// Claims that were made since the last call; their numbers may have stood for others.
    pub fn take_made(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.made)
    }

    /// Rows of a subject, by vulnerability.
    pub fn rows(&self, subject: u32) -> &[Row] {
        self.rows.get(subject as usize).map_or(&[], AsRef::as_ref)
    }

    pub fn get(&self, claim: u32) -> Option<&Claim> {
        self.claims.get(claim as usize)?.as_ref()
    }

    /// One more than the largest number of a claim.
    pub fn bound(&self) -> usize {
        self.claims.len()
    }

    pub fn len(&self) -> usize {
        self.keys.len()
    }

    pub fn row_count(&self) -> usize {
        self.rows.iter().map(|rows| rows.len()).sum()
    }

    pub fn vulnerability(&self, id: u32) -> Option<&Vulnerability> {
        self.vulnerabilities.get(id as usize)
    }

    /// What is known of a vulnerability that some subject has.
    pub fn threat(&self, name: &str) -> Threat {
        let id = self.names.find(&Arc::from(name));
        id.and_then(|id| self.vulnerability(id))
            .map(|known| known.threat.clone())
            .unwrap_or_default()
    }

    /// Every vulnerability that some subject has.
    pub fn vulnerabilities(&self) -> impl Iterator<Item = &Vulnerability> {
        self.vulnerabilities
            .iter()
            .filter(|known| !known.claims.is_empty())
    }

    /// Claims about an identifier, be it the main one or an alias.
    pub fn named(&self, identifier: &str) -> Vec<u32> {
        let identifier: Arc<str> = Arc::from(identifier);
        let main = self.names.find(&identifier);
        let aliased = self.aliases.get(&identifier).into_iter().flatten().copied();
        let mut claims: Vec<u32> = main
            .into_iter()
            .chain(aliased)
            .filter_map(|id| self.vulnerability(id))
            .flat_map(|known| known.claims.iter().copied())
            .collect();
        claims.sort_unstable();
        claims.dedup();
        claims
    }

    pub fn of_topic(&self, topic: u32) -> &[u32] {
        self.topic_claims
            .get(topic as usize)
            .map_or(&[], Vec::as_slice)
    }

    /// Says anew what a subject has.
    pub fn set_rows(&mut self, subject: u32, rows: Vec<(u32, bool)>) {
        let rows: Box<[Row]> = rows
            .into_iter()
            .map(|(claim, vouched)| Row::new(claim, vouched))
            .collect();
        for row in &rows {
            if let Some(Some(claim)) = self.claims.get_mut(row.claim() as usize) {
                if row.is_vouched() {
                    claim.vouched.insert(subject);
                    claim.subjects.remove(subject);
                } else {
                    claim.subjects.insert(subject);
                    claim.vouched.remove(subject);
                }
            }
        }
        let before = std::mem::replace(place(&mut self.rows, subject), rows.clone());
        for row in before {
            let stays = rows.iter().any(|new| new.claim() == row.claim());
            if !stays && let Some(Some(claim)) = self.claims.get_mut(row.claim() as usize) {
                claim.subjects.remove(subject);
                claim.vouched.remove(subject);
            }
            self.release(row.claim());
        }
    }

    /// The claim for what applies to a subject, held once; made by the matcher when it is new.
    pub fn hold(
        &mut self,
        index: &AdvisoryIndex<'_>,
        key: &SubjectKey,
        subject: &Subject<'_>,
        applied: Applied<'_>,
        pool: &mut Pool,
        threat: impl FnOnce(&str) -> Threat,
    ) -> u32 {
        let deciding = applied.deciding;
        let mut text = |text: &str| pool.get(text);
        let claim = ClaimKey {
            ecosystem: text(subject.ecosystem.as_ref().map_or("", |name| name.as_str())),
            name: Arc::clone(&key.name),
            source: Arc::clone(&key.source),
            vulnerability: text(applied.vulnerability),
            status: applied.status,
            against: deciding.bound().map(&mut text),
            module: deciding.module().map(&mut text),
            channel: text(deciding.channel()),
            advisories: applied
                .statements
                .iter()
                .filter_map(|row| row.advisory())
                .map(&mut text)
                .collect(),
            kernel: subject.kernel_image == Some(true),
        };
        let vulnerability = Arc::clone(&claim.vulnerability);
        let (id, new) = self.keys.hold(claim);
        if new {
            let mut finding = Finding::new(index, subject, applied);
            finding.binaries.clear();
            finding.installed.clear();
            finding.evidence.compared.clear();
            finding.evidence.notes.clear();
            let topic = self.topic(vulnerability, &finding, pool, threat);
            self.insert(id, topic, finding);
        }
        id
    }

    fn topic(
        &mut self,
        name: Arc<str>,
        finding: &Finding,
        pool: &mut Pool,
        threat: impl FnOnce(&str) -> Threat,
    ) -> u32 {
        let (vulnerability, new) = self.names.hold(Arc::clone(&name));
        if new {
            *place(&mut self.vulnerabilities, vulnerability) = Vulnerability {
                threat: threat(&name),
                name,
                claims: Vec::new(),
            };
        }
        let topic = Topic {
            vulnerability,
            kind: finding.kind.clone(),
            source: pool.get(&finding.source),
        };
        self.topics.hold(topic).0
    }

    fn insert(&mut self, id: u32, topic: u32, finding: Finding) {
        let Some(vulnerability) = self.topics.get(topic).map(|topic| topic.vulnerability) else {
            return;
        };
        for alias in &finding.aliases {
            let known = self.aliases.entry(Arc::from(alias.as_str())).or_default();
            if !known.contains(&vulnerability) {
                known.push(vulnerability);
            }
        }
        place(&mut self.vulnerabilities, vulnerability)
            .claims
            .push(id);
        place(&mut self.topic_claims, topic).push(id);
        *place(&mut self.claims, id) = Some(Claim {
            id,
            topic,
            vulnerability,
            finding,
            subjects: RoaringBitmap::new(),
            vouched: RoaringBitmap::new(),
        });
        self.made.push(id);
    }

    fn release(&mut self, id: u32) {
        if self.keys.release(id).is_none() {
            return;
        }
        let Some(claim) = self.claims.get_mut(id as usize).and_then(Option::take) else {
            return;
        };
        place(&mut self.topic_claims, claim.topic).retain(|other| *other != id);
        self.topics.release(claim.topic);
        let known = place(&mut self.vulnerabilities, claim.vulnerability);
        known.claims.retain(|other| *other != id);
        let gone = self.names.release(claim.vulnerability).is_some();
        for alias in &claim.finding.aliases {
            let still_named = known.claims.iter().any(|other| {
                let other = self.claims.get(*other as usize).and_then(Option::as_ref);
                other.is_some_and(|other| other.finding.aliases.contains(alias))
            });
            if !still_named && let Some(list) = self.aliases.get_mut(alias.as_str()) {
                list.retain(|other| *other != claim.vulnerability);
                if list.is_empty() {
                    self.aliases.remove(alias.as_str());
                }
            }
        }
        if gone {
            *place(&mut self.vulnerabilities, claim.vulnerability) = Vulnerability::default();
        }
    }

    /// What is known of the vulnerabilities is asked for anew.
    pub fn refresh_threats(&mut self, threat: impl Fn(&str) -> Threat) {
        for known in &mut self.vulnerabilities {
            if !known.claims.is_empty() {
                known.threat = threat(&known.name);
            }
        }
    }
}
