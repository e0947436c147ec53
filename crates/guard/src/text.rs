//! What each text of a plan may hold.
//!
//! Names, versions and paths end up in arguments of package managers and `systemctl`, which are started by argv and
//! never through a shell (R2, T5). What is left to guard against is a word that such a program reads as something else:
//! an option, a pattern, a path, a removal. So each field takes the characters of its own standard and no others.

mod package;
mod path;
mod unit;

pub(crate) use package::Manager;
pub(crate) use path::path;
pub(crate) use unit::unit;

use crate::refusal::TextFault;

type Fault = Result<(), TextFault>;

/// Bytes of a name or a version. dpkg and rpm put all three parts into one file name, whose bound is 255.
const NAME_BYTES_MAX: usize = 255;
/// Bytes of an architecture; the longest of dpkg's table has 22.
const ARCH_BYTES_MAX: usize = 32;
/// Bytes of a vulnerability's id.
const ID_BYTES_MAX: usize = 128;

/// An architecture in dpkg's or rpm's word.
pub(crate) fn arch(arch: &str) -> Fault {
    let first = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    of(arch, ARCH_BYTES_MAX, first, |byte| {
        first(byte) || b"_-".contains(&byte)
    })
}

/// A host's name: RFC 1123, section 2.1, and the `_` that some have. It is for people only, and may be empty.
pub(crate) fn host_name(name: &str) -> Fault {
    if name.is_empty() {
        return Ok(());
    }
    word(name)
}

/// A fleet's name, or a release such as `debian:12`.
pub(crate) fn word(word: &str) -> Fault {
    let first = |byte: u8| byte.is_ascii_alphanumeric();
    of(word, NAME_BYTES_MAX, first, |byte| {
        first(byte) || b"._:-".contains(&byte)
    })
}

/// A module of the kernel: `nf_tables`, `dccp-ipv4`.
pub(crate) fn module(name: &str, bytes_max: usize) -> Fault {
    let first = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    of(name, bytes_max, first, |byte| first(byte) || byte == b'-')
}

/// `CVE-2026-1`, `GHSA-…`, `DSA-5999-1`, `RUSTSEC-…`.
pub(crate) fn vulnerability(id: &str) -> Fault {
    let first = |byte: u8| byte.is_ascii_alphanumeric();
    of(id, ID_BYTES_MAX, first, |byte| {
        first(byte) || b"._:-".contains(&byte)
    })
}

/// A package of any ecosystem (`openssl`, `@scope/name`, `group:artifact`, `example.org/module`); it is only compared.
pub(crate) fn any_package(name: &str) -> Fault {
    let first = |byte: u8| byte.is_ascii_alphanumeric() || b"@_".contains(&byte);
    of(name, NAME_BYTES_MAX, first, |byte| {
        first(byte) || b"._+~:/-".contains(&byte)
    })?;
    no_traversal(name)
}

/// A repository's short name: `bookworm-security/main`, `./` where the repository is flat, `x/main@example.org#2` where
/// two would have the same. It is a label, never an address, a path or an argument.
pub(crate) fn origin(origin: &str) -> Fault {
    let first = |byte: u8| byte.is_ascii_alphanumeric() || b"./".contains(&byte);
    of(origin, NAME_BYTES_MAX, first, |byte| {
        byte.is_ascii_alphanumeric() || b"._+~:@/=,#-".contains(&byte)
    })?;
    if origin.split('/').any(|part| part == "..") {
        return Err(TextFault::Traversal);
    }
    Ok(())
}

/// A sentence for people: anything printable.
pub(crate) fn prose(text: &str, bytes_max: usize) -> Fault {
    if text.len() > bytes_max {
        return Err(TextFault::TooLong { bytes_max });
    }
    if text.trim().is_empty() {
        return Err(TextFault::Empty);
    }
    if text.starts_with('-') {
        return Err(TextFault::LeadingDash);
    }
    match text.chars().find(|character| !is_printable(*character)) {
        Some(character) => Err(TextFault::Character(character)),
        None => Ok(()),
    }
}

/// Neither a control character nor one that turns or hides what stands beside it.
fn is_printable(character: char) -> bool {
    !character.is_control()
        && !matches!(character, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

/// Not empty, bounded, the first byte and each other one from its own set.
fn of(
    text: &str,
    bytes_max: usize,
    first: impl Fn(u8) -> bool,
    rest: impl Fn(u8) -> bool,
) -> Fault {
    if text.len() > bytes_max {
        return Err(TextFault::TooLong { bytes_max });
    }
    if text.starts_with('-') {
        return Err(TextFault::LeadingDash);
    }
    let mut characters = text.chars();
    let Some(start) = characters.next() else {
        return Err(TextFault::Empty);
    };
    let within = |character: char, set: &dyn Fn(u8) -> bool| {
        character.is_ascii() && u8::try_from(character).is_ok_and(set)
    };
    if !within(start, &first) {
        return Err(TextFault::Character(start));
    }
    match characters.find(|character| !within(*character, &rest)) {
        Some(character) => Err(TextFault::Character(character)),
        None => Ok(()),
    }
}

/// Parts between `/` that are empty, `.` or `..`.
fn no_traversal(text: &str) -> Fault {
    if text.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(TextFault::Traversal);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origin_is_a_label_of_any_repository() {
        for good in [
            "bookworm-security/main",
            "cache",
            "./",
            "/",
            "stable/",
            "x/main@example.org:8080#2",
            "repository",
        ] {
            assert_eq!(origin(good), Ok(()), "{good}");
        }
        for bad in ["", "-x", "../x", "x/..", "a b", "a;b", "$x"] {
            assert!(origin(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn prose_is_printable_and_bounded() {
        assert_eq!(
            prose("BOD 26-04: exploited, on the internet; keep evidence", 100),
            Ok(())
        );
        assert_eq!(prose("für Menschen", 100), Ok(()));
        for bad in [
            "",
            " ",
            "--option",
            "a\nb",
            "a\u{1b}[2J",
            "a\u{202e}b",
            "a\u{200b}b",
            "a\u{e0041}b",
            &"a".repeat(101),
        ] {
            assert!(prose(bad, 100).is_err(), "{bad:?}");
        }
    }
}
