//! What the synchronised repository databases offer.
//!
//! pacman asks the repositories in the order of its configuration and takes a package from the first one that has it,
//! whatever version the others have; an older version than the installed one is never an update.

use super::conf::{Conf, Configured};
use super::desc::parse_desc;
use crate::archive::{TarReader, decoded};
use crate::{PackagesError, Survey};
use jiff::Timestamp;
use overlock_model::package::{Hold, Package, PackageType};
use overlock_model::repository::{Blocked, Offer, Repository, Signature};
use overlock_rootfs::{Root, RootError};
use overlock_versions::{Scheme, compare};
use std::cmp::Ordering;
use std::collections::HashMap;
use std::io::Read;

const STORED_BYTES: u64 = 256 << 20;
const UNPACKED_BYTES: u64 = 1 << 30;
const DESC_BYTES: u64 = 4 << 20;
const MAX_PACKAGES: u64 = 1_000_000;

/// One package as a repository lists it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listed {
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
    /// Architecture.
    pub arch: Option<String>,
    /// Source package (`pkgbase`).
    pub base: Option<String>,
    /// SHA-256 of the package file.
    pub sha256: Option<String>,
    /// Size of the package file.
    pub size_bytes: Option<u64>,
    /// Dependencies on exactly one version, as (name, version).
    pub requires_exactly: Vec<(String, String)>,
}

/// Reads a repository database, a compressed tar: how many packages it has, and those whose name is `wanted`.
///
/// # Errors
/// When compression or tar are damaged or a bound is met.
pub fn read_repository(
    source: impl Read,
    wanted: impl Fn(&str) -> bool,
) -> std::io::Result<(u64, Vec<Listed>)> {
    let mut tar = TarReader::new(decoded(source, UNPACKED_BYTES)?);
    let (mut packages, mut listed) = (0, Vec::new());
    while let Some(entry) = tar.next_file()? {
        let Some(folder) = entry.name.strip_suffix("/desc") else {
            continue;
        };
        packages += 1;
        if packages > MAX_PACKAGES {
            return Err(std::io::Error::other("it has too many packages"));
        }
        // The folder is `NAME-VERSION-REL`; reading only what is wanted is most of the speed.
        let name = folder
            .rsplitn(3, '-')
            .nth(2)
            .unwrap_or(folder)
            .trim_start_matches("./");
        if !wanted(name) {
            continue;
        }
        let desc = parse_desc(&tar.read_file(DESC_BYTES)?);
        let (Some(name), Some(version)) = (desc.get("NAME"), desc.get("VERSION")) else {
            continue;
        };
        let exactly = desc.lines("DEPENDS").filter_map(|dependency| {
            let (name, version) = dependency
                .split_once('=')
                .filter(|(name, _)| !name.ends_with(['<', '>']))?;
            (!name.contains(".so")).then(|| (name.to_owned(), version.to_owned()))
        });
        listed.push(Listed {
            name: name.to_owned(),
            version: version.to_owned(),
            arch: desc.get("ARCH").map(str::to_owned),
            base: desc.get("BASE").map(str::to_owned),
            sha256: desc.get("SHA256SUM").map(str::to_ascii_lowercase),
            size_bytes: desc.get("CSIZE").and_then(|size| size.parse().ok()),
            requires_exactly: exactly.collect(),
        });
    }
    Ok((packages, listed))
}

/// Reads the configured repositories and their synchronised databases, and works out what they offer.
///
/// Sets `origin` of each package that some database lists in exactly this version to that repository's name.
pub fn survey(root: &Root, packages: &mut [Package]) -> Survey {
    let mut survey = Survey::default();
    let conf = Conf::read(root, &mut survey);
    let places: HashMap<String, usize> = packages
        .iter()
        .enumerate()
        .filter(|(_, package)| package.kind == PackageType::Alpm)
        .map(|(place, package)| (package.name.clone(), place))
        .collect();
    let mut first: HashMap<usize, (String, Listed)> = HashMap::new();
    for repository in &conf.repositories {
        let path = format!("{}/sync/{}.db", conf.database, repository.id);
        let mut described = describe(root, repository, &path);
        match open(root, &path, |name| places.contains_key(name)) {
            Ok(Some((count, listed))) => {
                described.packages = Some(count);
                for listed in listed {
                    let Some(place) = places.get(&listed.name) else {
                        continue;
                    };
                    if let Some(package) = packages
                        .get_mut(*place)
                        .filter(|package| package.version == listed.version)
                    {
                        package.origin.get_or_insert_with(|| repository.id.clone());
                    }
                    first
                        .entry(*place)
                        .or_insert_with(|| (repository.id.clone(), listed));
                }
            }
            Ok(None) => survey.miss(
                format!("repository {}", repository.id),
                "no database of it is on this host",
            ),
            Err(error) => survey.miss_error(path, &error),
        }
        survey.repositories.push(described);
    }
    let offers = first
        .into_iter()
        .filter_map(|(place, (id, listed))| Some(offer(packages.get(place)?, id, listed)));
    survey.offers = offers.collect();
    survey.offers.sort_by(|a, b| a.package.cmp(&b.package));
    survey
}

fn offer(package: &Package, repository: String, listed: Listed) -> Offer {
    let order = compare(Scheme::Alpm, &listed.version, &package.version).unwrap_or(Ordering::Less);
    let is_held = order.is_gt() && package.hold == Some(Hold::Ignored);
    let is_older = order.is_lt();
    Offer {
        package: listed.name,
        arch: listed.arch,
        version: if is_older {
            package.version.clone()
        } else {
            listed.version
        },
        source: listed.base,
        source_version: None,
        repository,
        // Arch has one stream of updates, security fixes among them.
        security: false,
        sha256: listed.sha256.filter(|_| !is_older),
        size_bytes: listed.size_bytes.filter(|_| !is_older),
        requires_exactly: if is_older {
            Vec::new()
        } else {
            listed.requires_exactly
        },
        blocked: is_held.then_some(Blocked::Hold),
    }
}

fn open(
    root: &Root,
    path: &str,
    wanted: impl Fn(&str) -> bool,
) -> Result<Option<(u64, Vec<Listed>)>, PackagesError> {
    let file = match root.open_file(path) {
        Ok(file) => file,
        Err(RootError::Missing { .. }) => return Ok(None),
        Err(error) => return Err(PackagesError::read(path, error)),
    };
    let read = |error| PackagesError::read(path, error);
    if file.metadata().map_err(read)?.len() > STORED_BYTES {
        return Err(PackagesError::TooLarge {
            path: path.to_owned(),
            limit_bytes: STORED_BYTES,
        });
    }
    read_repository(file, wanted).map(Some).map_err(read)
}

fn describe(root: &Root, repository: &Configured, path: &str) -> Repository {
    let identity = root.identity(path);
    let fetched = identity.and_then(|identity| Timestamp::from_nanosecond(identity.mtime_ns).ok());
    let checks = |word: &str| {
        repository
            .signature_level
            .split_whitespace()
            .any(|level| level == word)
    };
    let signature = if root.exists(&format!("{path}.sig")) {
        Signature::Unchecked {
            why: "the database's signature is not checked".to_owned(),
        }
    } else if checks("Never") || checks("PackageNever") {
        Signature::Unsigned
    } else {
        Signature::Unchecked {
            why: "the database is not signed; each package's signature is checked when it is installed".to_owned(),
        }
    };
    Repository {
        id: repository.id.clone(),
        uri: repository.uri.clone(),
        origin: None,
        label: None,
        suite: None,
        codename: None,
        security: false,
        signature,
        dated: None,
        valid_until: None,
        fetched,
        packages: None,
    }
}
