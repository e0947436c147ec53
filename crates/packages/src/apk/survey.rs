//! What the cached indexes of the configured repositories offer.
//!
//! apk takes the newest version of all untagged repositories; a tagged one serves only packages whose wish in the
//! world file names the tag. A version limit in the world file is the administrator's and shows as a hold.

use super::index::{Indexed, STORED_BYTES, read_index};
use super::key;
use super::repositories::{self, Configured};
use super::world::{self, Wish};
use crate::{PackagesError, Survey};
use jiff::Timestamp;
use overlock_model::package::{Package, PackageType};
use overlock_model::repository::{Blocked, Offer, Repository, Signature};
use overlock_rootfs::Root;
use overlock_versions::{Scheme, SortKey, key as sort_key};
use std::collections::{HashMap, HashSet};

const CONFIGURATION: &str = "/etc/apk/repositories";
const CONFIGURATION_FOLDER: &str = "/etc/apk/repositories.d";
/// apk's own cache, and the folder that `setup-apkcache` links to a larger disk.
const CACHES: [&str; 2] = ["/var/cache/apk", "/etc/apk/cache"];
const FILE_BYTES: u64 = 4 << 20;
const MAX_FILES: usize = 10_000;

/// Reads the configured repositories and their cached indexes, and works out what they offer.
///
/// Sets `origin` of each package that some index lists in exactly this version: the owner of the key that signed the
/// index where the signature holds, else the repository's name.
pub fn survey(root: &Root, packages: &mut [Package]) -> Survey {
    let mut survey = Survey::default();
    let configured = configuration(root, &mut survey);
    let world = match root.read_optional("/etc/apk/world", FILE_BYTES) {
        Ok(bytes) => world::parse(&bytes.unwrap_or_default()),
        Err(error) => {
            survey.miss("/etc/apk/world", error.to_string());
            Vec::new()
        }
    };
    let names: HashSet<&str> = packages
        .iter()
        .filter(|package| package.kind == PackageType::Apk)
        .map(|package| package.name.as_str())
        .collect();
    let mut listed: Vec<(usize, Indexed)> = Vec::new();
    for (number, repository) in configured.iter().enumerate() {
        let mut described = describe(repository);
        match find(root, repository) {
            Ok(Some((path, stored, fetched))) => {
                described.fetched = fetched;
                let (signature, signer) = key::verify(root, &stored);
                described.signature = signature;
                described.origin = signer.map(|key| owner(&key).to_owned());
                match read_index(&path, &stored, |name| names.contains(name)) {
                    Ok(index) => {
                        described.packages = Some(index.packages);
                        listed.extend(index.indexed.into_iter().map(|indexed| (number, indexed)));
                    }
                    Err(error) => survey.miss_error(path, &error),
                }
            }
            Ok(None) => survey.miss(
                format!("repository {}", repository.id),
                "no index of it is on this host",
            ),
            Err(error) => survey.miss_error(format!("repository {}", repository.id), &error),
        }
        survey.repositories.push(described);
    }
    drop(names);
    let mut by_name: HashMap<&str, Vec<&(usize, Indexed)>> = HashMap::new();
    for entry in &listed {
        by_name.entry(&entry.1.name).or_default().push(entry);
    }
    for package in packages
        .iter_mut()
        .filter(|package| package.kind == PackageType::Apk)
    {
        let Some(entries) = by_name.get(package.name.as_str()) else {
            continue;
        };
        if package.origin.is_none()
            && let Some((number, _)) = entries
                .iter()
                .find(|(_, indexed)| indexed.version == package.version)
            && let Some(repository) = survey.repositories.get(*number)
        {
            package.origin = Some(
                repository
                    .origin
                    .clone()
                    .unwrap_or_else(|| repository.id.clone()),
            );
        }
        let wishes: Vec<_> = world.iter().filter(|wish| wish.concerns(package)).collect();
        survey
            .offers
            .extend(offer(package, entries, &configured, &wishes));
    }
    survey
        .offers
        .sort_by(|a, b| (&a.package, &a.arch).cmp(&(&b.package, &b.arch)));
    survey
}

