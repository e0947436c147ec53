//! Which packages the files belong to that processes have mapped. Only dpkg's lists of files are asked.

use overlock_model::effective::Effective;
use overlock_model::package::{Package, PackageType};
use overlock_packages::deb;
use overlock_rootfs::Root;
use std::collections::{BTreeMap, BTreeSet};

/// Names the packages of replaced files that processes still run. The file lists of all `packages` are read, which
/// costs time only on a host that has such processes.
pub fn of_stale_files<'a>(
    root: &Root,
    effective: &mut Effective,
    packages: impl IntoIterator<Item = &'a Package>,
) {
    let files = effective.stale.iter().flat_map(|process| &process.files);
    let owners = owners(root, packages, files);
    for process in &mut effective.stale {
        process.packages = packages_of(&owners, &process.files);
    }
}

/// Names, for each unit, which of `packages` it runs code of.
pub fn of_units<'a>(
    root: &Root,
    effective: &mut Effective,
    packages: impl IntoIterator<Item = &'a Package>,
) {
    let files = effective.units.iter().flat_map(|unit| &unit.files);
    let owners = owners(root, packages, files);
    for unit in &mut effective.units {
        unit.packages = packages_of(&owners, &unit.files);
    }
}

fn owners<'a, 'f>(
    root: &Root,
    packages: impl IntoIterator<Item = &'a Package>,
    files: impl Iterator<Item = &'f String>,
) -> BTreeMap<String, BTreeSet<String>> {
    let files: BTreeSet<&str> = files.map(String::as_str).collect();
    let mut owners: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    if files.is_empty() {
        return owners;
    }
    let files: Vec<&str> = files.into_iter().collect();
    let packages: Vec<&Package> = packages
        .into_iter()
        .filter(|package| package.kind == PackageType::Deb)
        .collect();
    // A file list that cannot be read leaves its files without an owner, as they are without dpkg.
    for owner in deb::owners(root, &packages, &files).unwrap_or_default() {
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
