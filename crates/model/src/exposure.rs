//! An exposure: one vulnerability in one package of one asset, with the reasons.

use crate::decision::{Decision, Obligation};
use crate::run::RunId;
use crate::threat::{Cvss, Epss, Kev, Ssvc};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One (asset, vulnerability, package).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Exposure {
    /// Main identifier, a CVE where there is one.
    pub vulnerability: String,
    /// Other identifiers of the same vulnerability, sorted.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// One line of what it is, where a feed says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// The installed package that stands for the finding (`Package::representative`).
    pub package: String,
    /// All installed binary packages of that source and version, sorted.
    #[serde(default)]
    pub binaries: Vec<String>,
    /// Kind of package.
    #[serde(rename = "type")]
    pub kind: crate::package::PackageType,
    /// Source package, or the module name for languages.
    pub source: String,
    /// The installed version that was compared.
    pub installed: String,
    /// The version that ends it, if the vendor has one for this release and stream.
    pub fixed: Option<String>,
    /// What the vendor says.
    pub status: ExposureStatus,
    /// Where in its life the exposure is on this host.
    pub state: ExposureState,
    /// Advisories that speak of it, newest first.
    #[serde(default)]
    pub advisories: Vec<String>,
    /// When a fix was published, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix_available: Option<Timestamp>,
    /// The vendor's rating in its own word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor_severity: Option<String>,
    /// CVSS, the vendor's preferred; absent is unknown, never 0.
    pub cvss: Option<Cvss>,
    /// EPSS; absent is unknown.
    pub epss: Option<Epss>,
    /// Listing in CISA's catalogue of known exploited vulnerabilities.
    pub kev: Option<Kev>,
    /// SSVC decision points as published.
    pub ssvc: Option<Ssvc>,
    /// What to do.
    pub decision: Decision,
    /// Every clock that applies.
    #[serde(default)]
    pub obligations: Vec<Obligation>,
    /// The earliest deadline of the obligations; absent when none has a date.
    pub deadline: Option<Timestamp>,
    /// Measures in force against it, for the state `mitigated`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mitigations: Vec<MitigatedBy>,
    /// Why: rule, versions, feed, stream.
    pub evidence: Evidence,
}

/// A measure in force against an exposure.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct MitigatedBy {
    /// The run that put it in place; reverting it takes it away.
    pub run: RunId,
    /// What was done, in words.
    pub measure: String,
    /// Who answers for it.
    pub owner: String,
    /// Why it is enough.
    pub reason: String,
    /// When it is taken away.
    pub expires: Timestamp,
}

/// The vendor's position on an exposure; "not affected" and "fixed" are no exposures and appear in `explain` only.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ExposureStatus {
    /// A fixed version exists in this release and stream.
    FixAvailable,
    /// Affected, no fix yet.
    NoFix,
    /// The vendor fixes it later.
    Postponed,
    /// The vendor will not fix it.
    WillNotFix,
    /// Not known yet whether it is affected.
    UnderInvestigation,
    /// Support for the package or release has ended without a fix.
    EndOfLife,
}

/// Life of an exposure (DESIGN: `unknown → exposed → staged → installed → effective → verified`); a scan sees these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExposureState {
    /// Whether it is affected is not known.
    Unknown,
    /// The vulnerable version is installed and in force.
    Exposed,
    /// The fix is installed but the vulnerable code still runs: reboot or restart pending.
    Installed,
    /// Only an old kernel that does not run is vulnerable.
    Dormant,
    /// A measure that a run put in place stands against it ([`Exposure::mitigations`]). The vulnerable version is still
    /// there: what a fix ends stays to be done, and clocks go on.
    Mitigated,
    /// A VEX statement that was given with the scan says that it is not affected here: another end than fixed.
    NotAffected,
}

/// Everything needed to check a finding by hand.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// Rule that decided, such as `dpkg source version below fixed`.
    pub rule: String,
    /// Version order used (`dpkg`, `rpm` …).
    pub scheme: String,
    /// The installed version as compared.
    pub compared: String,
    /// The fixed version as compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<String>,
    /// Release the statement is for, such as `debian:12`.
    pub ecosystem: String,
    /// Update channel of the statement.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub channel: String,
    /// Module stream of the statement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// Feeds that say so.
    #[serde(default)]
    pub feeds: Vec<String>,
    /// Further notes in plain words: signed source mapped, binNMU suffix removed, unknown inputs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}
