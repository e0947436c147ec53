//! RPM versions: `[epoch:]version[-release]`.
//!
//! Rules: rpm-version(7) and the behaviour of rpm 4.18. A version is read as segments of digits and of ASCII letters;
//! anything else only separates. `~` sorts before the end of the version, `^` just after it, then letters, then
//! numbers; letters compare as text, numbers by value at any length.
//!
//! A missing epoch orders as 0. A missing release is *less* than any release, as in rpm's own comparison of EVR
//! strings (`rpm.vercmp("1.5", "1.5-1")` is -1): that makes the order total. RPM's dependency ranges ignore a
//! missing release instead; a caller who wants that compares versions without their releases.

use std::fmt;

use crate::sort_key::Writer;
use crate::{Scheme, VersionError};

/// There is no release at all.
const ABSENT: u8 = 0;
const TILDE: u8 = 1;
const END: u8 = 2;
const CARET: u8 = 3;
/// Letters stand for themselves between `CARET` and this, which begins a number; its length is added.
const NUMBER: u8 = 0x80;

/// Epoch, version and release of an RPM package.
///
/// Display writes it back as rpm does, `epoch:version-release`, without what is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Evr<'a> {
    /// The epoch if one was written. `None` orders as 0 but is kept apart: a source that names no epochs (a source
    /// RPM's file name, a purl without `epoch=`) must not be taken for epoch 0 where the caller knows better.
    pub epoch: Option<u32>,
    /// The version; not empty.
    pub version: &'a str,
    /// The release, such as `3.el9_4`, if one was written.
    pub release: Option<&'a str>,
}

impl<'a> Evr<'a> {
    /// Splits `[epoch:]version[-release]` at a colon that follows only digits and at the last hyphen.
    ///
    /// # Errors
    /// The version is empty or the epoch exceeds 32 bits, or as for [`crate::key`].
    pub fn parse(evr: &'a str) -> Result<Self, VersionError> {
        let evr = crate::bounded(Scheme::Rpm, evr)?;
        split(evr).map_err(|why| VersionError::new(Scheme::Rpm, evr, why))
    }
}

impl fmt::Display for Evr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(epoch) = self.epoch {
            write!(f, "{epoch}:")?;
        }
        f.write_str(self.version)?;
        match self.release {
            Some(release) => write!(f, "-{release}"),
            None => Ok(()),
        }
    }
}

pub(crate) fn write_key(evr: &str, out: &mut Writer) -> Result<(), &'static str> {
    let evr = split(evr)?;
    out.integer(u64::from(evr.epoch.unwrap_or(0)));
    write_segments(evr.version, out);
    match evr.release {
        Some(release) => write_segments(release, out),
        None => out.mark(ABSENT),
    }
    Ok(())
}

fn split(evr: &str) -> Result<Evr<'_>, &'static str> {
    let (digits, rest) = crate::split_digits(evr);
    let (epoch, rest) = match rest.strip_prefix(':') {
        Some(rest) if digits.is_empty() => (Some(0), rest),
        Some(rest) => (
            Some(digits.parse().map_err(|_| "its epoch exceeds 32 bits")?),
            rest,
        ),
        None => (None, evr),
    };
    let (version, release) = match rest.rsplit_once('-') {
        Some((version, release)) => (version, Some(release)),
        None => (rest, None),
    };
    if version.is_empty() {
        return Err("its version part is empty");
    }
    Ok(Evr {
        epoch,
        version,
        release,
    })
}

fn write_segments(mut text: &str, out: &mut Writer) {
    while let Some(first) = text.chars().next() {
        let (segment, rest) = match first {
            '~' => {
                out.mark(TILDE);
                text.split_at(1)
            }
            '^' => {
                out.mark(CARET);
                text.split_at(1)
            }
            '0'..='9' => {
                let (digits, rest) = crate::split_digits(text);
                out.number_at(NUMBER, 0x7F, digits);
                (digits, rest)
            }
            'A'..='Z' | 'a'..='z' => {
                let (letters, rest) = crate::split_run(text, |c| c.is_ascii_alphabetic());
                out.text(letters);
                (letters, rest)
            }
            separator => text.split_at(separator.len_utf8()),
        };
        debug_assert!(!segment.is_empty());
        text = rest;
    }
    out.mark(END);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evr_keeps_what_was_written_and_what_was_not() {
        for text in ["1.0", "1.0-1.el9", "0:1.0-1", "2:1.0", "1.0-2-3", "1.0-"] {
            assert_eq!(Evr::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Evr::parse("1.0-1").unwrap().epoch, None);
        assert_eq!(Evr::parse("0:1.0-1").unwrap().epoch, Some(0));
        assert_eq!(Evr::parse("1.0-2-3").unwrap().release, Some("3"));
        assert_eq!(Evr::parse("a:1").unwrap().version, "a:1");
    }

    #[test]
    fn evr_without_version_or_with_huge_epoch_is_an_error() {
        for text in ["", "1:", "-1", "1:-1", "4294967296:1"] {
            assert!(Evr::parse(text).is_err(), "{text}");
        }
    }
}