fn offer(
    package: &Package,
    entries: &[&(usize, Indexed)],
    configured: &[Configured],
    wishes: &[&Wish],
) -> Option<Offer> {
    let installed = sort_key(Scheme::Apk, &package.version).ok()?;
    let mut candidates: Vec<(SortKey, &Configured, &Indexed)> = entries
        .iter()
        .filter_map(|(number, indexed)| {
            let repository = configured.get(*number)?;
            let is_asked = |tag| wishes.iter().any(|wish| wish.tag.as_ref() == Some(tag));
            let is_served = repository.tag.as_ref().is_none_or(is_asked);
            is_served.then(|| {
                Some((
                    sort_key(Scheme::Apk, &indexed.version).ok()?,
                    repository,
                    indexed,
                ))
            })?
        })
        .collect();
    candidates.sort_by(|a, b| b.0.cmp(&a.0));
    let (newest_key, newest_repository, newest) = candidates.first()?;
    let allowed = candidates
        .iter()
        .find(|(_, _, indexed)| wishes.iter().all(|wish| wish.allows(&indexed.version)));
    Some(match allowed.filter(|(key, _, _)| *key > installed) {
        Some((_, repository, indexed)) => describe_offer(indexed, repository, None),
        None if *newest_key > installed => {
            describe_offer(newest, newest_repository, Some(Blocked::Hold))
        }
        None => {
            let same = candidates.iter().find(|(key, _, _)| *key == installed);
            let (_, repository, indexed) = same.or(candidates.first())?;
            let mut offer = describe_offer(indexed, repository, None);
            offer.version.clone_from(&package.version);
            if same.is_none() {
                offer.size_bytes = None;
                offer.requires_exactly.clear();
            }
            offer
        }
    })
}

fn describe_offer(indexed: &Indexed, repository: &Configured, blocked: Option<Blocked>) -> Offer {
    Offer {
        package: indexed.name.clone(),
        arch: indexed.arch.clone(),
        version: indexed.version.clone(),
        source: indexed.origin.clone(),
        source_version: None,
        repository: repository.id.clone(),
        // Alpine has no repository of its own for security updates; each release's serves them.
        security: false,
        // The index states a SHA-1 over the package's control part, not a hash of the file.
        sha256: None,
        size_bytes: indexed.size_bytes,
        requires_exactly: indexed.requires_exactly.clone(),
        blocked,
    }
}

fn configuration(root: &Root, survey: &mut Survey) -> Vec<Configured> {
    let mut paths = vec![CONFIGURATION.to_owned()];
    match root.list_optional(CONFIGURATION_FOLDER, MAX_FILES) {
        Ok(entries) => {
            let lists = entries
                .into_iter()
                .filter(|entry| entry.name.ends_with(".list"));
            paths.extend(lists.map(|entry| format!("{CONFIGURATION_FOLDER}/{}", entry.name)));
        }
        Err(error) => survey.miss(CONFIGURATION_FOLDER, error.to_string()),
    }
    let mut found = Vec::new();
    for path in paths {
        match root.read_optional(&path, FILE_BYTES) {
            Ok(bytes) => found.extend(repositories::parse(&bytes.unwrap_or_default())),
            Err(error) => survey.miss(path, error.to_string()),
        }
    }
    found
}

/// The index of a repository: in a cache under its name, or in the folder that a local repository is.
#[expect(
    clippy::type_complexity,
    reason = "path, bytes and time are taken apart at once"
)]
fn find(
    root: &Root,
    repository: &Configured,
) -> Result<Option<(String, Vec<u8>, Option<Timestamp>)>, PackagesError> {
    let cached = CACHES.iter().flat_map(|cache| {
        repository
            .cache_names
            .iter()
            .map(move |name| format!("{cache}/{name}"))
    });
    let local = repository.uri.starts_with('/').then(|| {
        let arch = root.read("/etc/apk/arch", 4096).unwrap_or_default();
        let arch = String::from_utf8_lossy(&arch).trim().to_owned();
        format!(
            "{}/{arch}/APKINDEX.tar.gz",
            repository.uri.trim_end_matches('/')
        )
    });
    for path in cached.chain(local) {
        let bytes = root
            .read_optional(&path, STORED_BYTES)
            .map_err(|error| PackagesError::read(&path, error))?;
        if let Some(bytes) = bytes {
            let modified = root.identity(&path).map(|identity| identity.mtime_ns);
            let fetched = modified.and_then(|at| Timestamp::from_nanosecond(at).ok());
            return Ok(Some((path, bytes, fetched)));
        }
    }
    Ok(None)
}

fn describe(repository: &Configured) -> Repository {
    Repository {
        id: repository.id.clone(),
        uri: repository.uri.clone(),
        origin: None,
        label: None,
        suite: repository
            .id
            .split_once('/')
            .map(|(release, _)| release.to_owned()),
        codename: None,
        security: false,
        signature: Signature::Unchecked {
            why: "no index of it is on this host".to_owned(),
        },
        dated: None,
        valid_until: None,
        fetched: None,
        packages: None,
    }
}

/// `alpine-devel@lists.example.org` of `alpine-devel@lists.example.org-6165ee59.rsa.pub`.
fn owner(key: &str) -> &str {
    key.rsplit_once('-').map_or(key, |(owner, _)| owner)
}
