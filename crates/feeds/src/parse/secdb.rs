//! Security databases of Alpine, Wolfi and Chainguard: which version of a package fixes which vulnerabilities.
//!
//! `{distroversion, reponame, packages: [{pkg: {name, secfixes: {version: [ids]}}}]}`; version `0` says "not affected".
//! Only fixes are listed: silence about a package means nothing. Names are of source packages (aports' `origin`).

use super::tally::{Outcome, Tally};
use super::{ErrorKind, Input, Limits, ParseError, Parsed, Place, Sink, json, text, unpack};
use overlock_model::advisory::{Disclosure, Ecosystem, Resolution, Statement, VendorStatus};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Parses the file of one repository of the release `ecosystem`; a record is one package.
///
/// # Errors
/// It is not such a file, is of another release, is cut off or exceeds a limit.
pub fn parse(
    input: &mut dyn Input,
    ecosystem: &Ecosystem,
    feed: &str,
    limits: &Limits,
    sink: &mut Sink<'_>,
) -> Result<Parsed, ParseError> {
    let mut stream = unpack::stream(input, limits)?;
    json::first_byte(&mut stream)?;
    let mut tally = Tally::new(limits);
    let rest = json::elements_of(stream, "packages", &mut |raw, at| {
        let outcome = json::record::<Entry>(raw.get().as_bytes(), limits)
            .and_then(|Entry { pkg }| pkg.hand_on(ecosystem, feed, limits, &mut tally, sink));
        tally.record(format_args!("package {at}"), outcome);
    })?;
    let release = json::string_of(&rest, "distroversion");
    if let (Some(release), Some((_, asked))) = (release, ecosystem.as_str().split_once(':'))
        && release != asked
    {
        let cause = format!("it is of release `{release}`, not `{asked}`");
        return Err(ParseError::new(
            ErrorKind::NotTheFormat,
            Place::Record("distroversion".to_owned()),
            cause,
        ));
    }
    tally.finish()
}

#[derive(Deserialize)]
struct Entry {
    pkg: Package,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    secfixes: BTreeMap<String, Option<Vec<String>>>,
}

impl Package {
    fn hand_on(
        self,
        ecosystem: &Ecosystem,
        feed: &str,
        limits: &Limits,
        tally: &mut Tally,
        sink: &mut Sink<'_>,
    ) -> Result<Outcome, String> {
        let package = text::word(&self.name, "package", limits)?;
        for (version, ids) in &self.secfixes {
            let status = match version.trim() {
                "0" => VendorStatus::NotAffected,
                version => VendorStatus::Fixed(text::word(version, "version", limits)?),
            };
            for entry in ids.iter().flatten() {
                let Some((vulnerability, aliases)) = names(entry, limits) else {
                    tally.bad(&package, format_args!("no identifier in {entry:?}"));
                    continue;
                };
                sink(Statement::Disclosure(Disclosure {
                    ecosystem: ecosystem.clone(),
                    package: package.clone(),
                    vulnerability: vulnerability.clone(),
                    aliases,
                    severity: None,
                    summary: None,
                    cvss: Vec::new(),
                    published: None,
                }));
                sink(Statement::Resolution(Resolution {
                    ecosystem: ecosystem.clone(),
                    package: package.clone(),
                    vulnerability,
                    channel: String::new(),
                    module: None,
                    arches: Vec::new(),
                    introduced: None,
                    status: status.clone(),
                    advisory: None,
                    issued: None,
                    feed: feed.to_owned(),
                }));
            }
        }
        Ok(Outcome::Taken)
    }
}

/// One entry may hold several names of one vulnerability and words around them: `CVE-2019-1 GHSA-x`, `CVE-2017-2616
/// (+ regression fix)`. The CVE is the main name wherever it stands.
fn names(entry: &str, limits: &Limits) -> Option<(String, Vec<String>)> {
    // A slip of the pen that real files have: `CVE 2018-16859`.
    let entry = entry.replace("CVE 2", "CVE-2");
    let is_id = |token: &&str| {
        token.split_once('-').is_some_and(|(prefix, rest)| {
            prefix.len() >= 2
                && prefix.starts_with(|c: char| c.is_ascii_uppercase())
                && prefix
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
                && rest.bytes().any(|byte| byte.is_ascii_digit())
        })
    };
    let trim = |token: &'_ str| {
        token
            .trim_matches(['(', ')', ',', ';', ':', '.', '?'])
            .to_owned()
    };
    // One word alone is a name even where it does not look like the others (`wnpa-sec-2017-18`).
    let alone = |token: &&str| {
        *token == entry.trim() && token.contains('-') && token.bytes().any(|b| b.is_ascii_digit())
    };
    let mut ids: Vec<String> = entry
        .split_whitespace()
        .filter(|token| is_id(token) || alone(token))
        .map(trim)
        .collect();
    ids.retain(|id| id.len() <= limits.word_bytes_max && !id.contains(char::is_control));
    ids.dedup();
    let main = ids.iter().position(|id| text::is_cve(id)).unwrap_or(0);
    if ids.is_empty() {
        return None;
    }
    let vulnerability = ids.remove(main);
    Some((vulnerability, ids))
}
