//! CISA's catalogue of known exploited vulnerabilities, as JSON.

use super::tally::{Outcome, Tally};
use super::{Input, Limits, ParseError, Parsed, Sink, json, text, unpack};
use overlock_model::advisory::{Statement, ThreatPart};
use overlock_model::threat::Kev;
use serde::Deserialize;

/// Parses the catalogue; a record is one CVE.
///
/// # Errors
/// It is not the catalogue, is cut off or exceeds a limit.
pub fn parse(
    input: &mut dyn Input,
    limits: &Limits,
    sink: &mut Sink<'_>,
) -> Result<Parsed, ParseError> {
    let mut stream = unpack::stream(input, limits)?;
    json::first_byte(&mut stream)?;
    let mut tally = Tally::new(limits);
    let rest = json::elements_of(stream, "vulnerabilities", &mut |raw, at| {
        let outcome =
            json::record::<Entry>(raw.get().as_bytes(), limits).and_then(|entry| entry.statement());
        let outcome = outcome.map(|statement| {
            sink(statement);
            Outcome::Taken
        });
        tally.record(format_args!("vulnerability {at}"), outcome);
    })?;
    tally.parsed.facts.dated = json::string_of(&rest, "dateReleased")
        .as_deref()
        .and_then(text::timestamp);
    tally.finish_some("vulnerability")
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(rename = "cveID")]
    cve: String,
    date_added: String,
    #[serde(default)]
    due_date: Option<String>,
    #[serde(default)]
    known_ransomware_campaign_use: Option<String>,
}

impl Entry {
    fn statement(self) -> Result<Statement, String> {
        if !text::is_cve(&self.cve) {
            return Err(format!(
                "{:?} is not a CVE",
                self.cve.chars().take(40).collect::<String>()
            ));
        }
        let added = text::date(&self.date_added).ok_or("`dateAdded` is not a date")?;
        let due = self.due_date.as_deref().and_then(text::date);
        let ransomware = self
            .known_ransomware_campaign_use
            .is_some_and(|word| word.eq_ignore_ascii_case("known"));
        Ok(Statement::Threat {
            vulnerability: self.cve,
            part: ThreatPart::Kev(Kev {
                added,
                due,
                ransomware,
            }),
        })
    }
}
