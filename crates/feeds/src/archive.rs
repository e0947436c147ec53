//! All feeds as one file, for machines without a network: `feeds export FILE` and `feeds import FILE`.
//!
//! A zip file: `manifest.json` first, then `<id>` for each feed, its data as fetched. Import reads only the names that
//! the manifest gives, after these were checked to be feed ids, and writes them under names of its own: no path in the
//! archive is ever used as a path. Each file's length and SHA-256 must be the manifest's, and each feed then takes the
//! same way in as a download. The hashes find damage; whoever hands over the file is trusted as a publisher is.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use overlock_model::feed::FeedId;
use overlock_model::one_line::in_one_line;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::check::Checker;
use crate::download::Hashing;
use crate::error::{Cause, FeedError, Kind};
use crate::intake::{Candidate, Shrink, Taken, record_failure, take_in};
use crate::progress::Progress;
use crate::publishers::{Presence, Publisher, find, is_feed_id};
use crate::store::{Good, Locked, STATE_SCHEMA, State, Store, StoreError, is_sha256};
use crate::sync::{FeedOutcome, Outcome, SyncReport};

/// Version of the archive.
pub const ARCHIVE_SCHEMA: &str = "overlock.feed-archive/1";
const MANIFEST: &str = "manifest.json";
const MANIFEST_BYTES_MAX: u64 = 4 << 20;
const FEEDS_MAX: usize = 1_000;
/// For feeds that are in no table: what the table allows its largest.
const UNKNOWN_BYTES_MAX: u64 = 64 << 20;

#[derive(Serialize, Deserialize)]
struct Manifest {
    schema: String,
    /// When it was exported.
    created: Timestamp,
    /// States as in the store; hash, size and id stand in them.
    feeds: Vec<State>,
}

/// Why nothing was exported or imported.
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file operation failed.
    #[error("cannot read or write `{path}`")]
    Disk {
        /// File or folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// There is no good feed to export.
    #[error("there is no feed to export")]
    Nothing,
    /// Not an archive of feeds, or one that lies.
    #[error("`{path}` is no archive of feeds: {why}")]
    Unusable {
        /// The archive.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

impl ArchiveError {
    /// Whose fault it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Store(_) | Self::Disk { .. } => Kind::Environment,
            Self::Nothing | Self::Unusable { .. } => Kind::Input,
        }
    }

    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Store(error) => error.hint(),
            Self::Disk { .. } => "check the path, the free space and that you may write there",
            Self::Nothing => "run `overlock feeds sync` first",
            Self::Unusable { .. } => "make it with `overlock feeds export FILE`, and copy it whole",
        }
    }
}

/// What was exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// Feeds in the archive.
    pub feeds: Vec<FeedId>,
    /// Size of the archive.
    pub size_bytes: u64,
}

/// Writes all good feeds into `target`, which is replaced only when the archive is complete.
///
/// # Errors
/// No good feed, or a file that cannot be read or written.
pub fn export(store: &Store, target: &Path, now: Timestamp) -> Result<Exported, ArchiveError> {
    let disk = |path: &Path, source| ArchiveError::Disk {
        path: path.to_owned(),
        source,
    };
    let good = store.all_good()?;
    if good.is_empty() {
        return Err(ArchiveError::Nothing);
    }
    let folder = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    };
    let file = tempfile::NamedTempFile::new_in(folder).map_err(|error| disk(folder, error))?;
    let written = write(&good, file.as_file(), now);
    written.map_err(|error| disk(target, error))?;
    let size_bytes = file
        .as_file()
        .metadata()
        .map_err(|error| disk(target, error))?
        .len();
    file.as_file()
        .sync_all()
        .map_err(|error| disk(target, error))?;
    file.persist(target)
        .map_err(|error| disk(target, error.error))?;
    let feeds = good
        .iter()
        .map(|good| good.state.status.id.clone())
        .collect();
    Ok(Exported { feeds, size_bytes })
}

