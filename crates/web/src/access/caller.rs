//! A person or program that proved who it is, and may do what this route does.

use super::{Identified, Permission};
use jiff::Timestamp;
use overlock_store::{Actor, By, Grant, Scope};
use std::collections::BTreeSet;

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
    actor: Actor,
    name: String,
    grants: Vec<Grant>,
    reach: Reach,
}

impl Caller {
    /// The proof, if any grant holds the permission.
    pub(super) fn permitted(identified: Identified, permission: Permission) -> Option<Self> {
        let reach = reach(&identified.grants, permission)?;
        Some(Self {
            actor: identified.actor,
            name: identified.name,
            grants: identified.grants,
            reach,
        })
    }

    /// Who, as it stands in the log.
    #[must_use]
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Its name, for people.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// This caller changes something now.
    #[must_use]
    pub fn by(&self, now: Timestamp) -> By {
        By {
            actor: self.actor.clone(),
            at: now,
        }
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
            .filter(|permission| permission.is_of(grant.role))
            .all(
                |permission| match (reach(&self.grants, permission), &grant.scope) {
                    (Some(Reach::Everything), _) => true,
                    (Some(Reach::Groups(groups)), Scope::Group(group)) => groups.contains(group),
                    _ => false,
                },
            )
    }
}

fn reach(grants: &[Grant], permission: Permission) -> Option<Reach> {
    let mut groups = BTreeSet::new();
    for grant in grants.iter().filter(|grant| permission.is_of(grant.role)) {
        match &grant.scope {
            Scope::All => return Some(Reach::Everything),
            Scope::Group(group) => groups.insert(group.clone()),
        };
    }
    (!groups.is_empty()).then_some(Reach::Groups(groups))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::parse_grant;

    fn caller(grants: &[&str], permission: Permission) -> Option<Caller> {
        let identified = Identified {
            actor: Actor::Token("1".into()),
            name: "test".into(),
            grants: grants
                .iter()
                .map(|grant| parse_grant(grant).unwrap())
                .collect(),
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
                .may_give(&parse_grant(grant).unwrap())
        };
        assert!(gives(&["admin"], "admin"));
        assert!(gives(&["operator@web"], "viewer@web"));
        assert!(!gives(&["operator@web"], "viewer"));
        assert!(!gives(&["operator@web"], "operator@db"));
        assert!(!gives(&["operator@web"], "admin@web"));
    }
}
