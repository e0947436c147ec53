//! CISA's Vulnrichment: CVE JSON 5 records with CISA's container of SSVC decision points and CVSS vectors.
//!
//! Tens of thousands of files, of which we need a few words each: the record's types borrow from the file's bytes and
//! name only what is used. Vectors of the CNA come first, then those of others, so that a consumer that takes
//! the first takes the vendor's.

use super::tally::{Outcome, Tally};
use super::{Input, Limits, ParseError, Parsed, Sink, json, text, unpack};
use overlock_model::advisory::{Statement, ThreatPart};
use overlock_model::threat::{Exploitation, Ssvc, TechnicalImpact};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Parses an archive of `CVE-*.json`, one record per line, or one record. Rejected records become withdrawals.
///
/// # Errors
/// The file is none of these, is damaged or exceeds a limit.
pub fn parse(
    input: &mut dyn Input,
    limits: &Limits,
    sink: &mut Sink<'_>,
) -> Result<Parsed, ParseError> {
    let opened = unpack::open(input, limits)?;
    let mut tally = Tally::new(limits);
    let mut newest = None;
    let wanted = |name: &str| {
        let file = name.rsplit('/').next().unwrap_or(name);
        file.starts_with("CVE-") && file.ends_with(".json")
    };
    json::documents(opened, limits, &wanted, &mut tally, &mut |_, _, bytes| {
        let record: Record<'_> = json::record(bytes, limits)?;
        newest = newest.max(record.metadata.updated.as_deref().and_then(text::timestamp));
        record.hand_on(sink)
    })?;
    tally.parsed.facts.dated = newest;
    tally.finish_some("CVE record")
}

#[derive(Deserialize)]
struct Record<'a> {
    #[serde(rename = "cveMetadata", borrow)]
    metadata: Metadata<'a>,
    #[serde(default, borrow)]
    containers: Containers<'a>,
}

#[derive(Deserialize)]
struct Metadata<'a> {
    #[serde(rename = "cveId", borrow)]
    cve: Cow<'a, str>,
    #[serde(borrow)]
    state: Cow<'a, str>,
    #[serde(rename = "assignerShortName", default)]
    assigner: Option<Cow<'a, str>>,
    #[serde(rename = "datePublished", default)]
    published: Option<Cow<'a, str>>,
    #[serde(rename = "dateUpdated", default)]
    updated: Option<Cow<'a, str>>,
}

#[derive(Deserialize, Default)]
struct Containers<'a> {
    #[serde(default, borrow)]
    cna: Container<'a>,
    #[serde(default, borrow)]
    adp: Vec<Container<'a>>,
}

#[derive(Deserialize, Default)]
struct Container<'a> {
    #[serde(rename = "providerMetadata", default, borrow)]
    provider: Option<Provider<'a>>,
    #[serde(default, borrow)]
    metrics: Vec<Metric<'a>>,
}

#[derive(Deserialize)]
struct Provider<'a> {
    #[serde(rename = "shortName", default, borrow)]
    name: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Metric<'a> {
    #[serde(rename = "cvssV4_0", default, borrow)]
    v4_0: Option<Cvss<'a>>,
    #[serde(rename = "cvssV3_1", default, borrow)]
    v3_1: Option<Cvss<'a>>,
    #[serde(rename = "cvssV3_0", default, borrow)]
    v3_0: Option<Cvss<'a>>,
    #[serde(rename = "cvssV2_0", default, borrow)]
    v2_0: Option<Cvss<'a>>,
    #[serde(default, borrow)]
    other: Option<Other<'a>>,
}

#[derive(Deserialize)]
struct Cvss<'a> {
    #[serde(rename = "vectorString", borrow)]
    vector: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Other<'a> {
    #[serde(rename = "type", default, borrow)]
    kind: Option<Cow<'a, str>>,
    /// Of any shape unless it is SSVC's.
    #[serde(default, borrow)]
    content: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct SsvcContent<'a> {
    #[serde(borrow)]
    options: Vec<SsvcOption<'a>>,
    #[serde(default, borrow)]
    timestamp: Option<Cow<'a, str>>,
}

