//! Who built an installed package: the distribution, somebody else, or a backport.
//!
//! Decided from the archive's indexes, never from maintainer strings. An installed version that is outdated stands
//! in no index any more, and those are just the ones that matter; so after the exact version the name decides, and
//! after the name the source package (a superseded kernel has a name that no index holds).

use crate::release::Release;
use overlock_model::inventory::Inventory;
use overlock_model::package::Package;
use std::collections::{HashMap, HashSet};

/// Who built a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Builder {
    /// The distribution: some index of its own holds the version, the name or the source.
    Distribution(Proof),
    /// Somebody else.
    ThirdParty,
    /// The distribution's backports line.
    Backport,
}

/// How it is known that the distribution built it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Its index holds exactly this version, or the signed header names it as vendor.
    Version,
    /// Its index holds another version of this name, and no other repository does.
    Name,
    /// Its index holds another package of this source.
    Source,
    /// The inventory has no repositories, so nothing speaks against it.
    Assumed,
}

/// What the repositories of one host say about who publishes what.
pub(crate) struct Publishers<'a> {
    release: &'a Release,
    /// Whether anything is known at all.
    informed: bool,
    /// For each offered name: whether the distribution is among those who offer it.
    names: HashMap<&'a str, bool>,
    /// Sources that the distribution offers.
    sources: HashSet<&'a str>,
}

impl<'a> Publishers<'a> {
    pub fn new(inventory: &'a Inventory, release: &'a Release) -> Self {
        let distribution: HashSet<&str> = inventory
            .repositories
            .iter()
            .filter(|repository| {
                repository
                    .origin
                    .as_deref()
                    .is_some_and(|origin| release.publishes_as(origin))
            })
            .map(|repository| repository.id.as_str())
            .collect();
        let mut names = HashMap::new();
        let mut sources = HashSet::new();
        for offer in &inventory.offers {
            let own = distribution.contains(offer.repository.as_str());
            *names.entry(offer.package.as_str()).or_insert(false) |= own;
            if own {
                sources.insert(offer.source.as_deref().unwrap_or(&offer.package));
            }
        }
        // An exact listing by the distribution also vouches for its source.
        for package in &inventory.packages {
            if package
                .origin
                .as_deref()
                .is_some_and(|origin| release.publishes_as(origin))
            {
                sources.insert(package.source_name());
            }
        }
        let informed = !distribution.is_empty()
            || inventory
                .packages
                .iter()
                .any(|package| package.origin.is_some());
        Self {
            release,
            informed,
            names,
            sources,
        }
    }

    pub fn builder(&self, package: &Package) -> Builder {
        if package.version.contains("~bpo") {
            return Builder::Backport;
        }
        if let Some(origin) = package.origin.as_deref() {
            if origin.to_lowercase().contains("backports") {
                return Builder::Backport;
            }
            return if self.release.publishes_as(origin) {
                Builder::Distribution(Proof::Version)
            } else {
                Builder::ThirdParty
            };
        }
        if !self.informed {
            return Builder::Distribution(Proof::Assumed);
        }
        match self.names.get(package.name.as_str()) {
            Some(true) => Builder::Distribution(Proof::Name),
            Some(false) => Builder::ThirdParty,
            None if self.sources.contains(package.source_name()) => {
                Builder::Distribution(Proof::Source)
            }
            None => Builder::ThirdParty,
        }
    }
}
