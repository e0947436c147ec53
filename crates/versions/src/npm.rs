//! npm versions: semantic versions as node-semver reads them in loose mode.
//!
//! The order is that of Semantic Versioning §11. Loose reading takes what the registry holds from early days: a leading
//! `v` or `=`, leading zeros, and a pre-release without its hyphen (`1.2.3beta`). All three numbers must be there.
//! Nothing may follow the version. Numbers of any length are taken; node-semver stops at 2^53 - 1.

use crate::prerelease::{self, Reading};
use crate::sort_key::Writer;

pub(crate) fn write_key(version: &str, out: &mut Writer) -> Result<(), &'static str> {
    let version = version.trim_start_matches(['v', '=']);
    let mut rest = version;
    for separator in ["", ".", "."] {
        let after = rest
            .strip_prefix(separator)
            .ok_or("major, minor and patch must all be there")?;
        let (digits, after) = crate::split_digits(after);
        if digits.is_empty() {
            return Err("major, minor and patch must be numbers");
        }
        out.number(digits);
        rest = after;
    }
    let (glued, prerelease) = prerelease::split(rest)?;
    let prerelease = match prerelease {
        None if glued.is_empty() => None,
        None => Some(glued),
        Some(prerelease) if glued.is_empty() => Some(prerelease),
        // `1.2.3beta-1`: the hyphen is inside the identifier.
        Some(_) => rest.split('+').next(),
    };
    if prerelease.is_some_and(|text| text.starts_with('.')) {
        return Err("it has more than three numbers");
    }
    prerelease::write(prerelease, Reading::Loose, out)
}
