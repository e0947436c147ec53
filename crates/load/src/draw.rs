//! Package sets of simulated hosts, drawn from inventories of real ones.

use anyhow::{Context, Result, ensure};
use overlock_model::inventory::Inventory;
use overlock_model::package::Package;
use overlock_protocol::content::{self, Labels, Sections};
use overlock_protocol::section::Section;
use std::path::Path;
use std::sync::Arc;

/// A distinct package set: the sections that all hosts with it share, and what the rest of a host is made from.
#[derive(Debug)]
pub struct PackageSet {
    /// A host of this kind, with its packages.
    pub inventory: Inventory,
    /// Its sections; `system` is made anew for each host.
    pub sections: Sections,
}

/// Draws `count` distinct sets of `packages` packages each, from real hosts that have at least as many; the same seed
/// draws the same sets.
///
/// # Errors
/// When the shared data cannot be read or has no host that large.
pub fn package_sets(
    shared: &Path,
    count: usize,
    packages: usize,
    seed: u64,
) -> Result<Vec<Arc<PackageSet>>> {
    let mut hosts: Vec<Inventory> = overlock_testkit::vuls::inventories(shared)?
        .into_iter()
        .map(|(_, inventory)| inventory)
        .filter(|inventory| inventory.os.ecosystem().is_some())
        .filter(|inventory| inventory.packages.len() >= 100)
        .collect();
    ensure!(!hosts.is_empty(), "the shared data holds no large host");
    hosts.sort_by_key(|inventory| std::cmp::Reverse(inventory.packages.len()));
    let mut random = Random(seed);
    (0..count)
        .map(|number| {
            let host = hosts
                .get(number % hosts.len())
                .context("no host to draw from")?;
            let mut inventory = host.clone();
            inventory.packages = sample(&host.packages, packages, &mut random);
            // Fewer packages than wanted: the rest are copies under names that no advisory speaks of.
            for extra in inventory.packages.len()..packages {
                let mut package = Package::new(
                    inventory
                        .packages
                        .first()
                        .context("a host without packages")?
                        .kind
                        .clone(),
                    format!("simulated-{number}-{extra}"),
                    "1.0-1",
                );
                package.origin.clone_from(&host.os.name);
                inventory.packages.push(package);
            }
            inventory.offers.retain(|offer| {
                inventory
                    .packages
                    .iter()
                    .any(|package| package.name == offer.package)
            });
            let sections = content::sections(&inventory, &Labels::new())?;
            Ok(Arc::new(PackageSet {
                inventory,
                sections,
            }))
        })
        .collect()
}

fn sample(packages: &[Package], wanted: usize, random: &mut Random) -> Vec<Package> {
    let mut packages = packages.to_vec();
    while packages.len() > wanted {
        let at = random.below(packages.len());
        packages.swap_remove(at);
    }
    // Real hosts differ by a few packages even where they have less than were wanted.
    if packages.len() > 20 {
        for _ in 0..3 {
            let at = random.below(packages.len());
            packages.swap_remove(at);
        }
    }
    packages
}

/// SplitMix64: small, seeded, good enough to draw with.
#[derive(Debug)]
pub struct Random(pub u64);

impl Random {
    /// A number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`; 0 where there is none.
    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.number() % (limit.max(1) as u64)).unwrap_or(0)
    }

    /// Random bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        for chunk in bytes.chunks_mut(8) {
            for (to, from) in chunk.iter_mut().zip(self.number().to_le_bytes()) {
                *to = from;
            }
        }
        bytes
    }
}

/// The sections of one host with this set: its own `system`, everything else shared.
///
/// # Errors
/// When the system cannot be written as canonical JSON, which it can.
pub fn sections_of(set: &PackageSet, name: &str) -> Result<Sections> {
    let mut own = Inventory::new(set.inventory.os.clone());
    own.host = Some(name.to_owned());
    own.arch.clone_from(&set.inventory.arch);
    own.kernel = set.inventory.kernel.clone();
    let system = content::sections(&own, &Labels::new())?
        .remove(&Section::System)
        .context("a host has a system")?;
    let mut sections = set.sections.clone();
    sections.insert(Section::System, system);
    Ok(sections)
}
