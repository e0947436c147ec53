//! Where this machine gets its own packages: the mirror and suites of its apt configuration.
//!
//! The roots and the real updates come from there too, so that no mirror is written down in the project.

use crate::tool;
use anyhow::{Context, Result};
use std::path::Path;

/// The key ring of the distribution, used if it is here; else apt takes the keys it trusts anyway.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// One line of a `sources.list` (`sources.list(5)`, one-line style) for each of the two suites.
pub struct AptSources {
    /// Code name of the release: `bookworm`.
    pub codename: String,
    /// The release as it was published, without later security updates.
    pub main: String,
    /// Its security updates, if this machine takes them.
    pub security: Option<String>,
}

impl AptSources {
    /// As apt itself understands this machine's configuration.
    pub fn of_this_machine() -> Result<Self> {
        let targets = tool::output(&mut tool::command(
            "apt-get",
            &[
                "indextargets",
                "--format",
                "$(LABEL) $(CODENAME) $(COMPONENT) $(REPO_URI) $(RELEASE)",
                "Created-By: Packages",
                "Origin: Debian",
            ],
        ))?;
        parse(&targets).context(
            "apt knows no Debian suite here; the lab takes its packages from where this machine does; \
             run `apt-get update` if it was never run",
        )
    }
}

fn parse(targets: &str) -> Option<AptSources> {
    let lines: Vec<Vec<&str>> = targets
        .lines()
        .map(|line| line.split(' ').collect())
        .collect();
    let find = |wanted: &str, suffix: &str| {
        lines.iter().find_map(|line| match line.as_slice() {
            [label, codename, "main", uri, release]
                if *label == wanted && codename.ends_with(suffix) =>
            {
                Some((
                    (*codename).to_owned(),
                    format!("deb{} {uri} {release} main", signed_by()),
                ))
            }
            _ => None,
        })
    };
    // `bookworm-updates` has the label `Debian` as well; the release itself has no suffix.
    let plain = lines
        .iter()
        .find(|line| matches!(line.as_slice(), ["Debian", codename, "main", ..] if !codename.contains('-')))?;
    let codename = (*plain.get(1)?).to_owned();
    let (_, main) = find("Debian", &codename)?;
    let security = find("Debian-Security", &format!("{codename}-security")).map(|(_, line)| line);
    Some(AptSources {
        codename,
        main,
        security,
    })
}

fn signed_by() -> String {
    if Path::new(KEYRING).is_file() {
        format!(" [signed-by={KEYRING}]")
    } else {
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn release_and_security_are_told_from_updates() {
        let targets = "\
Debian trixie-updates main http://mirror.example.org/debian/ trixie-updates
Debian trixie contrib http://mirror.example.org/debian/ trixie
Debian trixie main http://mirror.example.org/debian/ trixie
Debian-Security trixie-security main http://mirror.example.org/security/ trixie-security
";
        let sources = parse(targets).unwrap();
        assert_eq!(sources.codename, "trixie");
        assert!(
            sources
                .main
                .ends_with(" http://mirror.example.org/debian/ trixie main")
        );
        assert!(
            sources
                .security
                .unwrap()
                .ends_with(" http://mirror.example.org/security/ trixie-security main")
        );
    }

    #[test]
    fn machine_without_debian_is_none() {
        assert!(parse("").is_none());
    }
}
