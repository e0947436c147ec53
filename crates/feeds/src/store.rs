//! The folder of last good feeds, and how a new one takes the old one's place.
//!
//! ```text
//! DIR/feeds/lock                         held by whoever changes the store
//! DIR/feeds/<id>/data-<sha256/16>.<ext>  the file as fetched
//! DIR/feeds/<id>/state.json              names it; the one point of commit
//! DIR/feeds/<id>/.new-XXXXXX             being received; swept at the next start
//! ```
//!
//! The data file's name follows from its hash, and `state.json` is replaced by rename after the data is on disk. So a
//! kill at any instant leaves either the old pair or the new pair; the other file is swept by the next [`Store::lock`].
//! Readers need no lock.

use std::fs::{self, File, Permissions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use overlock_model::advisory::Ecosystem;
use overlock_model::feed::{FeedId, FeedStatus};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::format::FeedFormat;
use crate::publishers::is_feed_id;

mod error;

pub use error::StoreError;

/// Version of `state.json`.
pub const STATE_SCHEMA: &str = "overlock.feed-state/1";
const STATE_NAME: &str = "state.json";
const STATE_BYTES_MAX: u64 = 64 << 10;
const FEEDS_MAX: usize = 1_000;
const RECEIVING: &str = ".new-";

/// What is kept of a feed besides its data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// [`STATE_SCHEMA`].
    pub schema: String,
    /// Which parser the data needs.
    pub format: FeedFormat,
    /// The release the whole file speaks of, where the file itself does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ecosystem: Option<Ecosystem>,
    /// What to tell the server so that it may answer "unchanged".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validators: Option<Validators>,
    /// What users see. `sha256` is set exactly when there is a good copy.
    pub status: FeedStatus,
}

/// A server's words about one version of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validators {
    /// Where the file was read, credentials removed; words of one server mean nothing to another.
    pub source: String,
    /// `ETag`; for a folder mirror size and time of the file, for an updateinfo its announced checksum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// `Last-Modified` as received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
}

/// A feed whose data is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Good {
    /// What is known of it.
    pub state: State,
    /// The data, as fetched.
    pub path: PathBuf,
}

/// The store below one data directory.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
}

impl Store {
    /// The store in `data` (the folder `data/feeds`); nothing is touched yet.
    #[must_use]
    pub fn new(data: &Path) -> Self {
        Self {
            folder: data.join("feeds"),
        }
    }

    /// The folder that holds the feeds.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What is known of a feed; `None` if it was never tried.
    ///
    /// # Errors
    /// Unreadable, damaged or too new a state.
    pub fn state(&self, id: &str) -> Result<Option<State>, StoreError> {
        let path = self.folder.join(id).join(STATE_NAME);
        let damaged = |why: String| StoreError::Damaged {
            path: path.clone(),
            why,
        };
        if !is_feed_id(id) {
            return Err(damaged(format!("`{}` is no feed id", id.escape_debug())));
        }
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(StoreError::Disk { path, source }),
        };
        let mut text = Vec::new();
        file.take(STATE_BYTES_MAX)
            .read_to_end(&mut text)
            .map_err(|source| StoreError::Disk {
                path: path.clone(),
                source,
            })?;
        let schema = serde_json::from_slice::<Schema>(&text)
            .map_err(|error| damaged(error.to_string()))?
            .schema;
        if schema != STATE_SCHEMA {
            return Err(StoreError::Newer { path, schema });
        }
        let state: State =
            serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
        if state.status.id != id {
            return Err(damaged(format!(
                "it is of feed `{}`",
                state.status.id.escape_debug()
            )));
        }
        if state
            .status
            .sha256
            .as_deref()
            .is_some_and(|hash| !is_sha256(hash))
        {
            return Err(damaged("its sha256 is none".to_owned()));
        }
        Ok(Some(state))
    }

    /// The last good copy of a feed: its state holds and its data is there in full length.
    ///
    /// # Errors
    /// As [`Store::state`].
    pub fn good(&self, id: &str) -> Result<Option<Good>, StoreError> {
        let Some(state) = self.state(id)? else {
            return Ok(None);
        };
        let Some(name) = data_name(&state) else {
            return Ok(None);
        };
        let path = self.folder.join(id).join(name);
        let whole = fs::metadata(&path)
            .is_ok_and(|found| found.is_file() && found.len() == state.status.size_bytes);
        Ok(whole.then_some(Good { state, path }))
    }

    /// Ids of all feeds that were ever tried, sorted; at most a thousand.
    ///
    /// # Errors
    /// An unreadable folder. A folder that does not exist has no feeds.
    pub fn ids(&self) -> Result<Vec<FeedId>, StoreError> {
        let failed = |source| StoreError::Disk {
            path: self.folder.clone(),
            source,
        };
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(failed(source)),
        };
        let mut ids = Vec::new();
        for entry in entries.take(FEEDS_MAX) {
            let entry = entry.map_err(failed)?;
            if let Ok(name) = entry.file_name().into_string()
                && is_feed_id(&name)
                && entry.path().is_dir()
            {
                ids.push(name);
            }
        }
        ids.sort_unstable();
        Ok(ids)
    }

    /// All good copies, sorted by id: what the compiler reads.
    ///
    /// # Errors
    /// An unreadable folder; a single feed that is damaged is left out, [`crate::status`] tells it.
    pub fn all_good(&self) -> Result<Vec<Good>, StoreError> {
        let ids = self.ids()?;
        Ok(ids
            .iter()
            .filter_map(|id| self.good(id).ok().flatten())
            .collect())
    }

    /// Takes the lock for changes and sweeps what a killed process left behind. It does not wait.
    ///
    /// # Errors
    /// Another process holds it, or the folder cannot be written.
    pub fn lock(&self) -> Result<Locked<'_>, StoreError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| StoreError::Disk { path, source }
        };
        fs::create_dir_all(&self.folder).map_err(failed(&self.folder))?;
        let path = self.folder.join("lock");
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(failed(&path))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let mut text = String::new();
                let _ = file.take(20).read_to_string(&mut text);
                let pid = text.trim().parse().ok();
                return Err(StoreError::Locked {
                    folder: self.folder.clone(),
                    pid,
                });
            }
            Err(errno) => return Err(failed(&path)(errno.into())),
        }
        // Who holds it is only for the other's message: a full disk must not keep us from going on.
        let _ = file.set_len(0);
        let _ = file
            .rewind()
            .and_then(|()| writeln!(file, "{}", std::process::id()));
        let locked = Locked {
            store: self,
            lock: file,
        };
        for id in self.ids()? {
            locked.sweep(&id);
        }
        Ok(locked)
    }
}

