//! How tokens for enrolment look.

use jiff::Timestamp;
use overlock_model::asset::HostFacts;
use overlock_model::plan::HostId;
use overlock_store::{KnownToken, Uses};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Tokens for enrolment (`overlock.enrolment-token-list/1`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct EnrolmentTokenList {
    /// `overlock.enrolment-token-list/1`.
    pub schema: &'static str,
    /// Newest first; those that have ended too.
    pub items: Vec<EnrolmentTokenLine>,
    /// Where the next page begins; `null` at the end.
    pub next: Option<String>,
}

/// A token for enrolment that was made (`overlock.enrolment-token/1`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct EnrolmentTokenMade {
    /// `overlock.enrolment-token/1`.
    pub schema: &'static str,
    /// Its id.
    pub id: String,
    /// The token itself, `ovl1.…`: shown this once.
    pub token: String,
    /// One line for a root shell on the new host that installs the agent and enrols it.
    pub command: String,
    /// How many hosts may use it.
    pub uses: u32,
    /// When it ends.
    pub expires: Timestamp,
}

/// A token for enrolment, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct EnrolmentTokenLine {
    /// Its id.
    pub id: String,
    /// How many hosts may still use it.
    pub uses_left: u32,
    /// The only host that it lets in again.
    pub replaces: Option<HostId>,
    /// The group that its hosts come into.
    pub group: Option<String>,
    /// What is said of its hosts from the start.
    pub facts: HostFacts,
    /// Whether somebody must confirm a host's key before its reports are taken.
    pub needs_confirmation: bool,
    /// When it was made.
    pub created: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When it ends.
    pub expires: Timestamp,
    /// When it was withdrawn.
    pub revoked: Option<Timestamp>,
}

impl From<KnownToken> for EnrolmentTokenLine {
    fn from(known: KnownToken) -> Self {
        Self {
            id: known.token.id,
            uses_left: known.uses_left,
            replaces: known.token.bound,
            group: known.token.group,
            facts: known.token.facts,
            needs_confirmation: known.token.needs_confirmation,
            created: known.created,
            created_by: known.created_by,
            expires: known.token.expires,
            revoked: known.revoked,
        }
    }
}

/// What a token for enrolment is to be.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EnrolmentTokenGiven {
    /// How many hosts may use it: 1 to 100,000.
    pub uses: Option<u32>,
    /// How long it may be used, in seconds: at most 90 days; 15 minutes where nothing is said.
    pub valid_seconds: Option<u32>,
    /// A host (id or name) that was installed anew and keeps its history: the token lets in this one only.
    pub replaces: Option<String>,
    /// Tags that its hosts get, beside those of `facts`.
    pub tags: BTreeSet<String>,
    /// The group that its hosts come into.
    pub group: Option<String>,
    /// What is said of its hosts from the start.
    pub facts: HostFacts,
    /// Whether somebody must confirm a host's key before its reports are taken.
    pub needs_confirmation: bool,
}

impl EnrolmentTokenGiven {
    /// How often it may be used, in the store's words.
    pub(crate) fn uses(&self) -> Uses {
        match self.uses {
            None | Some(1) => Uses::Once,
            Some(times) => Uses::Times(times),
        }
    }
}
