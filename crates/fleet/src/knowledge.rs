//! What is known of the world: tables, threats, releases.

use overlock_matching::{Advisories, Context};
use overlock_model::Timestamp;
use overlock_model::advisory::Ecosystem;
use overlock_model::os::Os;
use overlock_model::threat::Threat;
use overlock_risk::{Policy, Rules};
use std::collections::{BTreeMap, BTreeSet};

/// The compiled tables and what else the publishers say.
pub trait Knowledge: Advisories {
    /// What is known of a vulnerability itself.
    fn threat(&self, vulnerability: &str) -> Threat {
        let _ = vulnerability;
        Threat::default()
    }

    /// How far a release is supported, and what somebody vouches for.
    fn context(&self, os: &Os) -> Context {
        let _ = os;
        Context::default()
    }
}

/// What changed in the tables since the fleet was matched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changed {
    /// Ecosystems whose table is another; with the packages that are spoken of differently, where that is known
    /// ([`changed_packages`]).
    pub ecosystems: BTreeMap<Ecosystem, Option<BTreeSet<String>>>,
    /// Whether threats, rejections, support dates or VEX statements are others: these concern every ecosystem.
    pub everywhere: bool,
}

/// By what decisions are made.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Judging {
    /// Own deadlines.
    pub policy: Policy,
    /// Rules that are followed.
    pub rules: Rules,
    /// The time of judgement: clocks that nothing earlier starts count from here.
    pub now: Timestamp,
}

/// Packages of which two tables of one ecosystem say different things. Both are walked in full: far cheaper than to match
/// anew where a table has grown by a few lines.
#[must_use]
pub fn changed_packages(
    before: &overlock_index::AdvisoryIndex<'_>,
    after: &overlock_index::AdvisoryIndex<'_>,
) -> BTreeSet<String> {
    let mut changed: BTreeSet<String> = BTreeSet::new();
    for package in after.packages() {
        let same = before
            .package(package.name())
            .is_some_and(|old| says(&old) == says(&package));
        if !same {
            changed.insert(package.name().to_owned());
        }
    }
    for package in before.packages() {
        if after.package(package.name()).is_none() {
            changed.insert(package.name().to_owned());
        }
    }
    changed
}

/// All that a table says of a package, to be compared.
fn says<'a>(rows: &overlock_index::PackageRows<'a>) -> impl PartialEq + use<'a> {
    let resolutions: Vec<_> = rows
        .fixed()
        .chain(rows.other())
        .map(|row| {
            (
                (
                    row.vulnerability(),
                    row.status(),
                    row.bound(),
                    row.introduced(),
                ),
                (row.channel(), row.module(), row.words(), row.advisory()),
                (
                    row.feed(),
                    row.issued_us(),
                    row.arches().collect::<Vec<_>>(),
                ),
            )
        })
        .collect();
    let disclosures: Vec<_> = rows
        .disclosures()
        .map(|row| {
            (
                (row.vulnerability(), row.severity(), row.summary()),
                (row.published_us(), row.aliases().collect::<Vec<_>>()),
                row.cvss().collect::<Vec<_>>(),
            )
        })
        .collect();
    (resolutions, disclosures)
}
