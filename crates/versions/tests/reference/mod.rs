//! The same orders a second time, as direct comparisons that walk both versions, the way each tool's manual tells it.
//! Slow and plain on purpose: they share no code and no idea with the byte keys that they check.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "written for plain reading, run only by tests"
)]

use std::cmp::Ordering;
use std::cmp::Ordering::{Equal, Greater, Less};

fn take(text: &[u8], belongs: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let end = text.iter().position(|b| !belongs(*b)).unwrap_or(text.len());
    text.split_at(end)
}

fn by_value(a: &[u8], b: &[u8]) -> Ordering {
    let strip = |digits: &[u8]| {
        digits
            .iter()
            .skip_while(|d| **d == b'0')
            .copied()
            .collect::<Vec<u8>>()
    };
    let (a, b) = (strip(a), strip(b));
    a.len().cmp(&b.len()).then(a.cmp(&b))
}

/// deb-version(7), epochs, upstream parts and revisions.
pub fn dpkg(a: &str, b: &str) -> Ordering {
    fn split(v: &str) -> (&str, &str, &str) {
        let (epoch, rest) = v.split_once(':').unwrap_or(("0", v));
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, "0"));
        (epoch, upstream, revision)
    }
    fn weight(c: Option<&u8>) -> i32 {
        match c {
            Some(b'~') => -1,
            None => 0,
            Some(c) if c.is_ascii_digit() => 0,
            Some(c) if c.is_ascii_alphabetic() => i32::from(*c),
            Some(c) => i32::from(*c) + 256,
        }
    }
    fn part(a: &str, b: &str) -> Ordering {
        let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
        while !a.is_empty() || !b.is_empty() {
            let not_digit = |c: Option<&u8>| c.is_some_and(|c| !c.is_ascii_digit());
            while not_digit(a.first()) || not_digit(b.first()) {
                let decided = weight(a.first()).cmp(&weight(b.first()));
                if decided != Equal {
                    return decided;
                }
                (a, b) = (&a[1..], &b[1..]);
            }
            let ((x, rest_a), (y, rest_b)) = (
                take(a, |c| c.is_ascii_digit()),
                take(b, |c| c.is_ascii_digit()),
            );
            let decided = by_value(x, y);
            if decided != Equal {
                return decided;
            }
            (a, b) = (rest_a, rest_b);
        }
        Equal
    }
    let ((ea, ua, ra), (eb, ub, rb)) = (split(a), split(b));
    by_value(ea.as_bytes(), eb.as_bytes())
        .then_with(|| part(ua, ub))
        .then_with(|| part(ra, rb))
}

/// vercmp(8): epoch, pkgver, and pkgrel when both have one.
pub fn alpm(a: &str, b: &str) -> Ordering {
    fn split(v: &str) -> (&str, &str, Option<&str>) {
        let (epoch, rest) = match v.split_once(':') {
            Some((epoch, rest)) if epoch.bytes().all(|c| c.is_ascii_digit()) => (epoch, rest),
            _ => ("0", v),
        };
        match rest.rsplit_once('-') {
            Some((version, release)) => (epoch, version, Some(release)),
            None => (epoch, rest, None),
        }
    }
    fn part(a: &str, b: &str) -> Ordering {
        let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
        while !a.is_empty() && !b.is_empty() {
            let separator = |c: u8| !c.is_ascii_alphanumeric();
            let ((skipped_a, at_a), (skipped_b, at_b)) = (take(a, separator), take(b, separator));
            (a, b) = (at_a, at_b);
            if a.is_empty() || b.is_empty() {
                break;
            }
            if skipped_a.len() != skipped_b.len() {
                return skipped_a.len().cmp(&skipped_b.len());
            }
            let numeric = a[0].is_ascii_digit();
            let same_kind = |c: u8| {
                if numeric {
                    c.is_ascii_digit()
                } else {
                    c.is_ascii_alphabetic()
                }
            };
            let ((x, rest_a), (y, rest_b)) = (take(a, same_kind), take(b, same_kind));
            if y.is_empty() {
                return if numeric { Greater } else { Less };
            }
            let decided = if numeric { by_value(x, y) } else { x.cmp(y) };
            if decided != Equal {
                return decided;
            }
            (a, b) = (rest_a, rest_b);
        }
        let letter = |text: &[u8]| text.first().is_some_and(u8::is_ascii_alphabetic);
        match (a.is_empty(), b.is_empty()) {
            (true, true) => Equal,
            (true, false) if !letter(b) => Less,
            _ if letter(a) => Less,
            _ => Greater,
        }
    }
    let ((ea, va, ra), (eb, vb, rb)) = (split(a), split(b));
    part(ea, eb)
        .then_with(|| part(va, vb))
        .then_with(|| match (ra, rb) {
            (Some(ra), Some(rb)) => part(ra, rb),
            _ => Equal,
        })
}

