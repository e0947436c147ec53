//! What holds for every host, however odd.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop at once"
)]

use overlock_model::exposure::{Exposure, ExposureState};
use overlock_model::inventory::Inventory;
use overlock_model::os::{Os, Support};
use overlock_model::package::{Package, PackageType};
use overlock_model::repository::{Blocked, Offer};
use overlock_model::update::HoldReason;
use overlock_planner::{Planned, Scope, Situation, plan};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::json;
use std::collections::BTreeSet;

#[derive(Debug, Clone)]
struct World {
    inventory: Inventory,
    exposures: Vec<Exposure>,
    weights: Vec<f64>,
}

impl World {
    fn plan(&self, capacity: Option<usize>) -> Planned {
        plan(&Situation {
            inventory: &self.inventory,
            exposures: &self.exposures,
            weights: &self.weights,
            support: &Support::Unknown,
            capacity,
            scope: Scope::Security,
        })
    }

    fn weight_of(&self, vulnerabilities: &[String]) -> f64 {
        // Each exposure has its own vulnerability here.
        self.exposures
            .iter()
            .zip(&self.weights)
            .filter(|(exposure, _)| vulnerabilities.contains(&exposure.vulnerability))
            .map(|(_, weight)| weight)
            .sum()
    }
}

const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "libf", "libg", "libh"];

/// A package with what is on offer for it, if anything.
fn package() -> impl Strategy<Value = (Package, Option<Offer>)> {
    let blocked = prop_oneof![
        6 => Just(None),
        1 => Just(Some(Blocked::Hold)),
        1 => Just(Some(Blocked::Phased { percent: 10 })),
    ];
    let place = (
        select(&NAMES[..]),
        select(vec!["amd64", "i386"]),
        0..4_u8,
        0..4_u8,
    );
    let tie = proptest::collection::vec((select(&NAMES[..]), 1..4_u8), 0..2);
    let kind = prop_oneof![9 => Just(PackageType::Deb), 1 => Just(PackageType::Npm)];
    (
        place,
        1..4_u8,
        proptest::option::weighted(0.8, 1..5_u8),
        blocked,
        tie,
        any::<bool>(),
        kind,
    )
        .prop_map(
            |(
                (name, arch, source, new_source),
                version,
                offered,
                blocked,
                ties,
                security,
                kind,
            )| {
                let mut package = Package::new(kind, name, format!("{version}-1"));
                package.arch = Some(arch.to_owned());
                package.source = (source > 0).then(|| format!("s{source}"));
                let offer = offered.map(|offered| Offer {
                    package: name.to_owned(),
                    arch: Some(arch.to_owned()),
                    version: format!("{offered}-1"),
                    source: (new_source > 0).then(|| format!("s{new_source}")),
                    source_version: None,
                    repository: "main".to_owned(),
                    security,
                    sha256: None,
                    size_bytes: None,
                    requires_exactly: ties
                        .into_iter()
                        .map(|(name, version)| (name.to_owned(), format!("{version}-1")))
                        .collect(),
                    blocked,
                });
                (package, offer)
            },
        )
}

fn exposure(packages: &[Package], number: usize, of: &Index, rest: (u8, &str, &str)) -> Exposure {
    let package = of.get(packages);
    let mut binaries: Vec<&str> = packages
        .iter()
        .filter(|other| {
            (&other.kind, other.source_name(), &other.version)
                == (&package.kind, package.source_name(), &package.version)
        })
        .map(|package| package.name.as_str())
        .collect();
    binaries.sort_unstable();
    binaries.dedup();
    let (fixed, status, state) = rest;
    serde_json::from_value(json!({
        "vulnerability": format!("CVE-{number}"), "package": binaries[0], "binaries": binaries, "type": package.kind,
        "source": package.source_name(), "installed": package.version, "fixed": format!("{fixed}-1"),
        "status": status, "state": state, "decision": "scheduled", "deadline": null,
        "cvss": null, "epss": null, "kev": null, "ssvc": null,
        "evidence": {"rule": "", "scheme": "", "compared": "", "ecosystem": ""},
    }))
    .unwrap()
}

