//! Package sets made from real ones: 700 packages of a real host, patched up to a day.
//!
//! A base is a real inventory (Debian 12 from dpkg's own status file, others from scans of real hosts), filled up to more
//! than 700 packages by what the release's archive or table names. A set takes 700 of them, and gives each package the
//! newest fixed version that its advisories had on the set's own day, as hosts have that are patched now and then; one
//! package in fifty was held back.

use crate::world::World;
use anyhow::{Context as _, Result, ensure};
use overlock_matching::Advisories;
use overlock_model::inventory::Inventory;
use overlock_model::os::{InstalledKernel, Os};
use overlock_model::package::{Package, PackageType};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

pub const PACKAGES: usize = 700;

/// Splitmix64: the same fleet in each run.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ bits >> 31
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

/// A fixed version, and when it came out.
type Fix = (i64, String);

struct Base {
    inventory: Inventory,
    /// Fixes of each package, by day; empty where no advisory names it.
    fixes: Vec<Vec<Fix>>,
}

pub struct Sets {
    bases: Vec<Base>,
}

impl Sets {
    pub fn open(world: &World) -> Result<Self> {
        let shared = overlock_testkit::shared_folder().context("the shared data is not here")?;
        let mut inventories = vec![debian_12(&overlock_testkit::dpkg_status(&shared)?)];
        for (_, inventory) in overlock_testkit::vuls::inventories(&shared)? {
            let has_table = inventory
                .os
                .ecosystem()
                .is_some_and(|ecosystem| world.index(&ecosystem).is_some());
            if has_table && inventory.packages.len() >= 250 {
                inventories.push(inventory);
            }
        }
        let bases: Vec<Base> = inventories
            .into_iter()
            .map(|mut inventory| {
                fill(&mut inventory, &shared, world)?;
                Ok(Base {
                    fixes: inventory
                        .packages
                        .iter()
                        .map(|package| fixes(world, &inventory.os, package))
                        .collect(),
                    inventory,
                })
            })
            .collect::<Result<_>>()?;
        ensure!(!bases.is_empty(), "no inventory to begin with");
        Ok(Self { bases })
    }

    /// The set of a number; always the same.
    pub fn inventory(&self, _world: &World, number: usize) -> Inventory {
        let mut dice = Dice::new(number as u64 ^ 0x5e7);
        // Every other set is of the largest real inventory, the rest of all others in turn.
        let base = if number.is_multiple_of(2) {
            &self.bases[0]
        } else {
            &self.bases[number / 2 % self.bases.len()]
        };
        let day = (dice.below(3 * 365) as i64 + 20) * 86_400_000_000;
        let newest = base
            .fixes
            .iter()
            .flatten()
            .map(|(issued, _)| *issued)
            .max()
            .unwrap_or_default();
        let mut inventory = base.inventory.clone();
        inventory.packages.clear();
        let mut to_drop = base.inventory.packages.len() - PACKAGES;
        for (at, (package, fixes)) in base.inventory.packages.iter().zip(&base.fixes).enumerate() {
            let left = base.inventory.packages.len() - at;
            // Kernels stay; of the rest each is as likely to be left out as any other.
            let kernel =
                package.name.starts_with("linux-image") || package.name.starts_with("kernel");
            if !kernel && to_drop > 0 && dice.below(left) < to_drop {
                to_drop -= 1;
                continue;
            }
            let mut package = package.clone();
            let held_back = dice.below(50) == 0;
            let until = newest - day - if held_back { 400 * 86_400_000_000 } else { 0 };
            let reached = fixes.iter().rev().find(|(issued, _)| *issued <= until);
            if let Some((_, version)) = reached.filter(|_| !kernel) {
                version.clone_into(&mut package.version);
                package.source_version = None;
            }
            inventory.packages.push(package);
        }
        inventory.packages.truncate(PACKAGES);
        inventory
    }
}

/// Fixes that a table has for a package, oldest first.
fn fixes(world: &World, os: &Os, package: &Package) -> Vec<Fix> {
    let Some(table) = os.ecosystem().and_then(|ecosystem| world.index(&ecosystem)) else {
        return Vec::new();
    };
    let (name, _) = overlock_matching::judged_as(package);
    let mut fixes: Vec<Fix> = table
        .package(&name)
        .into_iter()
        .flat_map(|rows| rows.fixed())
        .filter(|row| row.module().is_none() && !row.is_overlay())
        .filter_map(|row| Some((row.issued_us()?, row.bound()?.to_owned())))
        .collect();
    fixes.sort();
    fixes.dedup();
    fixes
}

