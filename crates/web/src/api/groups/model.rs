//! How groups look.

use overlock_store::HostGroup;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Groups of hosts (`overlock.group-list/1`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct GroupList {
    /// `overlock.group-list/1`.
    pub schema: &'static str,
    /// By name.
    pub items: Vec<GroupLine>,
    /// Where the next page begins; `null` at the end.
    pub next: Option<String>,
}

impl GroupList {
    pub(crate) fn new(items: Vec<GroupLine>, next: Option<String>) -> Self {
        Self {
            schema: "overlock.group-list/1",
            items,
            next,
        }
    }
}

/// A group of hosts (`overlock.group/1`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct GroupDocument {
    /// `overlock.group/1`.
    pub schema: &'static str,
    /// Its name.
    pub name: String,
    /// Which hosts it holds (CEL).
    #[serde(rename = "where")]
    pub selection: String,
    /// Who answers for it.
    pub owner: String,
    /// How many hosts it holds now.
    pub hosts: u64,
}

impl GroupDocument {
    pub(crate) fn new(group: HostGroup, hosts: u64) -> Self {
        Self {
            schema: "overlock.group/1",
            name: group.name,
            selection: group.selection,
            owner: group.owner,
            hosts,
        }
    }
}

/// A group of hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct GroupLine {
    /// Its name.
    pub name: String,
    /// Which hosts it holds (CEL).
    #[serde(rename = "where")]
    pub selection: String,
    /// Who answers for it.
    pub owner: String,
    /// How many hosts it holds now.
    pub hosts: u64,
}

impl GroupLine {
    pub(crate) fn new(group: HostGroup, hosts: u64) -> Self {
        Self {
            name: group.name,
            selection: group.selection,
            owner: group.owner,
            hosts,
        }
    }
}

/// What a group is to be.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupGiven {
    /// Which hosts it holds (CEL).
    #[serde(rename = "where")]
    pub selection: String,
    /// Who answers for it; the caller, where nobody is named.
    #[serde(default)]
    pub owner: Option<String>,
}
