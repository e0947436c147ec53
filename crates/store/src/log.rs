//! The log: every change of state, in the same transaction, each row chained to the one before by its hash (R12).
//!
//! A row's hash covers all of its columns and the hash before it, so that a changed, removed or moved row breaks the
//! chain; the head keeps count and last hash, so that a removed end is seen too. Whoever can write to the database can
//! also write a whole new chain: that is what witnesses are for, which are not here yet.

mod verify;

use crate::Store;
use crate::batch::Statement;
use crate::columns::{Columns, micros};
use crate::database::Writing;
use crate::error::{Doing, StoreError};
use jiff::Timestamp;
use overlock_model::plan::{Digest, HostId, canonical};
use serde_json::Value;
use sqlx::Arguments;
use std::fmt;
pub(crate) use verify::verify;
pub use verify::{LogBreak, LogVerdict};

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// The server by itself: judging, pruning.
    Server,
    /// Somebody with a shell on the server's machine.
    Local,
    /// A host, by its certificate.
    Host(HostId),
    /// A person, by the id of the user.
    User(String),
    /// A program or person, by the id of an API token.
    Token(String),
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server => f.write_str("server"),
            Self::Local => f.write_str("local"),
            Self::Host(host) => write!(f, "host:{host}"),
            Self::User(id) => write!(f, "user:{id}"),
            Self::Token(id) => write!(f, "token:{id}"),
        }
    }
}

/// Who changes something, and when by the server's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    /// Who.
    pub actor: Actor,
    /// When.
    pub at: Timestamp,
}

impl By {
    /// The server by itself.
    #[must_use]
    pub fn server(at: Timestamp) -> Self {
        Self {
            actor: Actor::Server,
            at,
        }
    }

    /// A host.
    #[must_use]
    pub fn host(host: HostId, at: Timestamp) -> Self {
        Self {
            actor: Actor::Host(host),
            at,
        }
    }
}

/// A row of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRow {
    /// Its number, from 1 without gaps.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// What kind of change: `enrol`, `inventory`, `episodes`, `host.standing` …
    pub kind: String,
    /// Who; an [`Actor`] as text.
    pub actor: String,
    /// Which host it is about, where it is about one.
    pub host: Option<HostId>,
    /// The change: canonical JSON.
    pub body: String,
    /// Hash of the row before; of the first, zeros.
    pub previous: Digest,
    /// Hash of this row.
    pub hash: Digest,
}

/// Where the log ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// How many rows there are, which is the number of the last.
    pub rows: i64,
    /// Its hash.
    pub hash: Digest,
}

/// Hash before the first row.
pub(crate) fn genesis() -> Digest {
    Digest::from_bytes([0; 32])
}

/// A row that is to be written.
pub(crate) struct Entry {
    pub kind: &'static str,
    pub host: Option<HostId>,
    pub body: Value,
}

impl Entry {
    pub fn new(kind: &'static str, body: Value) -> Self {
        Self {
            kind,
            host: None,
            body,
        }
    }

    pub fn of(kind: &'static str, host: &HostId, body: Value) -> Self {
        Self {
            kind,
            host: Some(host.clone()),
            body,
        }
    }
}

/// What a row's hash is taken over: a name of the form, then every column. Numbers are 8 bytes, texts carry their length
/// and an absent host is told from an empty one, so that no two rows have the same bytes.
pub(crate) fn hash(row: &Hashed<'_>) -> Digest {
    let length = |text: &str| (text.len() as u64).to_be_bytes();
    let host = row.host.unwrap_or_default();
    Digest::joined(&[
        b"overlock.log/1\n",
        &row.seq.to_be_bytes(),
        &row.at.to_be_bytes(),
        &length(row.kind),
        row.kind.as_bytes(),
        &length(row.actor),
        row.actor.as_bytes(),
        &[u8::from(row.host.is_some())],
        &length(host),
        host.as_bytes(),
        &length(row.body),
        row.body.as_bytes(),
        row.previous.bytes(),
    ])
}

