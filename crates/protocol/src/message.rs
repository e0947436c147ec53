//! What every message has: a schema with a version, and a limit that is checked before anything is parsed.

use crate::Limits;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Newest version of the wire that this code speaks.
pub const VERSION: u32 = 1;
/// Oldest version of the wire that this code understands (N-1).
pub const VERSION_OLDEST: u32 = 1;

/// Kinds of messages, each with its own limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Bounded by [`Limits::message_bytes`].
    Small,
    /// A report of sections: bounded by [`Limits::unpacked_bytes`].
    Report,
}

/// A message of the wire.
pub trait Message: Serialize + DeserializeOwned {
    /// Name in the schema: `hello` stands for `overlock.hello/1`.
    const NAME: &'static str;
    /// Which limit holds.
    const KIND: Kind = Kind::Small;

    /// The schema that it carries.
    #[must_use]
    fn schema() -> String {
        format!("overlock.{}/{VERSION}", Self::NAME)
    }

    /// Reads one.
    ///
    /// # Errors
    /// When it is larger than its limit, no JSON, of another kind or of a version that is not understood.
    fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, MessageError> {
        let limit = match Self::KIND {
            Kind::Small => limits.message_bytes,
            Kind::Report => limits.unpacked_bytes,
        };
        if bytes.len() as u64 > limit {
            return Err(MessageError::Size {
                name: Self::NAME,
                bytes: bytes.len() as u64,
                limit,
            });
        }
        let Head { schema } =
            serde_json::from_slice(bytes).map_err(|cause| MessageError::Json {
                name: Self::NAME,
                cause: cause.to_string(),
            })?;
        let version = schema
            .strip_prefix("overlock.")
            .and_then(|rest| rest.strip_prefix(Self::NAME))
            .and_then(|rest| rest.strip_prefix('/'))
            .and_then(|version| version.parse::<u32>().ok());
        if !version.is_some_and(|version| (VERSION_OLDEST..=VERSION).contains(&version)) {
            return Err(MessageError::Schema {
                name: Self::NAME,
                schema: schema.chars().take(80).collect(),
            });
        }
        serde_json::from_slice(bytes).map_err(|cause| MessageError::Json {
            name: Self::NAME,
            cause: cause.to_string(),
        })
    }

    /// The bytes to send.
    ///
    /// # Errors
    /// When the value is no JSON, which none of our messages is.
    fn to_bytes(&self) -> Result<Vec<u8>, MessageError> {
        serde_json::to_vec(self).map_err(|cause| MessageError::Json {
            name: Self::NAME,
            cause: cause.to_string(),
        })
    }
}

#[derive(Deserialize)]
#[serde(expecting = "a JSON object")]
struct Head {
    schema: String,
}

/// A message that is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Above its limit.
    #[error("a message `{name}` of {bytes} bytes is above the limit of {limit}")]
    Size {
        /// Which message.
        name: &'static str,
        /// How large it is.
        bytes: u64,
        /// How large it may be.
        limit: u64,
    },
    /// Not what was to be read.
    #[error("this is no message `{name}`: {cause}")]
    Json {
        /// Which message.
        name: &'static str,
        /// What the parser says, with the place.
        cause: String,
    },
    /// Another kind, or a version that is not understood.
    #[error(
        "`{schema}` is no message `{name}` of a version understood here ({VERSION_OLDEST} to {VERSION})"
    )]
    Schema {
        /// Which message was to be read.
        name: &'static str,
        /// What came.
        schema: String,
    },
}

/// Why the server turns an agent away; agents act on the code, people read the rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Refusal {
    /// [`Message::schema`].
    pub schema: String,
    /// What the agent is to do.
    pub code: RefusalCode,
    /// For people.
    pub detail: String,
    /// Seconds to wait before the next try, where the server wants some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_seconds: Option<u32>,
}

/// What an agent is to do about a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCode {
    /// The token is unknown, used, expired, or bound to something else. Trying again does not help.
    TokenRefused,
    /// The certificate is revoked, or no host of this server has it. Trying again does not help; enrol anew.
    Revoked,
    /// The identity is in use in two places: nothing is taken from either until a person has looked. Keep asking slowly.
    Quarantined,
    /// Nobody has confirmed the key yet. Keep asking.
    Unconfirmed,
    /// The message breaks a limit or a rule. Sending it again does not help.
    Invalid,
    /// The server cannot now. Ask again later.
    Busy,
    /// Say hello again: the server does not know this instance.
    HelloFirst,
}

impl Message for Refusal {
    const NAME: &'static str = "refusal";
}

impl Refusal {
    /// A refusal with words for people.
    #[must_use]
    pub fn new(code: RefusalCode, detail: impl Into<String>) -> Self {
        Self {
            schema: Self::schema(),
            code,
            detail: detail.into(),
            retry_seconds: None,
        }
    }
}
