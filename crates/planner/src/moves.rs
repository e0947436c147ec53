//! Moves: each installed package with the version its repositories offer.

use overlock_matching::{judged_as, scheme_of};
use overlock_model::inventory::Inventory;
use overlock_model::package::Package;
use overlock_model::repository::{Blocked, Offer};
use overlock_versions::SortKey;
use std::collections::HashMap;

/// A newer version that is on offer for an installed package.
#[derive(Debug)]
pub(crate) struct Move<'a> {
    pub package: &'a Package,
    pub offer: &'a Offer,
    /// Name under which advisories speak of the offered version.
    pub judged: String,
    /// Key of the offered version as advisories would compare it.
    pub judged_key: Option<SortKey>,
    /// Why the package manager would not take it.
    pub blocked: Option<&'a Blocked>,
}

/// All packages for which a newer version is on offer, in inventory order.
pub(crate) fn moves(inventory: &Inventory) -> Vec<Move<'_>> {
    let offers: HashMap<(&str, Option<&str>), &Offer> = inventory
        .offers
        .iter()
        .map(|offer| ((offer.package.as_str(), offer.arch.as_deref()), offer))
        .collect();
    inventory
        .packages
        .iter()
        .filter_map(|package| {
            let offer = offers
                .get(&(package.name.as_str(), package.arch.as_deref()))
                .or_else(|| offers.get(&(package.name.as_str(), None)))?;
            let newer = overlock_versions::compare(
                scheme_of(&package.kind),
                &offer.version,
                &package.version,
            )
            .is_ok_and(std::cmp::Ordering::is_gt);
            newer.then(|| on_offer(package, offer))
        })
        .collect()
}

fn on_offer<'a>(package: &'a Package, offer: &'a Offer) -> Move<'a> {
    let mut offered = Package::new(
        package.kind.clone(),
        offer.package.clone(),
        offer.version.clone(),
    );
    offered.source.clone_from(&offer.source);
    offered.source_version.clone_from(&offer.source_version);
    let (judged, version) = judged_as(&offered);
    Move {
        package,
        offer,
        judged,
        judged_key: overlock_versions::key(scheme_of(&package.kind), &version).ok(),
        blocked: offer.blocked.as_ref(),
    }
}
