//! The stock of a host: each installed package with the move that its repositories offer.
//!
//! Sorted by name, architecture and version, so that no answer depends on the order in which a database was read.

use crate::kernel;
use overlock_matching::{Release, judged_as, scheme_of};
use overlock_model::exposure::Exposure;
use overlock_model::inventory::Inventory;
use overlock_model::package::{Package, PackageType};
use overlock_model::repository::Offer;
use overlock_versions::SortKey;
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

/// What is installed, and where it can go.
#[derive(Debug)]
pub(crate) struct Stock<'a> {
    /// All moves, sorted by package and architecture.
    pub moves: Vec<Move<'a>>,
    /// Packages of the system's own package manager, by name.
    pub installed: BTreeMap<&'a str, Vec<Installed<'a>>>,
}

/// A newer version that is on offer for an installed package.
#[derive(Debug)]
pub(crate) struct Move<'a> {
    pub package: &'a Package,
    pub offer: &'a Offer,
    /// The source that it leaves and the source that it arrives at, as advisories name them.
    pub sources: [String; 2],
    /// Key of the offered version as advisories would compare it.
    pub key: Option<SortKey>,
}

/// One installed package.
#[derive(Debug)]
pub(crate) struct Installed<'a> {
    pub package: &'a Package,
    /// What its repositories have, newer or not.
    pub offer: Option<&'a Offer>,
    /// Its source as advisories name it.
    source: String,
    /// Its version as advisories compare it.
    judged: String,
    /// Its move, or that of a newer version beside it.
    pub own: Option<usize>,
    /// For a kernel: moves of other packages that bring the next one.
    pub next: Vec<usize>,
}

impl<'a> Stock<'a> {
    pub fn new(inventory: &'a Inventory) -> Self {
        let offers = by_name(inventory);
        let own_kind = Release::of(&inventory.os).kind;
        // An offer says no type: a Node.js package named like a Debian one is not updated by it.
        let is_managed = |package: &&Package| match &own_kind {
            Some(kind) => *kind == package.kind,
            None => package.kind.is_os(),
        };
        let mut installed: BTreeMap<&str, Vec<Installed<'_>>> = BTreeMap::new();
        for package in inventory.packages.iter().filter(is_managed) {
            let of_name = offers.get(package.name.as_str());
            installed.entry(&package.name).or_default().push(Installed {
                package,
                offer: of_name.and_then(|offers| fitting(inventory, package, offers)),
                source: source(package),
                judged: judged_as(package).1,
                own: None,
                next: Vec::new(),
            });
        }
        let mut moves = Vec::new();
        for same in installed.values_mut() {
            same.sort_by_cached_key(|one| {
                let version = compared(one.package);
                let key = overlock_versions::key(scheme_of(&one.package.kind), &version).ok();
                (one.package.arch.as_deref(), key, version)
            });
            // Of several versions side by side (rpm kernels) the newest one moves.
            for of_arch in same.chunk_by_mut(|a, b| a.package.arch == b.package.arch) {
                let Some(one) = of_arch.last().and_then(Installed::to_newer) else {
                    continue;
                };
                of_arch
                    .iter_mut()
                    .for_each(|older| older.own = Some(moves.len()));
                moves.push(one);
            }
        }
        let mut stock = Self { moves, installed };
        stock.find_next_kernels();
        stock
    }

    /// Installed packages that an exposure is about.
    pub fn exposed<'s>(
        &'s self,
        exposure: &'s Exposure,
    ) -> impl Iterator<Item = &'s Installed<'a>> {
        exposure
            .binaries
            .iter()
            .filter_map(|name| self.installed.get(name.as_str()))
            .flatten()
            .filter(|one| {
                (&one.package.kind, &one.source, &one.judged)
                    == (&exposure.kind, &exposure.source, &exposure.installed)
            })
    }

    /// A new Debian kernel comes under a new name: its flavour and its source say that it is the same thing. Its
    /// source alone would not, because headers and tools have that too.
    fn find_next_kernels(&mut self) {
        let images: Vec<(usize, &str, &str)> = self
            .moves
            .iter()
            .enumerate()
            .filter_map(|(at, one)| {
                Some((at, kernel::flavour(one.package)?, one.sources[1].as_str()))
            })
            .collect();
        for one in self.installed.values_mut().flatten() {
            let Some(flavour) = kernel::flavour(one.package) else {
                continue;
            };
            for (at, other_flavour, other_source) in &images {
                let is_next = flavour == *other_flavour && one.source == *other_source;
                if is_next && one.own != Some(*at) {
                    one.next.push(*at);
                }
            }
        }
    }
}

