//! The RustSec advisory database: an archive of `crates/NAME/RUSTSEC-*.md`, each with TOML front matter.
//!
//! A record names the versions that are patched and those that never were affected; the rest is affected. Informational
//! records (unmaintained, notice, unsound) are not vulnerabilities: their severity says so and keeps them apart.

use super::interval::Interval;
use super::semver_set::VersionSet;
use super::tally::{Outcome, Tally};
use super::unpack::{members, open};
use super::{ErrorKind, Input, Limits, ParseError, Parsed, Place, Sink, text};
use overlock_model::advisory::{Disclosure, Ecosystem, Resolution, Statement};
use serde::Deserialize;

/// Parses the archive (zip or tar). Records of `rust/` (the toolchain itself) are no crates and are skipped.
///
/// # Errors
/// The file is no archive, has no advisory in it, is damaged or exceeds a limit.
pub fn parse(
    input: &mut dyn Input,
    feed: &str,
    limits: &Limits,
    sink: &mut Sink<'_>,
) -> Result<Parsed, ParseError> {
    let mut opened = open(input, limits)?;
    let mut tally = Tally::new(limits);
    let wanted = |name: &str| {
        let file = name.rsplit('/').next().unwrap_or(name);
        file.ends_with(".md") && (file.starts_with("RUSTSEC-") || is_toolchain(name))
    };
    let is_archive = members(&mut opened, limits, &wanted, &mut |name, bytes| {
        if is_toolchain(name) {
            return tally.skip();
        }
        let outcome = bytes.and_then(|bytes| one(bytes, feed, limits, sink));
        tally.record(name, outcome);
    })?;
    if !is_archive {
        return Err(ParseError::new(
            ErrorKind::NotTheFormat,
            Place::Start,
            "neither a zip nor a tar archive",
        ));
    }
    tally.finish_some("`RUSTSEC-*.md`")
}

fn is_toolchain(name: &str) -> bool {
    name.rsplit('/').nth(2) == Some("rust")
}

#[derive(Deserialize)]
struct FrontMatter {
    advisory: Advisory,
    versions: Versions,
}

#[derive(Deserialize)]
struct Advisory {
    id: String,
    package: String,
    #[serde(default)]
    date: Option<String>,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    cvss: Option<String>,
    #[serde(default)]
    informational: Option<String>,
    #[serde(default)]
    withdrawn: Option<String>,
}

#[derive(Deserialize)]
struct Versions {
    patched: Vec<String>,
    #[serde(default)]
    unaffected: Vec<String>,
}

fn one(bytes: &[u8], feed: &str, limits: &Limits, sink: &mut Sink<'_>) -> Result<Outcome, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let (front, body) = front_matter(text).ok_or("no front matter in a ```toml fence")?;
    let FrontMatter { advisory, versions } =
        toml::from_str(front).map_err(|error| error.message().to_owned())?;
    let id = text::word(&advisory.id, "id", limits)?;
    if advisory.withdrawn.is_some() {
        sink(Statement::Withdrawn { vulnerability: id });
        return Ok(Outcome::Taken);
    }
    let package = text::word(&advisory.package, "crate", limits)?;
    let affected = versions.affected(limits)?;
    let published = advisory.date.as_deref().and_then(text::timestamp);
    let aliases = advisory
        .aliases
        .iter()
        .map(|alias| text::word(alias, "alias", limits));
    let aliases = aliases.collect::<Result<Vec<_>, _>>()?;
    if aliases.len().saturating_mul(affected.len()) > limits.statements_per_record_max {
        return Err("too many aliases and intervals".to_owned());
    }
    let title = body
        .lines()
        .find_map(|line| line.strip_prefix("# "))
        .unwrap_or_default();
    for (vulnerability, aliases) in names(&id, aliases) {
        sink(Statement::Disclosure(Disclosure {
            ecosystem: cargo(),
            package: package.clone(),
            vulnerability: vulnerability.clone(),
            aliases,
            severity: advisory
                .informational
                .as_deref()
                .map(|kind| format!("informational: {kind}")),
            summary: text::summary(title, limits),
            cvss: advisory
                .cvss
                .iter()
                .filter(|vector| vector.len() < 256)
                .cloned()
                .collect(),
            published,
        }));
        for Interval { introduced, end } in &affected {
            sink(Statement::Resolution(Resolution {
                ecosystem: cargo(),
                package: package.clone(),
                vulnerability: vulnerability.clone(),
                channel: String::new(),
                module: None,
                arches: Vec::new(),
                introduced: introduced.clone(),
                status: end.clone().into(),
                advisory: Some(id.clone()),
                issued: published,
                feed: feed.to_owned(),
            }));
        }
    }
    Ok(Outcome::Taken)
}

fn cargo() -> Ecosystem {
    Ecosystem("cargo".to_owned())
}

/// The main name with its aliases: the CVE where there is one; each of several CVEs by itself.
fn names(id: &str, aliases: Vec<String>) -> Vec<(String, Vec<String>)> {
    let (cves, mut others): (Vec<_>, Vec<_>) =
        aliases.into_iter().partition(|alias| text::is_cve(alias));
    match cves.as_slice() {
        [] => vec![(id.to_owned(), others)],
        [cve] => {
            others.insert(0, id.to_owned());
            vec![(cve.clone(), others)]
        }
        several => several
            .iter()
            .map(|cve| (cve.clone(), Vec::new()))
            .collect(),
    }
}

impl Versions {
    fn affected(&self, limits: &Limits) -> Result<Vec<Interval>, String> {
        if self.patched.len().saturating_add(self.unaffected.len()) > limits.list_max {
            return Err(format!("more than {} requirements", limits.list_max));
        }
        let all = self.patched.iter().chain(&self.unaffected);
        let sets = all
            .map(|requirement| VersionSet::cargo(requirement))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(VersionSet::union_of(sets).complement().intervals())
    }
}

fn front_matter(text: &str) -> Option<(&str, &str)> {
    let rest = text.trim_start().strip_prefix("```toml")?;
    rest.split_once("\n```")
}
