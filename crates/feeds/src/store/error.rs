//! What the store cannot do, and what to do then.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::error::Kind;

/// What the store cannot do.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Another process changes the store.
    #[error("the feeds in `{folder}` are being changed by another process{}", holder(.pid))]
    Locked {
        /// The store.
        folder: PathBuf,
        /// Who, as far as the lock file says.
        pid: Option<u32>,
    },
    /// A file operation failed.
    #[error("cannot read or write `{path}`")]
    Disk {
        /// File or folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A state file that is not one.
    #[error("`{path}` is damaged: {why}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A state file of a later Overlock.
    #[error("`{path}` was written by a newer version (`{schema}`)")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        schema: String,
    },
}

fn holder(pid: &Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (process {pid})"))
}

impl StoreError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Locked { .. } => "wait until it is done, then try again",
            Self::Disk { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                "the disk is full: free some space or choose another `--data`"
            }
            Self::Disk { .. } => "check that you may write there, or choose another `--data`",
            Self::Damaged { .. } => "run `overlock feeds sync`: it fetches the feed anew",
            Self::Newer { .. } => "use the newer version, or choose another `--data`",
        }
    }

    /// Whose fault it is: always the environment's.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        Kind::Environment
    }
}
