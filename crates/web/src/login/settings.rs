//! What the administrator says of the identity provider, checked once at start.

use openidconnect::url::{Origin, Url};
use secrecy::SecretString;

/// Whose word is taken for the provider's certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Trust {
    /// This machine's authorities.
    #[default]
    Platform,
    /// These authorities only (PEM), for a provider inside the house.
    Only(String),
}

/// The identity provider, as configured.
#[derive(Debug, Clone)]
pub struct OidcSettings {
    /// The issuer's address, exactly as its tokens name it.
    pub issuer: String,
    /// Our name at the provider.
    pub client_id: String,
    /// Our secret at the provider; a public client has none, PKCE is used either way.
    pub client_secret: Option<SecretString>,
    /// The claim of the ID token that holds the groups.
    pub groups_claim: String,
    /// What is asked for besides `openid`.
    pub scopes: Vec<String>,
    /// How the provider's certificate is checked.
    pub trust: Trust,
}

impl OidcSettings {
    /// With the usual scopes, and groups in `groups`.
    #[must_use]
    pub fn new(issuer: impl Into<String>, client_id: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            client_id: client_id.into(),
            client_secret: None,
            groups_claim: "groups".to_owned(),
            scopes: vec!["profile".to_owned(), "email".to_owned()],
            trust: Trust::Platform,
        }
    }
}

/// An address that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not {wanted}")]
pub struct AddressError {
    given: String,
    wanted: &'static str,
}

impl AddressError {
    pub(super) fn of(given: &str, wanted: &'static str) -> Self {
        Self {
            given: given.chars().take(200).collect(),
            wanted,
        }
    }
}

/// An address of another machine: https, without user, query or fragment.
pub(super) fn https(given: &str) -> Result<Url, AddressError> {
    Url::parse(given)
        .ok()
        .filter(|url| {
            url.scheme() == "https"
                && url.has_host()
                && url.username().is_empty()
                && url.password().is_none()
                && url.query().is_none()
                && url.fragment().is_none()
        })
        .ok_or_else(|| {
            AddressError::of(
                given,
                "an address that begins with https:// and has no query",
            )
        })
}

/// Where people reach this server: what the provider sends them back to, and the only origin that may make changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicAddress(Url);

/// Longest address that a person is sent to after login, in bytes.
const NEXT_BYTES: usize = 1024;

impl std::str::FromStr for PublicAddress {
    type Err = AddressError;

    fn from_str(given: &str) -> Result<Self, AddressError> {
        let url = https(given)?;
        if url.path() == "/" {
            Ok(Self(url))
        } else {
            Err(AddressError::of(given, "an address without a path"))
        }
    }
}

impl PublicAddress {
    /// A place of this server.
    pub(super) fn at(&self, path: &'static str) -> Url {
        let mut url = self.0.clone();
        url.set_path(path);
        url
    }

    /// Whether an `Origin` header names this server.
    pub(super) fn is_origin(&self, given: &str) -> bool {
        matches!(self.0.origin(), Origin::Tuple(..))
            && self.0.origin().ascii_serialization() == given
    }

    /// Where to go after login: what was asked, if it is a place of this server, else the start.
    ///
    /// Browsers read `//host`, `/\host` and a tab after the slash as another host's address. So the text is read as they
    /// read it (WHATWG URL), the origin is compared, and the *whole* address is answered: a path alone could be read once
    /// more (`/.//host` has the path `//host`).
    pub(super) fn after_login(&self, next: Option<&str>) -> Url {
        next.filter(|next| next.starts_with('/') && next.len() <= NEXT_BYTES)
            .and_then(|next| self.0.join(next).ok())
            .filter(|url| {
                url.origin() == self.0.origin()
                    && url.username().is_empty()
                    && url.password().is_none()
            })
            .unwrap_or_else(|| self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_only_ever_sent_to_this_server() {
        let here: PublicAddress = "https://fleet.example.org:8443".parse().unwrap();
        for (next, place) in [
            (None, "/"),
            (
                Some("/hosts?where=a%3D%3D1#top"),
                "/hosts?where=a%3D%3D1#top",
            ),
            (Some("//evil.example"), "/"),
            (Some("///evil.example"), "/"),
            (Some("/\\evil.example"), "/"),
            (Some("/\t/evil.example"), "/"),
            (Some("/\n//evil.example"), "/"),
            (Some("/.//evil.example"), "//evil.example"),
            (Some("https://evil.example/"), "/"),
            (Some("javascript:alert(1)"), "/"),
            (Some("//fleet.example.org:8443@evil.example/"), "/"),
            (Some("//user@fleet.example.org:8443/"), "/"),
            (Some("//fleet.example.org/"), "/"),
            (Some("hosts"), "/"),
            (Some(""), "/"),
        ] {
            let url = here.after_login(next);
            assert_eq!(
                url.as_str(),
                format!("https://fleet.example.org:8443{place}"),
                "{next:?}"
            );
        }
        let long = format!("/{}", "a".repeat(NEXT_BYTES));
        assert_eq!(here.after_login(Some(&long)).path(), "/");
    }

    #[test]
    fn addresses_are_https_and_bare() {
        for bad in [
            "http://fleet.example.org",
            "https://fleet.example.org/base",
            "https://user@fleet.example.org",
            "https://fleet.example.org?x",
            "https://fleet.example.org/#x",
            "fleet.example.org",
            "data:text/plain,x",
            "",
        ] {
            assert!(bad.parse::<PublicAddress>().is_err(), "{bad}");
        }
        assert!(https("https://id.example.org/realms/one").is_ok());
    }

    #[test]
    fn an_origin_is_compared_whole() {
        let here: PublicAddress = "https://fleet.example.org".parse().unwrap();
        assert!(here.is_origin("https://fleet.example.org"));
        for other in [
            "https://fleet.example.org.evil.example",
            "https://fleet.example.org:444",
            "http://fleet.example.org",
            "null",
            "",
        ] {
            assert!(!here.is_origin(other), "{other}");
        }
    }
}
