//! What one upgrade clears.

use crate::fleet::Fleet;
use crate::freshness::Freshness;
use crate::interner::Map;
use crate::query::VersionsError;
use crate::totals::Denominator;
use overlock_matching::scheme_of;
use overlock_model::advisory::Ecosystem;
use overlock_model::episode::EpisodeKey;
use overlock_model::exposure::ExposureStatus;
use overlock_model::package::PackageType;
use overlock_versions::SortKey;
use roaring::RoaringBitmap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Schema of [`UpgradeAnswer`].
pub const UPGRADE_SCHEMA: &str = "overlock.upgrade/1";

/// What the upgrade of one source clears.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UpgradeAnswer {
    /// [`UPGRADE_SCHEMA`].
    pub schema: String,
    /// Kind of package.
    #[serde(rename = "type")]
    pub kind: PackageType,
    /// Source package, or the module of a language.
    pub source: String,
    /// Version that would be installed; absent: on each release the latest fix.
    pub to: Option<String>,
    /// The hosts that were looked at.
    pub totals: Denominator,
    /// What ends, most hosts first.
    pub clears: Vec<Cleared>,
    /// Exposures that end, over all hosts.
    pub exposures: u64,
    /// Hosts on which something ends.
    pub hosts: u64,
    /// Hosts on which nothing is left of this source.
    pub hosts_rid: u64,
}

/// One exposure that ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cleared {
    /// What it is about.
    #[serde(flatten)]
    pub key: EpisodeKey,
    /// On how many hosts.
    pub hosts: u64,
}

impl Fleet {
    /// What ends where a source older than `to` is upgraded to it, on one release or on all; without `to`, where each
    /// host gets the latest fix of its release. Kernels count as ended once they are booted.
    ///
    /// # Errors
    /// When `to` is no version of this kind.
    pub fn upgrade(
        &self,
        kind: &PackageType,
        source: &str,
        to: Option<&str>,
        release: Option<&Ecosystem>,
        hosts: Option<&RoaringBitmap>,
        freshness: &Freshness,
    ) -> Result<UpgradeAnswer, VersionsError> {
        let scheme = scheme_of(kind);
        let key = |version: &str| overlock_versions::key(scheme, version);
        let target: Option<SortKey> = to
            .map(|to| {
                key(to).map_err(|_| VersionsError {
                    kind: kind.clone(),
                    version: to.to_owned(),
                })
            })
            .transpose()?;
        let mut ended: Map<u32, RoaringBitmap> = Map::default();
        let mut left = RoaringBitmap::new();
        for (subject, known) in self.sets.subjects.keys.iter() {
            let asked = known.kind == *kind
                && *known.source == *source
                && release.is_none_or(|release| known.ecosystem.as_ref() == Some(release));
            if !asked || self.claims.rows(subject).is_empty() {
                continue;
            }
            let goes_up = target.as_ref().is_none_or(|target| {
                key(&known.version).is_ok_and(|installed| installed < *target)
            });
            let mut on = self.hosts_of_subject(subject);
            if let Some(hosts) = hosts {
                on &= hosts;
            }
            for row in self
                .claims
                .rows(subject)
                .iter()
                .filter(|row| !row.is_vouched())
            {
                let Some(claim) = self.claims.get(row.claim()) else {
                    continue;
                };
                let finding = &claim.finding;
                let fixed = finding
                    .fixed
                    .as_deref()
                    .filter(|_| finding.status == ExposureStatus::FixAvailable)
                    .and_then(|fixed| key(fixed).ok());
                let ends = goes_up
                    && fixed
                        .is_some_and(|fixed| target.as_ref().is_none_or(|target| fixed <= *target));
                if ends {
                    *ended.entry(claim.topic).or_default() |= &on;
                } else {
                    left |= &on;
                }
            }
        }
        let mut all = RoaringBitmap::new();
        let mut clears: Vec<Cleared> = ended
            .iter()
            .filter(|(_, on)| !on.is_empty())
            .filter_map(|(topic, on)| {
                all |= on;
                let about = self.claims.topics.get(*topic)?;
                let name = &self.claims.vulnerability(about.vulnerability)?.name;
                Some(Cleared {
                    key: EpisodeKey {
                        vulnerability: name.to_string(),
                        kind: about.kind.clone(),
                        source: about.source.to_string(),
                    },
                    hosts: on.len(),
                })
            })
            .collect();
        clears.sort_by(|a, b| b.hosts.cmp(&a.hosts).then_with(|| a.key.cmp(&b.key)));
        Ok(UpgradeAnswer {
            schema: UPGRADE_SCHEMA.to_owned(),
            kind: kind.clone(),
            source: source.to_owned(),
            to: to.map(str::to_owned),
            totals: self.denominator(hosts, freshness),
            exposures: clears.iter().map(|cleared| cleared.hosts).sum(),
            clears,
            hosts: all.len(),
            hosts_rid: (all - left).len(),
        })
    }
}
