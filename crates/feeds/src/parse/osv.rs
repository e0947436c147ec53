//! OSV records (OSV schema 1.x): AlmaLinux, Rocky, Ubuntu, Debian, Alpine, Wolfi, SUSE, Red Hat and the language
//! ecosystems.
//!
//! Two kinds of record share the schema. A *vulnerability* (GHSA, PYSEC, RUSTSEC, UBUNTU-CVE) is known by its one CVE
//! where it has one. An *erratum* (ALSA, RLSA, USN, DSA, SUSE-SU, CGA) fixes any number of CVEs, which stand in `related`,
//! `upstream` or `aliases`; it becomes one disclosure and one resolution for each of them. Errata that only fix bugs or
//! add features are no vulnerabilities: skipped and counted, unless they name a CVE.

use super::ecosystem::{Home, home};
use super::interval::{Event, Interval, intervals};
use super::tally::{Outcome, Tally};
use super::{Input, Limits, ParseError, Parsed, Sink, json, text, unpack};
use overlock_model::advisory::{Disclosure, Resolution, Statement, VendorStatus};
use record::{Affected, Record};
use std::collections::BTreeSet;

mod identity;
mod record;

use identity::Identity;

/// Parses one record, a list, one record per line, or an archive of `*.json`.
///
/// # Errors
/// The file is none of these, is cut off or exceeds a limit.
pub fn parse(
    input: &mut dyn Input,
    feed: &str,
    limits: &Limits,
    sink: &mut Sink<'_>,
) -> Result<Parsed, ParseError> {
    let opened = unpack::open(input, limits)?;
    let mut tally = Tally::new(limits);
    let mut newest = None;
    let wanted = |name: &str| name.ends_with(".json") && !name.ends_with("/all.json");
    json::documents(opened, limits, &wanted, &mut tally, &mut |_, _, bytes| {
        let record: Record = json::record(bytes, limits)?;
        newest = newest.max(record.modified.as_deref().and_then(text::timestamp));
        statements(&record, feed, limits, sink)
    })?;
    tally.parsed.facts.dated = newest;
    tally.finish_some("OSV record")
}

fn statements(
    record: &Record,
    feed: &str,
    limits: &Limits,
    sink: &mut Sink<'_>,
) -> Result<Outcome, String> {
    let id = text::word(&record.id, "id", limits)?;
    if record.withdrawn.is_some() {
        // Only this record is withdrawn: another one may still state the same CVE.
        sink(Statement::Withdrawn { vulnerability: id });
        return Ok(Outcome::Taken);
    }
    let Some(identities) = identity::identities(record, &id, limits)? else {
        return Ok(Outcome::Skipped);
    };
    let all = AllAffected {
        record,
        id: &id,
        feed,
        limits,
    };
    let prepared = record
        .affected
        .iter()
        .filter_map(|affected| all.prepare(affected).transpose());
    let prepared: Vec<Prepared> = prepared.collect::<Result<_, String>>()?;
    let count: usize = prepared.iter().map(|one| one.statuses.len() + 1).sum();
    if count.saturating_mul(identities.len()) > limits.statements_per_record_max {
        return Err(format!(
            "over {} statements from one record",
            limits.statements_per_record_max
        ));
    }
    if prepared.is_empty() {
        return Ok(Outcome::Skipped);
    }
    for identity in &identities {
        all.hand_on(identity, &prepared, sink);
    }
    Ok(Outcome::Taken)
}

struct AllAffected<'a> {
    record: &'a Record,
    id: &'a str,
    feed: &'a str,
    limits: &'a Limits,
}

/// One `affected` entry, read.
struct Prepared {
    home: Home,
    package: String,
    severity: Option<String>,
    statuses: Vec<Ending>,
}

struct Ending {
    introduced: Option<String>,
    status: VendorStatus,
    module: Option<String>,
}

