//! npm version ranges, such as `>=1.2.3 <2.0.0 || ~3.1`, in which npm's advisories say what is affected.
//!
//! Called by matching. Rules: the README of node-semver, read by nodejs-semver; this module bounds its input and
//! chooses how pre-releases count.

use nodejs_semver as node;

use crate::{MAX_VERSION_BYTES, Scheme, VersionError};

/// Most `||` alternatives taken; real advisories have fewer than 30.
const MAX_ALTERNATIVES: usize = 256;

/// Whether `2.0.0-beta.1` can lie in `<2.0.0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prereleases {
    /// Pre-releases are versions like others, by their place in the order. For "is this installed version affected":
    /// npm audit asks it so.
    Included,
    /// A pre-release lies only in a range that names a pre-release of the same major, minor and patch. For "may this
    /// version be installed": npm install asks it so.
    Excluded,
}

/// A parsed npm range.
#[derive(Debug, Clone)]
pub struct NpmRange(node::Range);

impl NpmRange {
    /// Parses a range. An empty one, like `*`, is every version.
    ///
    /// # Errors
    /// The text is no range, or too long.
    pub fn parse(range: &str) -> Result<Self, VersionError> {
        let bad = |why| VersionError::new(Scheme::Npm, range, why);
        if range.len() > MAX_VERSION_BYTES || range.matches("||").count() >= MAX_ALTERNATIVES {
            return Err(bad(
                "the range is longer than 4096 bytes or has more than 256 alternatives",
            ));
        }
        node::Range::parse(range)
            .map(Self)
            .map_err(|_| bad("node-semver knows no such range"))
    }

    /// Whether `version` lies in the range.
    ///
    /// # Errors
    /// The version is not an npm version, or longer than the 256 bytes or greater than the numbers (up to
    /// 900,719,925,474,099) that the library takes.
    pub fn contains(&self, version: &str, prereleases: Prereleases) -> Result<bool, VersionError> {
        crate::key(Scheme::Npm, version)?;
        let parsed = node::Version::parse(version.trim().trim_start_matches(['v', '=']));
        let parsed = parsed
            .map_err(|_| VersionError::new(Scheme::Npm, version, "it is too long for a range"))?;
        Ok(self
            .0
            .satisfies_with_prerelease(&parsed, prereleases == Prereleases::Included))
    }
}

/// Whether `version` lies in `range` as an advisory means it (pre-releases included).
///
/// ```
/// use overlock_versions::{range::satisfies, Scheme};
/// assert!(satisfies(Scheme::Npm, ">=1.2.3 <2.0.0 || ~3.1", "3.1.9").unwrap());
/// assert!(!satisfies(Scheme::Npm, ">=1.2.3 <2.0.0 || ~3.1", "2.0.0").unwrap());
/// ```
///
/// # Errors
/// Range or version cannot be parsed, or the scheme is not [`Scheme::Npm`], the only one whose ranges are known.
pub fn satisfies(scheme: Scheme, range: &str, version: &str) -> Result<bool, VersionError> {
    if scheme != Scheme::Npm {
        return Err(VersionError::new(
            scheme,
            range,
            "ranges are known for npm only",
        ));
    }
    NpmRange::parse(range)?.contains(version, Prereleases::Included)
}
