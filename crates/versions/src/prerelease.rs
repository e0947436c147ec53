//! Pre-release identifiers of semantic versions, which semver, npm and NuGet share.
//!
//! Semantic Versioning 2.0.0 §9 and §11: no pre-release is greater than any; identifiers compare from the left,
//! numeric ones by value and below alphanumeric ones, those in ASCII order; fewer identifiers are less.

use crate::is_number;
use crate::sort_key::Writer;

const END: u8 = 0;
const NUMERIC: u8 = 1;
const ALPHANUMERIC: u8 = 2;
/// No pre-release: a release.
const RELEASE: u8 = 0xFF;

/// How a scheme reads identifiers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// As the standard says: numeric identifiers have no leading zeros, letters keep their case.
    Strict,
    /// Leading zeros are taken (node-semver, loose).
    Loose,
    /// Leading zeros are taken and case does not count (NuGet).
    LooseIgnoringCase,
}

/// Writes the identifiers of `prerelease`, the text after the hyphen, or the mark of a release.
pub(crate) fn write(
    prerelease: Option<&str>,
    reading: Reading,
    out: &mut Writer,
) -> Result<(), &'static str> {
    let Some(prerelease) = prerelease else {
        out.mark(RELEASE);
        return Ok(());
    };
    for identifier in prerelease.split('.') {
        check(identifier)?;
        if !is_number(identifier) {
            out.mark(ALPHANUMERIC);
            match reading {
                Reading::LooseIgnoringCase => out.text_ignoring_case(identifier),
                Reading::Strict | Reading::Loose => out.text(identifier),
            }
        } else if reading == Reading::Strict && has_leading_zero(identifier) {
            return Err("a numeric pre-release identifier has leading zeros");
        } else {
            out.mark(NUMERIC);
            out.number(identifier);
        }
    }
    out.mark(END);
    Ok(())
}

/// Splits `core[-prerelease][+build]` and checks the build metadata, which has no part in the order (§10).
pub(crate) fn split(version: &str) -> Result<(&str, Option<&str>), &'static str> {
    let version = match version.split_once('+') {
        Some((version, build)) => {
            build.split('.').try_for_each(check)?;
            version
        }
        None => version,
    };
    Ok(match version.split_once('-') {
        Some((core, prerelease)) => (core, Some(prerelease)),
        None => (version, None),
    })
}

pub(crate) fn has_leading_zero(digits: &str) -> bool {
    digits.len() > 1 && digits.starts_with('0')
}

fn check(identifier: &str) -> Result<(), &'static str> {
    if identifier.is_empty() {
        return Err("an identifier after `-`, `+` or `.` is empty");
    }
    if !identifier
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    {
        return Err("an identifier has characters other than letters, digits and -");
    }
    Ok(())
}
