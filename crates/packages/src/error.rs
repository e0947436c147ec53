//! What can go wrong while reading a package database: where, why, and what to do next.

use thiserror::Error;

/// A database, list or bill of materials that could not be read.
#[derive(Debug, Error)]
pub enum PackagesError {
    /// The file tree would not give the bytes.
    #[error("cannot read `{path}`")]
    Read {
        /// Path under the root.
        path: String,
        /// The cause below.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The bytes are not what the format says.
    #[error("cannot understand `{path}`{}: {why}", .line.map(|line| format!(" line {line}")).unwrap_or_default())]
    Format {
        /// Path under the root, or the name of the input.
        path: String,
        /// Line, counted from 1, where the format has lines.
        line: Option<u64>,
        /// What is wrong.
        why: String,
        /// What to do next.
        hint: Option<&'static str>,
    },
    /// The input is larger than we are willing to read.
    #[error("`{path}` is larger than the limit of {limit_bytes} bytes")]
    TooLarge {
        /// Path under the root, or the name of the input.
        path: String,
        /// The limit.
        limit_bytes: u64,
    },
    /// A known format that is deliberately not read.
    #[error("`{path}` has a format that is not supported: {what}")]
    Unsupported {
        /// Path under the root.
        path: String,
        /// Which format.
        what: String,
        /// What to do next.
        hint: &'static str,
    },
}

impl PackagesError {
    /// A read error with its place.
    pub fn read(
        path: impl Into<String>,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        Self::Read {
            path: path.into(),
            source: Box::new(source),
        }
    }

    /// A format error without a line.
    pub fn format(path: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Format {
            path: path.into(),
            line: None,
            why: why.into(),
            hint: None,
        }
    }

    /// A format error at a line, counted from 1.
    pub fn at(path: impl Into<String>, line: u64, why: impl Into<String>) -> Self {
        Self::Format {
            path: path.into(),
            line: Some(line),
            why: why.into(),
            hint: None,
        }
    }

    /// What to do next, where there is something.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Format { hint, .. } => *hint,
            Self::Unsupported { hint, .. } => Some(hint),
            Self::Read { .. } | Self::TooLarge { .. } => None,
        }
    }
}
