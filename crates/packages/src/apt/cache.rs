//! What is remembered between scans: a table for each package list, and the verdict on each Release file.
//!
//! Each entry carries the identities (device, inode, mtime, size) of all files it was made from and counts only while
//! they are the same. Entries are written whole and renamed into place; one that is missing, old or damaged is made
//! again, and where the cache cannot be written the scan is just slower.

use super::index::{IndexLimits, read_index};
use super::release::Release;
use super::table::{Table, hex};
use crate::error::PackagesError;
use aws_lc_rs::digest::{SHA256, digest};
use overlock_model::repository::Signature;
use overlock_rootfs::{Identity, Root};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// Changes when release facts or the signature policy change.
const RELEASE_FORMAT: u32 = 1;
const RELEASE_CACHE_LIMIT_BYTES: u64 = 64 << 20;

/// A folder for derived data, or none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cache<'a> {
    folder: Option<&'a Path>,
}

/// What a Release file states, and whether its signature holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Verified {
    /// Its fields.
    pub release: Release,
    /// The verdict on the file itself.
    pub signature: Signature,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    format: u32,
    made_from: String,
    verified: Verified,
}

impl<'a> Cache<'a> {
    pub(super) fn new(folder: Option<&'a Path>) -> Self {
        Self {
            folder: folder.filter(|folder| fs::create_dir_all(folder).is_ok()),
        }
    }

    /// One name for each file of each root, so that the folder does not grow with every update of a list.
    fn path(self, root: &Root, path: &str, ending: &str) -> Option<PathBuf> {
        let key = format!("{}\0{path}", root.path().display());
        let name = hex(digest(&SHA256, key.as_bytes()).as_ref());
        Some(
            self.folder?
                .join(format!("apt-{}.{ending}", name.get(..24)?)),
        )
    }

    /// The table of a list, from the cache or built anew.
    pub(super) fn table(self, root: &Root, path: &str) -> Result<Table, PackagesError> {
        let stored = self.path(root, path, "table");
        if let (Some(stored), Some(identity)) = (&stored, root.identity(path))
            && let Some(table) = Table::open(stored, &identity)
        {
            return Ok(table);
        }
        self.build_table(root, path)
    }

    /// The table of a list, built anew and stored.
    pub(super) fn build_table(self, root: &Root, path: &str) -> Result<Table, PackagesError> {
        // The identity is taken before the content: if apt replaces the list between, the table only looks old.
        let identity = root
            .identity(path)
            .ok_or_else(|| PackagesError::format(path, "it went away while it was read"))?;
        let file = root
            .open_file(path)
            .map_err(|error| PackagesError::read(path, error))?;
        let table = read_index(path, file, &identity, IndexLimits::default())?;
        if let Some(stored) = self.path(root, path, "table") {
            // Not being able to remember is no failure of the scan.
            let _ = store(&stored, table.as_bytes());
        }
        Ok(table)
    }

    /// The facts of a Release file, from the cache where it was made from the same files.
    pub(super) fn release(
        self,
        root: &Root,
        path: &str,
        made_from: &str,
        make: impl FnOnce() -> Verified,
    ) -> Verified {
        let stored = self.path(root, path, "release");
        let read = |path: &PathBuf| {
            let mut bytes = Vec::new();
            File::open(path)
                .ok()?
                .take(RELEASE_CACHE_LIMIT_BYTES)
                .read_to_end(&mut bytes)
                .ok()?;
            let stored: Stored = serde_json::from_slice(whole(&bytes)?).ok()?;
            (stored.format == RELEASE_FORMAT && stored.made_from == made_from)
                .then_some(stored.verified)
        };
        if let Some(verified) = stored.as_ref().and_then(read) {
            return verified;
        }
        let verified = make();
        if let Some(path) = stored {
            let entry = Stored {
                format: RELEASE_FORMAT,
                made_from: made_from.to_owned(),
                verified: verified.clone(),
            };
            if let Ok(bytes) = serde_json::to_vec(&entry) {
                let sum = hex(digest(&SHA256, &bytes).as_ref());
                let _ = store(&path, &[sum.as_bytes(), &bytes].concat());
            }
        }
        verified
    }
}

/// What follows the SHA-256 that an entry begins with, if it is what was written.
fn whole(bytes: &[u8]) -> Option<&[u8]> {
    let (sum, rest) = bytes.split_at_checked(64)?;
    (hex(digest(&SHA256, rest).as_ref()).as_bytes() == sum).then_some(rest)
}

/// The identity of a file as text, for the key of an entry.
pub(super) fn identity_text(root: &Root, path: &str) -> String {
    match root.identity(path) {
        Some(Identity {
            dev,
            inode,
            mtime_ns,
            size,
        }) => format!("{path}={dev}:{inode}:{mtime_ns}:{size};"),
        None => format!("{path}=none;"),
    }
}

/// Writes a file whole or not at all.
fn store(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let part = path.with_extension(format!("part-{}", std::process::id()));
    let written = File::create(&part)
        .and_then(|mut file| file.write_all(bytes))
        .and_then(|()| fs::rename(&part, path));
    if written.is_err() {
        let _ = fs::remove_file(&part);
    }
    written
}
