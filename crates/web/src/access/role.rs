//! What each role may do, and how grants are written: the roles themselves are the store's.

use overlock_store::{Grant, Role, Scope};
use schemars::JsonSchema;
use serde::Serialize;

/// What a route may need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// See hosts, exposures, totals.
    Read,
    /// Change facts, confirm, release, revoke and delete hosts.
    Operate,
    /// Make and revoke tokens for enrolment.
    Enrol,
    /// Approve plans.
    Approve,
    /// Write groups and policy.
    Author,
    /// See the log and the stream of events.
    Audit,
    /// Give and take access.
    Administer,
}

impl Permission {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Read,
        Self::Operate,
        Self::Enrol,
        Self::Approve,
        Self::Author,
        Self::Audit,
        Self::Administer,
    ];

    /// The word in answers and the reference.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Operate => "operate",
            Self::Enrol => "enrol",
            Self::Approve => "approve",
            Self::Author => "author",
            Self::Audit => "audit",
            Self::Administer => "administer",
        }
    }

    /// Whether a role holds it. Who approves does not run hosts, so that two people are in every change.
    #[must_use]
    pub fn is_of(self, role: Role) -> bool {
        match role {
            Role::Viewer => matches!(self, Self::Read),
            Role::Operator => {
                matches!(self, Self::Read | Self::Operate | Self::Enrol | Self::Audit)
            }
            Role::Approver => matches!(self, Self::Read | Self::Approve | Self::Audit),
            Role::Author => matches!(self, Self::Read | Self::Author),
            Role::Admin => true,
        }
    }
}

/// The text is no grant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no role; one of `viewer`, `operator`, `approver`, `author`, `admin`, with `@GROUP` for one group of hosts"
)]
pub struct GrantError(String);

/// Longest name of a group.
const GROUP_BYTES: usize = 64;

/// Whether a text can name a group of hosts: letters, digits, `-`, `_` and `.`, at most 64, so that it stands in paths
/// and grants as it is.
#[must_use]
pub fn is_group_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= GROUP_BYTES
        && text.bytes().any(|byte| byte.is_ascii_alphanumeric())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// A grant from its text: `operator`, or `operator@web` for one group of hosts.
///
/// # Errors
/// When it names no role, or no group.
pub fn parse_grant(text: &str) -> Result<Grant, GrantError> {
    let (role, group) = match text.split_once('@') {
        Some((role, group)) => (role, Some(group)),
        None => (text, None),
    };
    let scope = match group {
        None => Some(Scope::All),
        Some(group) => is_group_name(group).then(|| Scope::Group(group.to_owned())),
    };
    match (Role::from_word(role), scope) {
        (Some(role), Some(scope)) => Ok(Grant { role, scope }),
        _ => Err(GrantError(text.chars().take(80).collect())),
    }
}

/// The text of a grant.
#[must_use]
pub fn grant_text(grant: &Grant) -> String {
    match &grant.scope {
        Scope::All => grant.role.as_str().to_owned(),
        Scope::Group(group) => format!("{}@{group}", grant.role.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_come_back() {
        for text in ["viewer", "operator@web", "admin", "author@a.b-c_1"] {
            assert_eq!(grant_text(&parse_grant(text).unwrap()), text);
        }
        for wrong in [
            "",
            "root",
            "viewer@",
            "viewer@a b",
            "viewer@a@b",
            "Viewer",
            "viewer@..",
        ] {
            assert!(parse_grant(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_an_admin_gives_access_and_nobody_runs_what_they_approve() {
        for role in Role::ALL {
            assert!(Permission::Read.is_of(role));
            assert_eq!(Permission::Administer.is_of(role), role == Role::Admin);
        }
        assert!(!Permission::Operate.is_of(Role::Approver));
        assert!(!Permission::Approve.is_of(Role::Operator));
        assert!(
            Permission::ALL
                .iter()
                .all(|needed| needed.is_of(Role::Admin))
        );
    }
}
