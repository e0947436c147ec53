//! The patterns of apt_preferences(5): shell globs, and POSIX extended regular expressions between slashes.
//!
//! Both compare without case, as apt does (`FNM_CASEFOLD`, `REG_ICASE`). Matching costs at most pattern times text:
//! globs remember one star, expressions run all states at once, so no pattern of a foreign root can stall a scan.

const PATTERN_BYTES_MAX: usize = 1024;
const STATES_MAX: usize = 8192;

/// Whether `text` matches `pattern` (the whole text for a glob, any part of it for `/expression/`).
///
/// A pattern that cannot be read matches nothing, as in apt.
#[must_use]
pub fn matches(pattern: &str, text: &str) -> bool {
    if pattern.len() > PATTERN_BYTES_MAX {
        return false;
    }
    let inner = pattern
        .strip_prefix('/')
        .and_then(|rest| rest.strip_suffix('/'));
    match inner {
        Some(expression) => {
            Expression::parse(expression).is_some_and(|expression| expression.finds(text))
        }
        None => glob(pattern.as_bytes(), text.as_bytes()),
    }
}

/// Whether a name is a pattern rather than a plain name.
#[must_use]
pub fn is_pattern(name: &str) -> bool {
    (name.starts_with('/') && name.ends_with('/')) || name.contains(['*', '[', '?'])
}

fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    loop {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p + 1, t));
            p += 1;
            continue;
        }
        let step = match (pattern.get(p), text.get(t)) {
            (None, None) => return true,
            (Some(_), Some(&byte)) => glob_one(pattern.get(p..).unwrap_or_default(), byte),
            _ => None,
        };
        if let Some(used) = step {
            p += used;
            t += 1;
            continue;
        }
        let Some((after, from)) = star else {
            return false;
        };
        if from >= text.len() {
            return false;
        }
        star = Some((after, from + 1));
        (p, t) = (after, from + 1);
    }
}

/// Length of the first element of `pattern` where it matches `byte`.
fn glob_one(pattern: &[u8], byte: u8) -> Option<usize> {
    let fold = |byte: u8| byte.to_ascii_lowercase();
    match *pattern.first()? {
        b'?' => Some(1),
        b'[' => match Set::parse(pattern.get(1..)?, b"!^") {
            Some((set, used)) => set.has(byte).then_some(used + 1),
            None => (byte == b'[').then_some(1),
        },
        b'\\' if pattern.len() > 1 => (fold(*pattern.get(1)?) == fold(byte)).then_some(2),
        other => (fold(other) == fold(byte)).then_some(1),
    }
}

/// A bracket expression: ranges, maybe turned round.
#[derive(Debug, Clone)]
struct Set {
    ranges: Vec<(u8, u8)>,
    without: bool,
}

impl Set {
    /// Reads what follows `[`; the second part is the length with the closing bracket.
    fn parse(text: &[u8], negations: &[u8]) -> Option<(Self, usize)> {
        let without = text.first().is_some_and(|first| negations.contains(first));
        let mut at = usize::from(without);
        let mut ranges = Vec::new();
        loop {
            let &low = text.get(at)?;
            if low == b']' && !ranges.is_empty() {
                return Some((Self { ranges, without }, at + 1));
            }
            if text.get(at..)?.starts_with(b"[:") {
                let end = at + text.get(at..)?.windows(2).position(|pair| pair == b":]")?;
                ranges.extend_from_slice(class(text.get(at + 2..end)?)?);
                at = end + 2;
                continue;
            }
            match (text.get(at + 1), text.get(at + 2)) {
                (Some(b'-'), Some(&high)) if high != b']' => {
                    ranges.push((low, high));
                    at += 3;
                }
                _ => {
                    ranges.push((low, low));
                    at += 1;
                }
            }
        }
    }

    fn has(&self, byte: u8) -> bool {
        let inside = |byte: u8| {
            self.ranges
                .iter()
                .any(|&(low, high)| low <= byte && byte <= high)
        };
        (inside(byte.to_ascii_lowercase()) || inside(byte.to_ascii_uppercase())) != self.without
    }
}

fn class(name: &[u8]) -> Option<&'static [(u8, u8)]> {
    Some(match name {
        b"digit" => &[(b'0', b'9')],
        b"alpha" | b"lower" | b"upper" => &[(b'a', b'z'), (b'A', b'Z')],
        b"alnum" => &[(b'a', b'z'), (b'A', b'Z'), (b'0', b'9')],
        b"space" => &[(b'\t', b'\r'), (b' ', b' ')],
        b"punct" => &[(b'!', b'/'), (b':', b'@'), (b'[', b'`'), (b'{', b'~')],
        b"xdigit" => &[(b'0', b'9'), (b'a', b'f'), (b'A', b'F')],
        _ => return None,
    })
}

