//! Arch Linux's security tracker: groups of packages (AVG) with the CVEs they share and the version that fixes them.

use super::tally::{Outcome, Tally};
use super::{ErrorKind, Input, Limits, ParseError, Parsed, Place, Sink, json, text, unpack};
use overlock_model::advisory::{Disclosure, Ecosystem, Resolution, Statement, VendorStatus};
use serde::Deserialize;

/// Parses `all.json`; a record is one group.
///
/// # Errors
/// It is not a list of groups, is cut off or exceeds a limit.
pub fn parse(
    input: &mut dyn Input,
    feed: &str,
    limits: &Limits,
    sink: &mut Sink<'_>,
) -> Result<Parsed, ParseError> {
    let mut stream = unpack::stream(input, limits)?;
    if json::first_byte(&mut stream)? != b'[' {
        return Err(ParseError::new(
            ErrorKind::NotTheFormat,
            Place::Start,
            "not a list",
        ));
    }
    let mut tally = Tally::new(limits);
    json::elements(stream, &mut |raw, at| {
        let outcome = json::record::<Group>(raw.get().as_bytes(), limits)
            .and_then(|group| group.hand_on(feed, limits, sink));
        tally.record(format_args!("group {at}"), outcome);
    })?;
    tally.finish_some("group")
}

#[derive(Deserialize)]
struct Group {
    name: String,
    packages: Vec<String>,
    status: String,
    #[serde(default)]
    severity: Option<String>,
    #[serde(rename = "type", default)]
    kind: Option<String>,
    #[serde(default)]
    fixed: Option<String>,
    issues: Vec<String>,
    #[serde(default)]
    advisories: Vec<String>,
}

impl Group {
    /// `affected` names a version that was seen affected, not the first one, so nothing begins there. A fix in the
    /// testing repositories is not a fix for a host without them: it is a statement of the channel `testing`.
    fn hand_on(self, feed: &str, limits: &Limits, sink: &mut Sink<'_>) -> Result<Outcome, String> {
        let fixed = || {
            let version = self.fixed.as_deref().ok_or("fixed without a version")?;
            Ok::<_, String>(VendorStatus::Fixed(text::word(version, "version", limits)?))
        };
        let statuses = match self.status.as_str() {
            "Fixed" => vec![("", fixed()?)],
            "Testing" => vec![("", VendorStatus::Affected), ("testing", fixed()?)],
            "Vulnerable" => vec![("", VendorStatus::Affected)],
            "Not affected" => vec![("", VendorStatus::NotAffected)],
            "Unknown" => vec![("", VendorStatus::UnderInvestigation)],
            other => return Err(format!("unknown status {other:?}")),
        };
        let advisory = text::word(
            self.advisories.first().unwrap_or(&self.name),
            "advisory",
            limits,
        )?;
        let words = |list: &[String], what| {
            list.iter()
                .map(|text| text::word(text, what, limits))
                .collect::<Result<Vec<_>, _>>()
        };
        let (packages, issues) = (
            words(&self.packages, "package")?,
            words(&self.issues, "identifier")?,
        );
        if packages.len().saturating_mul(issues.len()) > limits.statements_per_record_max {
            return Err("too many packages and issues".to_owned());
        }
        for (vulnerability, package) in issues
            .iter()
            .flat_map(|issue| packages.iter().map(move |p| (issue, p)))
        {
            sink(Statement::Disclosure(Disclosure {
                ecosystem: arch(),
                package: package.clone(),
                vulnerability: vulnerability.clone(),
                aliases: Vec::new(),
                severity: self.severity.as_deref().and_then(text::severity),
                summary: self
                    .kind
                    .as_deref()
                    .and_then(|kind| text::summary(kind, limits)),
                cvss: Vec::new(),
                published: None,
            }));
            for (channel, status) in &statuses {
                sink(Statement::Resolution(Resolution {
                    ecosystem: arch(),
                    package: package.clone(),
                    vulnerability: vulnerability.clone(),
                    channel: (*channel).to_owned(),
                    module: None,
                    arches: Vec::new(),
                    introduced: None,
                    status: status.clone(),
                    advisory: Some(advisory.clone()),
                    issued: None,
                    feed: feed.to_owned(),
                }));
            }
        }
        Ok(Outcome::Taken)
    }
}

fn arch() -> Ecosystem {
    Ecosystem("arch".to_owned())
}