fn world() -> impl Strategy<Value = World> {
    let status = prop_oneof![6 => Just("fix_available"), 1 => Just("no_fix")];
    let state = prop_oneof![6 => Just("exposed"), 1 => Just("installed"), 1 => Just("dormant")];
    let exposure_parts = (any::<Index>(), 2..5_u8, status, state, 0..20_u8);
    (
        proptest::collection::vec(package(), 1..12),
        proptest::collection::vec(exposure_parts, 0..12),
    )
        .prop_map(|(mut stock, parts)| {
            let mut seen = BTreeSet::new();
            stock.retain(|(package, _)| seen.insert((package.name.clone(), package.arch.clone())));
            let os = Os {
                id: "debian".to_owned(),
                version_id: "12".to_owned(),
                ..Os::default()
            };
            let mut inventory = Inventory::new(os);
            for (package, offer) in stock {
                inventory.packages.push(package);
                inventory.offers.extend(offer);
            }
            let exposures =
                parts
                    .iter()
                    .enumerate()
                    .map(|(number, (of, fixed, status, state, _))| {
                        exposure(&inventory.packages, number, of, (*fixed, status, state))
                    });
            World {
                exposures: exposures.collect(),
                weights: parts.iter().map(|parts| f64::from(parts.4) / 4.0).collect(),
                inventory,
            }
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn every_exposure_is_in_exactly_one_place(world in world(), capacity in proptest::option::of(0..4_usize)) {
        let planned = world.plan(capacity);
        for exposure in &world.exposures {
            let name = &exposure.vulnerability;
            let resolved = planned.updates.iter().filter(|update| update.resolves.contains(name)).count();
            let held = planned.held.iter().filter(|held| {
                held.vulnerabilities.contains(name) && held.package == exposure.package && held.installed == exposure.installed
            });
            let expected = usize::from(exposure.state != ExposureState::Dormant);
            prop_assert_eq!(resolved + held.count(), expected, "{} in {:#?}", name, &planned);
        }
    }

    #[test]
    fn the_largest_risk_goes_first_and_what_stays_is_sorted_too(world in world()) {
        let planned = world.plan(None);
        let removed: Vec<f64> = planned.updates.iter().map(|update| update.risk_removed).collect();
        prop_assert!(removed.is_sorted_by(|a, b| a >= b), "{:?}", removed);
        prop_assert!(removed.iter().sum::<f64>() <= 1.0 + 1e-9, "{:?}", removed);
        let first_unknown = planned.updates.iter().position(|update| update.resolves.is_empty());
        let after = first_unknown.map_or(&[][..], |at| &planned.updates[at..]);
        prop_assert!(after.iter().all(|update| update.resolves.is_empty()));
        let stays: Vec<f64> = planned.held.iter().map(|held| world.weight_of(&held.vulnerabilities)).collect();
        prop_assert!(stays.is_sorted_by(|a, b| a >= b), "{:?}", stays);
    }

    #[test]
    fn the_order_of_the_databases_does_not_matter(
        (world, packages, offers) in world().prop_flat_map(|world| {
            let packages = Just(world.inventory.packages.clone()).prop_shuffle();
            let offers = Just(world.inventory.offers.clone()).prop_shuffle();
            (Just(world), packages, offers)
        })
    ) {
        let mut shuffled = world.clone();
        shuffled.inventory.packages = packages;
        shuffled.inventory.offers = offers;
        prop_assert_eq!(world.plan(None), shuffled.plan(None));
        prop_assert_eq!(world.plan(Some(1)), shuffled.plan(Some(1)));
    }

    #[test]
    fn capacity_takes_from_the_front_and_the_rest_waits(world in world(), capacity in 0..4_usize) {
        let (all, some) = (world.plan(None), world.plan(Some(capacity)));
        let kept = capacity.min(all.updates.len());
        prop_assert_eq!(&some.updates[..], &all.updates[..kept]);
        let waits: BTreeSet<&String> = some
            .held
            .iter()
            .filter(|held| held.reason == HoldReason::Capacity)
            .flat_map(|held| &held.vulnerabilities)
            .collect();
        let beyond: BTreeSet<&String> = all.updates[kept..].iter().flat_map(|update| &update.resolves).collect();
        prop_assert_eq!(waits, beyond);
        let others = |planned: &Planned| planned.held.iter().filter(|held| held.reason != HoldReason::Capacity).cloned().collect::<Vec<_>>();
        prop_assert_eq!(others(&some), others(&all));
    }

    #[test]
    fn no_update_contains_what_is_blocked_or_not_newer(world in world()) {
        let mut moved = BTreeSet::new();
        for member in world.plan(None).updates.iter().flat_map(|update| &update.members) {
            prop_assert!(moved.insert((member.package.clone(), member.arch.clone())), "{:?} moves twice", member);
            prop_assert!(member.to > member.from, "{:?}", member);
            let offer = world.inventory.offers.iter().find(|offer| {
                offer.package == member.package && offer.arch == member.arch && offer.version == member.to
            });
            prop_assert!(offer.is_some_and(|offer| offer.blocked.is_none()), "{:?}", member);
        }
    }

    #[test]
    fn planning_again_after_the_plan_is_done_adds_nothing(world in world()) {
        let planned = world.plan(None);
        let mut done = world.clone();
        for member in planned.updates.iter().flat_map(|update| &update.members) {
            for package in &mut done.inventory.packages {
                if package.kind == PackageType::Deb && package.name == member.package && package.arch == member.arch {
                    package.version.clone_from(&member.to);
                }
            }
        }
        let resolved: BTreeSet<&String> = planned.updates.iter().flat_map(|update| &update.resolves).collect();
        let (exposures, weights) = world
            .exposures
            .iter()
            .zip(&world.weights)
            .filter(|(exposure, _)| !resolved.contains(&exposure.vulnerability))
            .map(|(exposure, weight)| (exposure.clone(), *weight))
            .unzip();
        (done.exposures, done.weights) = (exposures, weights);
        let again = done.plan(None).updates;
        let ends: Vec<&String> = again.iter().flat_map(|update| &update.resolves).collect();
        prop_assert!(ends.is_empty(), "{:?} after {:#?}", again, planned.updates);
    }
}
