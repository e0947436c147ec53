//! When the server last answered, and what failed since: for `overlock-agent status`.

use crate::durable;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

const FILE_BYTES_MAX: u64 = 64 << 10;
// Files of running agents have this name in them; it stays though the word has another meaning elsewhere.
const SCHEMA: &str = "overlock.agent-standing/1";

/// What happened last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Touch {
    InTouch,
    Failed { why: String },
}

/// What is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastContact {
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
pub(crate) struct Contact {
    path: PathBuf,
    last: LastContact,
}

impl Contact {
    pub fn at(state: &Path) -> Self {
        Self {
            path: state.join("contact.json"),
            last: last_contact(state).unwrap_or_else(|| LastContact {
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
                self.last.answered = Some(now);
                self.last.failed = None;
            }
            Touch::Failed { why } => self.last.failed = Some((now, why)),
        }
        // A status that cannot be written is no reason not to report.
        if let Ok(bytes) = serde_json::to_vec(&self.last) {
            durable::write_lightly(&self.path, &bytes).ok();
        }
    }
}

/// The last contact, if any was written down. A file that cannot be read is as good as none: the next answer of the
/// server writes it anew.
#[must_use]
pub fn last_contact(state: &Path) -> Option<LastContact> {
    let bytes = durable::read(&state.join("contact.json"), FILE_BYTES_MAX).ok()??;
    serde_json::from_slice(&bytes)
        .ok()
        .filter(|contact: &LastContact| contact.schema == SCHEMA)
}
