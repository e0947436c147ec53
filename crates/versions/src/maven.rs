//! Maven versions.
//!
//! Rules: the POM reference, "Version Order Specification", with what Maven 3.9 made of it (MNG-7644, MNG-7714). A
//! version is a sequence of tokens, split at `.`, at `-` and between digits and other characters:
//!
//! - a number after a dot, or one after a hyphen, which is the lesser;
//! - a qualifier, after either, with the number that follows it directly or after a hyphen (`rc1` = `rc-1`).
//!
//! Where the versions first differ: `alpha` < `beta` < `milestone` < `rc` = `cr` < `snapshot` < the end = `ga` =
//! `final` = `release` < `sp` < other qualifiers in order < a number after a hyphen < a number after a dot. Case does
//! not count; `a`, `b`, `m` before a number are `alpha`, `beta`, `milestone`. Empty tokens are 0; zeros before a hyphen,
//! a qualifier or the end are dropped.
//!
//! Maven's ComparableVersion compares nested lists and is no total order in every corner; this flat order is one and
//! agrees with the specification's examples and Maven's published tests. One known difference: Maven 3.9 puts
//! `1.0-1` above `1-1`, the specification (followed here) makes them equal.

use crate::sort_key::Writer;
use crate::{split_digits, split_run};

/// `ga` and its kin equal the end until something else follows; then they are written just below or just above the
/// end, by what that is.
const RELEASE_THEN_LESS: u8 = 6;
const END: u8 = 7;
const RELEASE_THEN_MORE: u8 = 8;
const RELEASE_WITH_NUMBER: u8 = 9;
const SERVICE_PACK: u8 = 10;
const OTHER: u8 = 11;
const NUMBER_AFTER_HYPHEN: u8 = 12;
const NUMBER: u8 = 13;

const WITHOUT_NUMBER: u8 = 0;
const WITH_NUMBER: u8 = 1;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Number {
        after_hyphen: bool,
        digits: &'a str,
    },
    Qualifier {
        name: &'a str,
        number: Option<&'a str>,
    },
}

enum Meaning {
    /// `alpha` … `snapshot`, by rank.
    BeforeRelease(u8),
    Release,
    ServicePack,
    Other,
}

impl Token<'_> {
    fn is_zero(self) -> bool {
        matches!(self, Self::Number { digits, .. } if is_zero(digits))
    }

    /// Equal to the end where it stands: a zero, or `ga` without a number.
    fn is_null(self) -> bool {
        match self {
            Self::Number { .. } => self.is_zero(),
            Self::Qualifier { name, number } => {
                number.is_none_or(is_zero)
                    && matches!(meaning(name, number.is_some()), Meaning::Release)
            }
        }
    }

    /// Less than the end.
    fn is_before_release(self) -> bool {
        match self {
            Self::Number { .. } => false,
            Self::Qualifier { name, number } => {
                matches!(meaning(name, number.is_some()), Meaning::BeforeRelease(_))
            }
        }
    }
}

pub(crate) fn write_key(version: &str, out: &mut Writer) -> Result<(), &'static str> {
    let version = version.to_lowercase();
    let mut tokens = tokens(&version);
    while tokens.last().is_some_and(|last| last.is_null()) {
        tokens.pop();
    }
    let mut rest = tokens.as_slice();
    while let Some((token, after)) = rest.split_first() {
        match *token {
            Token::Number {
                after_hyphen,
                digits,
            } => {
                out.mark(if after_hyphen {
                    NUMBER_AFTER_HYPHEN
                } else {
                    NUMBER
                });
                out.number(digits);
            }
            Token::Qualifier { .. } if token.is_null() => {
                let next = after
                    .iter()
                    .find(|token| !matches!(token, Token::Qualifier { .. }) || !token.is_null());
                let less = next.is_some_and(|next| next.is_before_release());
                out.mark(if less {
                    RELEASE_THEN_LESS
                } else {
                    RELEASE_THEN_MORE
                });
            }
            Token::Qualifier { name, number } => write_qualifier(name, number, out),
        }
        rest = after;
    }
    out.mark(END);
    Ok(())
}

fn write_qualifier(name: &str, number: Option<&str>, out: &mut Writer) {
    match meaning(name, number.is_some()) {
        Meaning::BeforeRelease(rank) => out.mark(rank),
        Meaning::Release => out.mark(RELEASE_WITH_NUMBER),
        Meaning::ServicePack => out.mark(SERVICE_PACK),
        Meaning::Other => {
            out.mark(OTHER);
            out.text(name);
        }
    }
    match number {
        None => out.mark(WITHOUT_NUMBER),
        Some(digits) => {
            out.mark(WITH_NUMBER);
            out.number(digits);
        }
    }
}

fn meaning(name: &str, number_follows: bool) -> Meaning {
    match name {
        "alpha" => Meaning::BeforeRelease(1),
        "a" if number_follows => Meaning::BeforeRelease(1),
        "beta" => Meaning::BeforeRelease(2),
        "b" if number_follows => Meaning::BeforeRelease(2),
        "milestone" => Meaning::BeforeRelease(3),
        "m" if number_follows => Meaning::BeforeRelease(3),
        "rc" | "cr" => Meaning::BeforeRelease(4),
        "snapshot" => Meaning::BeforeRelease(5),
        "ga" | "final" | "release" => Meaning::Release,
        "sp" => Meaning::ServicePack,
        _ => Meaning::Other,
    }
}

fn tokens(version: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = version;
    let mut after_hyphen = false;
    loop {
        let (digits, after_digits) = split_digits(rest);
        let (name, after_name) = split_run(rest, |c| !c.is_ascii_digit() && c != '.' && c != '-');
        let after = if !digits.is_empty() {
            push(
                &mut tokens,
                Token::Number {
                    after_hyphen,
                    digits,
                },
            );
            after_digits
        } else if !name.is_empty() {
            let (number, after) = number_of_qualifier(after_name);
            push(&mut tokens, Token::Qualifier { name, number });
            after
        } else {
            push(
                &mut tokens,
                Token::Number {
                    after_hyphen,
                    digits: "0",
                },
            );
            rest
        };
        let separator = after.chars().next();
        after_hyphen = separator != Some('.');
        rest = match separator {
            None => return tokens,
            Some('.' | '-') => after.split_at(1).1,
            Some(_) => after,
        };
    }
}

/// The number right after a qualifier or after one hyphen.
fn number_of_qualifier(after_name: &str) -> (Option<&str>, &str) {
    let candidate = after_name.strip_prefix('-').unwrap_or(after_name);
    match split_digits(candidate) {
        ("", _) => (None, after_name),
        (digits, after) => (Some(digits), after),
    }
}

/// Adds a token; what begins a new part (all but a number after a dot) drops the zeros before it.
fn push<'a>(tokens: &mut Vec<Token<'a>>, token: Token<'a>) {
    if !matches!(
        token,
        Token::Number {
            after_hyphen: false,
            ..
        }
    ) {
        while tokens.last().is_some_and(|last| last.is_zero()) {
            tokens.pop();
        }
    }
    tokens.push(token);
}

fn is_zero(digits: &str) -> bool {
    digits.bytes().all(|byte| byte == b'0')
}
