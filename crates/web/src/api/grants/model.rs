//! How grants look.

use crate::access::{GrantError, grant_text, is_group_name, parse_grant};
use crate::problem::Problem;
use jiff::Timestamp;
use overlock_store::{Grant, KnownGrant, Role, Scope, Subject};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A role, for the whole fleet or one group of hosts: `operator`, or `operator@web`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct GrantText(pub Grant);

impl TryFrom<String> for GrantText {
    type Error = GrantError;

    fn try_from(text: String) -> Result<Self, GrantError> {
        parse_grant(&text).map(Self)
    }
}

impl From<GrantText> for String {
    fn from(grant: GrantText) -> Self {
        grant_text(&grant.0)
    }
}

/// A role in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoleWord {
    /// Sees.
    Viewer,
    /// Sees and runs the hosts.
    Operator,
    /// Sees and approves.
    Approver,
    /// Sees and writes groups and policy.
    Author,
    /// Everything, access included.
    Admin,
}

impl RoleWord {
    /// The role over a group, or over all hosts.
    pub(crate) fn over(self, group: Option<String>) -> Result<GrantText, Problem> {
        let role = match self {
            Self::Viewer => Role::Viewer,
            Self::Operator => Role::Operator,
            Self::Approver => Role::Approver,
            Self::Author => Role::Author,
            Self::Admin => Role::Admin,
        };
        let scope = match group {
            None => Scope::All,
            Some(group) if is_group_name(&group) => Scope::Group(group),
            Some(_) => return Err(Problem::invalid("`group`: no name of a group")),
        };
        Ok(GrantText(Grant { role, scope }))
    }
}

/// Grants (`overlock.grant-list/1`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct GrantList {
    /// `overlock.grant-list/1`.
    pub schema: &'static str,
    /// Oldest first.
    pub items: Vec<GrantLine>,
    /// Always `null`.
    pub next: Option<String>,
}

/// A grant that was made (`overlock.grant/1`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct GrantDocument {
    /// `overlock.grant/1`.
    pub schema: &'static str,
    /// The grant.
    pub grant: GrantLine,
}

/// What somebody has been given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct GrantLine {
    /// Its id.
    pub id: String,
    /// `user:ID` or `oidc-group:NAME`.
    pub subject: String,
    /// The role, with `@GROUP` where it is for one group of hosts only.
    pub role: GrantText,
    /// When.
    pub created: Timestamp,
    /// By whom.
    pub created_by: String,
}

impl From<KnownGrant> for GrantLine {
    fn from(given: KnownGrant) -> Self {
        Self {
            id: given.id,
            subject: match given.subject {
                Subject::User(id) => format!("user:{id}"),
                Subject::OidcGroup(group) => format!("oidc-group:{group}"),
            },
            role: GrantText(given.grant),
            created: given.created,
            created_by: given.created_by,
        }
    }
}

/// What is to be given.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantGiven {
    /// `user:ID` (or the subject at the identity provider), or `oidc-group:NAME`.
    pub subject: String,
    /// Which role.
    pub role: RoleWord,
    /// For one group of hosts only.
    #[serde(default)]
    pub group: Option<String>,
}

/// People (`overlock.user-list/1`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct UserList {
    /// `overlock.user-list/1`.
    pub schema: &'static str,
    /// By name.
    pub items: Vec<UserLine>,
    /// Always `null`.
    pub next: Option<String>,
}

/// Somebody who has logged in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct UserLine {
    /// Our id.
    pub id: String,
    /// Who vouches for them.
    pub issuer: String,
    /// Their id there.
    pub subject: String,
    /// Their name.
    pub name: String,
    /// When they last came.
    pub seen: Option<Timestamp>,
    /// Since when they may not come any more.
    pub disabled: Option<Timestamp>,
}
