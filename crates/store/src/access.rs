//! Who may do what: people, API tokens, roles over groups of hosts. What a role may do is said where the routes are.

mod people;
mod tokens;

use crate::error::StoreError;
use serde::{Deserialize, Serialize};

pub use people::{HostGroup, KnownGrant, Subject, User};
pub use tokens::{ApiToken, FirstAdmin, KnownApiToken};

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Looks at everything.
    Viewer,
    /// Enrols hosts, sets facts, runs what was approved.
    Operator,
    /// Approves plans.
    Approver,
    /// Writes policies and plans.
    Author,
    /// Manages access.
    Admin,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Viewer,
        Self::Operator,
        Self::Approver,
        Self::Author,
        Self::Admin,
    ];

    /// The word used in JSON, the store and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Approver => "approver",
            Self::Author => "author",
            Self::Admin => "admin",
        }
    }

    /// The role of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }
}

/// Over which hosts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// All.
    All,
    /// Those of a [`HostGroup`]; of a group that is not there, none.
    Group(String),
}

/// A role over some hosts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Grant {
    /// What.
    pub role: Role,
    /// Over which hosts.
    pub scope: Scope,
}

impl Grant {
    /// Whether it gives power over access itself.
    #[must_use]
    pub fn is_full_admin(&self) -> bool {
        self.role == Role::Admin && self.scope == Scope::All
    }
}

fn role(column: &'static str, word: &str) -> Result<Role, StoreError> {
    Role::from_word(word).ok_or_else(|| StoreError::damaged(column, word))
}
