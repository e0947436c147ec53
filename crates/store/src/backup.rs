//! Backup and restore: the whole database as one checked file, the same for both engines.
//!
//! That a backup of SQLite restores into PostgreSQL is the documented way from one to the other. The file is a header of
//! fixed size (one line of JSON, padded) and the tables as lines of JSON, packed by zstd. A backup is taken from one
//! moment of the database; a restore happens as a whole or not at all, and only into an empty database.
//!
//! ```text
//! {"schema":"overlock.backup/1","rows":{…},"sha256":…,"size_bytes":…}      4,096 bytes
//! zstd( {"table":"hosts","columns":["id",…]}
//!       ["5b6f…","web-1",…]                                               a row; bytes as hex
//!       …
//!       {"end":true} )
//! ```
//!
//! Sessions, idempotency keys and leases are left out: they belong to servers that run.

mod read;
mod tables;
mod write;

use crate::error::StoreError;
use jiff::Timestamp;
use overlock_model::plan::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// The header of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    /// `overlock.backup/1`.
    pub schema: String,
    /// Which engine it was taken from.
    pub engine: String,
    /// Version of the database's form.
    pub form: i64,
    /// When it was taken.
    pub created: Timestamp,
    /// How many rows of each table are in it.
    pub rows: BTreeMap<String, u64>,
    /// SHA-256 of what follows the header.
    pub sha256: Digest,
    /// How much that is.
    pub size_bytes: u64,
}

const SCHEMA: &str = "overlock.backup/1";
/// Size of the header with its padding.
const HEADER_BYTES: usize = 4_096;
/// Longest line: the largest content as hex, with room.
const LINE_BYTES: u64 = 300 << 20;

/// Reads a backup to its end and checks digest, rows and form, without a database.
///
/// # Errors
/// When it is not one, or not whole.
pub fn check_backup(path: &Path) -> Result<Backup, StoreError> {
    let mut reader = read::Reader::open(path)?;
    while reader.next()?.is_some() {}
    reader.finish()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |digit: u8| {
        char::from(digit)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    rest.is_empty().then_some(())?;
    pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_comes_back() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(unhex(&hex(&all)), Some(all));
        assert_eq!(unhex("0"), None);
        assert_eq!(unhex("0g"), None);
        assert_eq!(unhex("+1"), None);
    }
}
