//! What the world knows of a vulnerability: CVSS, EPSS, KEV, SSVC, each with its source and date.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One CVSS assessment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cvss {
    /// `2.0`, `3.0`, `3.1` or `4.0`.
    pub version: String,
    /// The vector as received.
    pub vector: String,
    /// Overall score, 0.0 to 10.0.
    pub score: f64,
    /// `none`, `low`, `medium`, `high`, `critical` (v2 has no `none` and no `critical`).
    pub severity: String,
    /// Which metric groups went into the score: `CVSS-B`, `CVSS-BT`, `CVSS-BE`, `CVSS-BTE` (v4 §1.3; used alike for v2, v3).
    pub nomenclature: String,
    /// Who assessed it.
    pub source: String,
}

/// Probability of an exploitation attempt being seen in the next 30 days (FIRST EPSS).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Epss {
    /// 0.0 to 1.0.
    pub score: f64,
    /// Share of all scored vulnerabilities with the same or a lower score, 0.0 to 1.0.
    pub percentile: f64,
    /// Model version, where the file names it: scores of different models do not compare.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Date of the scores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<Date>,
}

/// An entry of CISA's catalogue of known exploited vulnerabilities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Kev {
    /// When it was listed.
    pub added: Date,
    /// The catalogue's own due date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Date>,
    /// Known use in ransomware campaigns.
    #[serde(default)]
    pub ransomware: bool,
}

/// SSVC decision points about a vulnerability, as CISA publishes them (Vulnrichment).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ssvc {
    /// Is it exploited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exploitation: Option<Exploitation>,
    /// Can steps 1-4 of the kill chain be automated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub automatable: Option<bool>,
    /// How much control it gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub technical_impact: Option<TechnicalImpact>,
    /// When it was assessed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<Date>,
    /// Who assessed it.
    pub source: String,
}

/// SSVC Exploitation 1.1.0.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Exploitation {
    /// No evidence of exploitation and no public proof of concept.
    None,
    /// A public proof of concept exists, or the attack is well known.
    PublicPoc,
    /// Reliable evidence of exploitation in the wild.
    Active,
}

/// SSVC Technical Impact 1.0.0.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum TechnicalImpact {
    /// Limited control.
    Partial,
    /// Total control.
    Total,
}

/// All that the feeds at hand know of one vulnerability, before anything is decided.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Threat {
    /// CVSS assessments as (vector, source), in order of preference (vendor first).
    pub cvss: Vec<(String, String)>,
    /// EPSS.
    pub epss: Option<Epss>,
    /// KEV.
    pub kev: Option<Kev>,
    /// SSVC.
    pub ssvc: Option<Ssvc>,
    /// When the vulnerability was published.
    pub published: Option<Date>,
    /// The identifier was rejected by the one who gave it: nothing may be reported under it.
    pub rejected: bool,
}
