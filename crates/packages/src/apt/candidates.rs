//! For each installed package: where its version comes from, and what apt would install.

use super::cache::Cache;
use super::policy::{Choose, Policy, Version, newest_first};
use super::repositories::Index;
use super::table::Record;
use crate::Survey;
use overlock_model::package::{Hold, Package, PackageType};
use overlock_model::repository::{Blocked, Offer};
use overlock_rootfs::Root;

/// The repository of an offer that only the status file has: apt's own word for it.
const STATUS_REPOSITORY: &str = "now";

/// Sets `Package::origin` and fills `survey.offers`. List 0 of the policy is the status file, list n the index n - 1.
pub(super) fn offer(
    root: &Root,
    packages: &mut [Package],
    policy: &Policy,
    native: &str,
    indexes: &mut [Index],
    cache: Cache<'_>,
    survey: &mut Survey,
) {
    for package in packages
        .iter_mut()
        .filter(|package| package.kind == PackageType::Deb)
    {
        let mut records = Vec::new();
        for (number, index) in indexes.iter_mut().enumerate() {
            let found = match index.table.find(&package.name) {
                Ok(found) => found,
                Err(_) => match cache.build_table(root, &index.path) {
                    Ok(table) => {
                        index.table = table;
                        index.table.find(&package.name).unwrap_or_default()
                    }
                    Err(error) => {
                        survey.miss_error(&index.path, &error);
                        continue;
                    }
                },
            };
            records.extend(found.into_iter().map(|record| (number, record)));
        }
        let arch = apt_arch(package.arch.as_deref().unwrap_or_default(), native).to_owned();
        records.retain(|(_, record)| apt_arch(&record.arch, native) == arch);
        if records.is_empty() {
            continue;
        }
        package.origin = records
            .iter()
            .filter(|(_, record)| {
                record.version == package.version && Some(&record.arch) == package.arch.as_ref()
            })
            .find_map(|(number, _)| indexes.get(*number)?.list.origin.clone());
        survey
            .offers
            .extend(choose(package, &arch, policy, indexes, &records));
    }
}

/// apt files `all` packages under the native architecture.
fn apt_arch<'a>(arch: &'a str, native: &'a str) -> &'a str {
    if arch == "all" { native } else { arch }
}

fn choose(
    package: &Package,
    arch: &str,
    policy: &Policy,
    indexes: &[Index],
    records: &[(usize, Record)],
) -> Option<Offer> {
    let mut versions: Vec<Version> = Vec::new();
    for (number, record) in records {
        match versions
            .iter_mut()
            .find(|version| version.version == record.version)
        {
            Some(known) => {
                known.lists.push(number + 1);
                // The last list that states a share decides, as in apt.
                known.phased_percent = record.phased_percent.unwrap_or(known.phased_percent);
            }
            None => versions.push(Version {
                version: record.version.clone(),
                source: record.source.clone().unwrap_or_else(|| record.name.clone()),
                source_version: record
                    .source_version
                    .clone()
                    .unwrap_or_else(|| record.version.clone()),
                lists: vec![number + 1],
                phased_percent: record.phased_percent.unwrap_or(100),
            }),
        }
    }
    match versions
        .iter_mut()
        .find(|version| version.version == package.version)
    {
        Some(known) => known.lists.push(0),
        None => versions.push(Version {
            version: package.version.clone(),
            source: package.source_name().to_owned(),
            source_version: package.source_version().to_owned(),
            lists: vec![0],
            phased_percent: 100,
        }),
    }
    newest_first(&mut versions);
    let installed = versions
        .iter()
        .position(|version| version.version == package.version);
    let (index, mut blocked) = match policy.choose(&package.name, arch, &versions, installed) {
        Choose::Candidate(index) => (index, None),
        Choose::Phased(index) => (
            index,
            versions.get(index).map(|v| Blocked::Phased {
                percent: v.phased_percent,
            }),
        ),
        Choose::Pinned(index, priority) => (index, Some(Blocked::Pin { priority })),
        Choose::Nothing => return None,
    };
    let version = versions.get(index)?;
    // A pin stays the reason: without the hold there would still be nothing to install.
    let pinned = matches!(blocked, Some(Blocked::Pin { .. }));
    if package.hold == Some(Hold::Hold) && Some(index) != installed && !pinned {
        blocked = Some(Blocked::Hold);
    }
    let held_by = || {
        version
            .lists
            .iter()
            .filter_map(|list| indexes.get(list.checked_sub(1)?))
    };
    // apt fetches from the first source that has the version.
    let record = records
        .iter()
        .find(|(_, record)| record.version == version.version)
        .map(|(_, record)| record);
    Some(Offer {
        package: package.name.clone(),
        arch: record
            .map(|record| record.arch.clone())
            .or_else(|| package.arch.clone()),
        version: version.version.clone(),
        source: Some(version.source.clone()),
        source_version: Some(version.source_version.clone())
            .filter(|source| *source != version.version),
        repository: held_by().next().map_or_else(
            || STATUS_REPOSITORY.to_owned(),
            |index| index.repository.clone(),
        ),
        security: held_by().any(|index| index.security),
        sha256: record.and_then(|record| record.sha256.clone()),
        size_bytes: record.and_then(|record| record.size_bytes),
        requires_exactly: record
            .map(|record| record.requires_exactly.clone())
            .unwrap_or_default(),
        blocked,
    })
}
