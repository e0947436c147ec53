//! Python versions.
//!
//! Rules: PEP 440, "Summary of permitted suffixes and relative ordering" and "Local version identifiers". Reading and
//! normalising (`1.0-alpha.1` is `1.0a1`) is left to pep440_rs; its numbers end at 64 bits, a longer one is an error.
//! Versions from before the standard (`2004d`) are errors, as in pip today.

use std::str::FromStr;

use pep440_rs::{LocalSegment, PrereleaseKind, Version};

use crate::sort_key::Writer;

/// End of a list, below any element of it.
const END: u8 = 0;
const ELEMENT: u8 = 1;

pub(crate) fn write_key(version: &str, out: &mut Writer) -> Result<(), &'static str> {
    let version = Version::from_str(version).map_err(|_| "PEP 440 does not permit it")?;
    out.integer(version.epoch());
    write_release(version.release(), out);

    // A developmental release of a final one comes before its pre-releases.
    let only_dev = version.pre().is_none() && version.post().is_none() && version.dev().is_some();
    match version.pre() {
        None if only_dev => out.mark(0),
        Some(pre) => {
            out.mark(match pre.kind {
                PrereleaseKind::Alpha => 1,
                PrereleaseKind::Beta => 2,
                PrereleaseKind::Rc => 3,
            });
            out.integer(pre.number);
        }
        None => out.mark(4),
    }
    match version.post() {
        None => out.mark(0),
        Some(post) => {
            out.mark(1);
            out.integer(post);
        }
    }
    match version.dev() {
        Some(dev) => {
            out.mark(0);
            out.integer(dev);
        }
        None => out.mark(1),
    }
    write_local(version.local(), out);
    Ok(())
}

/// Trailing zeros do not count: `1.0` is `1`.
fn write_release(release: &[u64], out: &mut Writer) {
    let significant = release
        .iter()
        .rposition(|number| *number != 0)
        .map_or(0, |last| last + 1);
    for number in release.iter().take(significant) {
        out.mark(ELEMENT);
        out.integer(*number);
    }
    out.mark(END);
}

/// No local version is less than any; text is less than numbers; fewer segments are less.
fn write_local(local: &[LocalSegment], out: &mut Writer) {
    for segment in local {
        match segment {
            LocalSegment::String(text) => {
                out.mark(ELEMENT);
                out.text_ignoring_case(text);
            }
            LocalSegment::Number(number) => {
                out.mark(ELEMENT + 1);
                out.integer(*number);
            }
        }
    }
    out.mark(END);
}
