//! From configured sources to repositories with their Release facts and package tables.

use super::LISTS;
use super::cache::{Cache, Verified, identity_text};
use super::files::{Extension, host, list_name, listed, without_credentials};
use super::policy::List;
use super::release::{Release, parse_release};
use super::signature::{KeyRing, verify_detached, verify_inline};
use super::sources::{SignedBy, Source};
use super::table::Table;
use crate::Survey;
use jiff::Timestamp;
use overlock_model::repository::{Repository, Signature};
use overlock_rootfs::Root;
use std::collections::{BTreeMap, BTreeSet};

const LISTS_MAX: usize = 100_000;
const RELEASE_LIMIT_BYTES: u64 = 64 << 20;
const SIGNATURE_LIMIT_BYTES: u64 = 1 << 20;
const KEY_RING_LIMIT_BYTES: u64 = 16 << 20;
const ENDINGS: [&str; 6] = ["", ".lz4", ".zst", ".xz", ".gz", ".bz2"];

/// One package list that is on the host.
#[derive(Debug)]
pub(super) struct Index {
    /// For the policy.
    pub list: List,
    /// Path of the list under the root.
    pub path: String,
    /// `Repository::id`.
    pub repository: String,
    /// Whether it publishes security updates.
    pub security: bool,
    /// Its packages.
    pub table: Table,
}

/// Reads all sources; repositories go into `survey`, the lists are the answer, in the order apt has them.
pub(super) fn read(
    root: &Root,
    sources: &[Source],
    architectures: &[String],
    cache: Cache<'_>,
    survey: &mut Survey,
) -> Vec<Index> {
    let present: BTreeSet<String> = match root.list_optional(LISTS, LISTS_MAX) {
        Ok(entries) => entries.into_iter().map(|entry| entry.name).collect(),
        Err(error) => {
            survey.miss(LISTS, error.to_string());
            BTreeSet::new()
        }
    };
    let mut reader = Reader {
        root,
        cache,
        architectures,
        present,
        fetched: fetched(root),
        releases: BTreeMap::new(),
        seen: BTreeSet::new(),
        survey,
    };
    let mut indexes = Vec::new();
    for source in sources {
        reader.source(source, &mut indexes);
    }
    indexes
}

struct Reader<'a> {
    root: &'a Root,
    cache: Cache<'a>,
    architectures: &'a [String],
    present: BTreeSet<String>,
    fetched: Option<Timestamp>,
    releases: BTreeMap<String, Option<Verified>>,
    seen: BTreeSet<String>,
    survey: &'a mut Survey,
}