impl AllAffected<'_> {
    fn prepare(&self, affected: &Affected) -> Result<Option<Prepared>, String> {
        let Some(package) = &affected.package else {
            return Ok(None);
        };
        let specific = affected.ecosystem_specific.as_ref();
        let availability = specific.and_then(|specific| specific.availability.as_deref());
        let Some(home) = home(&package.ecosystem, package.purl.as_deref(), availability) else {
            return Ok(None);
        };
        let name = text::word(&package.name, "package", self.limits)?;
        let statuses = self.endings(affected, &home)?;
        let severity = specific
            .and_then(|specific| specific.urgency.as_deref().or(specific.severity.as_deref()))
            .and_then(text::severity)
            .or_else(|| self.record.severity_word());
        Ok(Some(Prepared {
            package: home.kind.normalise(&name).into_owned(),
            home,
            severity,
            statuses,
        }))
    }

    /// Intervals of the ranges; the `versions` list where there is none; all versions where neither is given (OSV
    /// schema, "affected[].versions"). Ranges of git commits say nothing about a package's versions.
    fn endings(&self, affected: &Affected, home: &Home) -> Result<Vec<Ending>, String> {
        let mut endings = Vec::new();
        let mut git_only = false;
        for range in &affected.ranges {
            if range.kind == "GIT" {
                git_only = true;
                continue;
            }
            let events = range.events(self.limits)?;
            if events
                .iter()
                .any(|event| matches!(event, Event::Introduced(_)))
            {
                for Interval { introduced, end } in intervals(&events, Some(home.scheme)) {
                    let status = VendorStatus::from(end);
                    let module = self.module(&status);
                    endings.push(Ending {
                        introduced,
                        status,
                        module,
                    });
                }
            } else {
                return Err("a range without `introduced`".to_owned());
            }
        }
        if endings.is_empty() {
            let status = match (affected.versions.is_empty(), git_only) {
                (false, _) => VendorStatus::Versions(
                    affected
                        .versions
                        .iter()
                        .map(|version| text::word(version, "version", self.limits))
                        .collect::<Result<_, _>>()?,
                ),
                (true, true) => VendorStatus::UnderInvestigation,
                (true, false) => VendorStatus::Affected,
            };
            endings.push(Ending {
                introduced: None,
                status,
                module: None,
            });
        }
        Ok(endings)
    }

    /// Module and stream of a build for RHEL and its kin, whose release holds `.module_el8` or `.module+el8`.
    ///
    /// The stream stands only in the summary (`nodejs:18 security update`). `?` is a stream that is not known: such a
    /// fix must not be held against a build that is not modular.
    fn module(&self, status: &VendorStatus) -> Option<String> {
        let (VendorStatus::Fixed(version) | VendorStatus::LastAffected(version)) = status else {
            return None;
        };
        if !version.contains(".module_") && !version.contains(".module+") {
            return None;
        }
        let words = self
            .record
            .summary
            .as_deref()
            .unwrap_or_default()
            .split_whitespace();
        // `httpd:2.4/mod_http2` names a package of the module too.
        let named = words
            .filter_map(|word| word.split('/').next())
            .find(|word| {
                word.split_once(':').is_some_and(|(name, stream)| {
                    let is_word =
                        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+');
                    name.starts_with(|c: char| c.is_ascii_alphanumeric())
                        && name.chars().all(is_word)
                        && stream.starts_with(|c: char| c.is_ascii_alphanumeric())
                        && stream.chars().all(is_word)
                })
            });
        Some(named.unwrap_or("?").to_owned())
    }

    fn hand_on(&self, identity: &Identity, prepared: &[Prepared], sink: &mut Sink<'_>) {
        let summary = self.record.summary_line(self.limits);
        let cvss = self.record.cvss();
        let published = self.record.published.as_deref().and_then(text::timestamp);
        let mut disclosed = BTreeSet::new();
        for one in prepared {
            if disclosed.insert((&one.home.ecosystem, &one.package)) {
                sink(Statement::Disclosure(Disclosure {
                    ecosystem: one.home.ecosystem.clone(),
                    package: one.package.clone(),
                    vulnerability: identity.vulnerability.clone(),
                    aliases: identity.aliases.clone(),
                    severity: one.severity.clone(),
                    summary: summary.clone(),
                    // An erratum's vectors are not told apart by CVE; with several they would be somebody else's.
                    cvss: if identity.alone {
                        cvss.clone()
                    } else {
                        Vec::new()
                    },
                    published: published.filter(|_| !identity.is_erratum),
                }));
            }
            for ending in &one.statuses {
                sink(Statement::Resolution(Resolution {
                    ecosystem: one.home.ecosystem.clone(),
                    package: one.package.clone(),
                    vulnerability: identity.vulnerability.clone(),
                    channel: one.home.channel.clone(),
                    module: ending.module.clone(),
                    arches: Vec::new(),
                    introduced: ending.introduced.clone(),
                    status: ending.status.clone(),
                    advisory: identity.names_advisory.then(|| self.id.to_owned()),
                    issued: published,
                    feed: self.feed.to_owned(),
                }));
            }
        }
    }
}
