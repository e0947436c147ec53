//! A feed: one publisher's file, and how old our copy of it is.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Short stable name of a feed, such as `debian-dsa`, `osv-almalinux`, `cisa-kev`.
pub type FeedId = String;

/// State of our copy of a feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FeedStatus {
    /// Which feed.
    pub id: FeedId,
    /// Publisher's address.
    pub url: String,
    /// The date the publisher gives the content; where it gives none, the newest record's or the file's.
    pub dated: Option<Timestamp>,
    /// When we fetched it, or last heard that it is unchanged.
    pub fetched: Option<Timestamp>,
    /// Records taken in.
    pub records: u64,
    /// Records that could not be read: kept out and counted.
    pub quarantined: u64,
    /// Size of the file as fetched.
    pub size_bytes: u64,
    /// SHA-256 of it, lower-case hex.
    pub sha256: Option<String>,
    /// Why the last attempt failed, while an older good copy is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

/// The schema name of `feeds status --format json`.
pub const FEED_STATUS_SCHEMA: &str = "overlock.feed-status/1";
/// The schema name of `feeds sync --format json`.
pub const FEED_SYNC_SCHEMA: &str = "overlock.feed-sync/1";

/// State of all feeds (`overlock.feed-status/1`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FeedStatusReport {
    /// Always [`FEED_STATUS_SCHEMA`].
    pub schema: String,
    /// Each feed that this host needs or ever had, sorted by id.
    pub feeds: Vec<FeedStatus>,
}

/// What a sync did (`overlock.feed-sync/1`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FeedSyncReport {
    /// Always [`FEED_SYNC_SCHEMA`].
    pub schema: String,
    /// One line for each feed asked for, in the order asked.
    pub feeds: Vec<FeedSyncLine>,
}

/// What became of one feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FeedSyncLine {
    /// Which feed.
    pub feed: FeedId,
    /// What became of it.
    pub outcome: FeedSyncOutcome,
    /// Records taken in, where it was updated.
    pub records: Option<u64>,
    /// Records kept out, where it was updated.
    pub quarantined: Option<u64>,
    /// Why it failed.
    pub why: Option<String>,
    /// Oddities that are no error.
    pub notes: Vec<String>,
}

/// What can become of a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FeedSyncOutcome {
    /// A new copy is in place.
    Updated,
    /// What we had is current.
    Unchanged,
    /// An import was older than what we had.
    KeptNewer,
    /// The publisher rightly has no such file.
    NotOffered,
    /// Not taken in; the last good copy stays in use.
    FailedLastGoodKept,
    /// Not taken in, and there is none.
    Failed,
}