/// The store while we may change it.
#[derive(Debug)]
pub struct Locked<'s> {
    store: &'s Store,
    lock: File,
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        // Closing is not enough: a child forked at this moment holds a copy of the descriptor until it executes its
        // program. If this fails, closing is what is left.
        let _ = flock(&self.lock, FlockOperation::Unlock);
    }
}

impl Locked<'_> {
    /// The store itself.
    #[must_use]
    pub fn store(&self) -> &Store {
        self.store
    }

    /// A fresh file beside the feed's data, to be received into.
    pub(crate) fn receiving(&self, id: &str) -> Result<NamedTempFile, StoreError> {
        let folder = self.folder(id)?;
        new_file(&folder).map_err(|source| StoreError::Disk {
            path: folder,
            source,
        })
    }

    /// Makes `file` the feed's good copy. `state` must carry its `sha256` and size.
    pub(crate) fn replace(&self, state: &State, file: NamedTempFile) -> Result<(), StoreError> {
        let folder = self.folder(&state.status.id)?;
        if let Some(name) = data_name(state) {
            let path = folder.join(name);
            let failed = |source| StoreError::Disk {
                path: path.clone(),
                source,
            };
            file.as_file().sync_all().map_err(failed)?;
            file.persist(&path).map_err(|error| failed(error.error))?;
            sync_folder(&folder)?;
        }
        self.record(state)?;
        self.sweep(&state.status.id);
        Ok(())
    }

    /// Replaces only the state: an unchanged feed, or an attempt that failed.
    pub(crate) fn record(&self, state: &State) -> Result<(), StoreError> {
        let folder = self.folder(&state.status.id)?;
        let path = folder.join(STATE_NAME);
        let failed = |source: io::Error| StoreError::Disk {
            path: path.clone(),
            source,
        };
        let mut text =
            serde_json::to_vec_pretty(state).map_err(|error| failed(io::Error::other(error)))?;
        text.push(b'\n');
        let mut file = new_file(&folder).map_err(failed)?;
        file.write_all(&text).map_err(failed)?;
        file.as_file().sync_all().map_err(failed)?;
        file.persist(&path).map_err(|error| failed(error.error))?;
        sync_folder(&folder)
    }

    fn folder(&self, id: &str) -> Result<PathBuf, StoreError> {
        let folder = self.store.folder.join(id);
        if !is_feed_id(id) {
            return Err(StoreError::Damaged {
                path: folder,
                why: "it is no feed id".to_owned(),
            });
        }
        fs::create_dir_all(&folder).map_err(|source| StoreError::Disk {
            path: folder.clone(),
            source,
        })?;
        Ok(folder)
    }

    /// Removes what the state does not name. Where the state cannot be read nothing but half-received files goes.
    /// A file that cannot be removed costs space and no more, so it is tried again next time.
    fn sweep(&self, id: &str) {
        let Ok(entries) = fs::read_dir(self.store.folder.join(id)) else {
            return;
        };
        let state = self.store.state(id);
        let keep = state
            .as_ref()
            .ok()
            .and_then(Option::as_ref)
            .and_then(data_name);
        for entry in entries.take(FEEDS_MAX).flatten() {
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            let replaced =
                name.starts_with("data-") && state.is_ok() && keep.as_ref() != Some(&name);
            if name.starts_with(RECEIVING) || replaced {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

#[derive(Deserialize)]
struct Schema {
    schema: String,
}

/// Name of the data file that a state speaks of; its hash makes it new for each content.
fn data_name(state: &State) -> Option<String> {
    let start = state.status.sha256.as_ref()?.get(..16)?;
    Some(format!("data-{start}.{}", state.format.extension()))
}

pub(crate) fn is_sha256(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// Readable by everybody: a scan by an ordinary user uses the feeds that root synced.
fn new_file(folder: &Path) -> io::Result<NamedTempFile> {
    tempfile::Builder::new()
        .prefix(RECEIVING)
        .permissions(Permissions::from_mode(0o644))
        .tempfile_in(folder)
}

fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|source| StoreError::Disk {
            path: folder.to_owned(),
            source,
        })
}
