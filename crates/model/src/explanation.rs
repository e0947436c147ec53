//! Why a package is affected, not affected or unknown: every statement looked at, step by step (`overlock.explain/1`).

use crate::exposure::Exposure;
use crate::feed::FeedStatus;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The schema name that every explanation carries.
pub const EXPLAIN_SCHEMA: &str = "overlock.explain/1";

/// The whole answer to `explain CVE`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExplainReport {
    /// Always [`EXPLAIN_SCHEMA`].
    pub schema: String,
    /// When the judgement was made.
    pub generated: Timestamp,
    /// What was asked for.
    pub vulnerability: String,
    /// One entry for each installed package that some statement about it names.
    pub packages: Vec<Explanation>,
    /// The exposures that follow, as in the scan report.
    pub exposures: Vec<Exposure>,
    /// The inputs of the decision, in plain words.
    #[serde(default)]
    pub decision_inputs: Vec<String>,
    /// Feeds that were asked, with their age.
    pub feeds: Vec<FeedStatus>,
    /// Why nothing can be said, where that is so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
}

/// The steps for one installed package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Explanation {
    /// Binary packages, sorted.
    pub binaries: Vec<String>,
    /// The name statements are looked up by.
    pub looked_up: String,
    /// Installed version.
    pub installed: String,
    /// The version that was compared.
    pub compared: String,
    /// Version order.
    pub scheme: String,
    /// Release or ecosystem.
    pub ecosystem: String,
    /// How name and version were derived, one step a line.
    pub steps: Vec<String>,
    /// Each statement found, with what it means here.
    pub statements: Vec<StatementSeen>,
    /// The outcome.
    pub outcome: Outcome,
    /// The outcome in one line.
    pub because: String,
}

/// One statement of a publisher, and what it means for the installed version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatementSeen {
    /// Feed.
    pub feed: String,
    /// Advisory, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advisory: Option<String>,
    /// When it was issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued: Option<Timestamp>,
    /// The publisher's statement in words: `fixed in 3.0.15-1`, `not affected`.
    pub says: String,
    /// Update channel.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub channel: String,
    /// Module stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// What it means here: `installed is older: affected`, `other module stream: does not apply`.
    pub means: String,
}

/// How a package stands to a vulnerability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Affected.
    Affected,
    /// Not affected, or fixed.
    NotAffected,
    /// It cannot be said.
    Unknown,
}
