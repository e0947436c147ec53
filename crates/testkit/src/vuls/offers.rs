//! What the repositories offered when Vuls looked.

use super::record::Record;
use super::said;
use overlock_model::package::Package;
use overlock_model::repository::{Offer, Repository, Signature};
use std::collections::BTreeSet;

/// Stands for the repository of an offer whose repository the scanner did not note.
const UNSTATED: &str = "unstated";

/// The repositories that the offers name; of each only the id is known.
pub(super) fn repositories(record: &Record) -> Vec<Repository> {
    let ids: BTreeSet<&str> = record
        .packages
        .iter()
        .flatten()
        .filter(|(_, binary)| binary.offered_version().is_some())
        .map(|(_, binary)| repository_id(&binary.repository))
        .collect();
    ids.into_iter()
        .map(|id| Repository {
            id: id.to_owned(),
            uri: String::new(),
            origin: None,
            label: None,
            suite: id.split_once('/').map(|(suite, _)| suite.to_owned()),
            codename: None,
            security: is_security(id),
            signature: Signature::Unchecked {
                why: "a saved inventory holds no repository metadata".to_owned(),
            },
            dated: None,
            valid_until: None,
            fetched: None,
            packages: None,
        })
        .collect()
}

/// One offer for each package of which the scanner knew a candidate; `installed` are the same packages in the same order.
pub(super) fn offers(record: &Record, installed: &[Package]) -> Vec<Offer> {
    record
        .packages
        .iter()
        .flatten()
        .zip(installed)
        .filter_map(|((_, binary), package)| {
            let version = binary.offered_version()?;
            Some(Offer {
                package: binary.name.clone(),
                arch: said(&binary.arch),
                version,
                source: package.source.clone(),
                source_version: None,
                repository: repository_id(&binary.repository).to_owned(),
                security: is_security(&binary.repository),
                sha256: None,
                size_bytes: None,
                requires_exactly: Vec::new(),
                blocked: None,
            })
        })
        .collect()
}

fn repository_id(repository: &str) -> &str {
    if repository.is_empty() {
        UNSTATED
    } else {
        repository
    }
}

/// apt's security suites say so in their names (`bookworm-security/main`); rpm repositories mix all kinds of updates.
fn is_security(repository: &str) -> bool {
    repository
        .split('/')
        .next()
        .is_some_and(|suite| suite.ends_with("-security"))
}
