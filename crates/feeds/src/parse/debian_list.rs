//! Debian's lists of advisories, `data/DSA/list` and `data/DLA/list` of the security tracker.
//!
//! ```text
//! [21 Aug 2026] DSA-6457-1 openjdk-21 - security update
//! <tab>{CVE-2026-60589 CVE-2026-61308}
//! <tab>[trixie] - openjdk-21 21.0.12.1+1-1~deb13u1
//! ```
//!
//! Written by hand since 2002: the number may lack its revision, packages may be several or none, the indent may be
//! tabs or spaces, notes may stand behind a version. When several advisories fix one CVE (an incomplete fix), all of
//! them are handed on; which counts is for the matching to say.

use super::tally::{Outcome, Tally};
use super::{ErrorKind, Input, Limits, ParseError, Parsed, Place, Sink, json, text, unpack};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use overlock_model::advisory::{Disclosure, Ecosystem, Resolution, Statement, VendorStatus};
use overlock_model::os::debian_version_of;

/// Parses either list; a record is one advisory. The channel of its resolutions is `security` (DSA) or `lts` (DLA).
///
/// # Errors
/// The first line that is not blank is no advisory's first line, or the file exceeds a limit.
pub fn parse(
    input: &mut dyn Input,
    feed: &str,
    limits: &Limits,
    sink: &mut Sink<'_>,
) -> Result<Parsed, ParseError> {
    let mut stream = unpack::stream(input, limits)?;
    let mut tally = Tally::new(limits);
    let mut current: Option<Result<Advisory, String>> = None;
    let mut first_line = 0_u64;
    let mut newest: Option<Timestamp> = None;
    let mut number = 0_u64;
    let mut bytes = Vec::new();
    let mut end = |advisory: Result<Advisory, String>, line: u64, tally: &mut Tally| {
        let outcome = advisory.and_then(|advisory| {
            newest = newest.max(Some(advisory.issued));
            advisory.hand_on(feed, limits, sink)
        });
        tally.record(format_args!("line {line}"), outcome);
    };
    while {
        number += 1;
        json::next_line(&mut stream, limits, number, &mut bytes)?
    } {
        let line = String::from_utf8_lossy(&bytes);
        let line = line.trim();
        if line.is_empty() || line.starts_with("NOTE:") || line.starts_with("TODO:") {
            continue;
        }
        if is_header(line) {
            if let Some(previous) = current.take() {
                end(previous, first_line, &mut tally);
            }
            first_line = number;
            current = Some(Advisory::from_header(line, limits));
            continue;
        }
        let Some(advisory) = &mut current else {
            let place = Place::Line {
                line: number,
                column: 1,
            };
            let cause = format!(
                "begins with {:?}, not with `[date] DSA-…`",
                line.chars().take(40).collect::<String>()
            );
            return Err(ParseError::new(ErrorKind::NotTheFormat, place, cause));
        };
        let added = match advisory {
            Ok(advisory) => advisory.add(line, limits, &mut tally),
            Err(_) => Ok(()),
        };
        if let Err(cause) = added {
            *advisory = Err(format!("line {number}: {cause}"));
        }
    }
    if let Some(last) = current {
        end(last, first_line, &mut tally);
    }
    tally.parsed.facts.dated = newest;
    tally.finish_some("advisory")
}

