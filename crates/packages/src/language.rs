//! Language packages found on the file system: Python, Node.js, and what Rust and Go binaries say of themselves.
//!
//! `overlock-host` calls [`survey`] once per scan with `--packages all`. No package manager knows all of these
//! packages, so the file tree itself is searched below a stated list of directories. Nothing found is executed, no
//! link is followed, other file systems are not entered, and each choice (searched, pruned, not readable, belonging to
//! the operating system) is part of the answer.
//!
//! ```text
//! roots ─► search (prunes, limits) ─► candidate files ─► python │ node │ cargo │ golang ─► packages
//!               │                          │                                                  │
//!               └── cache: unchanged directories and files are only looked at (stat) ─────────┤
//!                                                         files of dpkg, apk, pacman, rpm ────┴─► left out, counted
//! ```

mod cache;
mod cargo;
mod elf;
mod examine;
mod golang;
mod node;
mod owned;
mod python;
mod roots;
mod search;

pub use cargo::crates_in_audit_data;
pub use elf::{Elf, ElfError};
pub use golang::{BuildInfo, GoError, build_info, parse_modules};
pub use node::manifest_in_text;
pub use python::metadata_in_text;

use crate::PackagesError;
use cache::Cache;
use overlock_model::inventory::{SearchRoot, Unseen};
use overlock_model::package::{Package, PackageType};
use overlock_rootfs::Root;
use search::Search;
use std::path::Path;

/// Most directory entries looked at in one survey; a developer's machine with many checkouts has a million.
pub const ENTRIES_MAX: u64 = 5_000_000;

/// How to search.
#[derive(Debug, Clone)]
pub struct Options<'a> {
    /// Directories to search, relative to the root; `None` is the built-in list. A directory named here has to exist.
    pub search_roots: Option<Vec<String>>,
    /// Folder for the cache that makes the next survey fast; `None` keeps none.
    pub cache: Option<&'a Path>,
    /// Most directory entries looked at; where it ends the search, `unseen` says so.
    pub entries_max: u64,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self {
            search_roots: None,
            cache: None,
            entries_max: ENTRIES_MAX,
        }
    }
}

/// What was found.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct LanguageSurvey {
    /// Packages, each with the file that states it, sorted by path, type, name and version, none twice.
    pub packages: Vec<Package>,
    /// Where was searched, and what was left out there.
    pub search_roots: Vec<SearchRoot>,
    /// What could not be seen. One line counts the packages of the operating system where there are any.
    pub unseen: Vec<Unseen>,
    /// Packages left out because a package of the operating system brought their files: they are judged through it,
    /// as its fixes are backported and the upstream version says nothing.
    pub owned_by_os: u64,
}

/// One language package as a file states it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub(crate) struct Found {
    /// Which ecosystem.
    #[serde(rename = "t")]
    pub kind: PackageType,
    /// Name as written.
    #[serde(rename = "n")]
    pub name: String,
    /// Version as written.
    #[serde(rename = "v")]
    pub version: String,
    /// A note of the installer that it was not the system's package manager (pip's `INSTALLER`).
    #[serde(rename = "u", default, skip_serializing_if = "std::ops::Not::not")]
    pub by_user: bool,
}

/// Searches a root for language packages.
///
/// # Errors
/// When a directory that `options` names is not there; everything else that cannot be read is in `unseen`.
pub fn survey(root: &Root, options: &Options<'_>) -> Result<LanguageSurvey, PackagesError> {
    let starts = match &options.search_roots {
        Some(named) => roots::named(root, named)?,
        None => roots::usual(root),
    };
    let mut cache = options.cache.map(|folder| Cache::open(folder, root));
    let mut search = Search::new(root, cache.as_mut(), options.entries_max);
    let search_roots = starts
        .iter()
        .map(|start| search.below(start, &starts))
        .collect();
    let (found, fresh, mut unseen) = search.finish();
    let paths: Vec<&str> = found.iter().map(|(path, _)| path.as_str()).collect();
    let owned = owned::owned(
        root,
        cache.as_ref().and_then(Cache::ownership),
        &paths,
        &mut unseen,
    );

    let mut survey = LanguageSurvey {
        search_roots,
        ..LanguageSurvey::default()
    };
    for (path, packages) in &found {
        for found in packages {
            if owned.is_owned(path, found.by_user) {
                survey.owned_by_os += 1;
                continue;
            }
            let mut package = Package::new(
                found.kind.clone(),
                found.name.as_str(),
                found.version.as_str(),
            );
            package.path = Some(path.clone());
            survey.packages.push(package);
        }
    }
    survey
        .packages
        .sort_by(|one, other| place_of(one).cmp(&place_of(other)));
    survey.packages.dedup();
    if let Some(cache) = &mut cache {
        cache.save(fresh, owned.into_record(), &mut unseen);
    }
    if survey.owned_by_os > 0 {
        unseen.push(Unseen {
            what: "language packages of the operating system".to_owned(),
            why: format!(
                "{} language packages belong to operating-system packages and are judged there",
                survey.owned_by_os
            ),
        });
    }
    survey.unseen = unseen;
    Ok(survey)
}

fn place_of(package: &Package) -> (&Option<String>, &PackageType, &str, &str) {
    (
        &package.path,
        &package.kind,
        &package.name,
        &package.version,
    )
}

#[cfg(test)]
mod tests;
