//! A host as its latest report shows it: what episodes are advanced by.

use crate::fleet::{Fleet, HostEntry};
use crate::host::Running;
use overlock_matching::Finding;
use overlock_model::Timestamp;
use overlock_model::episode::EpisodeKey;
use overlock_model::exposure::{ExposureState, ExposureStatus};
use overlock_model::package::PackageType;
use overlock_model::plan::HostId;
use overlock_protocol::Section;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What is on a host, and what is wrong with it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HostView {
    /// What it has in common with all hosts of its cohort.
    pub cohort: Arc<CohortView>,
    /// No packages of the operating system are reported, so that a package that is not seen is not gone.
    pub system_unknown: bool,
    /// The same of packages of languages.
    pub languages_unknown: bool,
    /// What runs; `None` is unknown, with [`HostView::running_off`] as a possible reason.
    pub running: Option<Running>,
    /// The owner of the host switched off the section that tells what runs.
    pub running_off: bool,
    /// When the packages were last changed by a report.
    pub packages_at: Option<Timestamp>,
    /// When the processes were last looked at.
    pub running_at: Option<Timestamp>,
    /// The latest report.
    pub reported_at: Option<Timestamp>,
    /// The latest contact.
    pub seen_at: Option<Timestamp>,
}

/// What packages and kernel alone say of a host. It is most of the work of a view, and the same for all hosts of a cohort.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CohortView {
    /// Findings by what an episode is about, the worst of each.
    pub findings: BTreeMap<EpisodeKey, Seen>,
    /// Every source that is there, judged or not.
    pub sources: BTreeMap<(PackageType, String), SourceSeen>,
    /// The kernel that runs comes from none of the installed packages, or from one that was replaced since it was booted.
    pub kernel_unaccounted: Option<String>,
    /// Cohort and state of the matching that this was made of; none when it was made by hand.
    pub(crate) made_of: Option<(u32, u64)>,
}

impl HostView {
    /// Whether packages of this kind are not reported.
    #[must_use]
    pub fn is_blind_to(&self, kind: &PackageType) -> bool {
        if kind.is_os() {
            self.system_unknown
        } else {
            self.languages_unknown
        }
    }
}

/// A finding as far as episodes go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Where it is, by packages and kernel; [`ExposureState::NotAffected`] where somebody vouches for it.
    pub state: ExposureState,
    /// The vendor's position.
    pub status: ExposureStatus,
    /// The vulnerable version.
    pub installed: String,
    /// The version that ends it.
    pub fixed: Option<String>,
    /// When the fix came out.
    pub fix_available: Option<Timestamp>,
}

/// A source that is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceSeen {
    /// Its versions as compared, with whether a table could judge them.
    pub versions: BTreeMap<String, bool>,
    /// Names of its binary packages.
    pub binaries: BTreeSet<String>,
    /// Whether it is a kernel.
    pub kernel: bool,
}

impl Fleet {
    /// A host as its latest report shows it.
    #[must_use]
    pub fn view(&self, id: &HostId) -> Option<HostView> {
        self.view_after(id, None)
    }

    /// The same; where the host that was looked at before is of the same cohort and nothing was matched since, what both
    /// have in common is taken from there. [`Fleet::by_cohort`] puts hosts in the order in which this helps.
    #[must_use]
    pub fn view_after(&self, id: &HostId, before: Option<&HostView>) -> Option<HostView> {
        let host = self.host(id)?;
        let made_of = Some((host.record.cohort, self.matching));
        let cohort = match before.filter(|before| before.cohort.made_of == made_of) {
            Some(before) => Arc::clone(&before.cohort),
            None => Arc::new(CohortView {
                made_of,
                ..self.see_cohort(host)
            }),
        };
        let dates = host.dates();
        let off = host.switched_off();
        let has = host.sections();
        // A section may be missing though it is on: dropped by the last report, or switched on since.
        let unknown =
            |section| host.set().is_none() || off.contains(&section) || !has.contains(&section);
        Some(HostView {
            cohort,
            system_unknown: unknown(Section::Packages),
            languages_unknown: unknown(Section::Languages),
            running: host.running().cloned(),
            running_off: off.contains(&Section::Processes),
            packages_at: dates.packages,
            running_at: dates.processes,
            reported_at: dates.reported,
            seen_at: dates.seen,
        })
    }

