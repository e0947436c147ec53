//! Who somebody is, as the identity provider says. What they may do is [`super::grants`]'s to say.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Longest subject, in bytes (OpenID Connect Core 1.0 section 2).
const SUBJECT_BYTES: usize = 255;
/// Longest name or address of mail that is kept, in characters; they are only shown.
const SHOWN_CHARS: usize = 200;
/// Most groups of one person.
const GROUPS: usize = 512;
/// Longest name of a group, in bytes.
const GROUP_BYTES: usize = 256;

/// A person, as an ID token names them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Never changes and is never given to another (`sub`); the only claim that names the person.
    pub subject: String,
    /// For people to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// For people to read: an address of mail may pass to another person, so no right hangs on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Groups at the provider when the person logged in, sorted, each once.
    pub groups: Vec<String>,
}

/// Claims that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// No subject, or none that can be one.
    #[error("the subject is empty, too long or holds control characters")]
    Subject,
    /// The claim is neither a text nor a list of texts.
    #[error("the claim `{0}` is neither a text nor a list of texts")]
    Groups(String),
    /// More groups than may be. The list is not cut, for nobody could tell which right went with it.
    #[error(
        "the person is in more than {GROUPS} groups; let the provider send only those that matter here"
    )]
    TooManyGroups,
    /// The name of a group cannot be one.
    #[error("a group's name is empty, longer than {GROUP_BYTES} bytes or holds control characters")]
    Group,
}

impl Identity {
    pub(super) fn new(
        subject: &str,
        name: Option<&str>,
        email: Option<&str>,
        groups: Vec<String>,
    ) -> Result<Self, IdentityError> {
        if !is_plain(subject, SUBJECT_BYTES) {
            return Err(IdentityError::Subject);
        }
        Ok(Self {
            subject: subject.to_owned(),
            name: name.and_then(shown),
            email: email.and_then(shown),
            groups,
        })
    }
}

/// The groups of a claim: a text is one group, and no claim is no group.
pub(super) fn groups(
    claims: &Map<String, Value>,
    claim: &str,
) -> Result<Vec<String>, IdentityError> {
    let mut groups = match claims.get(claim) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(group)) => vec![group.clone()],
        Some(Value::Array(groups)) if groups.len() > GROUPS => {
            return Err(IdentityError::TooManyGroups);
        }
        Some(Value::Array(groups)) => groups
            .iter()
            .map(|group| group.as_str().map(str::to_owned))
            .collect::<Option<_>>()
            .ok_or_else(|| IdentityError::Groups(claim.to_owned()))?,
        Some(_) => return Err(IdentityError::Groups(claim.to_owned())),
    };
    if groups.iter().any(|group| !is_plain(group, GROUP_BYTES)) {
        return Err(IdentityError::Group);
    }
    groups.sort_unstable();
    groups.dedup();
    Ok(groups)
}

fn is_plain(text: &str, bytes: usize) -> bool {
    !text.is_empty() && text.len() <= bytes && !text.chars().any(char::is_control)
}

fn shown(text: &str) -> Option<String> {
    let text: String = text
        .chars()
        .filter(|sign| !sign.is_control())
        .take(SHOWN_CHARS)
        .collect();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(claim: Value) -> Result<Vec<String>, IdentityError> {
        let mut claims = Map::new();
        claims.insert("groups".to_owned(), claim);
        groups(&claims, "groups")
    }

    #[test]
    fn groups_come_as_a_text_or_a_list_and_nothing_else() {
        assert_eq!(groups(&Map::new(), "groups"), Ok(vec![]));
        assert_eq!(read(Value::Null), Ok(vec![]));
        assert_eq!(read(json!("ops")), Ok(vec!["ops".to_owned()]));
        assert_eq!(
            read(json!(["/b", "a", "/b"])),
            Ok(vec!["/b".to_owned(), "a".to_owned()])
        );
        for other in [
            json!(1),
            json!({"ops": true}),
            json!(["a", 1]),
            json!([["a"]]),
        ] {
            assert_eq!(read(other), Err(IdentityError::Groups("groups".to_owned())));
        }
    }

    #[test]
    fn groups_are_bounded() {
        let many: Vec<_> = (0..=GROUPS).map(|group| group.to_string()).collect();
        assert_eq!(read(json!(many)), Err(IdentityError::TooManyGroups));
        assert_eq!(read(json!(many[..GROUPS])).unwrap().len(), GROUPS);
        for bad in [
            String::new(),
            "a".repeat(GROUP_BYTES + 1),
            "a\nb".to_owned(),
        ] {
            assert_eq!(read(json!(bad)), Err(IdentityError::Group));
        }
    }

    #[test]
    fn a_subject_is_taken_whole_or_not_at_all_and_a_name_is_made_fit() {
        let make = |subject: &str, name| Identity::new(subject, name, None, vec![]);
        for bad in [
            String::new(),
            "a".repeat(SUBJECT_BYTES + 1),
            "a\0".to_owned(),
        ] {
            assert_eq!(make(&bad, None), Err(IdentityError::Subject));
        }
        let long = format!("A\u{1b}[31m{}", "b".repeat(500));
        let identity = make("a", Some(&long)).unwrap();
        assert_eq!(identity.name.as_ref().unwrap().chars().count(), SHOWN_CHARS);
        assert!(!identity.name.unwrap().contains('\u{1b}'));
        assert_eq!(make("a", Some("\n")).unwrap().name, None);
    }
}
