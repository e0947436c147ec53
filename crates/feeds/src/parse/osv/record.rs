//! The parts of an OSV record that we read; the rest is ignored.

use super::super::interval::Event;
use super::super::{Limits, text};
use serde::{Deserialize, Deserializer};

#[derive(Deserialize)]
pub(super) struct Record {
    pub(super) id: String,
    #[serde(default)]
    pub(super) modified: Option<String>,
    #[serde(default)]
    pub(super) published: Option<String>,
    #[serde(default)]
    pub(super) withdrawn: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) aliases: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) related: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) upstream: Vec<String>,
    #[serde(default)]
    pub(super) summary: Option<String>,
    #[serde(default)]
    details: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    severity: Vec<Severity>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) affected: Vec<Affected>,
    #[serde(default)]
    database_specific: Option<DatabaseSpecific>,
}

#[derive(Deserialize)]
struct Severity {
    #[serde(rename = "type")]
    kind: String,
    score: String,
}

#[derive(Deserialize)]
struct DatabaseSpecific {
    #[serde(default, deserialize_with = "if_string")]
    severity: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Affected {
    #[serde(default)]
    pub(super) package: Option<Package>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) ranges: Vec<Range>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) versions: Vec<String>,
    #[serde(default)]
    pub(super) ecosystem_specific: Option<EcosystemSpecific>,
}

#[derive(Deserialize)]
pub(super) struct Package {
    pub(super) ecosystem: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) purl: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct EcosystemSpecific {
    /// Ubuntu: `Available with Ubuntu Pro (Infra-only): …`, `No subscription required`.
    #[serde(default, deserialize_with = "if_string")]
    pub(super) availability: Option<String>,
    /// Debian: `unimportant`, `low` …
    #[serde(default, deserialize_with = "if_string")]
    pub(super) urgency: Option<String>,
    #[serde(default, deserialize_with = "if_string")]
    pub(super) severity: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Range {
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default, deserialize_with = "or_default")]
    events: Vec<RawEvent>,
}

#[derive(Deserialize)]
struct RawEvent {
    introduced: Option<String>,
    fixed: Option<String>,
    last_affected: Option<String>,
    limit: Option<String>,
}

impl Range {
    pub(super) fn events(&self, limits: &Limits) -> Result<Vec<Event>, String> {
        let one = |raw: &RawEvent| match raw {
            RawEvent {
                introduced: Some(v),
                fixed: None,
                last_affected: None,
                limit: None,
            } => Ok(Event::Introduced(text::word(v, "version", limits)?)),
            RawEvent {
                introduced: None,
                fixed: Some(v),
                last_affected: None,
                limit: None,
            } => Ok(Event::Fixed(text::word(v, "version", limits)?)),
            RawEvent {
                introduced: None,
                fixed: None,
                last_affected: Some(v),
                limit: None,
            } => Ok(Event::LastAffected(text::word(v, "version", limits)?)),
            RawEvent {
                introduced: None,
                fixed: None,
                last_affected: None,
                limit: Some(v),
            } => Ok(Event::Limit(text::word(v, "version", limits)?)),
            _ => Err(
                "an event must have exactly one of introduced, fixed, last_affected, limit"
                    .to_owned(),
            ),
        };
        self.events.iter().map(one).collect()
    }
}

impl Record {
    /// CVSS vectors, each once; other kinds of severity are words.
    pub(super) fn cvss(&self) -> Vec<String> {
        let mut vectors: Vec<String> = Vec::new();
        for severity in self.severity.iter().take(100) {
            let sound = severity.kind.starts_with("CVSS_")
                && severity.score.contains("/")
                && severity.score.len() < 256;
            if sound && !vectors.contains(&severity.score) {
                vectors.push(severity.score.clone());
            }
        }
        vectors
    }

    /// The publisher's own word: Ubuntu's severity type, GitHub's `database_specific`, or the errata's title, which
    /// begins `Important: …` in the RHEL family.
    pub(super) fn severity_word(&self) -> Option<String> {
        let typed = self
            .severity
            .iter()
            .find(|severity| !severity.kind.starts_with("CVSS_"));
        typed
            .and_then(|severity| text::severity(&severity.score))
            .or_else(|| {
                self.database_specific
                    .as_ref()
                    .and_then(|s| text::severity(s.severity.as_deref()?))
            })
            .or_else(|| {
                let (word, _) = self.summary.as_deref()?.split_once(':')?;
                matches!(word, "Critical" | "Important" | "Moderate" | "Low")
                    .then(|| word.to_ascii_lowercase())
            })
    }

    pub(super) fn summary_line(&self, limits: &Limits) -> Option<String> {
        let text = self
            .summary
            .as_deref()
            .filter(|text| !text.trim().is_empty())
            .or(self.details.as_deref())?;
        text::summary(text, limits)
    }
}

/// `null` where the schema wants a list, as some publishers write.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    value: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(value)?.unwrap_or_default())
}

/// A string; any other value of these free-form fields means nothing to us.
fn if_string<'de, D: Deserializer<'de>>(value: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Text(String),
        Other(serde::de::IgnoredAny),
    }
    Ok(match Option::<Either>::deserialize(value)? {
        Some(Either::Text(text)) => Some(text),
        Some(Either::Other(_)) | None => None,
    })
}
