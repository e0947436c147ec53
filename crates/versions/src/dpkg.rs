//! Debian versions: `[epoch:]upstream[-revision]`.
//!
//! Rules: Debian Policy 5.6.12 and deb-version(7). Upstream part and revision are each read as turns of non-digits
//! and digits. Non-digits compare character by character with `~` before the end of the part, the end before
//! letters and letters before everything else; digits compare by value; a missing part counts as empty, an empty
//! number as zero. So `1.0` = `1.0-0`, and `1.0~rc1` < `1.0` < `1.0+b1`.
//!
//! Stricter than dpkg, which only warns: the upstream version must start with a digit and no character outside the
//! policy's set is taken, so that `<unfixed>` or `unknown` is an error and not a place in the order.

use crate::sort_key::Writer;
use crate::{Scheme, VersionError, is_number};

const TILDE: u8 = 1;
/// End of a run of non-digits, which is where a number or the end of the part stands. The number's length is added.
const END: u8 = 2;
/// Keeps `END` with a length below the letters, which stand for themselves.
const LENGTHS: u8 = b'A' - END - 1;
/// Added to characters that are no letters: they sort after every letter, in ASCII order.
const NOT_LETTER: u8 = 0x80;

/// The parts of a Debian version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts<'a> {
    /// The epoch if written; a missing one orders as 0. At most 2,147,483,647, as in dpkg.
    pub epoch: Option<u32>,
    /// The upstream version: never empty, starts with a digit.
    pub upstream: &'a str,
    /// The Debian revision (after the last hyphen); `None` for a native package.
    pub revision: Option<&'a str>,
}

/// Splits a Debian version into its parts.
///
/// # Errors
/// The text is not a Debian version (see the module for what is refused).
pub fn split(version: &str) -> Result<Parts<'_>, VersionError> {
    let version = crate::bounded(Scheme::Dpkg, version)?;
    parts(version).map_err(|why| VersionError::new(Scheme::Dpkg, version, why))
}

/// The version of the source that a binary was built from, as far as the binary's version tells: the suffix `+bN`
/// of a binary-only rebuild is cut off. (Where a `Source` field gives a version, that one is right instead.)
///
/// ```
/// use overlock_versions::dpkg::source_version;
/// assert_eq!(source_version("2.36-9+deb12u4+b1"), "2.36-9+deb12u4");
/// assert_eq!(source_version("1.0+b1x"), "1.0+b1x");
/// ```
#[must_use]
pub fn source_version(binary_version: &str) -> &str {
    match binary_version.rsplit_once("+b") {
        Some((source, rebuild)) if is_number(rebuild) && !source.is_empty() => source,
        _ => binary_version,
    }
}

pub(crate) fn write_key(version: &str, out: &mut Writer) -> Result<(), &'static str> {
    let parts = parts(version)?;
    out.integer(u64::from(parts.epoch.unwrap_or(0)));
    write_part(parts.upstream, out);
    write_part(parts.revision.unwrap_or(""), out);
    Ok(())
}

fn parts(version: &str) -> Result<Parts<'_>, &'static str> {
    let (epoch, rest) = match version.split_once(':') {
        Some((epoch, rest)) => (Some(parse_epoch(epoch)?), rest),
        None => (None, version),
    };
    let (upstream, revision) = match rest.rsplit_once('-') {
        Some((_, "")) => return Err("its revision is empty"),
        Some((upstream, revision)) => (upstream, Some(revision)),
        None => (rest, None),
    };
    if !upstream.starts_with(|c: char| c.is_ascii_digit()) {
        return Err("its upstream part does not start with a digit");
    }
    if !upstream
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b".-+~:".contains(&b))
    {
        return Err("its upstream part has characters other than letters, digits and .-+~:");
    }
    if !revision
        .unwrap_or("")
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b".+~".contains(&b))
    {
        return Err("its revision has characters other than letters, digits and .+~");
    }
    Ok(Parts {
        epoch,
        upstream,
        revision,
    })
}

fn parse_epoch(epoch: &str) -> Result<u32, &'static str> {
    let value = if is_number(epoch) {
        epoch.parse::<i32>().ok()
    } else {
        None
    };
    value
        .and_then(|epoch| u32::try_from(epoch).ok())
        .ok_or("its epoch is not a number up to 2147483647")
}

/// Turns of (characters, END with number), closed by one more END: a further turn would begin with a character there,
/// and that is either `~`, which is less, or greater.
fn write_part(mut part: &str, out: &mut Writer) {
    loop {
        let (text, rest) = crate::split_run(part, |c| !c.is_ascii_digit());
        for byte in text.bytes() {
            out.mark(match byte {
                b'~' => TILDE,
                letter if letter.is_ascii_alphabetic() => letter,
                other => other | NOT_LETTER,
            });
        }
        let (digits, rest) = crate::split_digits(rest);
        out.number_at(END, LENGTHS, digits);
        if rest.is_empty() {
            out.mark(END);
            return;
        }
        part = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_split_at_first_colon_and_last_hyphen() {
        let parts = split("2:1.0:3-4-5+b1").unwrap();
        assert_eq!(
            (parts.epoch, parts.upstream, parts.revision),
            (Some(2), "1.0:3-4", Some("5+b1"))
        );
        let native = split("20240101").unwrap();
        assert_eq!(
            (native.epoch, native.upstream, native.revision),
            (None, "20240101", None)
        );
    }

    #[test]
    fn rebuild_suffix_is_cut_only_at_the_end() {
        for (binary, source) in [
            ("1.0-1+b2", "1.0-1"),
            ("1.0+b12", "1.0"),
            ("1.0-1+b", "1.0-1+b"),
            ("1.0+b1-1", "1.0+b1-1"),
            ("1.0-1+bpo12+1", "1.0-1+bpo12+1"),
            ("1.0-1", "1.0-1"),
            ("+b1", "+b1"),
        ] {
            assert_eq!(source_version(binary), source, "{binary}");
        }
    }
}
