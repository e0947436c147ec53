//! Reporter and root helper, over `/run/overlock/helper.sock`: one line of JSON each way, one question at a time.
//!
//! The reporter is not trusted: it runs without rights and talks to the network. It can ask what root alone can see, and it
//! can hand over a plan, which the helper checks by itself as if it came from anywhere.

use crate::message::{Kind, Message};
use crate::section::Section;
use overlock_model::plan::PlanId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A question to the helper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ask {
    /// [`Message::schema`].
    pub schema: String,
    /// What is asked.
    pub what: Question,
}

impl Message for Ask {
    const NAME: &'static str = "ask";
    const KIND: Kind = Kind::Report;
}

/// What the helper can be asked. There is no way to name a command, a path or an argument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "question", rename_all = "snake_case", deny_unknown_fields)]
pub enum Question {
    /// Are you there, and which version are you?
    Status,
    /// The lines of these sections, seen with root's eyes.
    Look {
        /// Which.
        sections: Vec<Section>,
    },
    /// Carry out this plan (`overlock.plan-file/1`), if it is for this host, approved, and within bounds.
    Apply {
        /// The plan file as it came.
        plan: String,
    },
}

/// The helper's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tell {
    /// [`Message::schema`].
    pub schema: String,
    /// What it says.
    pub what: Answer,
}

impl Message for Tell {
    const NAME: &'static str = "tell";
    const KIND: Kind = Kind::Report;
}

/// What the helper says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// It is there.
    Here {
        /// Its version.
        version: String,
    },
    /// Lines of sections, in the order that was asked.
    Seen {
        /// Each section with its lines, sorted.
        sections: Vec<(Section, Vec<String>)>,
    },
    /// The plan was taken; its run goes on without the reporter.
    Started {
        /// Which plan.
        plan: PlanId,
    },
    /// The question or the plan is refused.
    Refused {
        /// Why.
        why: String,
    },
}
