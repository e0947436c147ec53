//! One entry in the file: `HASH JSON`, one line.
//!
//! HASH is the SHA-256 of the former line's 32 hash bytes and of the JSON, so that a line stands only where it was written.

use overlock_model::plan::Digest;
use overlock_model::run::Entry;

/// Largest line in bytes; what a run prints is shortened by those who write it down.
pub const LINE_BYTES_MAX: usize = 1 << 20;

const HASH_DIGITS: usize = 64;

/// Why a line is no entry.
#[derive(Debug)]
pub enum LineFlaw {
    /// It is not what was written after the line before it.
    Broken(&'static str),
    /// It is what was written, and this program does not understand it.
    Unknown(serde_json::Error),
}

/// An entry as it follows `former`, and its hash.
pub fn write(former: &Digest, entry: &Entry) -> Result<(Vec<u8>, Digest), serde_json::Error> {
    let json = serde_json::to_vec(entry)?;
    let hash = Digest::joined(&[former.bytes(), &json]);
    let mut line = format!("{hash} ").into_bytes();
    line.extend_from_slice(&json);
    line.push(b'\n');
    Ok((line, hash))
}

/// Reads one, its line feed included.
pub fn read(former: &Digest, line: &[u8]) -> Result<(Entry, Digest), LineFlaw> {
    let body = line
        .strip_suffix(b"\n")
        .ok_or(LineFlaw::Broken("the line does not end"))?;
    let (written, json) = body
        .split_at_checked(HASH_DIGITS)
        .and_then(|(written, rest)| Some((written, rest.strip_prefix(b" ")?)))
        .ok_or(LineFlaw::Broken("the line is no hash and entry"))?;
    let hash = Digest::joined(&[former.bytes(), json]);
    if hash.to_string().as_bytes() != written {
        return Err(LineFlaw::Broken("the hash of the line does not hold"));
    }
    let entry = serde_json::from_slice(json).map_err(LineFlaw::Unknown)?;
    Ok((entry, hash))
}