impl<'a> Installed<'a> {
    /// The move to what is on offer, where that is newer.
    fn to_newer(&self) -> Option<Move<'a>> {
        let (package, offer) = (self.package, self.offer?);
        let scheme = scheme_of(&package.kind);
        overlock_versions::compare(scheme, &offer.version, &compared(package))
            .ok()
            .filter(|order| order.is_gt())?;
        let mut offered = Package::new(package.kind.clone(), &*offer.package, &*offer.version);
        offered.source.clone_from(&offer.source);
        offered.source_version.clone_from(&offer.source_version);
        Some(Move {
            package,
            offer,
            sources: [source(package), source(&offered)],
            key: overlock_versions::key(scheme, &judged_as(&offered).1).ok(),
        })
    }
}

/// Whether `version` is the one that an `=` relation asks for; an rpm relation may leave the release out.
pub(crate) fn satisfies(kind: &PackageType, version: &str, wanted: &str) -> bool {
    let equal = |version| {
        overlock_versions::compare(scheme_of(kind), version, wanted) == Ok(Ordering::Equal)
    };
    let any_release = || {
        let has_releases = matches!(kind, PackageType::Rpm | PackageType::Alpm);
        let base = version.rsplit_once('-').map(|(base, _)| base);
        has_releases && !wanted.contains('-') && base.is_some_and(equal)
    };
    version == wanted || equal(version) || any_release()
}

/// The package's own version, with the epoch that an rpm database states apart from it.
pub(crate) fn compared(package: &Package) -> String {
    match package.kind {
        PackageType::Rpm => judged_as(package).1,
        _ => package.version.clone(),
    }
}

/// The source as advisories name it; rpm advisories name binaries, so there it is the source as stated.
fn source(package: &Package) -> String {
    match package.kind {
        PackageType::Deb | PackageType::Apk => judged_as(package).0,
        _ => package.source_name().to_owned(),
    }
}

fn by_name(inventory: &Inventory) -> HashMap<&str, Vec<&Offer>> {
    let mut offers: HashMap<&str, Vec<&Offer>> = HashMap::new();
    for offer in &inventory.offers {
        offers.entry(&offer.package).or_default().push(offer);
    }
    offers
}

/// The offer for this architecture. A package may become independent of the architecture or cease to be.
fn fitting<'a>(
    inventory: &Inventory,
    package: &Package,
    offers: &[&'a Offer],
) -> Option<&'a Offer> {
    let independent = |arch: Option<&str>| matches!(arch, None | Some("all" | "noarch" | "any"));
    let rank = |offer: &Offer| {
        let (own, other) = (package.arch.as_deref(), offer.arch.as_deref());
        let native = other == inventory.arch.as_deref();
        match own == other {
            true => Some((2, native)),
            false => (independent(own) || independent(other)).then_some((1, native)),
        }
    };
    // There should be one; a hand-written list with more still has one answer, whatever its order.
    let key = |offer: &Offer| {
        let version = overlock_versions::key(scheme_of(&package.kind), &offer.version).ok();
        (rank(offer), version, offer.blocked.is_none())
    };
    offers
        .iter()
        .copied()
        .filter(|offer| rank(offer).is_some())
        .max_by(|a, b| {
            key(a)
                .cmp(&key(b))
                .then_with(|| b.repository.cmp(&a.repository))
        })
}