    /// Hosts in an order in which those of one cohort stand together; those that are not there come first.
    #[must_use]
    pub fn by_cohort(&self, mut hosts: Vec<HostId>) -> Vec<HostId> {
        hosts.sort_by_cached_key(|id| self.host(id).map(|host| host.record.cohort));
        hosts
    }

    fn see_cohort(&self, host: HostEntry<'_>) -> CohortView {
        let mut view = CohortView::default();
        self.see_sources(host, &mut view);
        for finding in self.findings(host) {
            let key = EpisodeKey {
                vulnerability: finding.vulnerability,
                kind: finding.kind,
                source: finding.source,
            };
            let seen = Seen {
                state: finding.state,
                status: finding.status,
                installed: finding.installed,
                fixed: finding.fixed,
                fix_available: finding.fix_available,
            };
            match view.findings.entry(key) {
                std::collections::btree_map::Entry::Vacant(free) => {
                    free.insert(seen);
                }
                std::collections::btree_map::Entry::Occupied(mut known) => {
                    if rank(&seen) > rank(known.get()) {
                        known.insert(seen);
                    }
                }
            }
        }
        view
    }

    /// Findings of a host as the matcher would give them, those of kernels that do not run and those that somebody
    /// vouches for included.
    #[must_use]
    pub fn findings(&self, host: HostEntry<'_>) -> Vec<Finding> {
        let Some(key) = host.key() else {
            return Vec::new();
        };
        let Some(set) = key.set else {
            return Vec::new();
        };
        let images = self.images(set);
        let kernels = self.kernels(&images, key.booted);
        let mut findings = Vec::new();
        for part in self.sets.parts(set) {
            let Some(subject) = self.sets.subjects.keys.get(part.subject) else {
                continue;
            };
            for row in self.claims.rows(part.subject) {
                let Some(claim) = self.claims.get(row.claim()) else {
                    continue;
                };
                let mut finding = claim.finding.clone();
                finding.installed = subject.version.to_string();
                finding.evidence.compared = subject.version.to_string();
                finding.binaries = part
                    .binaries
                    .iter()
                    .map(|binary| (binary.name.to_string(), binary.version.to_string()))
                    .collect();
                if finding.kernel {
                    kernels.settle(&mut finding);
                }
                if row.is_vouched() {
                    finding.state = ExposureState::NotAffected;
                }
                findings.push(finding);
            }
        }
        overlock_matching::merge(findings)
    }

    fn see_sources(&self, host: HostEntry<'_>, view: &mut CohortView) {
        let Some(key) = host.key() else { return };
        let Some(set) = key.set else { return };
        for part in self.sets.parts(set) {
            let Some(subject) = self.sets.subjects.keys.get(part.subject) else {
                continue;
            };
            let source = view
                .sources
                .entry((subject.kind.clone(), subject.source.to_string()))
                .or_default();
            let judged = subject.not_covered.is_none()
                && subject
                    .ecosystem
                    .as_ref()
                    .is_some_and(|ecosystem| self.tables.contains(ecosystem));
            // Of several binaries of one source (rpm) that have one version, one that is not judged leaves it open.
            source
                .versions
                .entry(subject.version.to_string())
                .and_modify(|known| *known &= judged)
                .or_insert(judged);
            source
                .binaries
                .extend(part.binaries.iter().map(|binary| binary.name.to_string()));
            source.kernel |= subject.kernel_image == Some(true);
        }
        let images = self.images(set);
        let kernels = self.kernels(&images, key.booted);
        let Some(running) = kernels.running else {
            return;
        };
        let replaced = self
            .booted
            .get(key.booted)
            .and_then(|b| b.replaced.as_ref());
        view.kernel_unaccounted = if images.is_empty() {
            // Containers run the kernel of another host: nothing here is to be rebooted.
            None
        } else if !kernels.images.iter().any(|image| image.runs) {
            Some(format!(
                "the running kernel {running} comes from none of the installed packages"
            ))
        } else {
            replaced.map(|(package, booted)| {
                format!("the running kernel is {package} {booted}, which was replaced since it was booted")
            })
        };
    }
}

/// What is in force outranks what is not; of the rest, what can be fixed.
fn rank(seen: &Seen) -> (u8, bool) {
    let state = match seen.state {
        ExposureState::Exposed => 5,
        ExposureState::Unknown => 4,
        ExposureState::Installed => 3,
        ExposureState::Mitigated => 2,
        ExposureState::Dormant => 1,
        ExposureState::NotAffected => 0,
    };
    (state, seen.fixed.is_some())
}
