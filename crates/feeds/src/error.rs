//! Why a feed could not be taken in: which feed, from where, the cause, what to do, and whose fault it is.

use std::io;
use std::path::PathBuf;

use overlock_model::feed::FeedId;
use thiserror::Error;

/// Whose fault an error is; the program's exit code follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// What was received or given cannot be used: exit code 2.
    Input,
    /// Network, lock or disk: exit code 3.
    Environment,
}

impl Kind {
    /// The program's exit code.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Input => 2,
            Self::Environment => 3,
        }
    }
}

/// A feed that was not taken in. The last good copy, where there is one, is still in place.
#[derive(Debug, Error)]
#[error("cannot take in feed `{feed}` from {url}")]
pub struct FeedError {
    /// Which feed.
    pub feed: FeedId,
    /// Where it was read, credentials removed.
    pub url: String,
    /// What went wrong.
    #[source]
    pub cause: Cause,
}

/// What went wrong with one feed.
#[derive(Debug, Error)]
pub enum Cause {
    /// The address has no scheme we speak or no place on the mirror.
    #[error("the address cannot be used")]
    Address,
    /// Not found: 404 or 410, or no such file in the mirror's folder.
    #[error("it is not there (not found)")]
    Absent,
    /// Any other answer that is not the file.
    #[error("the server answered with status {status}")]
    Status {
        /// HTTP status.
        status: u16,
    },
    /// No connection, no TLS, or it broke.
    #[error("the connection failed")]
    Connection(#[source] reqwest::Error),
    /// TLS cannot be set up on this machine.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
    /// The download ended without an answer.
    #[error("the sync was cut short")]
    Interrupted,
    /// One of the three time limits ran out.
    #[error("the server took too long")]
    Timeout(#[source] reqwest::Error),
    /// A redirect we do not follow.
    #[error("redirect refused: {why}")]
    Redirect {
        /// Which rule.
        why: String,
    },
    /// Received more or fewer bytes than announced.
    #[error("received {received} bytes where {announced} were announced")]
    Length {
        /// Bytes received.
        received: u64,
        /// Bytes announced by `Content-Length` or by the repository's metadata.
        announced: u64,
    },
    /// More than we take.
    #[error("it is larger than the limit of {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// Sent in an encoding that we did not ask for.
    #[error("the server sent it in the encoding `{encoding}`, which was not asked for")]
    Encoding {
        /// `Content-Encoding`, shortened.
        encoding: String,
    },
    /// A repository's metadata that does not lead to its updateinfo.
    #[error("the repository's metadata cannot be used: {why}")]
    Repomd {
        /// What is wrong.
        why: String,
    },
    /// Content that differs from the announced checksum.
    #[error("its {algorithm} checksum differs from the announced one")]
    Checksum {
        /// Algorithm.
        algorithm: &'static str,
    },
    /// Reading the mirror or writing the store.
    #[error("cannot read or write `{path}`")]
    Disk {
        /// File or folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    /// What the store keeps of this feed cannot be read, so it is not replaced.
    #[error("what is kept of it must not be replaced: {why}")]
    State {
        /// Why.
        why: String,
    },
    /// Not in the publisher's format.
    #[error("it cannot be parsed")]
    Unparsable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// In the format, and nothing in it that can be used.
    #[error("it holds no record that can be read ({quarantined} unreadable)")]
    Empty {
        /// Records that could not be read.
        quarantined: u64,
    },
    /// Suspiciously fewer records than before.
    #[error("it shrank from {before} to {records} records")]
    Shrunk {
        /// Records of the last good copy.
        before: u64,
        /// Records of the refused one.
        records: u64,
    },
}

impl Cause {
    /// Whose fault it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Address
            | Self::Encoding { .. }
            | Self::Repomd { .. }
            | Self::Checksum { .. }
            | Self::Unparsable(_)
            | Self::Empty { .. }
            | Self::Shrunk { .. } => Kind::Input,
            Self::Absent
            | Self::Status { .. }
            | Self::Connection(_)
            | Self::Tls(_)
            | Self::Interrupted
            | Self::Timeout(_)
            | Self::Redirect { .. }
            | Self::Length { .. }
            | Self::TooLarge { .. }
            | Self::Disk { .. }
            | Self::State { .. }
            | Self::Store(_) => Kind::Environment,
        }
    }

    /// Whether the same request may well succeed a moment later.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Connection(_) | Self::Timeout(_) | Self::Length { .. } => true,
            Self::Status { status } => *status >= 500 || *status == 429 || *status == 408,
            Self::Address
            | Self::Absent
            | Self::Tls(_)
            | Self::Interrupted
            | Self::Redirect { .. }
            | Self::TooLarge { .. }
            | Self::Encoding { .. }
            | Self::Repomd { .. }
            | Self::Checksum { .. }
            | Self::Disk { .. }
            | Self::State { .. }
            | Self::Store(_)
            | Self::Unparsable(_)
            | Self::Empty { .. }
            | Self::Shrunk { .. } => false,
        }
    }

    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Address => "check the address; only http and https are spoken",
            Self::Absent => "the publisher or the mirror may have moved it; check `--mirror`",
            Self::Status {
                status: 401 | 403 | 407,
            } => "check the credentials of mirror or proxy",
            Self::Status { .. } => "try again later, or use another `--mirror`",
            Self::Connection(_) => {
                "check network, proxy (HTTPS_PROXY), certificates (SSL_CERT_FILE) and this machine's clock; \
                 or use `--mirror`"
            }
            Self::Tls(_) => "use a plain http mirror or a folder as `--mirror`",
            Self::Interrupted => "sync again",
            Self::Timeout(_) => "try again later, or use a nearer `--mirror`",
            Self::Redirect { .. } => "name the final address as `--mirror`",
            Self::Length { .. } => {
                "the transfer was cut; try again, and check any proxy in between"
            }
            Self::TooLarge { .. } => {
                "this is not the file the publisher means; check mirror and proxy"
            }
            Self::Encoding { .. } => "check the proxy or mirror in between",
            Self::Repomd { .. } | Self::Checksum { .. } => {
                "the repository may be in the middle of an update; try again later"
            }
            Self::Disk { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                "the disk is full: free some space or choose another `--data`"
            }
            Self::Disk { .. } => "check that the folder exists and that you may write to it",
            Self::State { .. } => "use the newer version, or choose another `--data`",
            Self::Store(error) => error.hint(),
            Self::Unparsable(_) | Self::Empty { .. } => {
                "check what the address serves (an error page?); the last good copy stays in use"
            }
            Self::Shrunk { .. } => "if the publisher means it, sync again with `--accept-shrink`",
        }
    }
}

impl FeedError {
    /// Whose fault it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.cause.kind()
    }

    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        self.cause.hint()
    }
}
