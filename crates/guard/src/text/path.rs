//! Where an artifact lies in its repository.

use super::{Fault, no_traversal, of};
use crate::refusal::TextFault;

/// A file's name below a repository's address. `./` in front is how flat repositories write it.
///
/// Escapes are looked through: `%2e%2e%2f` must not become `../` in whatever decodes it later.
pub(crate) fn path(path: &str, bytes_max: usize) -> Fault {
    let first = |byte: u8| byte.is_ascii_alphanumeric() || b"._".contains(&byte);
    if path.starts_with('/') {
        return Err(TextFault::Absolute);
    }
    of(path, bytes_max, first, |byte| {
        byte.is_ascii_alphanumeric() || b"._+~:@/=,^%-".contains(&byte)
    })?;
    let path = path.strip_prefix("./").unwrap_or(path);
    if path.split('/').any(|part| part.starts_with('-')) {
        return Err(TextFault::LeadingDash);
    }
    no_traversal(path)?;
    let mut escapes = path.split('%');
    let _before = escapes.next();
    for escape in escapes {
        let byte = escape
            .get(..2)
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok())
            .ok_or(TextFault::Character('%'))?;
        if !byte.is_ascii_graphic() || b"./\\%".contains(&byte) {
            return Err(TextFault::Traversal);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_stays_below_its_repository() {
        for good in [
            "pool/main/o/openssl/openssl_3.0.15-1~deb12u1_amd64.deb",
            "./openssl_1%3a3_amd64.deb",
            "Packages/g/glibc-2.34-100.el9_4.2.x86_64.rpm",
            "pool/main/g/g++/a^b=c,d@e.deb",
        ] {
            assert_eq!(path(good, 4096), Ok(()), "{good}");
        }
        for bad in [
            "",
            "/etc/passwd",
            "../x",
            "a/../b",
            "a/./b",
            "a//b",
            "a/",
            ".",
            "..",
            "././x",
            "./../x",
            "-o/x",
            "a/-x",
            "%2e%2e/x",
            "a%2Fb",
            "a%5cb",
            "a%00b",
            "a%252e",
            "a%",
            "a%g0",
            "a\\b",
            "a b",
            "a\nb",
            "a?b",
            "a#b",
            "é",
        ] {
            assert!(path(bad, 4096).is_err(), "{bad:?}");
        }
        assert!(path(&"a".repeat(4097), 4096).is_err());
    }
}
