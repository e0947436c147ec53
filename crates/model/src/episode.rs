//! An episode: one (host, vulnerability, package) from its first sight to its end, with all dates.
//!
//! `unknown → exposed → staged → installed → effective → verified`; side ends are `mitigated`, `not_affected`, `accepted`
//! and `gone` (DESIGN, Words). An episode that has ended stays as it is: a relapse opens a new one, linked to the old.

use crate::exposure::ExposureStatus;
use crate::package::PackageType;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an episode is about, on one host.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct EpisodeKey {
    /// Main identifier of the vulnerability.
    pub vulnerability: String,
    /// Kind of package.
    #[serde(rename = "type")]
    pub kind: PackageType,
    /// Source package, or the module of a language.
    pub source: String,
}

/// One episode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Episode {
    /// What it is about.
    #[serde(flatten)]
    pub key: EpisodeKey,
    /// Counts the episodes of this key on this host from 1; above 1 is a relapse, linked to the one before.
    pub ordinal: u32,
    /// Where it is.
    pub state: EpisodeState,
    /// The vendor's position when last judged.
    pub status: ExposureStatus,
    /// The version that was vulnerable.
    pub installed: String,
    /// The version that ends it, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixed: Option<String>,
    /// When it came to each state.
    pub dates: EpisodeDates,
}

/// Where an episode is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum EpisodeState {
    /// Whether the host is affected is not known.
    Unknown,
    /// The vulnerable version is installed and in force.
    Exposed,
    /// The fix is on the host and not yet installed.
    Staged,
    /// The fix is installed, and the vulnerable code still runs or is still booted.
    Installed,
    /// The vulnerable code is neither on disk, nor mapped, nor booted, as the host's latest report says.
    Effective,
    /// A later look found it still so. An end.
    Verified,
    /// A measure stands against it; it goes on when the measure ends.
    Mitigated,
    /// It was found or stated not to be affected. An end.
    NotAffected,
    /// Somebody accepted it until a date; it goes on after that.
    Accepted,
    /// The package is no longer there, and no fix had come. An end.
    Gone,
}

impl EpisodeState {
    /// All of them, in order.
    pub const ALL: [Self; 10] = [
        Self::Unknown,
        Self::Exposed,
        Self::Staged,
        Self::Installed,
        Self::Effective,
        Self::Verified,
        Self::Mitigated,
        Self::NotAffected,
        Self::Accepted,
        Self::Gone,
    ];

    /// Whether nothing more can happen in this episode.
    #[must_use]
    pub fn is_end(self) -> bool {
        matches!(self, Self::Verified | Self::NotAffected | Self::Gone)
    }

    /// Whether vulnerable code is, or may be, in force.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(
            self,
            Self::Unknown
                | Self::Exposed
                | Self::Staged
                | Self::Installed
                | Self::Mitigated
                | Self::Accepted
        )
    }

    /// The word used in JSON, the store and searches.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Exposed => "exposed",
            Self::Staged => "staged",
            Self::Installed => "installed",
            Self::Effective => "effective",
            Self::Verified => "verified",
            Self::Mitigated => "mitigated",
            Self::NotAffected => "not_affected",
            Self::Accepted => "accepted",
            Self::Gone => "gone",
        }
    }

    /// The state of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// When an episode came to each state; what did not happen is absent. By the server's clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EpisodeDates {
    /// First seen on this host: the report that brought it, or the advisory that spoke of what was there.
    pub opened: Timestamp,
    /// First known to be affected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposed: Option<Timestamp>,
    /// A fix was there to be installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix_available: Option<Timestamp>,
    /// The fix was on the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staged: Option<Timestamp>,
    /// The fix was installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installed: Option<Timestamp>,
    /// The vulnerable code ran no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective: Option<Timestamp>,
    /// A later look found it still so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<Timestamp>,
    /// It ended in another way, or was set aside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
}
