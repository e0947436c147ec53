//! What the dnf and zypper metadata on a host offers for its packages.

use super::dnf::{self, Configured};
use super::lock::Locks;
use super::modules::{self, Modules};
use super::offer::Market;
use super::primary::{self, Listed};
use super::repomd::{Data, Repomd};
use super::updateinfo;
use super::xml::XmlError;
use crate::archive::decoded;
use crate::{PackagesError, Survey};
use aws_lc_rs::digest;
use jiff::Timestamp;
use overlock_model::package::{Package, PackageType};
use overlock_model::repository::{Repository, Signature};
use overlock_rootfs::{Root, RootError};
use overlock_versions::{Scheme, compare};
use std::cmp::Ordering;
use std::collections::HashSet;
use std::fs::File;
use std::io::{Read, Seek};

/// Largest metadata file as stored.
const FILE_BYTES: u64 = 1 << 30;
/// Most bytes `modules.yaml` may unpack to; the only metadata that is held as a whole.
const MODULES_BYTES: u64 = 64 << 20;

/// Reads the configured repositories and their cached metadata, and works out what they offer.
///
/// Sets `origin` of a package that has no vendor and that some repository lists in exactly this version. Everything
/// that cannot be read is stated in `unseen`; nothing here fails as a whole.
pub fn survey(root: &Root, packages: &mut [Package]) -> Survey {
    let mut survey = Survey::default();
    let configured = dnf::repositories(root, &mut survey);
    if configured.is_empty() {
        return survey;
    }
    let choices: Vec<_> = dnf::module_files(root, &mut survey)
        .iter()
        .flat_map(|file| modules::choices(file))
        .collect();
    let mut modules = Modules::new(choices);
    let mut listed: Vec<(usize, Listed)> = Vec::new();
    let mut security = HashSet::new();
    let names: HashSet<&str> = packages
        .iter()
        .filter(|package| package.kind == PackageType::Rpm)
        .map(|package| package.name.as_str())
        .collect();
    let wanted = |name: &str| names.contains(name);

    for (index, repository) in configured.iter().enumerate() {
        let mut described = describe(repository);
        if let Some(cache) = &repository.cache {
            match read_repository(root, cache, &wanted, &mut modules, &mut security) {
                Ok(read) => {
                    described.packages = Some(read.primary.packages);
                    described.origin = read.primary.vendor;
                    described.dated = read.dated;
                    described.security = read.has_updateinfo;
                    described.signature = signature(root, cache, repository);
                    listed.extend(
                        read.primary
                            .listed
                            .into_iter()
                            .map(|listed| (index, listed)),
                    );
                }
                Err(error) => {
                    survey.miss_error(format!("repository {}", repository.id), &error);
                    described.signature = Signature::Bad {
                        why: error.to_string(),
                    };
                }
            }
        } else {
            survey.miss(
                format!("repository {}", repository.id),
                "no metadata of it is on this host",
            );
        }
        survey.repositories.push(described);
    }
    drop(names);

    set_origins(packages, &listed, &survey.repositories);
    let locks = Locks::read(root, &mut survey.unseen);
    let market = Market {
        repositories: &configured,
        listed: &listed,
        shown: modules.shown(),
        locks: &locks,
        security: &security,
    };
    survey.offers = market.offers(packages);
    survey
}

/// All versions of the packages whose name is `wanted`, in every enabled repository whose metadata is on this host, as
/// (repository, package); for plans, which name artifacts by hash.
///
/// # Errors
/// When the metadata of a repository cannot be read: a version that it has must not be taken for one that is gone.
pub fn listed(
    root: &Root,
    wanted: &dyn Fn(&str) -> bool,
) -> Result<Vec<(String, Listed)>, PackagesError> {
    let mut found = Vec::new();
    for repository in dnf::repositories(root, &mut Survey::default()) {
        let Some(cache) = &repository.cache else {
            continue;
        };
        let (mut modules, mut security) = (Modules::default(), HashSet::new());
        let read = read_repository(root, cache, wanted, &mut modules, &mut security)?;
        let listed = read.primary.listed.into_iter();
        found.extend(listed.map(|one| (repository.id.clone(), one)));
    }
    Ok(found)
}

/// The `updateinfo` file of each enabled repository that has one on this host, as (repository, path under the root);
/// for the feeds crate, which reads the advisories in it.
#[must_use]
pub fn updateinfo_files(root: &Root) -> Vec<(String, String)> {
    let configured = dnf::repositories(root, &mut Survey::default());
    let files = configured.into_iter().filter_map(|repository| {
        let cache = repository.cache?;
        let repomd = read_repomd(root, &cache).ok()?;
        let path = format!("{cache}/{}", repomd.find("updateinfo")?.file_name());
        root.exists(&path).then_some((repository.id, path))
    });
    files.collect()
}

fn describe(repository: &Configured) -> Repository {
    Repository {
        id: repository.id.clone(),
        uri: repository.uri.clone(),
        origin: None,
        label: None,
        suite: None,
        codename: None,
        security: false,
        signature: Signature::Unchecked {
            why: "no metadata of it is on this host".to_owned(),
        },
        dated: None,
        valid_until: None,
        fetched: repository.fetched,
        packages: None,
    }
}

struct Metadata {
    primary: primary::Primary,
    dated: Option<Timestamp>,
    has_updateinfo: bool,
}

