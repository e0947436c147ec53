//! Where every package ended: the counts add up, and nothing is dropped in silence.

use crate::finding::Finding;
use crate::subject::Subject;
use crate::{Advisories, Context};
use overlock_model::coverage::{Coverage, Depth, DepthLimit, Gap, NotCovered};
use overlock_model::exposure::{ExposureState, ExposureStatus};
use overlock_model::inventory::Inventory;
use overlock_model::os::Support;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Where one package ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Vulnerable,
    Unfixed,
    NotVulnerable,
    NotCovered(NotCovered),
}

pub(crate) fn count(
    inventory: &Inventory,
    subjects: &[Subject<'_>],
    findings: &[Finding],
    advisories: &dyn Advisories,
    context: &Context,
) -> Coverage {
    let mut worst: HashMap<(&str, &str, &str), End> = HashMap::new();
    // What a VEX statement has ended is judged, and nothing is known against it.
    let open = |finding: &&Finding| finding.state != ExposureState::NotAffected;
    for finding in findings.iter().filter(open) {
        let fixable = finding.status == ExposureStatus::FixAvailable
            && finding.state != ExposureState::Unknown;
        let end = if fixable {
            End::Vulnerable
        } else {
            End::Unfixed
        };
        for (name, version) in &finding.binaries {
            let slot = worst
                .entry((finding.kind.as_str(), name, version))
                .or_insert(end);
            if end == End::Vulnerable {
                *slot = end;
            }
        }
    }
    let mut coverage = Coverage {
        packages: inventory.packages.len() as u64,
        ..Coverage::default()
    };
    let mut gaps: BTreeMap<NotCovered, Vec<String>> = BTreeMap::new();
    let mut judged = BTreeSet::new();
    for subject in subjects {
        let index = subject
            .ecosystem
            .as_ref()
            .and_then(|ecosystem| advisories.index(ecosystem));
        if let (Some(_), Some(ecosystem)) = (index, &subject.ecosystem) {
            judged.insert(ecosystem.clone());
        }
        for package in &subject.packages {
            let found = worst.get(&(
                package.kind.as_str(),
                package.name.as_str(),
                package.version.as_str(),
            ));
            let end = found.copied().unwrap_or_else(|| {
                not_covered(subject, index.is_some(), context)
                    .map_or(End::NotVulnerable, End::NotCovered)
            });
            match end {
                End::Vulnerable => coverage.vulnerable += 1,
                End::Unfixed => coverage.unfixed += 1,
                End::NotVulnerable => coverage.not_vulnerable += 1,
                End::NotCovered(reason) => {
                    coverage.not_covered += 1;
                    gaps.entry(reason).or_default().push(package.name.clone());
                }
            }
        }
    }
    coverage.gaps = gaps
        .into_iter()
        .map(|(reason, mut names)| {
            names.sort();
            Gap {
                reason,
                packages: names.len() as u64,
                names,
            }
        })
        .collect();
    coverage.depth = judged
        .into_iter()
        .filter_map(|ecosystem| {
            let index = advisories.index(&ecosystem)?;
            Some(Depth {
                ecosystem: ecosystem.to_string(),
                feeds: index.feeds().map(str::to_owned).collect(),
                limit: if index.fixed_only() {
                    DepthLimit::FixedVersionsOnly
                } else {
                    DepthLimit::None
                },
            })
        })
        .collect();
    coverage.advisories_unknown = coverage.depth.is_empty();
    coverage
}

/// Why nothing can be said of a subject that nothing was found about; `None` where it was judged with full data.
#[must_use]
pub fn not_covered(
    subject: &Subject<'_>,
    has_index: bool,
    context: &Context,
) -> Option<NotCovered> {
    if subject.not_covered.is_some() {
        return subject.not_covered;
    }
    if !has_index {
        return Some(NotCovered::NoFeed);
    }
    let of_system = subject.packages.iter().any(|package| package.kind.is_os());
    if of_system && matches!(context.support, Some(Support::EndOfLife { .. })) {
        return Some(NotCovered::EndOfLife);
    }
    if of_system && support_ended(&subject.name, context) {
        return Some(NotCovered::SupportEnded);
    }
    // A build from a module whose label the database does not give: its stream, and so its advisories, are unknown.
    let modular_build = subject.version.contains(".module");
    (modular_build && subject.module().is_none()).then_some(NotCovered::ModuleUnknown)
}

/// Debian's list names source packages, some by a prefix with `.*`.
fn support_ended(source: &str, context: &Context) -> bool {
    context
        .support_ended
        .iter()
        .any(|pattern| match pattern.strip_suffix(".*") {
            Some(prefix) => source.starts_with(prefix),
            None => source == pattern,
        })
}
