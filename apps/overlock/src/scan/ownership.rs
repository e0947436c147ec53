//! Which packages the files belong to that processes have mapped.

use overlock_model::inventory::Inventory;
use overlock_model::package::{Package, PackageType};
use overlock_packages::deb;
use overlock_rootfs::Root;
use std::collections::{BTreeMap, BTreeSet};

/// Names the packages of replaced files that processes still run. All file lists are read, which costs time only on a
/// host that has such processes.
pub fn of_stale_files(root: &Root, inventory: &mut Inventory) {
    let Some(effective) = &mut inventory.effective else {
        return;
    };
    let paths: BTreeSet<&str> = effective
        .stale
        .iter()
        .flat_map(|process| &process.files)
        .map(String::as_str)
        .collect();
    if paths.is_empty() {
        return;
    }
    let owners = owners(root, inventory.packages.iter(), &paths);
    for process in &mut effective.stale {
        process.packages = packages_of(&owners, &process.files);
    }
}

/// Names, for each unit, which of `packages` it runs code of.
pub fn of_units<'a>(
    root: &Root,
    inventory: &mut Inventory,
    packages: impl Fn(&Package) -> bool + 'a,
) {
    let Some(effective) = &mut inventory.effective else {
        return;
    };
    let paths: BTreeSet<&str> = effective
        .units
        .iter()
        .flat_map(|unit| &unit.files)
        .map(String::as_str)
        .collect();
    let owners = owners(
        root,
        inventory
            .packages
            .iter()
            .filter(|package| packages(package)),
        &paths,
    );
    for unit in &mut effective.units {
        unit.packages = packages_of(&owners, &unit.files);
    }
}

fn owners<'a>(
    root: &Root,
    packages: impl Iterator<Item = &'a Package>,
    paths: &BTreeSet<&str>,
) -> BTreeMap<String, BTreeSet<String>> {
    let packages: Vec<&Package> = packages
        .filter(|package| package.kind == PackageType::Deb)
        .collect();
    let paths: Vec<&str> = paths.iter().copied().collect();
    let mut owners: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    // A file list that cannot be read leaves its files without an owner, as they are without dpkg.
    for owner in deb::owners(root, &packages, &paths).unwrap_or_default() {
        owners.entry(owner.path).or_default().insert(owner.package);
    }
    owners
}

fn packages_of(owners: &BTreeMap<String, BTreeSet<String>>, files: &[String]) -> Vec<String> {
    let packages: BTreeSet<&String> = files
        .iter()
        .filter_map(|file| owners.get(file))
        .flatten()
        .collect();
    packages.into_iter().cloned().collect()
}
