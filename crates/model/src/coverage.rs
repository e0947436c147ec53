//! What was judged and what was not: every package ends in exactly one place.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How many packages ended where. The counts add up to `packages`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Coverage {
    /// Packages in the inventory.
    pub packages: u64,
    /// At least one exposure with a fix.
    pub vulnerable: u64,
    /// Exposures, but none with a fix.
    pub unfixed: u64,
    /// Judged, and nothing found.
    pub not_vulnerable: u64,
    /// Not judged, by reason; see [`NotCovered`].
    pub not_covered: u64,
    /// The reasons with their counts and some package names each.
    #[serde(default)]
    pub gaps: Vec<Gap>,
    /// What the feeds at hand can say.
    #[serde(default)]
    pub depth: Vec<Depth>,
    /// True when no advisory data was at hand at all: nothing here may be read as clean.
    #[serde(default)]
    pub advisories_unknown: bool,
}

impl Coverage {
    /// Whether every package was judged with full data; only then may "nothing found" be read as clean.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.advisories_unknown
            && self.not_covered == 0
            && self
                .depth
                .iter()
                .all(|depth| depth.limit == DepthLimit::None)
    }
}

/// One reason for not judging, with its packages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gap {
    /// Why.
    pub reason: NotCovered,
    /// How many packages.
    pub packages: u64,
    /// Names, sorted; all of them.
    pub names: Vec<String>,
}

/// Why a package could not be judged.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum NotCovered {
    /// The build does not come from the distribution whose advisories we have.
    ThirdParty,
    /// The release gets no advisories any more.
    EndOfLife,
    /// No feed for this release or ecosystem is at hand.
    NoFeed,
    /// No parser knows the version.
    UnparsableVersion,
    /// Package type or operating system that Overlock does not judge (Windows).
    Unsupported,
    /// A modular build without a modularity label, so that its stream is not known.
    ModuleUnknown,
    /// The distribution has declared this package out of security support.
    SupportEnded,
    /// A backport: its fixes are tracked in no feed.
    Backport,
}

/// How far the data for one ecosystem reaches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Depth {
    /// Such as `debian:12`.
    pub ecosystem: String,
    /// Feeds used.
    pub feeds: Vec<String>,
    /// What they leave out.
    pub limit: DepthLimit,
}

/// What a set of feeds cannot say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DepthLimit {
    /// Fixed and unfixed vulnerabilities.
    None,
    /// Only vulnerabilities that have a fix: unfixed ones are not seen.
    FixedVersionsOnly,
}
