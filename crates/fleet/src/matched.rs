//! Matching: each distinct subject once, against the tables.

use crate::cohort::CohortKey;
use crate::fleet::Fleet;
use crate::interner::Map;
use crate::knowledge::{Changed, Judging, Knowledge};
use crate::subject::SubjectKey;
use overlock_matching::{Context, Image, Kernels, boots_as, judge, not_covered, scheme_of};
use overlock_model::advisory::Ecosystem;
use overlock_model::package::Package;
use overlock_versions::SortKey;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is known of each release while coverage is counted: its context, and which subjects are gaps in it.
pub(crate) type Releases = Map<(Arc<str>, Arc<str>), (Context, Map<u32, bool>)>;

/// What a matching did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MatchCost {
    /// Distinct subjects that were looked up.
    pub subjects: usize,
    /// Distinct subjects of the fleet.
    pub subjects_total: usize,
    /// Findings of all distinct subjects after it.
    pub findings: usize,
    /// Package sets of which coverage was counted anew.
    pub sets: usize,
}

impl Fleet {
    /// Judges every distinct subject anew. Called at start and when everything may have changed.
    pub fn match_all(&mut self, knowledge: &dyn Knowledge) -> MatchCost {
        self.rematch(
            knowledge,
            &Changed {
                everywhere: true,
                ..Changed::default()
            },
        )
    }

    /// Judges anew what changed tables may say something else of.
    pub fn rematch(&mut self, knowledge: &dyn Knowledge, changed: &Changed) -> MatchCost {
        let subjects: Vec<u32> = self
            .sets
            .subjects
            .keys
            .iter()
            .filter(|(_, key)| changed.concerns(key))
            .map(|(id, _)| id)
            .collect();
        // What was said before is let go of first: all subjects of a package are here, so each claim is made anew.
        for subject in &subjects {
            self.claims.set_rows(*subject, Vec::new());
        }
        for subject in &subjects {
            self.match_subject(*subject, knowledge);
        }
        if changed.everywhere {
            self.claims
                .refresh_threats(|vulnerability| knowledge.threat(vulnerability));
            self.decided.forget();
        }
        // Where single packages changed, the table was there before: coverage is as it was, but for its first one.
        let whole = changed.everywhere || changed.ecosystems.values().any(Option::is_none);
        let sets = if whole { self.sets.ids() } else { Vec::new() };
        let mut known = Releases::default();
        for set in &sets {
            self.cover(*set, knowledge, &mut known);
        }
        self.sets.pool.sweep();
        self.generation += 1;
        self.matching += 1;
        MatchCost {
            subjects: subjects.len(),
            subjects_total: self.sets.subjects.keys.len(),
            findings: self.claims.row_count(),
            sets: sets.len(),
        }
    }

    /// Makes decisions by other rules, or as of another time.
    pub fn judge_by(&mut self, judging: Judging) {
        self.decided.judge_by(judging);
        self.generation += 1;
    }

    /// By what decisions are made.
    #[must_use]
    pub fn judging(&self) -> &Judging {
        self.decided.judging()
    }

    /// Judges one subject.
    pub(crate) fn match_subject(&mut self, id: u32, knowledge: &dyn Knowledge) {
        let Some(key) = self.sets.subjects.keys.get(id).cloned() else {
            return;
        };
        let (claims, pool) = (&mut self.claims, &mut self.sets.pool);
        let index = key
            .ecosystem
            .as_ref()
            .and_then(|ecosystem| knowledge.index(ecosystem));
        let rows = match index {
            // The cheap answer first: most packages are named by no advisory at all.
            Some(index) if index.package(&key.name).is_some() => key.lend(&[], |subject| {
                if subject.judgeable().is_none() {
                    return Vec::new();
                }
                let applied = judge(&index, subject);
                applied
                    .into_iter()
                    .filter(|applied| !knowledge.is_rejected(applied.vulnerability))
                    .map(|applied| {
                        claims.hold(&index, &key, subject, applied, pool, |name| {
                            knowledge.threat(name)
                        })
                    })
                    .collect()
            }),
            _ => Vec::new(),
        };
        let rows = self.vouched(id, &key, rows, knowledge);
        self.claims.set_rows(id, rows);
        let made = self.claims.take_made();
        if !made.is_empty() {
            self.decided.forget_claims(&made, self.claims.bound());
        }
    }

    /// Which of a subject's claims somebody vouches against.
    fn vouched(
        &self,
        id: u32,
        key: &SubjectKey,
        rows: Vec<u32>,
        knowledge: &dyn Knowledge,
    ) -> Vec<(u32, bool)> {
        if rows.is_empty() {
            return Vec::new();
        }
        let sets = self.sets.of_subject(id);
        let os = sets
            .and_then(|sets| sets.iter().next())
            .and_then(|set| self.sets.facts(set))
            .map(|facts| &facts.os);
        let context = os.map(|os| knowledge.context(os)).unwrap_or_default();
        if context.vex.is_empty() {
            return rows.into_iter().map(|claim| (claim, false)).collect();
        }
        let mut binaries: Vec<(String, String)> = sets
            .into_iter()
            .flatten()
            .flat_map(|set| self.sets.parts(set))
            .filter(|part| part.subject == id)
            .flat_map(|part| part.binaries.iter())
            .map(|binary| (binary.name.to_string(), binary.version.to_string()))
            .collect();
        binaries.sort();
        binaries.dedup();
        rows.into_iter()
            .map(|claim| {
                let finding = self.claims.get(claim).map(|known| {
                    let mut finding = known.finding.clone();
                    finding.binaries.clone_from(&binaries);
                    finding.installed = key.version.to_string();
                    finding
                });
                let mut findings: Vec<_> = finding.into_iter().collect();
                overlock_matching::apply_vex(&mut findings, &context.vex);
                let vouched = findings.iter().any(|finding| {
                    finding.state == overlock_model::exposure::ExposureState::NotAffected
                });
                (claim, vouched)
            })
            .collect()
    }

