//! Arch Linux versions as pacman orders them: `[epoch:]pkgver[-pkgrel]`.
//!
//! Rules: vercmp(8) and PKGBUILD(5). As in old RPM, segments of digits and of letters, but the *number* of separators
//! counts: fewer is less. Letters that follow a segment directly are a pre-release (`1.0rc` < `1.0`), letters after a
//! separator are later (`1.0` < `1.0.a` < `1.0.1`).
//!
//! pacman's comparison is not an order, in two places, and no byte key could follow it there:
//!
//! - a version without pkgrel equals that version with *any* pkgrel, although pkgrels differ among themselves.
//!   [`crate::compare`] does as pacman does; the key puts the missing pkgrel below every pkgrel. So key order
//!   refines `compare` and never contradicts it.
//! - separators at the very end (`1.0.`) are below `1.0.1`, which is below `1.0..a`, which is below `1.0.`. The key
//!   keeps what holds among versions that people write: `1.0` < `1.0.a` < `1.0.` = `1.0..` < `1.0.1`.

use crate::sort_key::Writer;
use crate::{split_digits, split_run};

/// Missing pkgrel; also a letter right after a segment, which is what may come before the end.
const ABSENT: u8 = 0;
const LETTERS_DIRECTLY: u8 = 1;
const END: u8 = 2;
/// A segment that comes later than the end would; then the number of separators before it.
const LATER: u8 = 3;
const LETTERS: u8 = 1;
/// Only separators follow. Written as if after one separator, between letters and a number there.
const ONLY_SEPARATORS: u8 = 2;
const NUMBER: u8 = 3;

pub(crate) fn write_key(version: &str, out: &mut Writer) -> Result<(), &'static str> {
    write_pkgver(version, out)?;
    match split_pkgrel(version).1 {
        Some(pkgrel) => write_segments(pkgrel, out),
        None => out.mark(ABSENT),
    }
    Ok(())
}

/// Epoch and pkgver alone: what pacman compares when only one of two versions has a pkgrel.
pub(crate) fn write_pkgver(version: &str, out: &mut Writer) -> Result<(), &'static str> {
    let (epoch, rest) = split_epoch(version);
    let (pkgver, _) = split_pkgrel(rest);
    if pkgver.is_empty() {
        return Err("its pkgver is empty");
    }
    out.number(epoch);
    write_segments(pkgver, out);
    Ok(())
}

/// Whether pacman compares the pkgrels of two versions: both have one or neither has.
pub(crate) fn pkgrel_counts(a: &str, b: &str) -> bool {
    a.contains('-') == b.contains('-')
}

fn split_epoch(version: &str) -> (&str, &str) {
    let (digits, rest) = split_digits(version);
    match rest.strip_prefix(':') {
        Some(rest) => (digits, rest),
        None => ("", version),
    }
}

fn split_pkgrel(version: &str) -> (&str, Option<&str>) {
    match version.rsplit_once('-') {
        Some((pkgver, pkgrel)) => (pkgver, Some(pkgrel)),
        None => (version, None),
    }
}

fn write_segments(mut text: &str, out: &mut Writer) {
    while !text.is_empty() {
        let (separators, rest) = split_run(text, |c| !c.is_ascii_alphanumeric());
        let (digits, after_digits) = split_digits(rest);
        let (letters, after_letters) = split_run(rest, |c| c.is_ascii_alphabetic());
        if separators.is_empty() && !letters.is_empty() {
            out.mark(LETTERS_DIRECTLY);
            out.text(letters);
            text = after_letters;
            continue;
        }
        out.mark(LATER);
        if rest.is_empty() {
            out.number("1");
            out.mark(ONLY_SEPARATORS);
            break;
        }
        out.number(&separators.len().to_string());
        if letters.is_empty() {
            out.mark(NUMBER);
            out.number(digits);
            text = after_digits;
        } else {
            out.mark(LETTERS);
            out.text(letters);
            text = after_letters;
        }
    }
    out.mark(END);
}
