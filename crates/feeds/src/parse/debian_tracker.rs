//! The Debian security tracker's JSON: what Debian says of every CVE in every source package and release.
//!
//! The only source of "no fix yet", "no DSA", "postponed", "ignored" and "end of life" for Debian. About 70 MB of one
//! object `{source: {CVE: {releases: {codename: …}}}}`, so it is read as a stream, one CVE of one source at a time.

use super::tally::{Outcome, Tally};
use super::{Input, Limits, ParseError, Parsed, Sink, json, text, unpack};
use overlock_model::advisory::{Disclosure, Ecosystem, Resolution, Statement, VendorStatus};
use overlock_model::os::debian_version_of;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Parses the file; a record is one CVE of one source package.
///
/// # Errors
/// It is not the tracker's JSON, is cut off or exceeds a limit.
pub fn parse(
    input: &mut dyn Input,
    feed: &str,
    limits: &Limits,
    sink: &mut Sink<'_>,
) -> Result<Parsed, ParseError> {
    let mut stream = unpack::stream(input, limits)?;
    json::first_byte(&mut stream)?;
    let mut tally = Tally::new(limits);
    json::entries_of_entries(stream, &mut |source, id, raw| {
        let outcome = json::record::<Entry>(raw.get().as_bytes(), limits)
            .and_then(|entry| entry.statements(source, id, feed, limits, &mut tally))
            .map(|statements| {
                let outcome = if statements.is_empty() {
                    Outcome::Skipped
                } else {
                    Outcome::Taken
                };
                statements.into_iter().for_each(&mut *sink);
                outcome
            });
        tally.record(format_args!("{source} {id}"), outcome);
    })?;
    tally.finish_some("source package")
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    description: Option<String>,
    releases: BTreeMap<String, Release>,
}

#[derive(Deserialize)]
struct Release {
    status: String,
    #[serde(default)]
    fixed_version: Option<String>,
    #[serde(default)]
    urgency: Option<String>,
    #[serde(default)]
    nodsa: Option<String>,
    #[serde(default)]
    nodsa_reason: Option<String>,
}

impl Entry {
    fn statements(
        self,
        source: &str,
        id: &str,
        feed: &str,
        limits: &Limits,
        tally: &mut Tally,
    ) -> Result<Vec<Statement>, String> {
        let package = text::word(source, "source package", limits)?;
        let vulnerability = text::word(id, "identifier", limits)?;
        let summary = self
            .description
            .as_deref()
            .and_then(|text| text::summary(text, limits));
        let mut statements = Vec::with_capacity(self.releases.len() * 2);
        for (codename, release) in &self.releases {
            let Some(version) = debian_version_of(codename) else {
                tally.unknown_release(codename);
                continue;
            };
            let ecosystem = Ecosystem::release("debian", version);
            let status = release
                .vendor_status(limits)
                .map_err(|cause| format!("{codename}: {cause}"))?;
            let severity = release.urgency.as_deref().and_then(text::severity);
            statements.push(Statement::Disclosure(Disclosure {
                ecosystem: ecosystem.clone(),
                package: package.clone(),
                vulnerability: vulnerability.clone(),
                aliases: Vec::new(),
                severity: severity.filter(|word| word != END_OF_LIFE),
                summary: summary.clone(),
                cvss: Vec::new(),
                published: None,
            }));
            statements.push(Statement::Resolution(Resolution {
                ecosystem,
                package: package.clone(),
                vulnerability: vulnerability.clone(),
                channel: String::new(),
                module: None,
                arches: Vec::new(),
                introduced: None,
                status,
                advisory: None,
                issued: None,
                feed: feed.to_owned(),
            }));
        }
        Ok(statements)
    }
}

/// The urgency by which the tracker marks a package without security support.
const END_OF_LIFE: &str = "end-of-life";

impl Release {
    fn vendor_status(&self, limits: &Limits) -> Result<VendorStatus, String> {
        let end_of_life =
            self.urgency.as_deref().and_then(text::severity).as_deref() == Some(END_OF_LIFE);
        match self.status.as_str() {
            "resolved" => match self.fixed_version.as_deref() {
                // The tracker's way to say that no version of this release was ever affected.
                Some("0") => Ok(VendorStatus::NotAffected),
                Some(version) => Ok(VendorStatus::Fixed(text::word(
                    version,
                    "fixed version",
                    limits,
                )?)),
                None => Err("resolved without a fixed version".to_owned()),
            },
            "open" if end_of_life => Ok(VendorStatus::EndOfLife),
            "open" => Ok(self.open(limits)),
            "undetermined" => Ok(VendorStatus::UnderInvestigation),
            other => Err(format!("unknown status {other:?}")),
        }
    }

    /// `nodsa_reason` is `ignored`, `postponed` or empty; the last means "no advisory for it alone", so a point
    /// release or a later advisory may fix it.
    fn open(&self, limits: &Limits) -> VendorStatus {
        let words = |kind: &str| {
            let note = self
                .nodsa
                .as_deref()
                .and_then(|note| text::summary(note, limits));
            note.map_or_else(|| kind.to_owned(), |note| format!("{kind}: {note}"))
        };
        match (self.nodsa.as_ref(), self.nodsa_reason.as_deref()) {
            (_, Some("ignored")) => VendorStatus::WillNotFix(words("ignored")),
            (_, Some("postponed")) => VendorStatus::Postponed(words("postponed")),
            (None, None) => VendorStatus::Affected,
            _ => VendorStatus::Postponed(words("no-dsa")),
        }
    }
}
