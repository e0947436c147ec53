//! Known answers in bulk: the published vectors of each scheme, one file per scheme in `vectors/`.
//!
//! A line is `A < B`, `A > B`, `A = B`, or a chain of `<` and `=`, which states every pair in it; `! A` says that A is not
//! a version of the scheme; `#` starts a comment line that names the source.

#![expect(
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test program: it may fail and may talk"
)]

use std::cmp::Ordering;
use std::path::Path;

use overlock_versions::{Scheme, compare, key};

#[test]
fn published_vectors_agree() {
    let mut wrong = Vec::new();
    let mut stated = 0;
    for scheme in Scheme::ALL {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/vectors/{scheme}.txt"));
        let text = std::fs::read_to_string(&path).unwrap();
        let before = stated;
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let place = format!("{scheme}.txt:{}", number + 1);
            stated += match line.strip_prefix("! ") {
                Some(bad) => check_refused(scheme, bad, &place, &mut wrong),
                None => check_line(scheme, line, &place, &mut wrong),
            };
        }
        eprintln!("{scheme}: {} statements", stated - before);
    }
    assert!(
        wrong.is_empty(),
        "{} of {stated} are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(
        stated > 1000,
        "only {stated} statements: a file is missing or was not read"
    );
}

fn check_refused(scheme: Scheme, bad: &str, place: &str, wrong: &mut Vec<String>) -> usize {
    if key(scheme, bad).is_ok() {
        wrong.push(format!("{place}: `{bad}` must not be a version"));
    }
    1
}

fn check_line(scheme: Scheme, line: &str, place: &str, wrong: &mut Vec<String>) -> usize {
    let words: Vec<&str> = line.split_whitespace().collect();
    assert!(
        words.len() >= 3 && words.len() % 2 == 1,
        "{place}: not `A OP B`"
    );
    let versions: Vec<&str> = words.iter().copied().step_by(2).collect();
    let operators: Vec<&str> = words.iter().copied().skip(1).step_by(2).collect();
    assert!(
        operators.len() == 1 || !operators.contains(&">"),
        "{place}: `>` in a chain"
    );
    let mut stated = 0;
    for (i, a) in versions.iter().enumerate() {
        for (j, b) in versions.iter().enumerate().skip(i + 1) {
            let expected = if operators[i..j].contains(&"<") {
                Ordering::Less
            } else if operators[i..j].contains(&">") {
                Ordering::Greater
            } else {
                Ordering::Equal
            };
            stated += 1;
            let forth = compare(scheme, a, b);
            let back = compare(scheme, b, a).map(Ordering::reverse);
            if forth != Ok(expected) || back != Ok(expected) {
                wrong.push(format!(
                    "{place}: `{a}` to `{b}` is {forth:?}, back {back:?}, published {expected:?}"
                ));
            }
        }
    }
    stated
}

/// Found by fuzzing: without its pkgrel `--.5` is `-`, which by itself would be no version.
#[test]
fn versions_that_have_keys_can_be_compared() {
    for (a, b) in [("--.5", "5.2"), ("--", "1"), ("1:--1", "1")] {
        assert!(key(Scheme::Alpm, a).is_ok() && key(Scheme::Alpm, b).is_ok());
        let forth = compare(Scheme::Alpm, a, b).unwrap();
        assert_eq!(compare(Scheme::Alpm, b, a), Ok(forth.reverse()));
    }
}
