//! Roles, what each may do, and the groups of hosts that it is given for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

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
}

/// What somebody is to the fleet.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sees.
    Viewer,
    /// Sees and runs the hosts.
    Operator,
    /// Sees and approves; does not run hosts, so that two people are in it.
    Approver,
    /// Sees and writes policy.
    Author,
    /// Everything, access included.
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

    /// The word in JSON, the store and configuration.
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

    /// Whether it may.
    #[must_use]
    pub fn may(self, permission: Permission) -> bool {
        use Permission::{Administer, Approve, Audit, Author, Enrol, Operate, Read};
        match self {
            Self::Viewer => matches!(permission, Read),
            Self::Operator => matches!(permission, Read | Operate | Enrol | Audit),
            Self::Approver => matches!(permission, Read | Approve | Audit),
            Self::Author => matches!(permission, Read | Author),
            Self::Admin => matches!(
                permission,
                Read | Operate | Enrol | Approve | Author | Audit | Administer
            ),
        }
    }
}

/// A role, for the whole fleet or one group of hosts. Written `operator`, or `operator@web`.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Grant {
    /// What.
    pub role: Role,
    /// Where; absent: everywhere.
    pub group: Option<String>,
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

impl FromStr for Grant {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
        let (role, group) = match text.split_once('@') {
            Some((role, group)) => (role, Some(group)),
            None => (text, None),
        };
        let known = Role::ALL.into_iter().find(|known| known.as_str() == role);
        match (known, group) {
            (Some(role), None) => Ok(Self { role, group: None }),
            (Some(role), Some(group)) if is_group_name(group) => Ok(Self {
                role,
                group: Some(group.to_owned()),
            }),
            _ => Err(GrantError(text.chars().take(80).collect())),
        }
    }
}

impl TryFrom<String> for Grant {
    type Error = GrantError;

    fn try_from(text: String) -> Result<Self, GrantError> {
        text.parse()
    }
}

impl From<Grant> for String {
    fn from(grant: Grant) -> Self {
        grant.to_string()
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.role.as_str())?;
        match &self.group {
            Some(group) => write!(f, "@{group}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_come_back() {
        for text in ["viewer", "operator@web", "admin", "author@a.b-c_1"] {
            assert_eq!(text.parse::<Grant>().unwrap().to_string(), text);
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
            assert!(wrong.parse::<Grant>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_an_admin_gives_access_and_nobody_runs_what_they_approve() {
        for role in Role::ALL {
            assert!(role.may(Permission::Read));
            assert_eq!(role.may(Permission::Administer), role == Role::Admin);
        }
        assert!(!Role::Approver.may(Permission::Operate));
        assert!(!Role::Operator.may(Permission::Approve));
        assert!(
            Permission::ALL
                .iter()
                .all(|needed| Role::Admin.may(*needed))
        );
    }
}
