//! Which version dnf or zypper would install for each installed package.
//!
//! Rules, in this order (dnf.conf(5), and seen from dnf 4.14 and zypper 1.14): module streams that are not active are
//! hidden; excludes and versionlocks take versions away, and so does an installed version that is as new; of what is
//! left only repositories of the best priority count; the newest of the rest is the candidate. So a repository of worse
//! priority serves a package of which the better one has only old versions (`dnf list --upgrades` does not show that,
//! `dnf upgrade` does it). Where an exclude or a lock takes away the
//! newest, the offer says so, because that is what stands between the host and its fix. Not modelled: `best=`, vendor
//! change of dnf, a change of architecture, obsoletes.

use super::dnf::{Configured, Manager};
use super::lock::Locks;
use super::modules::Shown;
use super::primary::Listed;
use crate::glob;
use overlock_model::package::{Package, PackageType};
use overlock_model::repository::{Blocked, Offer};
use overlock_versions::{Scheme, SortKey, key};
use std::collections::{BTreeMap, HashMap, HashSet};

/// All that is known when offers are made.
pub(super) struct Market<'a> {
    pub repositories: &'a [Configured],
    /// Packages with the index of their repository.
    pub listed: &'a [(usize, Listed)],
    pub shown: Shown<'a>,
    pub locks: &'a Locks,
    /// Builds that some repository calls a security update.
    pub security: &'a HashSet<String>,
}

struct Candidate<'a> {
    listed: &'a Listed,
    repository: &'a Configured,
    key: SortKey,
    is_allowed: bool,
}

impl Market<'_> {
    /// One offer for each installed name and architecture that a repository lists, sorted.
    pub(super) fn offers(&self, packages: &[Package]) -> Vec<Offer> {
        let mut by_name: HashMap<(&str, &str), Vec<&(usize, Listed)>> = HashMap::new();
        for entry in self.listed {
            by_name
                .entry((&entry.1.name, &entry.1.arch))
                .or_default()
                .push(entry);
        }
        // Of packages that are installed in several versions (kernels) only the newest can be updated.
        let mut newest: BTreeMap<(&str, &str), (SortKey, &Package)> = BTreeMap::new();
        for package in packages
            .iter()
            .filter(|package| package.kind == PackageType::Rpm)
        {
            let (Some(arch), Ok(key)) =
                (package.arch.as_deref(), key(Scheme::Rpm, &package.version))
            else {
                continue;
            };
            let slot = newest
                .entry((&package.name, arch))
                .or_insert_with(|| (key.clone(), package));
            if key > slot.0 {
                *slot = (key, package);
            }
        }
        newest
            .into_iter()
            .filter_map(|(name, (key, package))| self.offer(package, &key, by_name.get(&name)?))
            .collect()
    }

    fn offer(
        &self,
        package: &Package,
        installed: &SortKey,
        listed: &[&(usize, Listed)],
    ) -> Option<Offer> {
        let mut candidates: Vec<_> = listed
            .iter()
            .filter_map(|entry| self.candidate(package, entry))
            .collect();
        // Best priority first, then newest; repositories come in the order of the configuration, so of equal versions
        // the first one counts.
        candidates.sort_by(|a, b| {
            let priorities = a.repository.priority.cmp(&b.repository.priority);
            priorities.then_with(|| b.key.cmp(&a.key))
        });
        let mut newer = candidates
            .iter()
            .filter(|candidate| candidate.key > *installed);
        let blocked = newer.clone().next();
        match (newer.find(|candidate| candidate.is_allowed), blocked) {
            (Some(candidate), _) => Some(self.offer_of(candidate, None)),
            (None, Some(candidate)) => Some(self.offer_of(candidate, Some(Blocked::Hold))),
            (None, None) => {
                let same = candidates
                    .iter()
                    .find(|candidate| candidate.key == *installed);
                let mut offer = self.offer_of(same.or(candidates.first())?, None);
                offer.version.clone_from(&package.version);
                if same.is_none() {
                    // The repositories hold only older versions: nothing of them is on offer.
                    (offer.sha256, offer.size_bytes, offer.security) = (None, None, false);
                    (offer.source, offer.source_version) =
                        (package.source.clone(), package.source_version.clone());
                    offer.requires_exactly.clear();
                }
                Some(offer)
            }
        }
    }

    fn candidate<'b>(
        &'b self,
        package: &Package,
        (index, listed): &'b (usize, Listed),
    ) -> Option<Candidate<'b>> {
        let repository = self.repositories.get(*index)?;
        if !self
            .shown
            .shows(&listed.name, &listed.nevra(), repository.is_module_hotfix)
        {
            return None;
        }
        // zypper never changes the vendor by itself.
        let other_vendor = || matches!((&package.origin, &listed.vendor), (Some(own), Some(other)) if own != other);
        if repository.manager == Manager::Zypp && other_vendor() {
            return None;
        }
        let version = listed.evr();
        let named = |patterns: &[String]| {
            patterns
                .iter()
                .any(|pattern| matches_package(pattern, listed))
        };
        let is_allowed = !named(&repository.excludes)
            && (repository.includes.is_empty() || named(&repository.includes))
            && self.locks.allow(package, &version);
        Some(Candidate {
            listed,
            repository,
            key: key(Scheme::Rpm, &version).ok()?,
            is_allowed,
        })
    }

    fn offer_of(&self, candidate: &Candidate<'_>, blocked: Option<Blocked>) -> Offer {
        let listed = candidate.listed;
        let version = listed.evr();
        Offer {
            package: listed.name.clone(),
            arch: Some(listed.arch.clone()),
            source: listed.source.clone(),
            source_version: listed
                .source_version
                .clone()
                .filter(|source| *source != version),
            version,
            repository: candidate.repository.id.clone(),
            security: self.security.contains(&listed.nevra()),
            sha256: listed.sha256.clone(),
            size_bytes: listed.size_bytes,
            requires_exactly: listed.requires_exactly.clone(),
            blocked,
        }
    }
}

/// dnf's excludes may be a name or any longer form of a package.
fn matches_package(pattern: &str, listed: &Listed) -> bool {
    glob::matches(pattern, &listed.name)
        || glob::matches(pattern, &format!("{}.{}", listed.name, listed.arch))
        || glob::matches(
            pattern,
            &format!("{}-{}", listed.name, listed.version_release),
        )
        || glob::matches(
            pattern,
            &format!("{}-{}.{}", listed.name, listed.version_release, listed.arch),
        )
        || glob::matches(pattern, &listed.nevra())
}
