//! The Node.js security working group's database: `vuln/npm/N.json` (frozen in 2019, before GitHub's took over) and
//! `vuln/core/N.json` or `index.json` for Node.js itself.
//!
//! Both state vulnerable and patched versions as npm ranges; affected is what is vulnerable and not patched. Node.js
//! itself is no npm package: its records are in the ecosystem `nodejs`, package `node`.

use super::interval::{End, Interval};
use super::semver_set::VersionSet;
use super::tally::{Outcome, Tally};
use super::{Input, Limits, ParseError, Parsed, Sink, json, text, unpack};
use overlock_model::advisory::{Disclosure, Ecosystem, Resolution, Statement};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};

/// Parses an archive of the repository, one record per line, or the index of Node.js' own records.
///
/// # Errors
/// The file is none of these, is damaged or exceeds a limit.
pub fn parse(
    input: &mut dyn Input,
    feed: &str,
    limits: &Limits,
    sink: &mut Sink<'_>,
) -> Result<Parsed, ParseError> {
    let opened = unpack::open(input, limits)?;
    let mut tally = Tally::new(limits);
    let mut reader = Reader {
        feed,
        limits,
        sink,
        seen: BTreeSet::new(),
    };
    let wanted = |name: &str| {
        let mut parts = name.rsplit('/');
        let (file, folder) = (
            parts.next().unwrap_or_default(),
            parts.next().unwrap_or_default(),
        );
        let is_number = file
            .strip_suffix(".json")
            .is_some_and(|stem| stem.bytes().all(|b| b.is_ascii_digit()));
        (is_number && matches!(folder, "npm" | "core"))
            || (folder == "core" && file == "index.json")
    };
    json::documents(
        opened,
        limits,
        &wanted,
        &mut tally,
        &mut |tally, name, bytes| reader.document(tally, name, bytes),
    )?;
    tally.finish_some("record")
}

/// Any of the two kinds, or an index of them.
#[derive(Deserialize)]
struct Document {
    id: Option<u64>,
    module_name: Option<String>,
    vulnerable_versions: Option<String>,
    patched_versions: Option<String>,
    vulnerable: Option<String>,
    patched: Option<String>,
    #[serde(default)]
    cves: Option<Vec<String>>,
    #[serde(default)]
    cve: Option<Vec<String>>,
    title: Option<String>,
    description: Option<String>,
    publish_date: Option<String>,
    cvss_vector: Option<String>,
    severity: Option<String>,
}

struct Reader<'a, 's> {
    feed: &'a str,
    limits: &'a Limits,
    sink: &'a mut Sink<'s>,
    /// Ids of Node.js' own records: the index repeats the single files.
    seen: BTreeSet<String>,
}

impl Reader<'_, '_> {
    fn document(&mut self, tally: &mut Tally, name: &str, bytes: &[u8]) -> Result<Outcome, String> {
        let document: Document = json::record(bytes, self.limits)?;
        if document.module_name.is_some() || document.vulnerable.is_some() {
            let stem = name
                .rsplit('/')
                .next()
                .and_then(|file| file.strip_suffix(".json"))
                .unwrap_or_default();
            return self.one(document, stem);
        }
        let index: BTreeMap<String, &RawValue> = json::record(bytes, self.limits)?;
        if !index
            .keys()
            .all(|key| key.bytes().all(|byte| byte.is_ascii_digit()))
        {
            return Err("neither `module_name` nor `vulnerable`".to_owned());
        }
        for (number, raw) in index {
            let outcome = json::record::<Document>(raw.get().as_bytes(), self.limits);
            tally.record(
                &number,
                outcome.and_then(|document| self.one(document, &number)),
            );
        }
        Ok(Outcome::Skipped)
    }

    fn one(&mut self, document: Document, number: &str) -> Result<Outcome, String> {
        let is_core = document.module_name.is_none();
        let (ecosystem, package, id) = match document.module_name.as_deref() {
            Some(name) => (
                "npm",
                name,
                format!("NSWG-ECO-{}", document.id.ok_or("no `id`")?),
            ),
            None => ("nodejs", "node", format!("NSWG-COR-{number}")),
        };
        if is_core && !self.seen.insert(id.clone()) {
            return Ok(Outcome::Skipped);
        }
        let package = text::word(package, "package", self.limits)?;
        let ranges = (
            document
                .vulnerable_versions
                .as_deref()
                .or(document.vulnerable.as_deref()),
            document
                .patched_versions
                .as_deref()
                .or(document.patched.as_deref()),
        );
        let affected = affected(ranges.0.ok_or("no vulnerable versions")?, ranges.1)?;
        let published = document.publish_date.as_deref().and_then(text::timestamp);
        let words = document
            .title
            .as_deref()
            .or(document.description.as_deref())
            .unwrap_or_default();
        let cves = document.cves.or(document.cve).unwrap_or_default();
        let cves: Vec<&String> = cves.iter().filter(|id| text::is_cve(id)).collect();
        let names = match cves.as_slice() {
            [] => vec![(id.clone(), Vec::new())],
            [cve] => vec![((*cve).clone(), vec![id.clone()])],
            several => several
                .iter()
                .map(|cve| ((*cve).clone(), Vec::new()))
                .collect(),
        };
        if names.len().saturating_mul(affected.len()) > self.limits.statements_per_record_max {
            return Err("too many identifiers and ranges".to_owned());
        }
        for (vulnerability, aliases) in names {
            (self.sink)(Statement::Disclosure(Disclosure {
                ecosystem: Ecosystem(ecosystem.to_owned()),
                package: package.clone(),
                vulnerability: vulnerability.clone(),
                aliases,
                severity: document.severity.as_deref().and_then(text::severity),
                summary: text::summary(words, self.limits),
                cvss: document
                    .cvss_vector
                    .iter()
                    .filter(|vector| vector.contains('/') && vector.len() < 256)
                    .cloned()
                    .collect(),
                published,
            }));
            for Interval { introduced, end } in &affected {
                (self.sink)(Statement::Resolution(Resolution {
                    ecosystem: Ecosystem(ecosystem.to_owned()),
                    package: package.clone(),
                    vulnerability: vulnerability.clone(),
                    channel: String::new(),
                    module: None,
                    arches: Vec::new(),
                    introduced: introduced.clone(),
                    status: end.clone().into(),
                    advisory: Some(id.clone()),
                    issued: published,
                    feed: self.feed.to_owned(),
                }));
            }
        }
        Ok(Outcome::Taken)
    }
}

/// `<=1.5.1` with `>=1.5.2` patched is fixed in 1.5.2, as long as no other major version lies between.
fn affected(vulnerable: &str, patched: Option<&str>) -> Result<Vec<Interval>, String> {
    let patched = patched
        .map(VersionSet::npm)
        .transpose()?
        .unwrap_or_default();
    let mut runs = VersionSet::npm(vulnerable)?.without(&patched).intervals();
    for run in &mut runs {
        if let End::Through(last) = &run.end
            && let Some(fixed) = patched.first_after(last)
        {
            run.end = End::Before(fixed);
        }
    }
    Ok(runs)
}
