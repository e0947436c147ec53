//! Which paths are taken: one spelling for each route.
//!
//! Nothing is normalised, so nothing can be normalised in two ways: no id of ours needs an escape, and a path that is
//! written in any other way than its route reaches no handler.

use crate::problem::{Code, Problem};

/// Longest path that any route has.
const PATH_BYTES: usize = 512;

/// Refuses a path that is not in its one spelling.
pub(super) fn check(path: &str) -> Result<(), Problem> {
    let refused = |detail| Err(Problem::new(Code::PathRefused, detail));
    if path == "/" {
        return Ok(());
    }
    if path.len() > PATH_BYTES {
        return refused("the path is too long");
    }
    let Some(rest) = path.strip_prefix('/') else {
        return refused("the path does not begin with `/`");
    };
    for segment in rest.split('/') {
        if matches!(segment, "" | "." | "..") {
            return refused("the path holds an empty segment or a segment of dots");
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:@+".contains(&byte);
        if !segment.bytes().all(plain) {
            return refused("the path holds a byte that no route has; it takes no escapes");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn a_path_has_one_spelling() {
        for good in ["/", "/healthz", "/api/v1/exposures/ALSA-2024:1", "/a/b.c~d"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in [
            "//",
            "/a//b",
            "//a",
            "/a/",
            "/./a",
            "/a/..",
            "/a/../b",
            "/%61",
            "/a%2fb",
            "/a;x=1",
            "/a\\b",
            "/a b",
            "*",
            "",
            "a",
            "/a\u{e9}",
            "/a/%2e%2e/b",
            "/a%00",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
        assert!(check(&format!("/{}", "a".repeat(600))).is_err());
    }
}