/// A compiled expression: states that are run all at once.
#[derive(Debug)]
struct Expression {
    states: Vec<State>,
}

#[derive(Debug, Clone)]
enum State {
    Byte(u8),
    Any,
    One(Set),
    Begin,
    End,
    Either(usize, usize),
    Found,
}

impl Expression {
    fn parse(text: &str) -> Option<Self> {
        let mut parser = Parser {
            text: text.as_bytes(),
            at: 0,
            states: Vec::new(),
            depth: 0,
        };
        parser.alternatives()?;
        if parser.at != parser.text.len() {
            return None;
        }
        parser.push(State::Found)?;
        Some(Self {
            states: parser.states,
        })
    }

    fn finds(&self, text: &str) -> bool {
        let text = text.as_bytes();
        let mut now = vec![false; self.states.len()];
        for at in 0..=text.len() {
            // A match may begin at every place.
            if self.reach(0, at, text.len(), &mut now) {
                return true;
            }
            let Some(&byte) = text.get(at) else { break };
            let mut next = vec![false; self.states.len()];
            for (index, _) in now.iter().enumerate().filter(|(_, on)| **on) {
                let goes = match self.states.get(index) {
                    Some(State::Byte(wanted)) => wanted.eq_ignore_ascii_case(&byte),
                    Some(State::Any) => true,
                    Some(State::One(set)) => set.has(byte),
                    _ => false,
                };
                if goes && self.reach(index + 1, at + 1, text.len(), &mut next) {
                    return true;
                }
            }
            now = next;
        }
        false
    }

    /// Adds a state and all that follow from it without reading; true when the end is among them.
    fn reach(&self, from: usize, at: usize, end: usize, on: &mut [bool]) -> bool {
        let mut open = vec![from];
        while let Some(index) = open.pop() {
            match on.get_mut(index) {
                Some(seen) if !*seen => *seen = true,
                _ => continue,
            }
            match self.states.get(index) {
                Some(State::Found) => return true,
                Some(State::Either(a, b)) => open.extend([*a, *b]),
                Some(State::Begin) if at == 0 => open.push(index + 1),
                Some(State::End) if at == end => open.push(index + 1),
                _ => {}
            }
        }
        false
    }
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    states: Vec<State>,
    depth: usize,
}

impl Parser<'_> {
    fn push(&mut self, state: State) -> Option<()> {
        (self.states.len() < STATES_MAX).then(|| self.states.push(state))
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// `a|b|c`
    fn alternatives(&mut self) -> Option<()> {
        let start = self.states.len();
        let mut branches = vec![self.branch()?];
        while self.peek() == Some(b'|') {
            self.at += 1;
            branches.push(self.branch()?);
        }
        // Joined from the last to the first: EITHER first, rest.
        let mut joined: Vec<State> = Vec::new();
        for branch in branches.into_iter().rev() {
            if joined.is_empty() {
                joined = branch;
                continue;
            }
            let (length, rest) = (branch.len(), joined.len());
            let mut both = vec![State::Either(1, length + 2)];
            both.extend(shift(&branch, 1));
            // Jump over the rest: both ways lead to the same place.
            both.push(State::Either(length + 2 + rest, length + 2 + rest));
            both.extend(shift(&joined, length + 2));
            joined = both;
            if joined.len() > STATES_MAX {
                return None;
            }
        }
        for state in shift(&joined, start) {
            self.push(state)?;
        }
        Some(())
    }

    /// One branch as states counted from 0.
    fn branch(&mut self) -> Option<Vec<State>> {
        let mut states = Vec::new();
        while let Some(byte) = self.peek() {
            if byte == b'|' || (byte == b')' && self.depth > 0) {
                break;
            }
            let piece = self.atom()?;
            let piece = self.repeated(piece)?;
            let moved = shift(&piece, states.len());
            states.extend(moved);
            if states.len() > STATES_MAX {
                return None;
            }
        }
        Some(states)
    }

    fn atom(&mut self) -> Option<Vec<State>> {
        let byte = self.peek()?;
        self.at += 1;
        Some(vec![match byte {
            b'(' => {
                if self.depth >= 32 {
                    return None;
                }
                self.depth += 1;
                let outer = std::mem::take(&mut self.states);
                self.alternatives()?;
                self.depth -= 1;
                let inner = std::mem::replace(&mut self.states, outer);
                if self.peek() != Some(b')') {
                    return None;
                }
                self.at += 1;
                return Some(inner);
            }
            b'[' => {
                let (set, used) = Set::parse(self.text.get(self.at..)?, b"^")?;
                self.at += used;
                State::One(set)
            }
            b'.' => State::Any,
            b'^' => State::Begin,
            b'$' => State::End,
            b'*' | b'+' | b'?' => return None,
            b'\\' => {
                let escaped = self.peek()?;
                self.at += 1;
                State::Byte(escaped)
            }
            plain => State::Byte(plain),
        }])
    }

    fn repeated(&mut self, mut piece: Vec<State>) -> Option<Vec<State>> {
        loop {
            let (least, most) = match self.peek() {
                Some(b'*') => (0, None),
                Some(b'+') => (1, None),
                Some(b'?') => (0, Some(1)),
                Some(b'{') => {
                    let end =
                        self.at + self.text.get(self.at..)?.iter().position(|&b| b == b'}')?;
                    let inner = std::str::from_utf8(self.text.get(self.at + 1..end)?).ok()?;
                    self.at = end;
                    match inner.split_once(',') {
                        None => inner.parse().ok().map(|n| (n, Some(n)))?,
                        Some((low, "")) => (low.parse().ok()?, None),
                        Some((low, high)) => (low.parse().ok()?, Some(high.parse().ok()?)),
                    }
                }
                _ => return Some(piece),
            };
            self.at += 1;
            piece = repeat(&piece, least, most)?;
        }
    }
}

