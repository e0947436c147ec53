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
