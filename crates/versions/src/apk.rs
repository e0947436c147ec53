//! Alpine versions: `digits{.digits}[letter]{_suffix[digits]}[~hash][-rN]`.
//!
//! Rules: apk-package(5) and the behaviour of apk-tools 2.14 and 3. Where two versions first differ in kind, the kind
//! that can stand earlier is the greater, except that a pre-release suffix (`_alpha`, `_beta`, `_pre`, `_rc`) is
//! below everything, the end included. Numbers after the first that start with `0` compare as text (so `1.02` <
//! `1.1`), other numbers by value at any length (apk itself stops at 64 bits).
//!
//! A text that apk calls invalid is an error here; apk would compare it up to the first bad character.

use crate::sort_key::Writer;
use crate::split_digits;

const END: u8 = 5;
const REVISION: u8 = 6;
const HASH: u8 = 7;
const SUFFIX_NUMBER: u8 = 8;
const LETTER: u8 = 14;
/// A number with a leading zero; for other numbers their length, which is at least 1, is added.
const NUMBER: u8 = 15;

/// The suffixes with their ranks: pre-releases below `END`, later states above `SUFFIX_NUMBER`.
const SUFFIXES: [(&str, u8); 9] = [
    ("alpha", 1),
    ("beta", 2),
    ("pre", 3),
    ("rc", 4),
    ("cvs", 9),
    ("svn", 10),
    ("git", 11),
    ("hg", 12),
    ("p", 13),
];

pub(crate) fn write_key(version: &str, out: &mut Writer) -> Result<(), &'static str> {
    let rest = numbers(version, out)?;
    let rest = letter(rest, out);
    let rest = suffixes(rest, out)?;
    let rest = hash(rest, out)?;
    let rest = revision(rest, out)?;
    if !rest.is_empty() {
        return Err("it does not go on as number, letter, _suffix, ~hash, -rN in this order");
    }
    out.mark(END);
    Ok(())
}

fn numbers<'a>(version: &'a str, out: &mut Writer) -> Result<&'a str, &'static str> {
    let (first, mut rest) = split_digits(version);
    if first.is_empty() {
        return Err("it does not start with a digit");
    }
    out.number(first);
    while let Some(after) = rest.strip_prefix('.') {
        let (digits, after) = split_digits(after);
        if digits.is_empty() {
            return Err("no digit follows a dot");
        }
        if digits.starts_with('0') {
            out.mark(NUMBER);
            out.text(digits);
        } else {
            out.number_at(NUMBER, 0x7F, digits);
        }
        rest = after;
    }
    Ok(rest)
}

fn letter<'a>(rest: &'a str, out: &mut Writer) -> &'a str {
    match rest.as_bytes().first() {
        Some(letter) if letter.is_ascii_lowercase() => {
            out.mark(LETTER);
            out.mark(*letter);
            rest.split_at(1).1
        }
        _ => rest,
    }
}

fn suffixes<'a>(mut rest: &'a str, out: &mut Writer) -> Result<&'a str, &'static str> {
    while let Some(after) = rest.strip_prefix('_') {
        let (name, after) = crate::split_run(after, |c| c.is_ascii_lowercase());
        let known = SUFFIXES.iter().find(|(suffix, _)| *suffix == name);
        let (_, rank) = known.ok_or("it has an unknown _suffix")?;
        out.mark(*rank);
        let (digits, after) = split_digits(after);
        if !digits.is_empty() {
            out.mark(SUFFIX_NUMBER);
            out.number(digits);
        }
        rest = after;
    }
    Ok(rest)
}

fn hash<'a>(rest: &'a str, out: &mut Writer) -> Result<&'a str, &'static str> {
    let Some(after) = rest.strip_prefix('~') else {
        return Ok(rest);
    };
    let (hash, after) = crate::split_run(after, |c| c.is_ascii_hexdigit());
    if hash.is_empty() {
        return Err("no hexadecimal digit follows `~`");
    }
    out.mark(HASH);
    out.text(hash);
    Ok(after)
}

fn revision<'a>(rest: &'a str, out: &mut Writer) -> Result<&'a str, &'static str> {
    let Some(after) = rest.strip_prefix("-r") else {
        return Ok(rest);
    };
    let (digits, after) = split_digits(after);
    if digits.is_empty() {
        return Err("no number follows `-r`");
    }
    out.mark(REVISION);
    out.number(digits);
    Ok(after)
}