/// Adds packages of the release until there are some more than a set takes.
fn fill(inventory: &mut Inventory, shared: &Path, world: &World) -> Result<()> {
    let wanted = PACKAGES + 70;
    let have: BTreeSet<String> = inventory
        .packages
        .iter()
        .map(|package| package.name.clone())
        .collect();
    let mut more: Vec<Package> = match inventory.os.version_id.as_str() {
        _ if inventory.packages.len() >= wanted => Vec::new(),
        "11" if inventory.os.id == "debian" => archive(shared, "bullseye")?,
        "12" if inventory.os.id == "debian" => archive(shared, "bookworm")?,
        "13" if inventory.os.id == "debian" => archive(shared, "trixie")?,
        _ => named_by_table(inventory, world),
    };
    more.retain(|package| !have.contains(&package.name));
    let step = (more.len() / (wanted + 1).saturating_sub(inventory.packages.len()).max(1)).max(1);
    for package in more.into_iter().step_by(step) {
        if inventory.packages.len() >= wanted {
            break;
        }
        inventory.packages.push(package);
    }
    ensure!(
        inventory.packages.len() >= PACKAGES,
        "{:?} has only {} packages",
        inventory.os,
        inventory.packages.len()
    );
    Ok(())
}

fn archive(shared: &Path, suite: &str) -> Result<Vec<Package>> {
    let path = shared.join(format!("data/debian-packages-{suite}-amd64.txt.zst"));
    let text = overlock_testkit::zstd_text(&path)?;
    Ok(stanzas(&text)
        .filter(|stanza| {
            stanza
                .get("Suite")
                .is_none_or(|in_suite| *in_suite == suite)
        })
        .filter_map(|stanza| package(&stanza))
        .collect())
}

fn named_by_table(inventory: &Inventory, world: &World) -> Vec<Package> {
    let kind = inventory
        .packages
        .first()
        .map_or(PackageType::Rpm, |package| package.kind.clone());
    let table = inventory
        .os
        .ecosystem()
        .and_then(|ecosystem| world.index(&ecosystem));
    table
        .into_iter()
        .flat_map(|table| table.packages().collect::<Vec<_>>())
        .filter_map(|rows| {
            let oldest = rows.fixed().find(|row| row.module().is_none())?;
            let mut package = Package::new(kind.clone(), rows.name(), oldest.bound()?);
            package.arch = inventory.arch.clone();
            Some(package)
        })
        .collect()
}

fn debian_12(status: &str) -> Inventory {
    let mut inventory = Inventory::new(Os {
        id: "debian".to_owned(),
        version_id: "12".to_owned(),
        codename: Some("bookworm".to_owned()),
        ..Os::default()
    });
    inventory.arch = Some("amd64".to_owned());
    inventory.packages = stanzas(status)
        .filter_map(|stanza| package(&stanza))
        .collect();
    let images: Vec<InstalledKernel> = inventory
        .packages
        .iter()
        .filter_map(|package| {
            let release = package.name.strip_prefix("linux-image-")?;
            release
                .starts_with(|first: char| first.is_ascii_digit())
                .then(|| InstalledKernel {
                    release: release.to_owned(),
                    package: package.name.clone(),
                    version: package.version.clone(),
                })
        })
        .collect();
    inventory.kernel.running = images.first().map(|image| image.release.clone());
    inventory.kernel.installed = images;
    inventory
}

fn stanzas(text: &str) -> impl Iterator<Item = BTreeMap<&str, &str>> {
    text.split("\n\n").map(|stanza| {
        stanza
            .lines()
            .filter(|line| !line.starts_with(' '))
            .filter_map(|line| line.split_once(": "))
            .collect()
    })
}

fn package(stanza: &BTreeMap<&str, &str>) -> Option<Package> {
    let mut package = Package::new(
        PackageType::Deb,
        *stanza.get("Package")?,
        *stanza.get("Version")?,
    );
    package.arch = stanza.get("Architecture").map(|arch| (*arch).to_owned());
    if let Some(source) = stanza.get("Source") {
        let (name, version) = match source.split_once(" (") {
            Some((name, version)) => (name, Some(version.trim_end_matches(')').to_owned())),
            None => (*source, None),
        };
        package.source = Some(name.to_owned());
        package.source_version = version;
    }
    Some(package)
}
