//! Version order of every packaging scheme, as Rust functions and byte keys.
//!
//! Called by feeds and index (which store keys), packages and host (which parse what is installed) and
//! matching (which compares millions of pairs). A version is parsed once into a [`SortKey`]; after that every
//! comparison is a `memcmp`, in memory or over a mapped file, and no caller needs to know the scheme again.
//! One file per scheme states that scheme's rules and where they come from; [`compare`] is the order of the keys,
//! so there is one implementation of each order and not two that drift apart.
//!
//! ```
//! use overlock_versions::{compare, key, Scheme};
//! use std::cmp::Ordering;
//!
//! assert_eq!(compare(Scheme::Dpkg, "1.0~rc1-1", "1.0-1").unwrap(), Ordering::Less);
//! assert!(key(Scheme::Maven, "1.0-alpha-1").unwrap() < key(Scheme::Maven, "1.0").unwrap());
//! assert!(key(Scheme::Dpkg, "<unfixed>").is_err());
//! ```
//!
//! The one exception is [`Scheme::Alpm`], where pacman's own comparison is not an order: see [`alpm`].

pub mod alpm;
pub mod apk;
pub mod dpkg;
mod error;
pub mod maven;
pub mod npm;
pub mod nuget;
pub mod pep440;
mod prerelease;
pub mod range;
pub mod rpm;
pub mod rubygems;
mod scheme;
pub mod semver;
mod sort_key;

use std::cmp::Ordering;

pub use error::VersionError;
pub use rpm::Evr;
pub use scheme::{Scheme, UnknownScheme};
pub use sort_key::SortKey;

use sort_key::Writer;

/// Longest version (and range) that is looked at, in bytes. The longest real ones have about 100; the bound keeps
/// work and key size small whatever a feed or a host sends.
pub const MAX_VERSION_BYTES: usize = 4096;

/// Parses `version` and writes its sort key. White space around the version is not part of it.
///
/// # Errors
/// The version is empty, longer than [`MAX_VERSION_BYTES`], has white space or control characters inside, or is not
/// a version of `scheme`.
pub fn key(scheme: Scheme, version: &str) -> Result<SortKey, VersionError> {
    let version = bounded(scheme, version)?;
    let mut out = Writer::with_capacity(version.len() * 2 + 8);
    let written = match scheme {
        Scheme::Dpkg => dpkg::write_key(version, &mut out),
        Scheme::Rpm => rpm::write_key(version, &mut out),
        Scheme::Apk => apk::write_key(version, &mut out),
        Scheme::Alpm => alpm::write_key(version, &mut out),
        Scheme::Semver => semver::write_key(version, &mut out),
        Scheme::Pep440 => pep440::write_key(version, &mut out),
        Scheme::Npm => npm::write_key(version, &mut out),
        Scheme::Maven => maven::write_key(version, &mut out),
        Scheme::Rubygems => rubygems::write_key(version, &mut out),
        Scheme::Nuget => nuget::write_key(version, &mut out),
    };
    written.map_err(|why| VersionError::new(scheme, version, why))?;
    Ok(out.finish())
}

/// Compares two versions of one scheme.
///
/// Equal means equal in order (`1.0` and `1.00` in dpkg), not the same text. To compare one version with many, make
/// the [`key`]s once.
///
/// # Errors
/// Either version is not a version of `scheme`, as for [`key`].
pub fn compare(scheme: Scheme, a: &str, b: &str) -> Result<Ordering, VersionError> {
    match scheme {
        Scheme::Alpm if !alpm::pkgrel_counts(a, b) => Ok(pkgver_key(a)?.cmp(&pkgver_key(b)?)),
        _ => Ok(key(scheme, a)?.cmp(&key(scheme, b)?)),
    }
}

/// The key of an Arch Linux version without its pkgrel.
fn pkgver_key(version: &str) -> Result<SortKey, VersionError> {
    let version = bounded(Scheme::Alpm, version)?;
    let mut out = Writer::with_capacity(version.len() * 2 + 8);
    alpm::write_pkgver(version, &mut out)
        .map_err(|why| VersionError::new(Scheme::Alpm, version, why))?;
    Ok(out.finish())
}

/// The version without the white space around it, once its size and characters are known to be bearable.
fn bounded(scheme: Scheme, version: &str) -> Result<&str, VersionError> {
    let bad = |why| Err(VersionError::new(scheme, version, why));
    if version.len() > MAX_VERSION_BYTES {
        return bad("it is longer than 4096 bytes");
    }
    let version = version.trim();
    if version.is_empty() {
        return bad("it is empty");
    }
    if version.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return bad("it has white space or control characters inside");
    }
    Ok(version)
}

/// Splits off the longest start of `text` whose characters satisfy `belongs`.
fn split_run(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !belongs(c)).unwrap_or(text.len());
    text.split_at(end)
}

/// Splits off the leading run of ASCII digits.
fn split_digits(text: &str) -> (&str, &str) {
    split_run(text, |c| c.is_ascii_digit())
}

/// True for one or more ASCII digits and nothing else.
fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}