fn read_repository(
    root: &Root,
    cache: &str,
    wanted: &dyn Fn(&str) -> bool,
    modules: &mut Modules,
    security: &mut HashSet<String>,
) -> Result<Metadata, PackagesError> {
    let repomd = read_repomd(root, cache)?;
    let Some(data) = repomd.find("primary") else {
        return Err(PackagesError::format(
            format!("{cache}/repomd.xml"),
            "it names no primary metadata",
        ));
    };
    let path = format!("{cache}/{}", data.file_name());
    let file = metadata_file(root, &path, data)?.ok_or_else(|| {
        PackagesError::format(&path, "it is not there, although `repomd.xml` names it")
    })?;
    let primary = primary::parse(file, wanted).map_err(|error| xml_error(&path, error))?;

    if let Some(data) = repomd.find("modules") {
        let path = format!("{cache}/{}", data.file_name());
        if let Some(file) = metadata_file(root, &path, data)? {
            let mut bytes = Vec::new();
            let mut plain =
                decoded(file, MODULES_BYTES).map_err(|error| PackagesError::read(&path, error))?;
            plain
                .read_to_end(&mut bytes)
                .map_err(|error| PackagesError::read(&path, error))?;
            modules.add(&String::from_utf8_lossy(&bytes), wanted);
        }
    }
    let mut has_updateinfo = false;
    if let Some(data) = repomd.find("updateinfo") {
        let path = format!("{cache}/{}", data.file_name());
        if let Some(file) = metadata_file(root, &path, data)? {
            has_updateinfo = true;
            security.extend(
                updateinfo::security_builds(file, wanted)
                    .map_err(|error| xml_error(&path, error))?,
            );
        }
    }
    let seconds = repomd
        .revision
        .as_deref()
        .and_then(|revision| revision.parse().ok());
    let dated = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
    Ok(Metadata {
        primary,
        dated,
        has_updateinfo,
    })
}

fn read_repomd(root: &Root, cache: &str) -> Result<Repomd, PackagesError> {
    let path = format!("{cache}/repomd.xml");
    let file = root
        .open_file(&path)
        .map_err(|error| PackagesError::read(&path, error))?;
    Repomd::parse(file).map_err(|error| xml_error(&path, error))
}

/// Opens a metadata file once its hash is the one that `repomd.xml` states; `None` when it is not there (dnf fetches
/// only what it needs).
fn metadata_file(root: &Root, path: &str, data: &Data) -> Result<Option<File>, PackagesError> {
    let mut file = match root.open_file(path) {
        Ok(file) => file,
        Err(RootError::Missing { .. }) => return Ok(None),
        Err(error) => return Err(PackagesError::read(path, error)),
    };
    if path.ends_with(".zck") {
        return Err(PackagesError::Unsupported {
            path: path.to_owned(),
            what: "zchunk".to_owned(),
            hint: "set `zchunk=False` in dnf.conf and run `dnf makecache`",
        });
    }
    let read = |error| PackagesError::read(path, error);
    if file.metadata().map_err(read)?.len() > FILE_BYTES {
        return Err(PackagesError::TooLarge {
            path: path.to_owned(),
            limit_bytes: FILE_BYTES,
        });
    }
    if let Some(expected) = &data.sha256 {
        let mut context = digest::Context::new(&digest::SHA256);
        let mut buffer = vec![0; 64 << 10];
        loop {
            let filled = file.read(&mut buffer).map_err(read)?;
            if filled == 0 {
                break;
            }
            context.update(buffer.get(..filled).unwrap_or_default());
        }
        if hex(context.finish().as_ref()) != *expected {
            return Err(PackagesError::format(
                path,
                "its hash is not the one that `repomd.xml` states",
            ));
        }
        file.rewind().map_err(read)?;
    }
    Ok(Some(file))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn xml_error(path: &str, error: XmlError) -> PackagesError {
    PackagesError::read(path, error)
}

/// What protects the metadata. Most repositories sign their packages and not their metadata.
fn signature(root: &Root, cache: &str, repository: &Configured) -> Signature {
    if root.exists(&format!("{cache}/repomd.xml.asc")) {
        return Signature::Unchecked {
            why: "the signature of `repomd.xml` is not checked".to_owned(),
        };
    }
    if repository.checks_packages {
        return Signature::Unchecked {
            why: "the metadata is not signed; each package's signature is checked when it is installed".to_owned(),
        };
    }
    Signature::Unsigned
}

/// A package without a vendor gets the origin of the first repository that lists exactly its build.
fn set_origins(packages: &mut [Package], listed: &[(usize, Listed)], repositories: &[Repository]) {
    for package in packages
        .iter_mut()
        .filter(|package| package.kind == PackageType::Rpm && package.origin.is_none())
    {
        let same = listed.iter().find(|(_, listed)| {
            listed.name == package.name
                && Some(listed.arch.as_str()) == package.arch.as_deref()
                && matches!(
                    compare(Scheme::Rpm, &listed.evr(), &package.version),
                    Ok(Ordering::Equal)
                )
        });
        let repository = same.and_then(|(index, _)| repositories.get(*index));
        package.origin = repository.map(|repository| {
            repository
                .origin
                .clone()
                .unwrap_or_else(|| repository.id.clone())
        });
    }
}
