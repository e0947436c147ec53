//! The one error of this crate: a text that is not a version of the scheme it was said to be of.

use crate::Scheme;

/// Characters of the offending version that an error repeats; enough to find it, too few to flood a log.
const QUOTED_CHARS: usize = 64;

/// A version (or range) that its scheme's rules do not know.
///
/// Callers count it and show the package as unknown; they never drop it and never guess an order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{version}` is not a version of scheme `{scheme}`: {why}")]
pub struct VersionError {
    /// The scheme whose rules were applied.
    pub scheme: Scheme,
    /// The offending text: escaped, at most 64 characters of the original, `…` where it was cut.
    pub version: String,
    /// The rule that it breaks, in words.
    pub why: &'static str,
}

impl VersionError {
    pub(crate) fn new(scheme: Scheme, version: &str, why: &'static str) -> Self {
        let mut quoted: String = version
            .chars()
            .take(QUOTED_CHARS)
            .flat_map(char::escape_debug)
            .collect();
        if version.chars().nth(QUOTED_CHARS).is_some() {
            quoted.push('…');
        }
        Self {
            scheme,
            version: quoted,
            why,
        }
    }
}
