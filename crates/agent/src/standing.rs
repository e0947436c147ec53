//! How the agent gets on with its server, for `overlock-agent status`.

use crate::durable;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

const FILE_BYTES_MAX: u64 = 64 << 10;
const SCHEMA: &str = "overlock.agent-standing/1";

/// What happened last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Touch {
    InTouch,
    Failed { why: String },
}

/// What is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    schema: String,
    /// When the server last answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<Timestamp>,
    /// What failed since then, and when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<(Timestamp, String)>,
}

/// The file.
#[derive(Debug)]
pub(crate) struct Standing {
    path: PathBuf,
    contact: Contact,
}

impl Standing {
    pub fn at(state: &Path) -> Self {
        Self {
            path: state.join("contact.json"),
            contact: contact(state).unwrap_or_else(|| Contact {
                schema: SCHEMA.to_owned(),
                answered: None,
                failed: None,
            }),
        }
    }

    pub fn touch(&mut self, touch: Touch) {
        let now = Timestamp::now();
        match touch {
            Touch::InTouch => {
                self.contact.answered = Some(now);
                self.contact.failed = None;
            }
            Touch::Failed { why } => self.contact.failed = Some((now, why)),
        }
        // A status that cannot be written is no reason not to report.
        if let Ok(bytes) = serde_json::to_vec(&self.contact) {
            durable::write_lightly(&self.path, &bytes).ok();
        }
    }
}

/// The last contact, if any was written down.
#[must_use]
pub fn contact(state: &Path) -> Option<Contact> {
    let bytes = durable::read(&state.join("contact.json"), FILE_BYTES_MAX).ok()??;
    serde_json::from_slice(&bytes)
        .ok()
        .filter(|contact: &Contact| contact.schema == SCHEMA)
}
