//! How the log looks.

use jiff::Timestamp;
use overlock_model::plan::HostId;
use overlock_store::LogRow;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// Rows of the log (`overlock.log/1`).
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct LogDocument {
    /// `overlock.log/1`.
    pub schema: &'static str,
    /// Oldest first. Who may see some hosts only gets the rows about these; the numbers in between are not theirs.
    pub items: Vec<LogLine>,
    /// Where the next page begins; `null` when there are no more rows yet.
    pub next: Option<String>,
    /// Number of the last row there is.
    pub head: i64,
}

/// A row of the log.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct LogLine {
    /// Its number, from 1 without gaps.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// What kind of change.
    pub kind: String,
    /// Who: `server`, `local`, `host:ID`, `user:ID` or `token:ID`.
    pub actor: String,
    /// Which host it is about, where it is about one.
    pub host: Option<HostId>,
    /// The change.
    pub body: Value,
    /// Hash of the row before, as hex.
    pub previous: String,
    /// Hash of this row, as hex.
    pub hash: String,
}

impl From<LogRow> for LogLine {
    fn from(row: LogRow) -> Self {
        Self {
            seq: row.seq,
            at: row.at,
            kind: row.kind,
            actor: row.actor,
            host: row.host,
            // What cannot be read is shown as it is: the chain covers the text.
            body: serde_json::from_str(&row.body).unwrap_or(Value::String(row.body)),
            previous: row.previous.to_string(),
            hash: row.hash.to_string(),
        }
    }
}

/// What a look at the whole log found (`overlock.log-verdict/1`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LogVerdictDocument {
    /// `overlock.log-verdict/1`.
    pub schema: &'static str,
    /// Whether every row holds.
    pub holds: bool,
    /// How many rows hold.
    pub rows: i64,
    /// Hash of the last of them, where all hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
    /// Number of the first row that does not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<i64>,
    /// What is wrong there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub what: Option<String>,
}