impl Reader<'_> {
    fn source(&mut self, source: &Source, indexes: &mut Vec<Index>) {
        let verified = self.release(source);
        let release = verified
            .as_ref()
            .map(|verified| verified.release.clone())
            .unwrap_or_default();
        let flat = [String::new()];
        let components = if source.is_flat() {
            &flat[..]
        } else {
            &source.components
        };
        for component in components {
            let Some(id) = self.id(source, component) else {
                continue;
            };
            let mut repository = Repository {
                id,
                uri: without_credentials(source.uri.trim_end_matches('/')),
                origin: release.origin.clone(),
                label: release.label.clone(),
                suite: release.suite.clone(),
                codename: release.codename.clone(),
                security: release.is_security(&source.suite),
                signature: match &verified {
                    Some(verified) => verified.signature.clone(),
                    None => Signature::Unchecked {
                        why: "there is no Release file on the host".to_owned(),
                    },
                },
                dated: release.date,
                valid_until: release.valid_until,
                fetched: self.fetched.filter(|_| verified.is_some()),
                packages: None,
            };
            for (arch, index_path) in index_paths(source, component, self.architectures) {
                self.index(
                    source,
                    component,
                    &arch,
                    &index_path,
                    &release,
                    &mut repository,
                    indexes,
                );
            }
            if repository.packages.is_none() {
                self.survey.miss(
                    format!("repository {}", repository.id),
                    "its package list is not on the host; `apt update` fetches it",
                );
            }
            self.survey.repositories.push(repository);
        }
    }

    /// A name for the repository that no other has; `None` where the same one is configured twice.
    fn id(&mut self, source: &Source, component: &str) -> Option<String> {
        if !self.seen.insert(format!("{} {component}", source.base())) {
            return None;
        }
        let short = if source.is_flat() {
            source.suite.clone()
        } else {
            format!("{}/{component}", source.suite)
        };
        let taken = |id: &String| {
            self.survey
                .repositories
                .iter()
                .any(|repository| repository.id == *id)
        };
        let mut id = short.clone();
        if taken(&id) {
            id = format!("{short}@{}", host(&source.uri));
        }
        let mut number = 2;
        while taken(&id) {
            id = format!("{short}@{}#{number}", host(&source.uri));
            number += 1;
        }
        Some(id)
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one step of `source`, which owns all of these"
    )]
    fn index(
        &mut self,
        source: &Source,
        component: &str,
        arch: &str,
        index_path: &str,
        release: &Release,
        repository: &mut Repository,
        indexes: &mut Vec<Index>,
    ) {
        let name = list_name(&format!("{}{index_path}", source.base()));
        let Some(ending) = ENDINGS
            .iter()
            .find(|ending| self.present.contains(&format!("{name}{ending}")))
        else {
            return;
        };
        let path = format!("{LISTS}/{name}{ending}");
        let table = match self.cache.table(self.root, &path) {
            Ok(table) => table,
            Err(error) => return self.survey.miss_error(&path, &error),
        };
        if table.skipped() > 0 {
            self.survey.miss(
                &path,
                format!(
                    "{} entries without name, version or architecture",
                    table.skipped()
                ),
            );
        }
        repository.packages = Some(repository.packages.unwrap_or(0) + u64::from(table.len()));
        if matches!(repository.signature, Signature::Verified { .. }) {
            let stated = release.packages_sha256.get(index_path);
            if stated != Some(&table.text_sha256()) {
                let why = match stated {
                    Some(_) => format!(
                        "`{index_path}` does not have the SHA-256 that the signed file states"
                    ),
                    None => format!("the signed file states no SHA-256 for `{index_path}`"),
                };
                repository.signature = Signature::Bad { why };
            }
        }
        indexes.push(Index {
            list: List {
                site: host(&source.uri).to_owned(),
                archive: release.suite.clone(),
                codename: release.codename.clone(),
                version: release.version.clone(),
                origin: release.origin.clone(),
                label: release.label.clone(),
                component: (!component.is_empty()).then(|| component.to_owned()),
                architecture: (!arch.is_empty()).then(|| arch.to_owned()),
                not_automatic: release.not_automatic,
                but_automatic_upgrades: release.but_automatic_upgrades,
                is_status: false,
            },
            path,
            repository: repository.id.clone(),
            security: repository.security,
            table,
        });
    }

    /// The Release file of a source with its verdict; `None` where there is none on the host.
    fn release(&mut self, source: &Source) -> Option<Verified> {
        let base = source.base();
        if let Some(known) = self.releases.get(&base) {
            return known.clone();
        }
        let name = |file: &str| list_name(&format!("{base}{file}"));
        let at = |file: &str| format!("{LISTS}/{}", name(file));
        let inline = self.present.contains(&name("InRelease"));
        let verified = if inline || self.present.contains(&name("Release")) {
            let path = at(if inline { "InRelease" } else { "Release" });
            let detached =
                (!inline && self.present.contains(&name("Release.gpg"))).then(|| at("Release.gpg"));
            let (files, only, key) = key_rings(self.root, &source.signed_by);
            let mut made_from = identity_text(self.root, &path);
            for file in detached.iter().chain(&files) {
                made_from.push_str(&identity_text(self.root, file));
            }
            made_from.push_str(&format!("{only:?}{key:?}"));
            let root = self.root;
            let mut problems = Vec::new();
            let verified = self.cache.release(root, &path, &made_from, || {
                let mut ring = KeyRing::limited_to(only);
                for file in &files {
                    match root.read(file, KEY_RING_LIMIT_BYTES) {
                        Ok(bytes) if ring.add(&bytes) || bytes.is_empty() => {}
                        Ok(_) => problems
                            .push((file.clone(), "no OpenPGP key in it can be read".to_owned())),
                        Err(error) => problems.push((file.clone(), error.to_string())),
                    }
                }
                if let Some(key) = key {
                    ring.add(key.as_bytes());
                }
                verify(root, &path, detached.as_deref(), &ring)
            });
            for (what, why) in problems {
                self.survey.miss(what, why);
            }
            Some(verified)
        } else {
            None
        };
        self.releases.insert(base, verified.clone());
        verified
    }
}

