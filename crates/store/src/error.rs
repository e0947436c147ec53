//! What can go wrong with the database, by what the caller should do about it.

use std::path::PathBuf;
use std::sync::Arc;

/// An operation of the store that did not happen: its transaction was rolled back as a whole.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached, or is busy for longer than we wait. Trying again later helps.
    #[error("{doing}: the database is not available")]
    Unavailable {
        /// What was to be done.
        doing: &'static str,
        /// What the driver says.
        #[source]
        source: Arc<sqlx::Error>,
    },
    /// The database's disk is full.
    #[error("{doing}: the disk of the database is full")]
    Full {
        /// What was to be done.
        doing: &'static str,
        /// What the driver says.
        #[source]
        source: Arc<sqlx::Error>,
    },
    /// Something with this name or number is already there.
    #[error("{doing}: it is already there")]
    Conflict {
        /// What was to be done.
        doing: &'static str,
        /// What the driver says.
        #[source]
        source: Arc<sqlx::Error>,
    },
    /// A newer program has changed the database's form.
    #[error("the database has the form {found} of a newer program; this one knows {known}")]
    Newer {
        /// Version of the database.
        found: i64,
        /// Newest version that this program knows.
        known: i64,
    },
    /// The database, or a backup, holds what we never write.
    #[error("{place} is damaged: {what}")]
    Damaged {
        /// Table and column, or file.
        place: String,
        /// What is wrong with it.
        what: String,
    },
    /// A backup is only restored into an empty database.
    #[error("the database already holds something; a backup is restored into an empty one only")]
    NotEmpty,
    /// The address of the database cannot be used.
    #[error("`{0}` is no address of a database")]
    Address(String),
    /// A file cannot be read or written.
    #[error("cannot use `{}`", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: Arc<std::io::Error>,
    },
    /// The writer has ended: the server is stopping.
    #[error("the writer has stopped")]
    Stopped,
    /// Anything else is a bug of ours.
    #[error("{doing}: the database refuses the query")]
    Query {
        /// What was to be done.
        doing: &'static str,
        /// What the driver says.
        #[source]
        source: Arc<sqlx::Error>,
    },
}

impl StoreError {
    /// What a person can do about it, where there is something.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unavailable { .. } => {
                Some("see whether the database runs and can be reached; nothing was written")
            }
            Self::Full { .. } => Some("make room on the disk of the database; nothing was written"),
            Self::Newer { .. } => {
                Some("use the newer program, or restore a backup made by this version")
            }
            Self::Damaged { .. } => Some("restore the last good backup"),
            Self::NotEmpty => Some("name another database or another data directory"),
            Self::Address(_) => {
                Some("it is a path, `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/NAME`")
            }
            Self::Conflict { .. } | Self::File { .. } | Self::Stopped | Self::Query { .. } => None,
        }
    }

    /// Whether the same call may succeed later without anybody changing it.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Full { .. })
    }

    pub(crate) fn damaged(place: impl Into<String>, what: impl ToString) -> Self {
        Self::Damaged {
            place: place.into(),
            what: what.to_string(),
        }
    }

    pub(crate) fn file(path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Self::File {
            path: path.into(),
            source: Arc::new(source),
        }
    }

    pub(crate) fn of(doing: &'static str, error: sqlx::Error) -> Self {
        let kind = Kind::of(&error);
        let source = Arc::new(error);
        match kind {
            Kind::Unavailable => Self::Unavailable { doing, source },
            Kind::Full => Self::Full { doing, source },
            Kind::Conflict => Self::Conflict { doing, source },
            Kind::Damaged => Self::damaged("the database", &source),
            Kind::Query => Self::Query { doing, source },
        }
    }
}

enum Kind {
    Unavailable,
    Full,
    Conflict,
    Damaged,
    Query,
}

impl Kind {
    fn of(error: &sqlx::Error) -> Self {
        match error {
            sqlx::Error::Io(error) if error.kind() == std::io::ErrorKind::StorageFull => Self::Full,
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unavailable,
            // A connection that broke in the middle of an answer.
            sqlx::Error::Protocol(_) => Self::Unavailable,
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => Self::Damaged,
            sqlx::Error::Database(database) => {
                if database.is_unique_violation() {
                    return Self::Conflict;
                }
                database
                    .code()
                    .map_or(Self::Query, |code| Self::of_code(&code))
            }
            _ => Self::Query,
        }
    }

    /// PostgreSQL's codes have five characters (SQLSTATE, its appendix A); SQLite's are its extended result codes in
    /// decimal, of which the lowest byte is the primary one.
    fn of_code(code: &str) -> Self {
        if code.len() == 5 {
            return match code {
                "53100" => Self::Full,
                "XX001" | "XX002" => Self::Damaged,
                // Deadlock and serialisation: the loser tries again.
                "40001" | "40P01" | "55P03" => Self::Unavailable,
                _ if ["08", "53", "57", "58"]
                    .iter()
                    .any(|class| code.starts_with(class)) =>
                {
                    Self::Unavailable
                }
                _ => Self::Query,
            };
        }
        match code.parse::<u32>().map(|code| code & 0xff) {
            Ok(13) => Self::Full,
            // Busy, locked, read-only, an error of reading or writing, cannot be opened, a broken lock protocol.
            Ok(5 | 6 | 8 | 10 | 14 | 15) => Self::Unavailable,
            Ok(11 | 26) => Self::Damaged,
            _ => Self::Query,
        }
    }
}

/// Says what was being done when the driver failed.
pub(crate) trait Doing<T> {
    fn doing(self, doing: &'static str) -> Result<T, StoreError>;
}

impl<T> Doing<T> for Result<T, sqlx::Error> {
    fn doing(self, doing: &'static str) -> Result<T, StoreError> {
        self.map_err(|error| StoreError::of(doing, error))
    }
}