fn write(good: &[Good], file: &File, now: Timestamp) -> std::io::Result<()> {
    // Dates of the members are left at the format's zero: equal feeds give equal bytes.
    let options = SimpleFileOptions::default().large_file(true);
    let manifest = Manifest {
        schema: ARCHIVE_SCHEMA.to_owned(),
        created: now,
        feeds: good.iter().map(|good| good.state.clone()).collect(),
    };
    let mut archive = ZipWriter::new(file);
    archive.start_file(MANIFEST, options)?;
    archive.write_all(&serde_json::to_vec_pretty(&manifest)?)?;
    for good in good {
        let packed = matches!(
            good.state.format.extension(),
            "zip" | "csv.gz" | "updateinfo"
        );
        let method = if packed {
            CompressionMethod::Stored
        } else {
            CompressionMethod::Deflated
        };
        archive.start_file(
            good.state.status.id.as_str(),
            options.compression_method(method),
        )?;
        std::io::copy(&mut File::open(&good.path)?, &mut archive)?;
    }
    archive.finish()?;
    Ok(())
}

/// Takes in all feeds of an archive, each by the same rules as a download; a feed of which we have a newer copy is kept.
///
/// # Errors
/// What concerns the whole archive. What concerns one feed is in the report.
pub fn import(
    store: &Store,
    source: &Path,
    shrink: Shrink,
    checker: &dyn Checker,
    progress: &dyn Progress,
) -> Result<SyncReport, ArchiveError> {
    let unusable = |why: String| ArchiveError::Unusable {
        path: source.to_owned(),
        why,
    };
    let disk = |error| ArchiveError::Disk {
        path: source.to_owned(),
        source: error,
    };
    if !crate::mirror::is_regular(source).map_err(disk)? {
        return Err(unusable("it is no regular file".to_owned()));
    }
    let file = BufReader::new(File::open(source).map_err(disk)?);
    let mut archive = ZipArchive::new(file).map_err(|error| unusable(error.to_string()))?;
    let manifest = manifest(&mut archive).map_err(unusable)?;
    let locked = store.lock()?;
    let mut feeds = Vec::new();
    for state in &manifest.feeds {
        let id = &state.status.id;
        progress.started(id);
        let (publisher, kept) = (publisher(state), store.good(id).ok().flatten());
        let taken =
            member(&mut archive, &locked, state, publisher.max_bytes).and_then(|candidate| {
                enter(
                    &locked,
                    &publisher,
                    candidate,
                    kept.as_ref(),
                    checker,
                    shrink,
                )
            });
        let mut notes = Vec::new();
        let outcome = match taken {
            Ok((outcome, more)) => {
                progress.finished(id);
                notes = more;
                outcome
            }
            Err(cause) => {
                let error = FeedError {
                    feed: id.clone(),
                    url: source.display().to_string(),
                    cause,
                };
                let why = in_one_line(&error);
                progress.failed(id, &why);
                // As in a sync: the old state stays true if even this cannot be written.
                let _ = record_failure(&locked, &publisher, kept.as_ref(), why);
                Outcome::Failed {
                    error,
                    kept: kept.is_some(),
                }
            }
        };
        feeds.push(FeedOutcome {
            id: id.clone(),
            outcome,
            notes,
        });
    }
    Ok(SyncReport { feeds })
}

