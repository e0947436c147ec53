//! Inventories of 70 real hosts, read from results of the scanner Vuls.
//!
//! Tests of matching and of whole scans call [`inventories`]. Nothing is dropped and nothing guessed: an empty text
//! becomes "not said", a host without packages stays a host, and Windows programs stay packages of a type of their own.
//!
//! ```text
//! vuls-host-inventories.jsonl.zst ──► record (as written) ──► system (words of os-release) ──► Inventory
//!                                                        └──► packages, sources, offers
//! ```

mod offers;
mod record;
mod system;

use anyhow::{Context, Result};
use overlock_model::inventory::Inventory;
use overlock_model::package::{Package, PackageType};
use record::Record;
use std::collections::BTreeMap;
use std::path::Path;

/// Every host with the name of the file it came from (`debian_12.json`), in the order of the file.
///
/// `shared` is the folder that [`crate::shared`] gives.
///
/// # Errors
/// When the file cannot be read or a line is no scan result.
pub fn inventories(shared: &Path) -> Result<Vec<(String, Inventory)>> {
    crate::zstd_text(&shared.join("data/inventories/vuls-host-inventories.jsonl.zst"))?
        .lines()
        .enumerate()
        .map(|(number, line)| {
            let record: Record = serde_json::from_str(line)
                .with_context(|| format!("line {} is no scan result", number + 1))?;
            Ok((record.file.clone(), inventory(record)))
        })
        .collect()
}

fn inventory(record: Record) -> Inventory {
    let mut inventory = Inventory::new(system::os(&record));
    inventory.host = record.file.strip_suffix(".json").map(str::to_owned);
    inventory.collected = record.scanned_at.parse().ok();
    let kind = system::package_type(&record.family);
    inventory.packages = packages(&kind, &record);
    inventory.arch = system::arch(&record, &inventory.packages);
    inventory.kernel = system::kernel(&record, &inventory.packages);
    inventory.repositories = offers::repositories(&record);
    inventory.offers = offers::offers(&record, &inventory.packages);
    inventory
}

fn packages(kind: &PackageType, record: &Record) -> Vec<Package> {
    let mut sources = BTreeMap::new();
    for source in record.sources.iter().flatten().map(|(_, source)| source) {
        for binary in &source.binaries {
            sources.insert(binary.as_str(), source);
        }
    }
    record
        .packages
        .iter()
        .flatten()
        .map(|(_, raw)| {
            let mut package = Package::new(kind.clone(), &raw.name, raw.full_version());
            package.epoch = epoch(kind, &package.version);
            package.arch = said(&raw.arch);
            package.module = said(&raw.module);
            if let Some(source) = sources.get(raw.name.as_str()) {
                package.source = (source.name != raw.name).then(|| source.name.clone());
                package.source_version = source_version(kind, &source.version, &package.version);
            }
            package
        })
        .collect()
}

/// Vuls writes an epoch into the version unless it is 0; Windows and apk have none.
fn epoch(kind: &PackageType, version: &str) -> Option<u32> {
    if !matches!(kind, PackageType::Deb | PackageType::Rpm) {
        return None;
    }
    version
        .split_once(':')
        .map_or(Some(0), |(epoch, _)| epoch.parse().ok())
}

/// The source's version where it differs. A source rpm has no epoch of its own, so there it does not count.
fn source_version(kind: &PackageType, source: &str, binary: &str) -> Option<String> {
    let (source, binary) = match kind {
        PackageType::Rpm => (without_epoch(source), without_epoch(binary)),
        _ => (source, binary),
    };
    (source != binary).then(|| source.to_owned())
}

fn without_epoch(version: &str) -> &str {
    version.split_once(':').map_or(version, |(_, rest)| rest)
}

fn said(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests;
