//! What the agent tells its log, in words for people.

use overlock_model::plan::HostId;
use overlock_protocol::Section;
use std::fmt;

/// Something worth a line in the log.
#[derive(Debug)]
pub enum Told {
    /// The server knows this run.
    Greeted {
        /// Who we are to it.
        host: HostId,
    },
    /// The server took a report.
    Accepted {
        /// What changed.
        sections: Vec<Section>,
    },
    /// There is a new certificate.
    Renewed {
        /// Until when it is good.
        expires: jiff::Timestamp,
    },
    /// The new certificate was not accepted; the former one is used.
    FellBack,
    /// Something failed; it is tried again. Told once for each new cause.
    Failed {
        /// The chain of causes.
        why: String,
    },
    /// Identity or configuration changed, and is read anew.
    Reloaded,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Greeted { host } => write!(f, "in touch with the server as {}", host.as_str()),
            Self::Accepted { sections } => {
                let words: Vec<&str> = sections.iter().map(|section| section.as_str()).collect();
                write!(f, "reported {}", words.join(", "))
            }
            Self::Renewed { expires } => write!(f, "new certificate until {expires}"),
            Self::FellBack => {
                f.write_str("the new certificate is not accepted; back to the former one")
            }
            Self::Failed { why } => f.write_str(why),
            Self::Reloaded => f.write_str("identity or configuration changed and is read anew"),
        }
    }
}
