//! Shell patterns in package names, as dnf's excludes and pacman's `IgnorePkg` have them (fnmatch(3), no flags).

/// Whether `text` matches `pattern`: `*`, `?`, `[abc]`, `[a-z]`, `[!x]`; at most quadratic in the lengths.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern, text);
    // Where to go on when what follows the last star does not fit: that star takes one character more.
    let mut retry: Option<(&str, &str)> = None;
    loop {
        let step = match (pattern.chars().next(), text.chars().next()) {
            (Some('*'), _) => {
                pattern = pattern.split_at(1).1;
                retry = Some((pattern, text));
                continue;
            }
            (None, None) => return true,
            (Some(_), Some(character)) => one(pattern, character).map(|rest| (rest, after(text))),
            _ => None,
        };
        match (step, retry) {
            (Some((next_pattern, next_text)), _) => (pattern, text) = (next_pattern, next_text),
            (None, Some((from, skipped))) if !skipped.is_empty() => {
                retry = Some((from, after(skipped)));
                (pattern, text) = (from, after(skipped));
            }
            (None, _) => return false,
        }
    }
}

fn after(text: &str) -> &str {
    let mut rest = text.chars();
    rest.next();
    rest.as_str()
}

/// What follows in the pattern if its first element takes this character.
fn one(pattern: &str, character: char) -> Option<&str> {
    let rest = after(pattern);
    match pattern.chars().next()? {
        '?' => Some(rest),
        '[' => {
            // A `]` right after the bracket (or its `!`) is a member.
            let (negated, members) = match rest.strip_prefix(['!', '^']) {
                Some(members) => (true, members),
                None => (false, rest),
            };
            let first = members.chars().next()?.len_utf8();
            let Some(end) = members.get(first..)?.find(']').map(|end| end + first) else {
                return (character == '[').then_some(rest);
            };
            let (set, behind) = members.split_at(end);
            (in_set(set, character) != negated).then(|| after(behind))
        }
        '\\' if !rest.is_empty() => rest.strip_prefix(character),
        literal => (literal == character).then_some(rest),
    }
}

fn in_set(mut set: &str, character: char) -> bool {
    while let Some(low) = set.chars().next() {
        let rest = after(set);
        match rest.strip_prefix('-').and_then(|high| high.chars().next()) {
            Some(high) => {
                if (low..=high).contains(&character) {
                    return true;
                }
                set = after(after(rest));
            }
            None => {
                if low == character {
                    return true;
                }
                set = rest;
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::matches;
    use proptest::prelude::*;

    #[test]
    fn known_answers() {
        for (pattern, text, expected) in [
            ("kernel*", "kernel-core", true),
            ("kernel*", "my-kernel", false),
            ("*-debuginfo", "bash-debuginfo", true),
            ("*a*b*c", "xxaxxbxxbc", true),
            ("*a*b*c", "xxaxxbxxbd", false),
            ("b?sh", "bash", true),
            ("b?sh", "bsh", false),
            ("[a-c]ash", "bash", true),
            ("[!a-c]ash", "bash", false),
            ("[]x]", "]", true),
            ("[x", "[x", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("", "", true),
            ("*", "", true),
            ("", "a", false),
            ("ü*", "über", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn a_name_matches_itself_and_nothing_panics(name in "[a-z0-9+._-]{0,20}", pattern in "[a-c*?\\[\\]!\\\\-]{0,12}") {
            prop_assert!(matches(&name, &name));
            prop_assert!(matches("*", &name));
            matches(&pattern, &name);
        }
    }
}