fn verify(root: &Root, path: &str, detached: Option<&str>, ring: &KeyRing) -> Verified {
    let bytes = match root.read(path, RELEASE_LIMIT_BYTES) {
        Ok(bytes) => bytes,
        Err(error) => {
            return Verified {
                release: Release::default(),
                signature: Signature::Unchecked {
                    why: error.to_string(),
                },
            };
        }
    };
    if let Some(detached) = detached {
        let signature = match root.read(detached, SIGNATURE_LIMIT_BYTES) {
            Ok(signature) => verify_detached(&bytes, &signature, ring),
            Err(error) => Signature::Unchecked {
                why: error.to_string(),
            },
        };
        return Verified {
            release: parse_release(&bytes),
            signature,
        };
    }
    let (signed, signature) = verify_inline(&bytes, ring);
    // Of a signed message only the part under the signature is believed.
    let release = parse_release(signed.as_deref().map_or(&bytes[..], str::as_bytes));
    Verified { release, signature }
}

/// Key ring files, fingerprints and inline key that a source allows.
fn key_rings(root: &Root, signed_by: &SignedBy) -> (Vec<String>, Vec<String>, Option<String>) {
    let trusted = || {
        let mut files = vec!["etc/apt/trusted.gpg".to_owned()];
        files.retain(|file| root.exists(file));
        files.extend(
            listed(
                root,
                "etc/apt/trusted.gpg.d",
                &[Extension::Is("gpg"), Extension::Is("asc")],
            )
            .unwrap_or_default(),
        );
        files
    };
    match signed_by {
        SignedBy::Trusted => (trusted(), Vec::new(), None),
        SignedBy::Inline(key) => (Vec::new(), Vec::new(), Some(key.clone())),
        SignedBy::Named {
            files,
            fingerprints,
        } if files.is_empty() => (trusted(), fingerprints.clone(), None),
        SignedBy::Named {
            files,
            fingerprints,
        } => (files.clone(), fingerprints.clone(), None),
    }
}

/// Architecture and path, relative to the Release file, of each index of a component.
fn index_paths(source: &Source, component: &str, host: &[String]) -> Vec<(String, String)> {
    if source.is_flat() {
        return vec![(String::new(), "Packages".to_owned())];
    }
    let mut all = source.architectures.of(host);
    // Archives that keep `Architecture: all` apart have a list of their own for it.
    if !all.iter().any(|arch| arch == "all") {
        all.push("all".to_owned());
    }
    all.into_iter()
        .map(|arch| (arch.clone(), format!("{component}/binary-{arch}/Packages")))
        .collect()
}

/// When apt last fetched: its own stamp where there is one, else when it last used the folder for partial files.
fn fetched(root: &Root) -> Option<Timestamp> {
    [
        "var/lib/apt/periodic/update-success-stamp",
        "var/lib/apt/lists/partial",
    ]
    .iter()
    .find_map(|path| root.identity(path))
    .and_then(|identity| i64::try_from(identity.mtime_ns / 1_000_000_000).ok())
    .and_then(|seconds| Timestamp::from_second(seconds).ok())
}
