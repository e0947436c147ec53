//! A person or program that proved who it is, and may do what this route does.

use super::{Grant, Identified, Permission};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// Who acts: this stands in the log.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Subject {
    /// A program, by its token.
    Token {
        /// Which token.
        id: String,
        /// Its name, for people.
        name: String,
    },
    /// A person, by the provider of identities.
    Person {
        /// `iss` and `sub` of the provider, joined by `#`.
        id: String,
        /// Name or mail address, for people.
        name: String,
    },
}

impl Subject {
    /// What no two of them share.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Token { id, .. } | Self::Person { id, .. } => id,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token { id, name } => write!(f, "token:{id} ({name})"),
            Self::Person { id, name } => write!(f, "person:{id} ({name})"),
        }
    }
}

/// For which hosts a permission holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// All, and what is of no host.
    Everything,
    /// Those of these groups.
    Groups(BTreeSet<String>),
}

/// A caller with the permission that its route needs.
#[derive(Debug, Clone)]
pub struct Caller {
    subject: Subject,
    grants: Vec<Grant>,
    reach: Reach,
}

impl Caller {
    /// The proof, if any grant holds the permission.
    pub(super) fn permitted(identified: Identified, permission: Permission) -> Option<Self> {
        let reach = reach(&identified.grants, permission)?;
        Some(Self {
            subject: identified.subject,
            grants: identified.grants,
            reach,
        })
    }

    /// Who.
    #[must_use]
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// All that it may do.
    #[must_use]
    pub fn grants(&self) -> &[Grant] {
        &self.grants
    }

    /// For which hosts this route's permission holds.
    #[must_use]
    pub fn reach(&self) -> &Reach {
        &self.reach
    }

    /// Whether it may hand on this grant: nobody gives what they do not have.
    #[must_use]
    pub fn may_give(&self, grant: &Grant) -> bool {
        Permission::ALL
            .into_iter()
            .filter(|permission| grant.role.may(*permission))
            .all(
                |permission| match (reach(&self.grants, permission), &grant.group) {
                    (Some(Reach::Everything), _) => true,
                    (Some(Reach::Groups(groups)), Some(group)) => groups.contains(group),
                    _ => false,
                },
            )
    }
}

fn reach(grants: &[Grant], permission: Permission) -> Option<Reach> {
    let mut groups = BTreeSet::new();
    for grant in grants.iter().filter(|grant| grant.role.may(permission)) {
        match &grant.group {
            None => return Some(Reach::Everything),
            Some(group) => groups.insert(group.clone()),
        };
    }
    (!groups.is_empty()).then_some(Reach::Groups(groups))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(grants: &[&str], permission: Permission) -> Option<Caller> {
        let identified = Identified {
            subject: Subject::Token {
                id: "1".into(),
                name: "test".into(),
            },
            grants: grants.iter().map(|grant| grant.parse().unwrap()).collect(),
        };
        Caller::permitted(identified, permission)
    }

    #[test]
    fn a_permission_reaches_as_far_as_the_roles_that_hold_it() {
        let both = &["operator@web", "viewer"];
        assert_eq!(
            caller(both, Permission::Read).unwrap().reach,
            Reach::Everything
        );
        assert_eq!(
            caller(both, Permission::Operate).unwrap().reach,
            Reach::Groups(BTreeSet::from(["web".to_owned()]))
        );
        assert!(caller(both, Permission::Administer).is_none());
        assert!(caller(&[], Permission::Read).is_none());
    }

    #[test]
    fn nobody_gives_what_they_do_not_have() {
        let gives = |grants: &[&str], grant: &str| {
            caller(grants, Permission::Read)
                .unwrap()
                .may_give(&grant.parse().unwrap())
        };
        assert!(gives(&["admin"], "admin"));
        assert!(gives(&["operator@web"], "viewer@web"));
        assert!(!gives(&["operator@web"], "viewer"));
        assert!(!gives(&["operator@web"], "operator@db"));
        assert!(!gives(&["operator@web"], "admin@web"));
    }
}