fn repeat(piece: &[State], least: usize, most: Option<usize>) -> Option<Vec<State>> {
    let copies = most.unwrap_or(least + 1);
    if copies < least || copies.checked_mul(piece.len() + 2)? > STATES_MAX {
        return None;
    }
    let mut states = Vec::new();
    for copy in 0..copies {
        let start = states.len();
        let after = start + piece.len() + 1;
        if copy < least {
            states.extend(shift(piece, start));
        } else if most.is_some() {
            states.push(State::Either(start + 1, after));
            states.extend(shift(piece, start + 1));
        } else {
            states.push(State::Either(start + 1, after + 1));
            states.extend(shift(piece, start + 1));
            states.push(State::Either(start, start));
        }
    }
    Some(states)
}

fn shift(states: &[State], by: usize) -> Vec<State> {
    let moved = |state: &State| match state {
        State::Either(a, b) => State::Either(a + by, b + by),
        other => other.clone(),
    };
    states.iter().map(moved).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn globs_and_expressions_match_as_the_c_library_does() {
        for (pattern, text, wanted) in [
            ("linux-*", "linux-image", true),
            ("LINUX-*e", "linux-image", true),
            ("*a*b", "xaxxb", true),
            ("a?c", "ac", false),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("a\\*", "a*", true),
            ("", "", true),
            ("/^lib(ssl|crypto)[0-9.]+$/", "libssl3", true),
            ("/^lib(ssl|crypto)[0-9.]+$/", "libcurl3", false),
            ("/ssl/", "libssl3", true),
            ("/^a{2,3}$/", "aaaa", false),
            ("/^a{2,3}$/", "aaa", true),
            ("/^(ab)*c?$/", "ababc", true),
            ("/^(a|b|cd)+$/", "abcdba", true),
            ("/^(a|b|cd)+$/", "abcba", false),
            ("/x{2,}$/", "axx", true),
            ("/[[:digit:]]$/", "abc9", true),
            ("/(/", "(", false),
        ] {
            assert_eq!(matches(pattern, text), wanted, "{pattern} {text}");
        }
    }

    proptest! {
        #[test]
        fn no_pattern_panics_or_stalls(pattern in "[ab*?+|(){}\\[\\]^$,0-9.\\\\!:-]{0,30}", text in "[ab0-9]{0,40}") {
            let _ = matches(&pattern, &text);
            let _ = matches(&format!("/{pattern}/"), &text);
        }
        #[test]
        fn a_plain_word_matches_only_itself(a in "[a-z0-9.+-]{1,12}", b in "[a-z0-9.+-]{1,12}") {
            prop_assert_eq!(matches(&a, &b), a == b);
        }
    }
}
