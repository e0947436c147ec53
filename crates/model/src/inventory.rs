//! An inventory: what is on one asset at one time (`overlock.inventory/1`).

use crate::effective::Effective;
use crate::os::{Kernel, Os};
use crate::package::Package;
use crate::repository::{Offer, Repository};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The schema name that every inventory carries.
pub const INVENTORY_SCHEMA: &str = "overlock.inventory/1";

/// What is on one asset. A hand-written file needs only `os` and `packages`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Inventory {
    /// Always [`INVENTORY_SCHEMA`]; absent in a hand-written file means the newest.
    #[serde(default = "inventory_schema")]
    pub schema: String,
    /// Name of the asset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// When it was collected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collected: Option<Timestamp>,
    /// Where it came from.
    #[serde(default)]
    pub source: InventorySource,
    /// Operating system release.
    pub os: Os,
    /// Architecture in the package manager's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arch: Option<String>,
    /// Kernels.
    #[serde(default)]
    pub kernel: Kernel,
    /// Installed packages.
    pub packages: Vec<Package>,
    /// Configured repositories.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repositories: Vec<Repository>,
    /// What they offer for the installed packages, one entry for each package they know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offers: Vec<Offer>,
    /// What really runs; absent where nothing runs in this root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective: Option<Effective>,
    /// Directories searched for language packages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub search_roots: Vec<SearchRoot>,
    /// What could not be seen, and why. Never empty-handed silence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unseen: Vec<Unseen>,
}

fn inventory_schema() -> String {
    INVENTORY_SCHEMA.to_owned()
}

/// Where an inventory came from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum InventorySource {
    /// The running machine.
    RunningHost,
    /// A root directory that does not run.
    Root {
        /// Path as given.
        path: String,
    },
    /// A bill of materials.
    Sbom {
        /// Format and version, such as `CycloneDX 1.6`.
        format: String,
    },
    /// A saved or hand-written file.
    #[default]
    File,
}

/// A directory that was searched for language packages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SearchRoot {
    /// Path relative to the root.
    pub path: String,
    /// Directory entries looked at.
    pub entries: u64,
    /// Sub-trees left out, with the rule that left them out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pruned: Vec<String>,
}

/// Something that could not be seen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Unseen {
    /// What: a path, `processes of other users`, a database.
    pub what: String,
    /// Why: permission, damaged, unsupported.
    pub why: String,
}

impl Inventory {
    /// An empty inventory of a release.
    #[must_use]
    pub fn new(os: Os) -> Self {
        Self {
            schema: inventory_schema(),
            host: None,
            collected: None,
            source: InventorySource::default(),
            os,
            arch: None,
            kernel: Kernel::default(),
            packages: Vec::new(),
            repositories: Vec::new(),
            offers: Vec::new(),
            effective: None,
            search_roots: Vec::new(),
            unseen: Vec::new(),
        }
    }
}
