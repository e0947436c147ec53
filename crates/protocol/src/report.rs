//! Reports: sections that changed.

use crate::Limits;
use crate::check_in::Instance;
use crate::delta::Delta;
use crate::message::{Kind, Message};
use crate::section::{ContentError, Section, SectionContent, SectionDigests};
use jiff::Timestamp;
use overlock_model::plan::{Digest, HostId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Sections that changed since the last report. All of them are accepted together or none is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// [`Message::schema`].
    pub schema: String,
    /// Who; must be the host of the certificate.
    pub host: HostId,
    /// This run of the agent.
    pub instance: Instance,
    /// As in [`crate::Poll::count`].
    pub count: u64,
    /// When it was looked at, by the host's clock.
    pub collected: Timestamp,
    /// What changed.
    pub sections: Vec<SectionReport>,
    /// Sections that are no longer sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<Section>,
}

impl Message for Report {
    const NAME: &'static str = "report";
    const KIND: Kind = Kind::Report;
}

/// One section that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SectionReport {
    /// Which.
    pub section: Section,
    /// Digest of the content that comes out.
    pub digest: Digest,
    /// How it changed.
    pub update: Update,
}

/// How a section changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "form", rename_all = "snake_case")]
pub enum Update {
    /// All lines, sorted.
    Full {
        /// The lines.
        lines: Vec<String>,
    },
    /// The change against a content that the server said it has.
    Delta {
        /// Digest of that content.
        base: Digest,
        /// The change.
        delta: Delta,
    },
}

/// What became of one section of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// Its new content.
    Content(SectionContent),
    /// The delta does not fit what the server has.
    SendAll,
}

/// A section that is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// It breaks a limit.
    #[error("section `{section}`: {cause}")]
    Content {
        /// Which.
        section: Section,
        /// What is wrong.
        cause: ContentError,
    },
    /// It does not have the digest that it says.
    #[error("section `{0}` does not have the digest that it states")]
    Digest(Section),
}

impl SectionReport {
    /// The new content, from what is there of this section (`None`: nothing).
    ///
    /// # Errors
    /// When lines break a limit, or all of them do not have the digest that is stated.
    pub fn take(
        self,
        base: Option<&SectionContent>,
        limits: &Limits,
    ) -> Result<Taken, ReportError> {
        let content = |cause| ReportError::Content {
            section: self.section,
            cause,
        };
        match self.update {
            Update::Full { lines } => {
                let taken = SectionContent::checked(lines, limits).map_err(content)?;
                if taken.digest() == self.digest {
                    Ok(Taken::Content(taken))
                } else {
                    Err(ReportError::Digest(self.section))
                }
            }
            Update::Delta { base: named, delta } => {
                let Some(base) = base.filter(|base| base.digest() == named) else {
                    return Ok(Taken::SendAll);
                };
                Ok(match delta.apply(base, limits) {
                    Ok(taken) if taken.digest() == self.digest => Taken::Content(taken),
                    _ => Taken::SendAll,
                })
            }
        }
    }
}

/// The answer to [`Report`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReportAnswer {
    /// [`Message::schema`].
    pub schema: String,
    /// The server's clock.
    pub time: Timestamp,
    /// What became of it.
    pub verdict: Verdict,
}

impl Message for ReportAnswer {
    const NAME: &'static str = "report-answer";
}

/// What became of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// It is stored, and survives any crash of the server.
    Accepted {
        /// [`crate::state_digest`] of all that the server now has of this host.
        state: Digest,
    },
    /// Nothing was stored: these sections must come in full, the others as they were.
    SendAll {
        /// Which.
        sections: Vec<Section>,
        /// What the server has.
        known: SectionDigests,
    },
}
