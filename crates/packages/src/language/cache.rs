//! What the last survey saw, so that the next one only looks (`stat`) at what has not changed.
//!
//! A directory's list holds while its device, inode, modification time and size are the same, a file's packages
//! likewise. The file is one JSON value with a version in front; one that is damaged, of another version or too large
//! is ignored and replaced. It is written beside its place and renamed, so a reader sees the old or the new one whole.
//! What was modified in the instant of the survey itself is not remembered: the same time stamp could stand for a
//! later change.

use super::Found;
use super::owned::Ownership;
use foldhash::HashMap;
use overlock_model::inventory::Unseen;
use overlock_rootfs::{Identity, Root};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Raised whenever the content or the meaning of a record changes, prune and candidate rules included.
const VERSION: u32 = 1;
/// Largest cache read or written; a machine with 35,000 directories needs 6 MB.
const CACHE_BYTES_MAX: u64 = 64 << 20;
/// How much older than the survey a time stamp has to be; the kernel's clock for them ticks every 1 to 10 ms.
const SETTLED_NS: i64 = 50_000_000;

/// Device, inode, modification time in nanoseconds and size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Key(u64, u64, i64, u64);

impl From<Identity> for Key {
    fn from(identity: Identity) -> Self {
        let mtime = i64::try_from(identity.mtime_ns).unwrap_or(i64::MAX);
        Self(identity.dev, identity.inode, mtime, identity.size)
    }
}

/// What matters of a directory's list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Directory {
    #[serde(rename = "i")]
    pub identity: Key,
    /// Entries of every kind.
    #[serde(rename = "e")]
    pub entries: u32,
    /// Directories, pruned ones included.
    #[serde(rename = "d", default, skip_serializing_if = "Vec::is_empty")]
    pub folders: Vec<String>,
    /// Files that may state a package.
    #[serde(rename = "f", default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
}

/// What a file states.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileRecord {
    #[serde(rename = "i")]
    pub identity: Key,
    #[serde(rename = "p", default, skip_serializing_if = "Vec::is_empty")]
    pub found: Vec<Found>,
    /// Why what it states could not be understood.
    #[serde(rename = "x", default, skip_serializing_if = "Option::is_none")]
    pub damaged: Option<String>,
}

/// Directories and files by path.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Records {
    pub directories: HashMap<String, Directory>,
    pub files: HashMap<String, FileRecord>,
}

#[derive(Default, Serialize, Deserialize)]
struct Stored {
    version: u32,
    records: Records,
    ownership: Ownership,
}

/// The cache of one root.
pub(super) struct Cache {
    place: PathBuf,
    /// The file that becomes the next cache, with the time at which the survey began; or why there is none.
    next: io::Result<(PathBuf, i64)>,
    /// What was read, without what was taken since.
    stored: Stored,
    /// Whether something that was asked for was not there any more as it was.
    changed: bool,
}

impl Cache {
    /// Reads the cache of `root` in `folder`; without one, or with one that cannot be used, it is empty.
    pub fn open(folder: &Path, root: &Root) -> Self {
        let identity = root.identity("");
        let name = identity.map_or_else(
            || "language-packages.json".to_owned(),
            |identity| {
                format!(
                    "language-packages.{:x}-{:x}.json",
                    identity.dev, identity.inode
                )
            },
        );
        let place = folder.join(name);
        Self {
            next: begin(folder, &place),
            stored: read(&place).unwrap_or_default(),
            place,
            changed: false,
        }
    }

    /// Takes the list of a directory that is unchanged.
    pub fn directory(&mut self, path: &str, identity: Identity) -> Option<Directory> {
        let known = self.stored.records.directories.remove(path);
        let known = known.filter(|known| known.identity == identity.into());
        self.changed |= known.is_none();
        known
    }

    /// Takes what a file states, where it is unchanged.
    pub fn file(&mut self, path: &str, root: &Root) -> Option<FileRecord> {
        let known = self.stored.records.files.remove(path);
        let known =
            known.filter(|known| root.identity(path).map(Key::from) == Some(known.identity));
        self.changed |= known.is_none();
        known
    }

    /// Which files belong to packages of the operating system, as far as it was asked before.
    pub fn ownership(&self) -> Option<&Ownership> {
        (self.stored.version == VERSION).then_some(&self.stored.ownership)
    }

    /// Puts `records` in the place of the cache; where that fails the old one stays and `unseen` says why.
    pub fn save(&mut self, records: Records, ownership: Ownership, unseen: &mut Vec<Unseen>) {
        let next = std::mem::replace(&mut self.next, Err(io::ErrorKind::NotFound.into()));
        let saved = next.and_then(|(next, began)| {
            let saved = self.replace(&next, settled(records, began), ownership);
            // After a rename it is gone already.
            drop(fs::remove_file(&next));
            saved
        });
        if let Err(error) = saved {
            unseen.push(Unseen {
                what: "cache of language packages".to_owned(),
                why: format!("it cannot be written, so the next survey is slow: {error}"),
            });
        }
    }

    fn replace(&self, next: &Path, records: Records, ownership: Ownership) -> io::Result<()> {
        let all_taken = self.stored.records == Records::default();
        if !self.changed && all_taken && self.stored.ownership == ownership {
            return Ok(());
        }
        let bytes = serde_json::to_vec(&Stored {
            version: VERSION,
            records,
            ownership,
        })?;
        if bytes.len() as u64 > CACHE_BYTES_MAX {
            return Err(io::Error::other(format!(
                "it would be larger than {CACHE_BYTES_MAX} bytes"
            )));
        }
        let mut file = OpenOptions::new().write(true).truncate(true).open(next)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(next, &self.place)
    }
}

/// Makes the file that the next cache is written to. Its time stamp, of the same kernel clock as all others, is when
/// the survey began; so no clock is asked.
fn begin(folder: &Path, place: &Path) -> io::Result<(PathBuf, i64)> {
    fs::create_dir_all(folder)?;
    let next = place.with_extension(format!("{}.next", std::process::id()));
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&next)?;
    let metadata = file.metadata()?;
    let seconds = metadata.mtime().checked_mul(1_000_000_000);
    let began = seconds.and_then(|seconds| seconds.checked_add(metadata.mtime_nsec()));
    Ok((next, began.unwrap_or(i64::MIN)))
}

fn read(place: &Path) -> Option<Stored> {
    let file = File::open(place).ok()?;
    let size = file.metadata().ok()?.len();
    if size > CACHE_BYTES_MAX {
        return None;
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).ok()?);
    file.take(CACHE_BYTES_MAX).read_to_end(&mut bytes).ok()?;
    let stored: Stored = serde_json::from_slice(&bytes).ok()?;
    (stored.version == VERSION).then_some(stored)
}

/// Without what was modified too shortly before the survey began, or after.
fn settled(mut records: Records, began: i64) -> Records {
    let settled = |key: Key| key.2 < began.saturating_sub(SETTLED_NS);
    records
        .directories
        .retain(|_, directory| settled(directory.identity));
    records.files.retain(|_, file| settled(file.identity));
    records
}