    /// Counts what of a set could be judged.
    pub(crate) fn cover(&mut self, set: u32, knowledge: &dyn Knowledge, known: &mut Releases) {
        let (Some(facts), Some(content)) = (self.sets.facts(set), self.sets.content(set)) else {
            return;
        };
        let release = (Arc::clone(&content.os_id), Arc::clone(&content.os_version));
        let (context, gaps) = known
            .entry(release)
            .or_insert_with(|| (knowledge.context(&facts.os), Map::default()));
        let mut tables: BTreeMap<&Ecosystem, bool> = BTreeMap::new();
        let (mut missing, mut any) = (0_u64, false);
        for part in self.sets.parts(set) {
            let Some(key) = self.sets.subjects.keys.get(part.subject) else {
                continue;
            };
            let has_index = key.ecosystem.as_ref().is_some_and(|ecosystem| {
                *tables
                    .entry(ecosystem)
                    .or_insert_with(|| knowledge.index(ecosystem).is_some())
            });
            any |= has_index;
            let found = !self.claims.rows(part.subject).is_empty();
            let gap = !found
                && *gaps.entry(part.subject).or_insert_with(|| {
                    key.lend(&[], |subject| {
                        not_covered(subject, has_index, context).is_some()
                    })
                });
            if gap {
                missing += u64::from(part.packages);
            }
        }
        let tables: Vec<(Ecosystem, bool)> = tables
            .into_iter()
            .map(|(ecosystem, has_index)| (ecosystem.clone(), has_index))
            .collect();
        for (ecosystem, has_index) in tables {
            if has_index {
                self.tables.insert(ecosystem);
            } else {
                self.tables.remove(&ecosystem);
            }
        }
        if let Some(facts) = self.sets.facts_mut(set) {
            facts.not_covered = missing;
            facts.judged = any;
        }
    }

    /// Subjects of a cohort's set that are kernels which do not run there.
    pub(crate) fn images_asleep(&self, cohort: &CohortKey) -> Box<[u32]> {
        let Some(set) = cohort.set else {
            return Box::default();
        };
        let images = self.images(set);
        let kernels = self.kernels(&images, cohort.booted);
        let mut asleep: Vec<u32> = images
            .iter()
            .filter(|image| !kernels.in_force(&image.key.source, &image.key.version))
            .map(|image| image.subject)
            .collect();
        asleep.sort_unstable();
        asleep.into()
    }

    /// Kernel images of a set.
    pub(crate) fn images(&self, set: u32) -> Vec<KernelImage<'_>> {
        self.sets
            .parts(set)
            .filter_map(|part| {
                let key = self.sets.subjects.keys.get(part.subject)?;
                (key.kernel_image == Some(true)).then(|| KernelImage {
                    subject: part.subject,
                    key,
                    sort_key: overlock_versions::key(scheme_of(&key.kind), &key.version).ok(),
                    packages: part
                        .binaries
                        .iter()
                        .map(|binary| {
                            Package::new(
                                key.kind.clone(),
                                binary.name.as_ref(),
                                binary.version.as_ref(),
                            )
                        })
                        .collect(),
                })
            })
            .collect()
    }

    /// The same as the matcher sees them, with the kernel that was booted.
    pub(crate) fn kernels<'a>(&'a self, images: &'a [KernelImage<'a>], booted: u32) -> Kernels<'a> {
        let running = self
            .booted
            .get(booted)
            .and_then(|booted| booted.release.as_deref());
        Kernels {
            running,
            images: images
                .iter()
                .map(|image| Image {
                    source: &image.key.source,
                    version: &image.key.version,
                    key: image.sort_key.as_ref(),
                    runs: running.is_some_and(|running| {
                        image
                            .packages
                            .iter()
                            .any(|package| boots_as(package, running))
                    }),
                })
                .collect(),
        }
    }
}

/// A kernel image of a set.
pub(crate) struct KernelImage<'a> {
    pub subject: u32,
    pub key: &'a SubjectKey,
    sort_key: Option<SortKey>,
    packages: Vec<Package>,
}

impl Changed {
    fn concerns(&self, key: &SubjectKey) -> bool {
        if self.everywhere {
            return true;
        }
        let Some(ecosystem) = &key.ecosystem else {
            return false;
        };
        match self.ecosystems.get(ecosystem) {
            None => false,
            Some(None) => true,
            Some(Some(names)) => names.contains(key.name.as_ref()),
        }
    }
}
