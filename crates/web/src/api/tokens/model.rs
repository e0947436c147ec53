//! How API tokens look.

use crate::api::grants::model::{GrantText, RoleWord};
use jiff::Timestamp;
use overlock_store::KnownApiToken;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// API tokens (`overlock.api-token-list/1`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TokenList {
    /// `overlock.api-token-list/1`.
    pub schema: &'static str,
    /// Newest first; those that have ended too.
    pub items: Vec<TokenLine>,
    /// Where the next page begins; `null` at the end.
    pub next: Option<String>,
}

/// A token that was made (`overlock.api-token/1`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TokenMade {
    /// `overlock.api-token/1`.
    pub schema: &'static str,
    /// Its id.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub roles: Vec<GrantText>,
    /// The token itself, `ovlk_…`: shown this once.
    pub token: String,
    /// When it ends.
    pub expires: Timestamp,
}

/// An API token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TokenLine {
    /// Its id.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub roles: Vec<GrantText>,
    /// When it was made.
    pub created: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When it ends; `null`: never.
    pub expires: Option<Timestamp>,
    /// When it was last used.
    pub used: Option<Timestamp>,
    /// When it was withdrawn.
    pub revoked: Option<Timestamp>,
}

impl From<KnownApiToken> for TokenLine {
    fn from(known: KnownApiToken) -> Self {
        Self {
            id: known.token.id,
            name: known.token.name,
            roles: known.token.grants.into_iter().map(GrantText).collect(),
            created: known.created,
            created_by: known.created_by,
            expires: known.token.expires,
            used: known.used,
            revoked: known.revoked,
        }
    }
}

/// What a token is to be.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenGiven {
    /// What it is for, 1 to 200 characters.
    pub name: String,
    /// What it may do.
    #[serde(default)]
    pub role: Option<RoleWord>,
    /// For one group of hosts only.
    #[serde(default)]
    pub group: Option<String>,
    /// Further roles, with `@GROUP` for one group of hosts; at most 32 together.
    #[serde(default)]
    pub roles: Vec<GrantText>,
    /// How long it is good for, in seconds: at most five years; 90 days where nothing is said.
    #[serde(default)]
    pub valid_seconds: Option<u32>,
}