fn manifest(archive: &mut ZipArchive<BufReader<File>>) -> Result<Manifest, String> {
    if archive.len() > FEEDS_MAX + 1 {
        return Err(format!("it has {} members", archive.len()));
    }
    let member = archive
        .by_name(MANIFEST)
        .map_err(|error| format!("`{MANIFEST}`: {error}"))?;
    let mut text = Vec::new();
    member
        .take(MANIFEST_BYTES_MAX)
        .read_to_end(&mut text)
        .map_err(|error| format!("`{MANIFEST}`: {error}"))?;
    let manifest: Manifest =
        serde_json::from_slice(&text).map_err(|error| format!("`{MANIFEST}`: {error}"))?;
    if manifest.schema != ARCHIVE_SCHEMA {
        return Err(format!(
            "its schema is `{}`",
            manifest.schema.escape_debug()
        ));
    }
    let mut seen = std::collections::BTreeSet::new();
    for state in &manifest.feeds {
        let status = &state.status;
        let id = status.id.escape_debug();
        if !is_feed_id(&status.id) || !seen.insert(&status.id) {
            return Err(format!("`{id}` is no feed id, or stands twice"));
        }
        if state.schema != STATE_SCHEMA || !status.sha256.as_deref().is_some_and(is_sha256) {
            return Err(format!(
                "the entry of `{id}` lacks its hash, or is of another version"
            ));
        }
        if find(&status.id).is_some_and(|known| known.format != state.format) {
            return Err(format!("`{id}` is not in its publisher's format"));
        }
    }
    Ok(manifest)
}

/// The publisher by our own table; only for a repository's updateinfo, which no table has, by the archive.
fn publisher(state: &State) -> Publisher {
    find(&state.status.id).unwrap_or_else(|| Publisher {
        id: state.status.id.clone(),
        url: state.status.url.clone(),
        format: state.format,
        max_bytes: UNKNOWN_BYTES_MAX,
        licence: "unknown",
        ecosystem: state.ecosystem.clone(),
        presence: Presence::Optional,
    })
}

/// Unpacks one feed beside its place in the store, bounded, and compares it with the manifest.
fn member(
    archive: &mut ZipArchive<BufReader<File>>,
    locked: &Locked<'_>,
    state: &State,
    limit: u64,
) -> Result<Candidate, Cause> {
    let status = &state.status;
    let broken = |error: &dyn std::fmt::Display| Cause::Unparsable(error.to_string().into());
    if status.size_bytes > limit {
        return Err(Cause::TooLarge { limit });
    }
    let member = archive
        .by_name(&status.id)
        .map_err(|error| broken(&error))?;
    let mut file = Hashing::new(locked.receiving(&status.id)?);
    // One more byte than announced is enough to see that there are more.
    let mut bytes = member.take(status.size_bytes.saturating_add(1));
    let mut chunk = vec![0; 64 << 10];
    loop {
        let read = bytes.read(&mut chunk).map_err(|error| broken(&error))?;
        match chunk.get(..read) {
            None | Some([]) => break,
            Some(bytes) => file.write(bytes)?,
        }
    }
    let (file, received, sha256) = file.finish();
    if received != status.size_bytes {
        return Err(Cause::Length {
            received,
            announced: status.size_bytes,
        });
    }
    if status.sha256.as_ref() != Some(&sha256) {
        return Err(Cause::Checksum {
            algorithm: "SHA-256",
        });
    }
    Ok(Candidate {
        file,
        size_bytes: received,
        sha256,
        // The next sync may still be answered "unchanged".
        validators: state.validators.clone(),
        dated: status.dated,
        fetched: status.fetched.unwrap_or(Timestamp::UNIX_EPOCH),
    })
}

fn enter(
    locked: &Locked<'_>,
    publisher: &Publisher,
    candidate: Candidate,
    kept: Option<&Good>,
    checker: &dyn Checker,
    shrink: Shrink,
) -> Result<(Outcome, Vec<String>), Cause> {
    if kept.is_some_and(|kept| kept.state.status.fetched > Some(candidate.fetched)) {
        return Ok((Outcome::KeptNewer, Vec::new()));
    }
    Ok(
        match take_in(locked, publisher, candidate, kept, checker, shrink)? {
            Taken::Same => (Outcome::Unchanged, Vec::new()),
            Taken::New {
                records,
                quarantined,
                problems,
                notes,
            } => (
                Outcome::Updated {
                    records,
                    quarantined,
                    problems,
                },
                notes,
            ),
        },
    )
}
