//! How exposures look.

use jiff::Timestamp;
use overlock_fleet::Denominator;
use overlock_fleet::answer::{ByDecision, ExposureRow};
use overlock_model::decision::Decision;
use overlock_model::episode::EpisodeState;
use overlock_model::exposure::ExposureStatus;
use overlock_model::package::PackageType;
use overlock_model::plan::HostId;
use overlock_model::threat::{Cvss, Kev};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeSet;

/// Exposures (`overlock.exposure-list/1`).
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ExposureList {
    /// `overlock.exposure-list/1`.
    pub schema: &'static str,
    /// Most urgent first.
    pub items: Vec<ExposureLine>,
    /// Where the next page begins; `null` at the end. A page may be short and have a next one.
    pub next: Option<String>,
    /// How many there are on all pages, before `decision` and `state` narrow them.
    pub total: u64,
    /// All hosts that were looked at, and what is not known of them.
    pub denominator: Denominator,
}

/// A vulnerability in one source package, over all hosts that have it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ExposureLine {
    /// Main identifier of the vulnerability.
    pub vulnerability: String,
    /// Other identifiers.
    pub aliases: Vec<String>,
    /// Kind of package.
    #[serde(rename = "type")]
    pub kind: PackageType,
    /// Source package, or the module of a language.
    pub package: String,
    /// One line of what it is.
    pub summary: Option<String>,
    /// The most urgent decision for any host.
    pub decision: Decision,
    /// The earliest deadline for any host; `null`: none has a date.
    pub deadline: Option<Timestamp>,
    /// Hosts on which it is in force, or may be.
    pub hosts: u64,
    /// The same by decision.
    pub by_decision: ByDecision,
    /// Hosts on which the fix is installed and not in force; they are among `hosts`.
    pub not_in_force: u64,
    /// Versions that end it, one for each release that has one.
    pub fixed: BTreeSet<String>,
    /// What vendors say.
    pub statuses: BTreeSet<ExposureStatus>,
    /// Advisories that speak of it.
    pub advisories: BTreeSet<String>,
    /// The vendor's rating in its own word.
    pub vendor_severity: Option<String>,
    /// Whether it is in CISA's catalogue of known exploited vulnerabilities.
    pub kev: bool,
    /// Its entry there.
    pub kev_entry: Option<Kev>,
    /// EPSS, 0.0 to 1.0; `null` is unknown.
    pub epss: Option<f64>,
    /// CVSS, 0.0 to 10.0; `null` is unknown.
    pub cvss: Option<f64>,
    /// The same in full.
    pub cvss_entry: Option<Cvss>,
}

impl From<ExposureRow> for ExposureLine {
    fn from(row: ExposureRow) -> Self {
        Self {
            vulnerability: row.key.vulnerability,
            aliases: row.aliases,
            kind: row.key.kind,
            package: row.key.source,
            summary: row.summary,
            decision: row.decision,
            deadline: row.deadline,
            hosts: row.hosts,
            by_decision: row.by_decision,
            not_in_force: row.not_in_force,
            fixed: row.fixed,
            statuses: row.statuses,
            advisories: row.advisories,
            vendor_severity: row.vendor_severity,
            kev: row.kev.is_some(),
            kev_entry: row.kev,
            epss: row.epss.map(|epss| epss.score),
            cvss: row.cvss.as_ref().map(|cvss| cvss.score),
            cvss_entry: row.cvss,
        }
    }
}

/// Hosts of one vulnerability (`overlock.exposed-hosts/1`).
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ExposedHosts {
    /// `overlock.exposed-hosts/1`.
    pub schema: &'static str,
    /// The identifier that was asked for.
    pub vulnerability: String,
    /// By name of the host: one row for each source package that has it.
    pub items: Vec<ExposedHost>,
    /// Where the next page begins; `null` at the end. `limit` counts hosts.
    pub next: Option<String>,
    /// How many hosts have it.
    pub hosts: u64,
    /// One row for each source package that has it, over all hosts.
    pub exposures: Vec<ExposureLine>,
    /// All hosts that could have it, and what is not known of them.
    pub denominator: Denominator,
}

/// A vulnerability in one source package of one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ExposedHost {
    /// Id of the host.
    pub id: HostId,
    /// Its name.
    pub name: String,
    /// Source package, or the module of a language; `null` until the host is judged.
    pub package: Option<String>,
    /// Kind of package.
    #[serde(rename = "type")]
    pub kind: Option<PackageType>,
    /// The version that is vulnerable.
    pub installed: Option<String>,
    /// The version that ends it, where there is one.
    pub fixed: Option<String>,
    /// Where its episode is; `null` until the host is judged.
    pub state: Option<EpisodeState>,
    /// When it was first seen on this host.
    pub since: Option<Timestamp>,
}
