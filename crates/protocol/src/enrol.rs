//! Enrolment and renewal: how a host gets its certificate.

use crate::check_in::Instance;
use crate::message::Message;
use jiff::Timestamp;
use overlock_model::plan::HostId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a person gives to a new agent: which authority to trust, and a secret of the server.
///
/// Written `ovl1.FINGERPRINT.SECRET`: the SHA-256 of the server authority's public key (SubjectPublicKeyInfo, as hex), so
/// that the agent knows the server before it trusts anything, and 32 random bytes as hex.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EnrolToken {
    authority: String,
    secret: String,
}

/// The text is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token for enrolment looks like `ovl1.<64 hex digits>.<64 hex digits>`")]
pub struct EnrolTokenError;

impl EnrolToken {
    /// From its parts.
    #[must_use]
    pub fn new(authority: &[u8; 32], secret: &[u8; 32]) -> Self {
        Self {
            authority: hex(authority),
            secret: hex(secret),
        }
    }

    /// SHA-256 of the authority's public key, as hex.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The secret, which the server knows by its hash only.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// The whole text, for the one time it is shown.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("ovl1.{}.{}", self.authority, self.secret)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl fmt::Debug for EnrolToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority: String = self.authority.chars().take(12).collect();
        write!(f, "ovl1.{authority}….[secret]")
    }
}

impl TryFrom<String> for EnrolToken {
    type Error = EnrolTokenError;

    fn try_from(text: String) -> Result<Self, EnrolTokenError> {
        let hex = |part: &str| {
            part.len() == 64
                && part
                    .bytes()
                    .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        let mut parts = text.split('.');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some("ovl1"), Some(authority), Some(secret), None)
                if hex(authority) && hex(secret) =>
            {
                Ok(Self {
                    authority: authority.to_owned(),
                    secret: secret.to_owned(),
                })
            }
            _ => Err(EnrolTokenError),
        }
    }
}

impl From<EnrolToken> for String {
    fn from(token: EnrolToken) -> Self {
        token.reveal()
    }
}

/// A new agent asks to be taken in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Enrol {
    /// [`Message::schema`].
    pub schema: String,
    /// [`EnrolToken::secret`].
    pub secret: String,
    /// The host id in the agent's state directory. A token bound to a host overrules it.
    pub host: HostId,
    /// Name of the host.
    pub name: String,
    /// `/etc/machine-id`, or empty.
    pub machine_id: String,
    /// Version of the agent.
    pub agent: String,
    /// Certificate signing request (PKCS #10, PEM) made with the agent's own key. Its names are not looked at: the server
    /// writes its own.
    pub request: String,
}

impl Message for Enrol {
    const NAME: &'static str = "enrol";
}

/// The answer to [`Enrol`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Enrolled {
    /// [`Message::schema`].
    pub schema: String,
    /// Who this host is from now on.
    pub host: HostId,
    /// Certificate chain (PEM), the host's own first.
    pub certificate: String,
    /// The server's authority (PEM): the only one that the agent trusts from now on.
    pub authority: String,
    /// When it ends.
    pub expires: Timestamp,
    /// When it should be renewed.
    pub renew_after: Timestamp,
    /// Whether a person must still confirm the key before reports are taken.
    pub needs_confirmation: bool,
}

impl Message for Enrolled {
    const NAME: &'static str = "enrolled";
}

/// An agent asks for its next certificate, over the connection that its current one opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Renew {
    /// [`Message::schema`].
    pub schema: String,
    /// Who; must be the host of the certificate.
    pub host: HostId,
    /// This run of the agent: a copy of the key that renews must say who it is, as with each other message.
    pub instance: Instance,
    /// Counts up with each message of this instance, as in [`crate::Poll::count`].
    pub count: u64,
    /// As in [`Enrol::request`]; the key must be that of the certificate. Another key needs another enrolment, so that who
    /// has stolen a certificate cannot turn it into one of their own.
    pub request: String,
}

impl Message for Renew {
    const NAME: &'static str = "renew";
}

/// The answer to [`Renew`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Renewed {
    /// [`Message::schema`].
    pub schema: String,
    /// Certificate chain (PEM), the host's own first.
    pub certificate: String,
    /// When it ends.
    pub expires: Timestamp,
    /// When it should be renewed.
    pub renew_after: Timestamp,
}

impl Message for Renewed {
    const NAME: &'static str = "renewed";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_and_hides_itself() {
        let token = EnrolToken::new(&[1; 32], &[0xab; 32]);
        assert_eq!(EnrolToken::try_from(token.reveal()), Ok(token.clone()));
        assert!(!format!("{token:?}").contains("abab"));
        for wrong in [
            "",
            "ovl1",
            "ovl1.a.b",
            "ovl2..",
            &format!("{}.x", token.reveal()),
        ] {
            assert_eq!(
                EnrolToken::try_from(wrong.to_owned()),
                Err(EnrolTokenError),
                "{wrong}"
            );
        }
    }
}
