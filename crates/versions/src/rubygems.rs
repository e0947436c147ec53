//! Gem versions.
//!
//! Rules: the documentation of Gem::Version. A version is split into numbers and runs of letters, a hyphen reads as
//! `.pre.`; zeros at the end, and zeros before the first letters, do not count; what is missing is 0; letters are less
//! than any number and compare in ASCII order with case.
//!
//! Gem::Version takes an empty version for `0`; here it is an error like in every scheme.

use crate::sort_key::Writer;
use crate::{is_number, split_digits, split_run};

const LETTERS: u8 = 1;
/// The end, which reads as zeros for ever. A zero inside a version equals it until something else comes, so it is
/// written just below or just above the end according to what that is.
const ZERO_BEFORE_LETTERS: u8 = 2;
const END: u8 = 3;
const ZERO_BEFORE_NUMBER: u8 = 4;
const NUMBER: u8 = 5;

pub(crate) fn write_key(version: &str, out: &mut Writer) -> Result<(), &'static str> {
    check(version)?;
    let segments = canonical(segments(version));
    let mut rest = segments.as_slice();
    while let Some((segment, after)) = rest.split_first() {
        if !is_number(segment) {
            out.mark(LETTERS);
            out.text(segment);
        } else if !is_zero(segment) {
            out.mark(NUMBER);
            out.number(segment);
        } else {
            // Trailing zeros are gone, so something else always follows.
            let next = after.iter().find(|segment| !is_zero(segment));
            let letters_follow = next.is_some_and(|next| !is_number(next));
            out.mark(if letters_follow {
                ZERO_BEFORE_LETTERS
            } else {
                ZERO_BEFORE_NUMBER
            });
        }
        rest = after;
    }
    out.mark(END);
    Ok(())
}

/// `digits{.alphanumerics}[-alphanumerics-and-hyphens{.…}]`
fn check(version: &str) -> Result<(), &'static str> {
    let (main, after_hyphen) = match version.split_once('-') {
        Some((main, after)) => (main, Some(after)),
        None => (version, None),
    };
    let (first, _) = main.split_once('.').unwrap_or((main, ""));
    if !is_number(first) {
        return Err("it does not start with a number");
    }
    let alphanumeric =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric());
    let with_hyphens = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    if !main.split('.').all(alphanumeric)
        || !after_hyphen.is_none_or(|after| after.split('.').all(with_hyphens))
    {
        return Err("its parts between dots must be letters and digits");
    }
    Ok(())
}

fn segments(version: &str) -> Vec<&str> {
    let mut segments = Vec::new();
    let mut rest = version;
    while let Some(first) = rest.chars().next() {
        let (segment, after) = match first {
            '-' => ("pre", rest.split_at(1).1),
            '0'..='9' => split_digits(rest),
            'A'..='Z' | 'a'..='z' => split_run(rest, |c| c.is_ascii_alphabetic()),
            _ => {
                rest = rest.split_at(first.len_utf8()).1;
                continue;
            }
        };
        segments.push(segment);
        rest = after;
    }
    segments
}

/// Without the zeros at the end and those before the first letters.
fn canonical(mut segments: Vec<&str>) -> Vec<&str> {
    while segments.last().is_some_and(|last| is_zero(last)) {
        segments.pop();
    }
    if let Some(first_letters) = segments.iter().position(|segment| !is_number(segment)) {
        let zeros = segments
            .iter()
            .take(first_letters)
            .rev()
            .take_while(|segment| is_zero(segment))
            .count();
        segments.drain(first_letters - zeros..first_letters);
    }
    segments
}

fn is_zero(segment: &str) -> bool {
    segment.bytes().all(|byte| byte == b'0')
}
