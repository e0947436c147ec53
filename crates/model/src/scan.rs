//! The report of one scan (`overlock.scan/1`).

use crate::coverage::Coverage;
use crate::effective::Effective;
use crate::exposure::Exposure;
use crate::facts::Facts;
use crate::feed::FeedStatus;
use crate::inventory::{SearchRoot, Unseen};
use crate::os::{Kernel, Os, Support};
use crate::repository::Repository;
use crate::update::{Held, Update};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The schema name that every scan report carries.
pub const SCAN_SCHEMA: &str = "overlock.scan/1";

/// What one scan found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScanReport {
    /// Always [`SCAN_SCHEMA`].
    pub schema: String,
    /// When the judgement was made.
    pub generated: Timestamp,
    /// The asset.
    pub host: Host,
    /// What was judged and what was not.
    pub coverage: Coverage,
    /// Feeds used, with their age.
    pub feeds: Vec<FeedStatus>,
    /// Exposures, most urgent first.
    pub exposures: Vec<Exposure>,
    /// Updates, most risk removed first.
    pub updates: Vec<Update>,
    /// What stays, and why.
    pub held: Vec<Held>,
}

/// The asset a report is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Host {
    /// Its name, where known.
    pub name: Option<String>,
    /// Release.
    pub os: Os,
    /// Architecture.
    pub arch: Option<String>,
    /// Kernels.
    pub kernel: Kernel,
    /// How long the release is supported.
    pub support: Support,
    /// Facts given about it.
    pub facts: Facts,
    /// What runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective: Option<Effective>,
    /// Configured repositories.
    #[serde(default)]
    pub repositories: Vec<Repository>,
    /// Directories searched for language packages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub search_roots: Vec<SearchRoot>,
    /// What could not be seen.
    #[serde(default)]
    pub unseen: Vec<Unseen>,
}
