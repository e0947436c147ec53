//! Semantic versions: Rust crates, and Go modules with their leading `v`.
//!
//! Rules: Semantic Versioning 2.0.0 §2, §9, §11. Build metadata has no part in the order (Go's `+incompatible` too).
//! Beyond the standard, as Go and the ranges of OSV need it: a leading `v`, and a missing minor or patch number,
//! which is 0 (`v1`, and the `0` that means "from the beginning").

use crate::prerelease::{self, Reading};
use crate::sort_key::Writer;

pub(crate) fn write_key(version: &str, out: &mut Writer) -> Result<(), &'static str> {
    let (core, prerelease) = prerelease::split(version.strip_prefix('v').unwrap_or(version))?;
    let mut numbers = core.split('.');
    let mut written = 0;
    for number in numbers.by_ref().take(3) {
        if !crate::is_number(number) {
            return Err("major, minor and patch must be numbers");
        }
        if prerelease::has_leading_zero(number) {
            return Err("major, minor and patch have no leading zeros");
        }
        out.number(number);
        written += 1;
    }
    if numbers.next().is_some() {
        return Err("it has more than three numbers");
    }
    if written < 3 && prerelease.is_some() {
        return Err("a pre-release needs major, minor and patch");
    }
    for _ in written..3 {
        out.number("0");
    }
    prerelease::write(prerelease, Reading::Strict, out)
}
