//! Licences: everything we build with is permissive, so that what we ship is.

use super::Complaints;
use super::metadata::Metadata;

/// SPDX identifiers. `bzip2-1.0.6` is a BSD-like licence of one library and of its translation to Rust; `NCSA` is MIT and
/// BSD-3-Clause in one text, of LLVM's libFuzzer, which only long fuzz runs link; `CDLA-Permissive-2.0` is the licence of
/// a list of certificates, data that the database's driver carries.
const ALLOWED: [&str; 16] = [
    "0BSD",
    "Apache-2.0",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "NCSA",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "Zlib",
    "bzip2-1.0.6",
];

pub fn complaints(metadata: &Metadata) -> Complaints {
    metadata
        .packages
        .iter()
        .filter(|package| !package.license.as_deref().is_some_and(is_permissive))
        .map(|package| {
            let licence = package.license.as_deref().unwrap_or("no licence stated");
            format!("{} {}: {licence}", package.name, package.version)
        })
        .collect()
}

/// Whether an SPDX expression (and the old form with `/`) leaves us a choice that is allowed.
fn is_permissive(expression: &str) -> bool {
    let spaced = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    either(&mut rest) == Some(true) && rest.is_empty()
}

/// `term OR term …`
fn either(rest: &mut &[&str]) -> Option<bool> {
    let mut allowed = both(rest)?;
    while take(rest, "OR") {
        // Both sides are read, also when the first is enough: what follows must still be an expression.
        allowed |= both(rest)?;
    }
    Some(allowed)
}

/// `licence AND licence …`, which binds more tightly.
fn both(rest: &mut &[&str]) -> Option<bool> {
    let mut allowed = licence(rest)?;
    while take(rest, "AND") {
        allowed &= licence(rest)?;
    }
    Some(allowed)
}

fn licence(rest: &mut &[&str]) -> Option<bool> {
    if take(rest, "(") {
        let allowed = either(rest)?;
        return take(rest, ")").then_some(allowed);
    }
    let (name, tail) = rest.split_first()?;
    *rest = tail;
    // An exception only ever permits more.
    if take(rest, "WITH") {
        *rest = rest.split_first()?.1;
    }
    Some(ALLOWED.contains(name))
}

fn take(rest: &mut &[&str], word: &str) -> bool {
    match rest.split_first() {
        Some((first, tail)) if *first == word => {
            *rest = tail;
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_judged_as_spdx_binds_them() {
        for allowed in [
            "MIT",
            "MIT/Apache-2.0",
            "Unlicense OR MIT",
            "Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "ISC AND (Apache-2.0 OR GPL-2.0-only)",
            "GPL-3.0-only OR MIT AND ISC",
        ] {
            assert!(is_permissive(allowed), "{allowed}");
        }
        for refused in [
            "",
            "MPL-2.0",
            "MIT AND MPL-2.0",
            "(MIT OR GPL-2.0-only) AND LGPL-3.0-only",
            "MIT OR",
            "MIT MIT",
            "(MIT",
            "Unlicense",
        ] {
            assert!(!is_permissive(refused), "{refused}");
        }
    }
}
