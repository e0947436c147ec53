//! Fixed means running: vulnerabilities of versions that are no longer installed and still run.
//!
//! A process that maps a replaced file runs the version that was installed when it started. dpkg's log says which one
//! that was; it is judged like an installed version, and what it was vulnerable to and the installed version is not
//! is an exposure in state `installed`: the fix is there, the old code runs until a restart.

use super::tables::AtHand;
use overlock_host::history::upgrades_since;
use overlock_matching::{Context, Finding, assess};
use overlock_model::exposure::{ExposureState, ExposureStatus};
use overlock_model::inventory::Inventory;
use overlock_model::package::Package;
use overlock_rootfs::Root;
use std::collections::{BTreeMap, BTreeSet};

/// Findings of old code that still runs.
pub fn findings(
    root: &Root,
    inventory: &Inventory,
    tables: &AtHand,
    context: &Context,
) -> Vec<Finding> {
    let old = old_versions(root, inventory);
    if old.is_empty() {
        return Vec::new();
    }
    let mut past = Inventory::new(inventory.os.clone());
    past.repositories.clone_from(&inventory.repositories);
    past.offers.clone_from(&inventory.offers);
    past.packages = old
        .keys()
        .map(|(package, version)| at_version(inventory, package, version))
        .collect();
    let now: BTreeSet<(&str, &str)> = inventory
        .packages
        .iter()
        .map(|package| (package.name.as_str(), package.version.as_str()))
        .collect();
    let mut findings = assess(&past, tables, context).findings;
    findings.retain(|finding| {
        // What the installed version has too is reported for it; what it has not needs a fix that is installed.
        finding.status == ExposureStatus::FixAvailable
            && finding
                .binaries
                .iter()
                .all(|(name, version)| !now.contains(&(name.as_str(), version.as_str())))
            && fix_is_installed(inventory, finding)
    });
    for finding in &mut findings {
        finding.state = ExposureState::Installed;
        for (name, version) in &finding.binaries {
            if let Some(users) = old.get(&(name.clone(), version.clone())) {
                let users: Vec<&str> = users.iter().map(String::as_str).collect();
                finding.evidence.notes.push(format!(
                    "{} still runs {name} {version}: restart needed",
                    users.join(", ")
                ));
            }
        }
    }
    findings
}

/// Old versions that processes run, with the units (or processes) that do.
fn old_versions(
    root: &Root,
    inventory: &Inventory,
) -> BTreeMap<(String, String), BTreeSet<String>> {
    let mut old: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    if let Some(package) = replaced_kernel(inventory) {
        old.entry(package)
            .or_default()
            .insert("the running kernel".to_owned());
    }
    let stale = inventory
        .effective
        .iter()
        .flat_map(|effective| &effective.stale);
    let started: Vec<_> = stale
        .filter(|process| !process.packages.is_empty())
        .collect();
    let Some(first) = started.iter().filter_map(|process| process.started).min() else {
        return old;
    };
    let history = upgrades_since(root, first, &jiff::tz::TimeZone::system());
    for process in started {
        let Some(since) = process.started else {
            continue;
        };
        for package in &process.packages {
            if let Some(version) = history.version_at(package, None, since) {
                let user = process
                    .unit
                    .clone()
                    .unwrap_or_else(|| format!("{} (pid {})", process.name, process.pid));
                old.entry((package.clone(), version.to_owned()))
                    .or_default()
                    .insert(user);
            }
        }
    }
    old
}

/// The package whose image was booted and has since been replaced under the same release name, at the version that was
/// booted (the kernel states its build itself).
fn replaced_kernel(inventory: &Inventory) -> Option<(String, String)> {
    let kernel = &inventory.kernel;
    let (release, booted) = (
        kernel.running.as_deref()?,
        kernel.running_version.as_deref()?,
    );
    let image = kernel
        .installed
        .iter()
        .find(|image| image.release == release)?;
    (image.version != booted).then(|| (image.package.clone(), booted.to_owned()))
}

/// The installed package as it was at an older version. The log has binary versions only, so a source version that
/// differs from them is derived by the usual rules.
fn at_version(inventory: &Inventory, name: &str, version: &str) -> Package {
    let installed = inventory
        .packages
        .iter()
        .find(|package| package.name == name);
    let mut package = installed
        .cloned()
        .unwrap_or_else(|| Package::new(overlock_model::package::PackageType::Deb, name, version));
    version.clone_into(&mut package.version);
    package.source_version = None;
    // The old version stands in no index: its name decides whose build it is.
    package.origin = None;
    package
}

fn fix_is_installed(inventory: &Inventory, finding: &Finding) -> bool {
    let Some(fixed) = finding.fixed.as_deref() else {
        return false;
    };
    inventory
        .packages
        .iter()
        .filter(|package| {
            finding
                .binaries
                .iter()
                .any(|(name, _)| *name == package.name)
        })
        .any(|package| {
            let (_, version) = overlock_matching::judged_as(package);
            overlock_versions::compare(finding.scheme, &version, fixed)
                .is_ok_and(std::cmp::Ordering::is_ge)
        })
}
