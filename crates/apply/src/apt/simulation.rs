//! Reading what `apt-get --simulate` prints.
//!
//! `Inst NAME [FROM] (TO ORIGINS [ARCH]) …`, `Remv NAME [FROM] …`; a foreign architecture follows the name after a
//! colon. `Conf` lines repeat what `Inst` said.

use crate::Simulated;

/// All changes that a simulation announces, sorted; the text of the first line that looks like one and is none.
///
/// # Errors
/// The line.
pub fn parse(text: &str) -> Result<Vec<Simulated>, String> {
    let mut found = Vec::new();
    for line in text.lines() {
        let change = match line.split_once(' ') {
            Some(("Inst", rest)) => install(rest),
            Some(("Remv" | "Purg", rest)) => remove(rest),
            _ => continue,
        };
        found.push(change.ok_or_else(|| line.chars().take(200).collect::<String>())?);
    }
    found.sort();
    found.dedup();
    Ok(found)
}

fn install(rest: &str) -> Option<Simulated> {
    let (name, rest) = rest.split_once(' ')?;
    let (from, rest) = match rest.strip_prefix('[') {
        Some(rest) => {
            let (from, rest) = rest.split_once("] ")?;
            (Some(from.to_owned()), rest)
        }
        None => (None, rest),
    };
    // The architecture is the last bracket inside the parentheses; origins may hold anything else.
    let inside = rest.strip_prefix('(')?;
    let (inside, _) = inside.split_once("])")?;
    let (to, _) = inside.split_once(' ')?;
    let (_, arch) = inside.rsplit_once('[')?;
    let name = name.split_once(':').map_or(name, |(name, _)| name);
    Some(Simulated {
        name: name.to_owned(),
        arch: arch.to_owned(),
        from,
        to: Some(to.to_owned()),
    })
}

fn remove(rest: &str) -> Option<Simulated> {
    let (name, rest) = rest.split_once(' ')?;
    let (from, _) = rest.strip_prefix('[')?.split_once(']')?;
    let (name, arch) = name.split_once(':').unwrap_or((name, ""));
    Some(Simulated {
        name: name.to_owned(),
        arch: arch.to_owned(),
        from: Some(from.to_owned()),
        to: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn change(name: &str, arch: &str, from: Option<&str>, to: Option<&str>) -> Simulated {
        Simulated {
            name: name.to_owned(),
            arch: arch.to_owned(),
            from: from.map(str::to_owned),
            to: to.map(str::to_owned),
        }
    }

    #[test]
    fn every_kind_of_line_is_read() {
        let text = "Reading package lists...\n\
            Inst libssl3 [3.0.19-1] (3.0.22-1 Debian-Security:12/oldstable-security, Debian:12/oldstable [amd64]) []\n\
            Inst libssl3:i386 [3.0.19-1] (3.0.22-1 Debian:12 [i386])\n\
            Inst tzdata (2026a-0 Debian:12 [all])\n\
            Remv old-thing [1:2.0] [other:amd64 ]\n\
            Conf libssl3 (3.0.22-1 Debian-Security:12 [amd64])\n";
        assert_eq!(
            parse(text).unwrap(),
            [
                change("libssl3", "amd64", Some("3.0.19-1"), Some("3.0.22-1")),
                change("libssl3", "i386", Some("3.0.19-1"), Some("3.0.22-1")),
                change("old-thing", "", Some("1:2.0"), None),
                change("tzdata", "all", None, Some("2026a-0")),
            ]
        );
        assert_eq!(parse("Inst x").unwrap_err(), "Inst x");
    }

    #[test]
    fn local_files_have_no_origin() {
        assert_eq!(
            parse("Inst plain [1.0] (2.0 local-deb [all])\n").unwrap(),
            [change("plain", "all", Some("1.0"), Some("2.0"))]
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(Inst|Remv) [a-z:\\[\\]() ]{0,40}") {
            drop(parse(&text));
        }
    }
}
