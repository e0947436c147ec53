//! From the last good feeds to the tables that a scan maps into memory.
//!
//! ```text
//! DIR/index/current                  names the generation in use; replaced by rename, the one point of commit
//! DIR/index/<generation>/manifest.json
//! DIR/index/<generation>/debian-12.adv …    one advisory table per release or ecosystem
//! DIR/index/<generation>/threats.thr        CVSS, EPSS, KEV and SSVC of every CVE
//! ```
//!
//! The generation's name follows from the feeds' hashes and the format, so the same feeds give the same folder and
//! compiling again is nothing. A reader that has mapped an older generation keeps it: unlinked files live on.

use crate::error::Kind;
use crate::parse::{Limits, ParseError};
use crate::store::{Good, Locked, StoreError};
use aws_lc_rs::digest;
use overlock_index::IndexError;
use overlock_model::advisory::Ecosystem;
use overlock_model::feed::FeedStatus;
use overlock_model::os::ReleaseDates;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

mod family;
mod statements;

use family::Family;

/// Version of `manifest.json`, and with it of the tables' layout.
pub const MANIFEST_SCHEMA: &str = "overlock.index/1";
pub(crate) const MANIFEST: &str = "manifest.json";
pub(crate) const CURRENT: &str = "current";
pub(crate) const THREATS: &str = "threats.thr";

/// What a generation holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`MANIFEST_SCHEMA`].
    pub schema: String,
    /// Feeds it was compiled from, with their age.
    pub feeds: Vec<FeedStatus>,
    /// Advisory tables.
    pub tables: Vec<TableEntry>,
    /// Vulnerabilities in the threat table.
    pub threats: u64,
    /// Size of the threat table in bytes.
    pub threats_bytes: u64,
    /// SHA-256 of the threat table, lower-case hex.
    pub threats_sha256: String,
    /// Statements about ecosystems whose version order is not known.
    pub skipped: u64,
    /// Dates of releases, from the publishers.
    pub release_dates: Vec<ReleaseDates>,
    /// Source packages out of security support, by release (`debian:12`).
    pub support_ended: BTreeMap<String, Vec<String>>,
}

/// One advisory table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableEntry {
    /// Ecosystem.
    pub ecosystem: Ecosystem,
    /// File name in the generation's folder.
    pub file: String,
    /// Packages named.
    pub packages: u64,
    /// Resolutions.
    pub resolutions: u64,
    /// Resolutions left out because no parser knows their version.
    pub unparsable: u64,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 of the file, lower-case hex.
    pub sha256: String,
}

/// Why the tables could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// The store of feeds.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A good feed that does not parse any more: the file was changed, or the parser is stricter now.
    #[error("feed `{feed}` cannot be compiled")]
    Feed {
        /// Which one.
        feed: String,
        /// Why.
        #[source]
        source: ParseError,
    },
    /// A table would be too large.
    #[error("table `{table}` cannot be made")]
    Table {
        /// Which one.
        table: String,
        /// Why.
        #[source]
        source: IndexError,
    },
    /// A file operation failed.
    #[error("`{path}` cannot be written")]
    Disk {
        /// File or folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

impl CompileError {
    /// Environment or input, for the exit code.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Store(_) | Self::Disk { .. } => Kind::Environment,
            Self::Feed { .. } | Self::Table { .. } => Kind::Input,
        }
    }

    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Store(error) => error.hint(),
            Self::Disk { .. } => {
                "check the free space and that you may write to the data directory"
            }
            Self::Feed { .. } | Self::Table { .. } => {
                "fetch it again with `overlock feeds sync`; the older tables stay in use"
            }
        }
    }
}

/// When to make tables that are there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remake {
    /// Never: the same feeds give the same tables.
    IfChanged,
    /// Always: to replace damaged ones.
    Always,
}

/// Compiles all good feeds of a locked store into `data/index` and makes the result current.
///
/// # Errors
/// A feed that no longer parses, a table too large, the disk. The generation in use stays in use.
pub fn compile(
    locked: &Locked<'_>,
    data: &Path,
    limits: &Limits,
    remake: Remake,
) -> Result<Manifest, CompileError> {
    let feeds = locked.store().all_good()?;
    let index = data.join("index");
    let generation = generation(&feeds);
    let folder = index.join(&generation);
    if let Some(manifest) = crate::tables::manifest(&folder)
        && remake == Remake::IfChanged
        && is_intact(&folder, &manifest)
    {
        // Ages are no part of the tables: an unchanged feed that was asked for again is fresher now.
        let manifest = Manifest {
            feeds: fresher(&manifest.feeds, &feeds),
            ..manifest
        };
        write_manifest(&folder, &manifest)?;
        make_current(&index, &generation)?;
        return Ok(manifest);
    }
    fs::create_dir_all(&folder).map_err(disk(&folder))?;
    let manifest = compile_families(&feeds, &folder, limits)?;
    write_manifest(&folder, &manifest)?;
    make_current(&index, &generation)?;
    sweep(&index, &generation);
    Ok(manifest)
}