/// apk-package(5): the kinds in the order in which they can stand, then the rule for the first difference.
pub fn apk(a: &str, b: &str) -> Ordering {
    #[derive(PartialEq, Eq, Clone, Debug)]
    struct Token {
        kind: u8,
        text: Vec<u8>,
    }
    const SUFFIX: u8 = 3;
    const END: u8 = 7;
    fn tokens(version: &str) -> Vec<Token> {
        let mut rest = version.as_bytes();
        let mut tokens = Vec::new();
        while let Some(first) = rest.first() {
            let digit = |c: u8| c.is_ascii_digit();
            let previous = tokens.last().map(|t: &Token| t.kind);
            let (kind, (text, after)) = match first {
                b'.' => (1, take(&rest[1..], digit)),
                b'0'..=b'9' if previous == Some(SUFFIX) => (4, take(rest, digit)),
                b'0'..=b'9' => (0, take(rest, digit)),
                b'_' => (SUFFIX, take(&rest[1..], |c| c.is_ascii_lowercase())),
                b'~' => (5, take(&rest[1..], |c| c.is_ascii_hexdigit())),
                b'-' => (6, take(&rest[2..], digit)),
                _ => (2, rest.split_at(1)),
            };
            tokens.push(Token {
                kind,
                text: text.to_vec(),
            });
            rest = after;
        }
        tokens.push(Token {
            kind: END,
            text: Vec::new(),
        });
        tokens
    }
    fn suffix(token: &Token) -> Option<usize> {
        let names = [
            "alpha", "beta", "pre", "rc", "", "cvs", "svn", "git", "hg", "p",
        ];
        let name = std::str::from_utf8(&token.text).unwrap();
        (token.kind == SUFFIX).then(|| names.iter().position(|n| *n == name).unwrap())
    }
    for (x, y) in tokens(a).iter().zip(tokens(b).iter()) {
        if x.kind != y.kind {
            let before = |token: &Token| suffix(token).is_some_and(|rank| rank < 4);
            return match (before(x), before(y)) {
                (true, _) => Less,
                (_, true) => Greater,
                _ => y.kind.cmp(&x.kind),
            };
        }
        let decided = match x.kind {
            1 if x.text[0] == b'0' || y.text[0] == b'0' => x.text.cmp(&y.text),
            0 | 1 | 4 | 6 => by_value(&x.text, &y.text),
            SUFFIX => suffix(x).cmp(&suffix(y)),
            _ => x.text.cmp(&y.text),
        };
        if decided != Equal {
            return decided;
        }
    }
    Equal
}

/// Gem::Version: canonical segments, the missing ones being zero.
pub fn rubygems(a: &str, b: &str) -> Ordering {
    fn segments(version: &str) -> Vec<Vec<u8>> {
        let text = version.replace('-', ".pre.");
        let mut rest = text.as_bytes();
        let mut all: Vec<Vec<u8>> = Vec::new();
        while let Some(first) = rest.first() {
            let (segment, after) = match first {
                b'.' => {
                    rest = &rest[1..];
                    continue;
                }
                b'0'..=b'9' => take(rest, |c| c.is_ascii_digit()),
                _ => take(rest, |c| c.is_ascii_alphabetic()),
            };
            all.push(segment.to_vec());
            rest = after;
        }
        let letters = all
            .iter()
            .position(|s| s[0].is_ascii_alphabetic())
            .unwrap_or(all.len());
        let tail = all.split_off(letters);
        let cut = |mut part: Vec<Vec<u8>>| {
            while part.last().is_some_and(|s| s.iter().all(|c| *c == b'0')) {
                part.pop();
            }
            part
        };
        let mut canonical = cut(all);
        canonical.extend(cut(tail));
        canonical
    }
    let (a, b) = (segments(a), segments(b));
    let zero = b"0".to_vec();
    for i in 0..a.len().max(b.len()) {
        let (x, y) = (a.get(i).unwrap_or(&zero), b.get(i).unwrap_or(&zero));
        let decided = match (x[0].is_ascii_digit(), y[0].is_ascii_digit()) {
            (true, true) => by_value(x, y),
            (false, false) => x.cmp(y),
            (false, true) => Less,
            (true, false) => Greater,
        };
        if decided != Equal {
            return decided;
        }
    }
    Equal
}