/// The columns of a row as they are stored.
pub(crate) struct Hashed<'a> {
    pub seq: i64,
    pub at: i64,
    pub kind: &'a str,
    pub actor: &'a str,
    pub host: Option<&'a str>,
    pub body: &'a str,
    pub previous: Digest,
}

impl Writing {
    /// Writes one row.
    pub async fn log(&mut self, by: &By, entry: Entry) -> Result<(), StoreError> {
        self.log_all(vec![(by.clone(), entry)]).await
    }

    /// Writes rows in this order.
    pub async fn log_all(&mut self, entries: Vec<(By, Entry)>) -> Result<(), StoreError> {
        const DOING: &str = "writing to the log";
        if entries.is_empty() {
            return Ok(());
        }
        let Some(mut head) = self.head else {
            return Err(StoreError::damaged(
                "log_head",
                "a change of state began without its lock",
            ));
        };
        let mut rows = Vec::with_capacity(entries.len());
        for (by, entry) in entries {
            let body = canonical(&entry.body)
                .map_err(|error| StoreError::damaged("log.body", error))
                .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())?;
            let (seq, at, actor) = (head.rows + 1, micros(by.at), by.actor.to_string());
            let digest = hash(&Hashed {
                seq,
                at,
                kind: entry.kind,
                actor: &actor,
                host: entry.host.as_ref().map(HostId::as_str),
                body: &body,
                previous: head.hash,
            });
            rows.push((seq, at, entry, actor, body, head.hash, digest));
            head = Head {
                rows: seq,
                hash: digest,
            };
        }
        Statement {
            doing: DOING,
            before: "INSERT INTO log (seq, written, kind, actor, host, body, previous, hash)",
            columns: 8,
            after: "",
        }
        .run(
            self.connection(),
            &rows,
            |(seq, at, entry, actor, body, previous, digest), to| {
                to.add(*seq)?;
                to.add(*at)?;
                to.add(entry.kind)?;
                to.add(actor.as_str())?;
                to.add(entry.host.as_ref().map(HostId::as_str))?;
                to.add(body.as_str())?;
                to.add(previous.bytes().as_slice())?;
                to.add(digest.bytes().as_slice())
            },
        )
        .await?;
        sqlx::query("UPDATE log_head SET row_count = $1, hash = $2 WHERE id = 1")
            .bind(head.rows)
            .bind(head.hash.bytes().as_slice())
            .execute(self.connection())
            .await
            .doing(DOING)?;
        self.head = Some(head);
        Ok(())
    }
}

impl Store {
    /// Rows after a number, oldest first: what replicas and listeners follow.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn log_since(&self, seq: i64, limit: u32) -> Result<Vec<LogRow>, StoreError> {
        sqlx::query("SELECT * FROM log WHERE seq > $1 ORDER BY seq LIMIT $2")
            .bind(seq)
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await
            .doing("reading the log")?
            .iter()
            .map(|row| {
                Ok(LogRow {
                    seq: row.int("seq")?,
                    at: row.time("written")?,
                    kind: row.text("kind")?,
                    actor: row.text("actor")?,
                    host: row
                        .optional_text("host")?
                        .map(HostId::try_from)
                        .transpose()
                        .map_err(|error| StoreError::damaged("log.host", error))?,
                    body: row.text("body")?,
                    previous: row.digest("previous")?,
                    hash: row.digest("hash")?,
                })
            })
            .collect()
    }

    /// Where the log ends now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn log_head(&self) -> Result<Head, StoreError> {
        let row = sqlx::query("SELECT row_count, hash FROM log_head WHERE id = 1")
            .fetch_optional(&self.pool)
            .await
            .doing("reading the head of the log")?
            .ok_or_else(|| StoreError::damaged("log_head", "its row is missing"))?;
        Ok(Head {
            rows: row.int("row_count")?,
            hash: row.digest("hash")?,
        })
    }
}
