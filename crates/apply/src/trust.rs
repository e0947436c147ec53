//! `/etc/overlock/trust.toml`: whose signatures count on this host.
//!
//! Read by whoever asks the guard: `overlock apply` and the agent's root helper.

use overlock_guard::{Approver, Approvers, Trust, TrustError};
use serde::Deserialize;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// While it does not exist, root may apply unsigned local plans.
pub const PATH: &str = "/etc/overlock/trust.toml";
/// Larger than any list of keys.
const BYTES_MAX: u64 = 1 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TrustFile {
    threshold: usize,
    #[serde(rename = "approver")]
    approvers: Vec<TrustKey>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TrustKey {
    name: String,
    key: String,
}

/// The file is there and cannot be used: then nothing is trusted, which is not the same as no file.
#[derive(Debug, thiserror::Error)]
#[error("cannot use `{}`", path.display())]
pub struct TrustFileError {
    /// Which.
    pub path: PathBuf,
    /// Cause.
    #[source]
    pub source: TrustFault,
}

/// What is wrong with it.
#[derive(Debug, thiserror::Error)]
pub enum TrustFault {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// It is no list of keys; the parser names the place.
    #[error(transparent)]
    Parse(#[from] toml::de::Error),
    /// A key, or the threshold.
    #[error(transparent)]
    Keys(#[from] TrustError),
}

/// Reads who may approve.
///
/// # Errors
/// When the file is there and cannot be used.
pub fn read(path: &Path) -> Result<Trust, TrustFileError> {
    let file = match std::fs::File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Trust::UnsignedLocalAllowed);
        }
        opened => opened.map_err(TrustFault::from),
    };
    file.and_then(keys).map_err(|source| TrustFileError {
        path: path.to_owned(),
        source,
    })
}

fn keys(file: std::fs::File) -> Result<Trust, TrustFault> {
    let mut text = String::new();
    file.take(BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is too large").into());
    }
    let file: TrustFile = toml::from_str(&text)?;
    let keys = file
        .approvers
        .iter()
        .map(|one| Approver::new(&one.name, &one.key))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Trust::Keys(Approvers::new(keys, file.threshold)?))
}