/// `[21 Aug 2026] …`, as against `[trixie] - …`.
fn is_header(line: &str) -> bool {
    line.starts_with('[')
        && line
            .get(1..)
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

struct Advisory {
    id: String,
    channel: &'static str,
    issued: Timestamp,
    title: String,
    vulnerabilities: Vec<String>,
    fixes: Vec<Fix>,
}

struct Fix {
    ecosystem: Ecosystem,
    package: String,
    status: VendorStatus,
}

impl Advisory {
    fn from_header(line: &str, limits: &Limits) -> Result<Self, String> {
        let (day, rest) = line
            .strip_prefix('[')
            .and_then(|rest| rest.split_once(']'))
            .ok_or("no `]` after the date")?;
        let (id, title) = rest
            .trim()
            .split_once(char::is_whitespace)
            .unwrap_or((rest.trim(), ""));
        let id = text::word(id, "advisory", limits)?;
        let channel = match id.split_once('-') {
            Some(("DSA", _)) => "security",
            Some(("DLA", _)) => "lts",
            _ => return Err(format!("{id:?} is neither a DSA nor a DLA")),
        };
        let issued = day_of(day).ok_or_else(|| format!("{day:?} is not a date"))?;
        Ok(Self {
            id,
            channel,
            issued,
            title: title.to_owned(),
            vulnerabilities: Vec::new(),
            fixes: Vec::new(),
        })
    }

    fn add(&mut self, line: &str, limits: &Limits, tally: &mut Tally) -> Result<(), String> {
        if let Some(ids) = line.strip_prefix('{') {
            let ids = ids
                .strip_suffix('}')
                .ok_or("no `}` after the identifiers")?;
            for id in ids.split_whitespace() {
                self.vulnerabilities
                    .push(text::word(id, "identifier", limits)?);
            }
            return Ok(());
        }
        let (codename, rest) = line
            .strip_prefix('[')
            .and_then(|rest| rest.split_once(']'))
            .ok_or("unknown line")?;
        let rest = rest
            .trim()
            .strip_prefix('-')
            .ok_or("no `-` after the release")?
            .trim();
        let (package, rest) = rest
            .split_once(char::is_whitespace)
            .ok_or("no version after the package")?;
        let (version, note) = rest
            .trim()
            .split_once(char::is_whitespace)
            .unwrap_or((rest.trim(), ""));
        let Some(number) = debian_version_of(codename.trim()) else {
            tally.unknown_release(codename.trim());
            return Ok(());
        };
        self.fixes.push(Fix {
            ecosystem: Ecosystem::release("debian", number),
            package: text::word(package, "source package", limits)?,
            status: status(version, note, limits)?,
        });
        Ok(())
    }

    fn hand_on(
        mut self,
        feed: &str,
        limits: &Limits,
        sink: &mut Sink<'_>,
    ) -> Result<Outcome, String> {
        if self.vulnerabilities.is_empty() {
            // A follow-up that repairs an update, not the vulnerability's own advisory.
            if self.fixes.is_empty() || self.title.contains("regression") {
                return Ok(Outcome::Skipped);
            }
            self.vulnerabilities.push(self.id.clone());
        }
        if self.fixes.is_empty() {
            return Ok(Outcome::Skipped);
        }
        if self.vulnerabilities.len().saturating_mul(self.fixes.len())
            > limits.statements_per_record_max
        {
            return Err("too many identifiers and packages".to_owned());
        }
        let summary = text::summary(&self.title, limits);
        for vulnerability in &self.vulnerabilities {
            for fix in &self.fixes {
                sink(Statement::Disclosure(Disclosure {
                    ecosystem: fix.ecosystem.clone(),
                    package: fix.package.clone(),
                    vulnerability: vulnerability.clone(),
                    aliases: Vec::new(),
                    severity: None,
                    summary: summary.clone(),
                    cvss: Vec::new(),
                    // The advisory's date is not the disclosure's.
                    published: None,
                }));
                sink(Statement::Resolution(Resolution {
                    ecosystem: fix.ecosystem.clone(),
                    package: fix.package.clone(),
                    vulnerability: vulnerability.clone(),
                    channel: self.channel.to_owned(),
                    module: None,
                    arches: Vec::new(),
                    introduced: None,
                    status: fix.status.clone(),
                    advisory: Some(self.id.clone()),
                    issued: Some(self.issued),
                    feed: feed.to_owned(),
                }));
            }
        }
        Ok(Outcome::Taken)
    }
}

/// A version, or the tracker's word in `<>` (security-tracker's documentation, "Distribution tags").
fn status(version: &str, note: &str, limits: &Limits) -> Result<VendorStatus, String> {
    let note = note.trim().trim_start_matches('(').trim_end_matches(')');
    let words = |kind: &str| {
        text::summary(note, limits)
            .map_or_else(|| kind.to_owned(), |note| format!("{kind}: {note}"))
    };
    Ok(match version {
        "<not-affected>" => VendorStatus::NotAffected,
        "<unfixed>" => VendorStatus::Affected,
        "<end-of-life>" => VendorStatus::EndOfLife,
        "<ignored>" => VendorStatus::WillNotFix(words("ignored")),
        "<postponed>" => VendorStatus::Postponed(words("postponed")),
        "<no-dsa>" => VendorStatus::Postponed(words("no-dsa")),
        "<undetermined>" => VendorStatus::UnderInvestigation,
        tag if tag.starts_with('<') => return Err(format!("unknown tag {tag:?}")),
        version => VendorStatus::Fixed(text::word(version, "version", limits)?),
    })
}

/// `21 Aug 2026`, midnight UTC: the lists give no time.
fn day_of(text: &str) -> Option<Timestamp> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let mut parts = text.split_whitespace();
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    let month = MONTHS
        .iter()
        .position(|name| month.get(..3).is_some_and(|m| m.eq_ignore_ascii_case(name)))?;
    let date = Date::new(
        year.parse().ok()?,
        i8::try_from(month).ok()? + 1,
        day.parse().ok()?,
    )
    .ok()?;
    TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()
}
