//! What a person may do: the grants in the store that speak of them or of a group that their provider has them in.
//!
//! Asked at each request, so that a grant that is taken, or a person who is shut out, is without effect at once and on every
//! replica. Without a grant nobody has a role: to be known to the provider opens nothing. Which groups a person is in is
//! what the provider said at login, so a change of groups there counts from the next login on, at the latest after
//! [`super::LoginLimits::session_life`].

use super::sessions::Person;
use crate::access::Identified;
use overlock_model::plan::Digest;
use overlock_store::{Actor, Grant, KnownGrant, Store, StoreError, Subject};

/// Id of a person in the store: the same at every login, different for every issuer, and fit for a path.
pub(super) fn user_id(issuer: &str, subject: &str) -> String {
    // An issuer's address has no fragment, so this is one text for one person.
    let digest = Digest::of(format!("{issuer}#{subject}").as_bytes()).to_string();
    digest.chars().take(32).collect()
}

/// The person with what they may do now; nobody, when they were shut out.
pub(super) async fn identified(
    store: &Store,
    person: &Person,
) -> Result<Option<Identified>, StoreError> {
    let user = store.user(&person.user).await?;
    if user.is_none_or(|user| user.disabled.is_some()) {
        return Ok(None);
    }
    let identity = &person.identity;
    let name = identity.name.as_ref().or(identity.email.as_ref());
    Ok(Some(Identified {
        actor: Actor::User(person.user.clone()),
        name: name.unwrap_or(&identity.subject).clone(),
        grants: given(&store.grants().await?, &person.user, &identity.groups),
    }))
}

/// Those that speak of this person or of one of these groups (sorted), each once.
fn given(all: &[KnownGrant], user: &str, groups: &[String]) -> Vec<Grant> {
    let mut given: Vec<Grant> = all
        .iter()
        .filter(|known| match &known.subject {
            Subject::User(id) => id == user,
            Subject::OidcGroup(group) => groups.binary_search(group).is_ok(),
        })
        .map(|known| known.grant.clone())
        .collect();
    given.sort_unstable();
    given.dedup();
    given
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::grant_text;
    use jiff::Timestamp;
    use overlock_store::{Role, Scope};

    fn known(subject: Subject, role: Role, scope: Scope) -> KnownGrant {
        KnownGrant {
            id: String::new(),
            subject,
            grant: Grant { role, scope },
            created: Timestamp::UNIX_EPOCH,
            created_by: String::new(),
        }
    }

    #[test]
    fn only_grants_to_the_person_or_their_groups_count() {
        use Role::{Admin, Operator, Viewer};
        use Subject::{OidcGroup, User};
        let web = || Scope::Group("web".to_owned());
        let all = [
            known(User("ada".to_owned()), Viewer, Scope::All),
            known(OidcGroup("/ops".to_owned()), Operator, web()),
            known(OidcGroup("/staff".to_owned()), Operator, web()),
            // A group with the name of a person, a person with the name of a group, a part of a name.
            known(OidcGroup("ada".to_owned()), Admin, Scope::All),
            known(User("/ops".to_owned()), Admin, Scope::All),
            known(OidcGroup("/op".to_owned()), Admin, Scope::All),
            known(OidcGroup("/OPS".to_owned()), Admin, Scope::All),
        ];
        let groups = ["/ops".to_owned(), "/staff".to_owned()];
        let texts = |grants: Vec<Grant>| grants.iter().map(grant_text).collect::<Vec<_>>();
        assert_eq!(
            texts(given(&all, "ada", &groups)),
            ["viewer", "operator@web"]
        );
        assert!(given(&all, "bob", &[]).is_empty());
    }

    #[test]
    fn one_subject_at_two_issuers_is_two_people() {
        let (one, other) = ("https://a.example.org", "https://b.example.org");
        assert_eq!(user_id(one, "1"), user_id(one, "1"));
        assert_ne!(user_id(one, "1"), user_id(other, "1"));
        assert_eq!(user_id(one, "1").len(), 32);
    }
}