fn statuses(feeds: &[Good]) -> Vec<FeedStatus> {
    feeds.iter().map(|feed| feed.state.status.clone()).collect()
}

/// Whether every table is on disk as it was written; one that is not is made anew.
fn is_intact(folder: &Path, manifest: &Manifest) -> bool {
    let threats = (THREATS, &manifest.threats_sha256);
    let tables = manifest
        .tables
        .iter()
        .map(|table| (table.file.as_str(), &table.sha256));
    tables.chain([threats]).all(|(file, sha256)| {
        fs::read(folder.join(file)).is_ok_and(|bytes| sha256_hex(&bytes) == *sha256)
    })
}

fn sha256_hex(bytes: &[u8]) -> String {
    let digest = digest::digest(&digest::SHA256, bytes);
    digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The feeds' states of now, with the quarantine that compiling found.
fn fresher(compiled: &[FeedStatus], feeds: &[Good]) -> Vec<FeedStatus> {
    let mut now = statuses(feeds);
    for feed in &mut now {
        if let Some(before) = compiled.iter().find(|before| before.id == feed.id) {
            feed.quarantined = feed.quarantined.max(before.quarantined);
        }
    }
    now
}

/// Name of the generation that these feeds make.
fn generation(feeds: &[Good]) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(MANIFEST_SCHEMA.as_bytes());
    context.update(env!("CARGO_PKG_VERSION").as_bytes());
    for feed in feeds {
        for part in [
            Some(&feed.state.status.id),
            feed.state.status.sha256.as_ref(),
        ]
        .into_iter()
        .flatten()
        {
            context.update(part.as_bytes());
            context.update(b"\0");
        }
    }
    let digest = context.finish();
    digest
        .as_ref()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Compiles family by family, so that no more than one family's statements are in memory at a time.
fn compile_families(
    feeds: &[Good],
    folder: &Path,
    limits: &Limits,
) -> Result<Manifest, CompileError> {
    let mut families: BTreeMap<Family, Vec<&Good>> = BTreeMap::new();
    for feed in feeds {
        families.entry(Family::of(feed)).or_default().push(feed);
    }
    let mut manifest = Manifest {
        schema: MANIFEST_SCHEMA.to_owned(),
        feeds: statuses(feeds),
        tables: Vec::new(),
        threats: 0,
        threats_bytes: 0,
        threats_sha256: String::new(),
        skipped: 0,
        release_dates: Vec::new(),
        support_ended: BTreeMap::new(),
    };
    for (family, members) in families {
        match family {
            Family::Threats => statements::threats(&members, folder, limits, &mut manifest)?,
            Family::Releases => statements::releases(&members, limits, &mut manifest)?,
            Family::Ecosystems(_) => {
                statements::advisories(&members, folder, limits, &mut manifest)?
            }
        }
    }
    if manifest.threats_bytes == 0 {
        statements::threats(&[], folder, limits, &mut manifest)?;
    }
    manifest
        .tables
        .sort_by(|a, b| a.ecosystem.cmp(&b.ecosystem));
    Ok(manifest)
}

fn write_manifest(folder: &Path, manifest: &Manifest) -> Result<(), CompileError> {
    let path = folder.join(MANIFEST);
    let text = serde_json::to_vec_pretty(manifest)
        .map_err(|error| disk(&path)(io::Error::other(error)))?;
    write_file(&path, &text)
}

fn make_current(index: &Path, generation: &str) -> Result<(), CompileError> {
    write_file(&index.join(CURRENT), generation.as_bytes())
}

/// Writes by rename, so that a reader sees the old content or the new one.
fn write_file(path: &Path, bytes: &[u8]) -> Result<(), CompileError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let failed = disk(path);
    let mut file = tempfile::Builder::new()
        .prefix(".new-")
        .tempfile_in(folder)
        .map_err(&failed)?;
    file.write_all(bytes).map_err(&failed)?;
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    file.as_file()
        .set_permissions(permissions)
        .map_err(&failed)?;
    file.as_file().sync_all().map_err(&failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Removes older generations; one that cannot be removed costs space and no more.
fn sweep(index: &Path, keep: &str) {
    let Ok(entries) = fs::read_dir(index) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if name == keep || name == CURRENT {
            continue;
        }
        let _ = if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            fs::remove_dir_all(entry.path())
        } else {
            fs::remove_file(entry.path())
        };
    }
}

fn disk(path: &Path) -> impl Fn(io::Error) -> CompileError + use<> {
    let path = path.to_owned();
    move |source| CompileError::Disk {
        path: path.clone(),
        source,
    }
}
