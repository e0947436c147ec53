//! Hello and poll: an agent says who it is, and then waits until it is wanted.

use crate::message::Message;
use crate::section::{Section, SectionDigests};
use jiff::Timestamp;
use overlock_model::plan::{Digest, HostId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// One run of an agent. Two machines with one key have two instances, by which the server tells them apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Instance(String);

impl Instance {
    /// Of random bytes, drawn anew at each start.
    #[must_use]
    pub fn from_random(bytes: [u8; 8]) -> Self {
        Self(format!("{:016x}", u64::from_be_bytes(bytes)))
    }

    /// As 16 hex digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Instance {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let digits = text.len() == 16
            && text
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        digits
            .then_some(Self(text))
            .ok_or("an instance is 16 lower-case hex digits")
    }
}

impl From<Instance> for String {
    fn from(instance: Instance) -> Self {
        instance.0
    }
}

/// First message after each start of an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hello {
    /// [`Message::schema`].
    pub schema: String,
    /// Who; must be the host of the certificate.
    pub host: HostId,
    /// This run of the agent.
    pub instance: Instance,
    /// Version of the agent.
    pub agent: String,
    /// `/etc/machine-id`, or empty: another one under the same key raises an alarm.
    pub machine_id: String,
    /// `/proc/sys/kernel/random/boot_id`, or empty.
    #[serde(default)]
    pub boot_id: String,
    /// The host's clock, for the server to tell how far it is off.
    pub time: Timestamp,
    /// Sections that the host's owner has switched off: the server shows them as such and never asks for them.
    #[serde(default)]
    pub switched_off: BTreeSet<Section>,
    /// Whether the root helper is there; without it the agent only reports.
    #[serde(default)]
    pub helper: bool,
}

impl Message for Hello {
    const NAME: &'static str = "hello";
}

/// The answer to [`Hello`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Greeting {
    /// [`Message::schema`].
    pub schema: String,
    /// The server's clock.
    pub time: Timestamp,
    /// What the server has of this host, by section; deltas may be made against it.
    pub known: SectionDigests,
    /// How long a poll is to be held open.
    pub hold_seconds: u32,
    /// When the certificate should be renewed.
    pub renew_after: Timestamp,
}

impl Message for Greeting {
    const NAME: &'static str = "greeting";
}

/// "Nothing changed; tell me when I am wanted."
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Poll {
    /// [`Message::schema`].
    pub schema: String,
    /// Who; must be the host of the certificate.
    pub host: HostId,
    /// This run of the agent.
    pub instance: Instance,
    /// Counts up with each message of this instance; the same number twice is a copy of the agent, or a repeat after a
    /// lost answer, which brings the same state.
    pub count: u64,
    /// [`crate::state_digest`] of what was last accepted.
    pub state: Digest,
    /// Longest that the agent will wait for the answer; 0 asks for an answer at once.
    pub hold_seconds: u32,
}

impl Message for Poll {
    const NAME: &'static str = "poll";
}

/// The answer to [`Poll`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PollAnswer {
    /// [`Message::schema`].
    pub schema: String,
    /// The server's clock.
    pub time: Timestamp,
    /// What is wanted now.
    pub wanted: Wanted,
    /// Seconds until the next poll; spread by the agent with jitter of its own.
    pub next_seconds: u32,
}

impl Message for PollAnswer {
    const NAME: &'static str = "poll-answer";
}

/// What the server wants of an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "want", rename_all = "snake_case")]
pub enum Wanted {
    /// Nothing.
    Nothing,
    /// The state is not what the server has: report what differs from these digests.
    Report {
        /// What the server has.
        known: SectionDigests,
    },
    /// Look at the host now, and report what changed; somebody asked.
    LookNow,
    /// Renew the certificate now.
    Renew,
}