/// One decision point each, by its name in CISA's schema.
#[derive(Deserialize)]
struct SsvcOption<'a> {
    #[serde(rename = "Exploitation", default, borrow)]
    exploitation: Option<Cow<'a, str>>,
    #[serde(rename = "Automatable", default, borrow)]
    automatable: Option<Cow<'a, str>>,
    #[serde(rename = "Technical Impact", default, borrow)]
    technical_impact: Option<Cow<'a, str>>,
}

impl Record<'_> {
    fn hand_on(&self, sink: &mut Sink<'_>) -> Result<Outcome, String> {
        let cve = self.metadata.cve.as_ref();
        if !text::is_cve(cve) {
            return Err(format!(
                "{:?} is not a CVE",
                cve.chars().take(40).collect::<String>()
            ));
        }
        match self.metadata.state.as_ref() {
            "REJECTED" => {
                sink(Statement::Withdrawn {
                    vulnerability: cve.to_owned(),
                });
                return Ok(Outcome::Taken);
            }
            "PUBLISHED" => {}
            other => return Err(format!("unknown state {other:?}")),
        }
        let mut parts = Vec::new();
        let assigner = self.metadata.assigner.as_deref().unwrap_or("CNA");
        self.containers.cna.parts(assigner, &mut parts)?;
        for adp in &self.containers.adp {
            let name = adp
                .provider
                .as_ref()
                .and_then(|provider| provider.name.as_deref())
                .unwrap_or("ADP");
            adp.parts(name, &mut parts)?;
        }
        parts.extend(
            self.metadata
                .published
                .as_deref()
                .and_then(text::date)
                .map(ThreatPart::Published),
        );
        for part in parts {
            sink(Statement::Threat {
                vulnerability: cve.to_owned(),
                part,
            });
        }
        Ok(Outcome::Taken)
    }
}

impl Container<'_> {
    fn parts(&self, source: &str, parts: &mut Vec<ThreatPart>) -> Result<(), String> {
        let source = source.get(..64).unwrap_or(source);
        for metric in &self.metrics {
            let vectors = [&metric.v4_0, &metric.v3_1, &metric.v3_0, &metric.v2_0];
            for vector in vectors
                .into_iter()
                .flatten()
                .filter(|cvss| cvss.vector.len() < 256)
            {
                parts.push(ThreatPart::Cvss {
                    source: source.to_owned(),
                    vector: vector.vector.clone().into_owned(),
                });
            }
            let Some(Other {
                kind: Some(kind),
                content: Some(content),
            }) = &metric.other
            else {
                continue;
            };
            if kind == "ssvc" {
                let content: SsvcContent<'_> = serde_json::from_str(content.get())
                    .map_err(|error| format!("ssvc: {error}"))?;
                parts.push(ThreatPart::Ssvc(content.decision_points(source)?));
            }
        }
        Ok(())
    }
}

impl SsvcContent<'_> {
    fn decision_points(&self, source: &str) -> Result<Ssvc, String> {
        let date = self.timestamp.as_deref().and_then(text::date);
        let mut ssvc = Ssvc {
            exploitation: None,
            automatable: None,
            technical_impact: None,
            date,
            source: source.to_owned(),
        };
        for option in &self.options {
            if let Some(word) = option.exploitation.as_deref() {
                ssvc.exploitation = Some(match word.to_ascii_lowercase().as_str() {
                    "none" => Exploitation::None,
                    "poc" | "public poc" => Exploitation::PublicPoc,
                    "active" => Exploitation::Active,
                    _ => return Err(format!("unknown Exploitation {word:?}")),
                });
            }
            if let Some(word) = option.automatable.as_deref() {
                ssvc.automatable = Some(match word.to_ascii_lowercase().as_str() {
                    "yes" => true,
                    "no" => false,
                    _ => return Err(format!("unknown Automatable {word:?}")),
                });
            }
            if let Some(word) = option.technical_impact.as_deref() {
                ssvc.technical_impact = Some(match word.to_ascii_lowercase().as_str() {
                    "partial" => TechnicalImpact::Partial,
                    "total" => TechnicalImpact::Total,
                    _ => return Err(format!("unknown Technical Impact {word:?}")),
                });
            }
        }
        Ok(ssvc)
    }
}
