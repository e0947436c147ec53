//! `/etc/apk/world`: what the administrator asked for, with versions and repository tags.

use crate::apk::repositories::Tag;
use overlock_model::package::Package;
use overlock_versions::{Scheme, compare};
use std::cmp::Ordering;

/// One wish: `name`, `name=1.2-r0`, `name<2`, `name~1.2`, `name@tag`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) name: String,
    pub(super) tag: Option<Tag>,
    limit: Option<(Operator, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// The version begins with this one, at a boundary.
    Fuzzy,
}

/// Reads a world file. `!name` keeps a package away and says nothing of versions.
pub(super) fn parse(bytes: &[u8]) -> Vec<Wish> {
    String::from_utf8_lossy(bytes)
        .split_whitespace()
        .filter(|word| !word.starts_with('!'))
        .map(|word| {
            let end = word.find(['@', '=', '<', '>', '~']).unwrap_or(word.len());
            let (name, rest) = word.split_at(end);
            let (rest, tag) = match rest.split_once('@') {
                Some((before, tag)) => {
                    let end = tag.find(['=', '<', '>', '~']).unwrap_or(tag.len());
                    let (tag, after) = tag.split_at(end);
                    (
                        if before.is_empty() { after } else { before },
                        Some(Tag(tag.to_owned())),
                    )
                }
                None => (rest, None),
            };
            let operators = [
                ("<=", Operator::LessOrEqual),
                (">=", Operator::GreaterOrEqual),
                ("=~", Operator::Fuzzy),
                ("~=", Operator::Fuzzy),
                ("=", Operator::Equal),
                ("<", Operator::Less),
                (">", Operator::Greater),
                ("~", Operator::Fuzzy),
            ];
            let limit = operators.into_iter().find_map(|(sign, operator)| {
                let version = rest.strip_prefix(sign)?;
                (!version.is_empty()).then(|| (operator, version.to_owned()))
            });
            Wish {
                name: name.to_owned(),
                tag,
                limit,
            }
        })
        .collect()
}

impl Wish {
    /// Whether the wish can keep a package at its version (a lower bound cannot).
    pub(super) fn keeps(&self) -> bool {
        use Operator::{Equal, Fuzzy, Less, LessOrEqual};
        matches!(self.limit, Some((Equal | Less | LessOrEqual | Fuzzy, _)))
    }

    /// Whether this version fulfils the wish.
    pub(super) fn allows(&self, version: &str) -> bool {
        let Some((operator, limit)) = &self.limit else {
            return true;
        };
        if *operator == Operator::Fuzzy {
            let rest = version.strip_prefix(limit.as_str());
            return rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()));
        }
        let Ok(order) = compare(Scheme::Apk, version, limit) else {
            return false;
        };
        match operator {
            Operator::Equal => order == Ordering::Equal,
            Operator::Less => order == Ordering::Less,
            Operator::LessOrEqual => order != Ordering::Greater,
            Operator::Greater => order == Ordering::Greater,
            Operator::GreaterOrEqual | Operator::Fuzzy => order != Ordering::Less,
        }
    }

    /// Whether it is about this package.
    pub(super) fn concerns(&self, package: &Package) -> bool {
        self.name == package.name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_keep_and_lower_bounds_do_not() {
        let world = parse(
            b"busybox\nopenssl=3.1.4-r5 curl<8.6\nzlib~1.2\nbash>5\nnginx@edge\n!foo\nx@t=1-r0\n",
        );
        let keeps: Vec<_> = world
            .iter()
            .filter(|wish| wish.keeps())
            .map(|wish| wish.name.as_str())
            .collect();
        assert_eq!(keeps, ["openssl", "curl", "zlib", "x"]);
        assert!(world[1].allows("3.1.4-r5") && !world[1].allows("3.1.4-r6"));
        assert!(world[2].allows("8.5.0-r0") && !world[2].allows("8.6.0-r0"));
        assert!(world[3].allows("1.2.13-r1") && !world[3].allows("1.20-r0"));
        assert_eq!(world[5].tag, Some(Tag("edge".to_owned())));
        assert_eq!(
            (world[6].tag.clone(), world[6].allows("2-r0")),
            (Some(Tag("t".to_owned())), false)
        );
    }
}
