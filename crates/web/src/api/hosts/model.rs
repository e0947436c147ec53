//! How hosts look.

use jiff::Timestamp;
use overlock_fleet::Denominator;
use overlock_fleet::answer::{ByDecision, Gap, HostRow};
use overlock_model::asset::{HostFacts, Standing};
use overlock_model::os::Os;
use overlock_model::plan::HostId;
use overlock_protocol::Section;
use overlock_protocol::content::Labels;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Hosts (`overlock.host-list/1`).
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct HostList {
    /// `overlock.host-list/1`.
    pub schema: &'static str,
    /// By name, then id.
    pub items: Vec<HostLine>,
    /// Where the next page begins; `null` at the end.
    pub next: Option<String>,
    /// All hosts that were asked for, on whatever page, and what is not known of them.
    pub denominator: Denominator,
    /// Hosts for which the condition has no value: they are not in the list. `null` for who may not see all hosts.
    pub undecided: Option<u64>,
}

/// One host in a list.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct HostLine {
    /// Its id.
    pub id: HostId,
    /// Its name.
    pub name: String,
    /// `unconfirmed`, `active`, `quarantined`, `revoked` or `unmanaged`.
    pub standing: String,
    /// Release of its operating system; `null`: not known.
    pub system: Option<String>,
    /// Version of its agent; empty without one.
    pub agent: String,
    /// Last contact; `null`: never.
    pub last_seen: Option<Timestamp>,
    /// What people say of it.
    pub facts: HostFacts,
    /// What it says of itself.
    pub labels: Labels,
    /// Open exposures by decision; `null` where its packages are not known.
    pub exposures: Option<ByDecision>,
    /// Fixes that are installed and not in force.
    pub not_in_force: u64,
    /// Whether something asks for a reboot; `null`: not known.
    pub reboot_pending: Option<bool>,
    /// What keeps this row from being the whole truth.
    pub gaps: Vec<Gap>,
    /// The same in words.
    pub notes: Vec<String>,
}

impl From<HostRow> for HostLine {
    fn from(row: HostRow) -> Self {
        let known = !row.gaps.contains(&Gap::NoInventory);
        Self {
            id: row.id,
            name: row.name,
            standing: row.standing.word().to_owned(),
            system: release(&row.os),
            agent: row.agent,
            last_seen: row.last_seen,
            facts: row.about,
            labels: row.labels,
            exposures: known.then_some(row.exposures),
            not_in_force: row.not_in_force,
            reboot_pending: row.reboot_pending,
            notes: notes(&row.standing, row.reboot_pending, &row.gaps),
            gaps: row.gaps,
        }
    }
}

/// Name and version of a release, as people write it.
fn release(os: &Os) -> Option<String> {
    match (os.id.as_str(), os.version_id.as_str()) {
        ("", _) => None,
        (id, "") => Some(id.to_owned()),
        (id, version) => Some(format!("{id} {version}")),
    }
}

/// What people must know of a host beside its counts.
pub(crate) fn notes(standing: &Standing, reboot: Option<bool>, gaps: &[Gap]) -> Vec<String> {
    let mut notes = Vec::new();
    if let Standing::Quarantined { why, .. } | Standing::Revoked { why, .. } = standing {
        notes.push(format!("{}: {why}", standing.word()));
    }
    if reboot == Some(true) {
        notes.push("waits for a reboot".to_owned());
    }
    notes.extend(gaps.iter().map(|gap| match gap {
        Gap::Silent => "silent: not in touch for too long".to_owned(),
        Gap::Stale => "stale: what is known of it is too old".to_owned(),
        Gap::NoInventory => "never reported packages".to_owned(),
        Gap::NoAdvisories => "no advisories are at hand for its packages".to_owned(),
        Gap::NotCovered { packages } => format!("{packages} packages could not be judged"),
        Gap::SwitchedOff { sections } => {
            let words: Vec<&str> = sections.iter().map(|section| section.as_str()).collect();
            format!("switched off: {}", words.join(", "))
        }
        Gap::ProcessesUnknown => "what runs on it is not wholly known".to_owned(),
    }));
    notes
}

/// One host (`overlock.host/1`).
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct HostDocument {
    /// `overlock.host/1`.
    pub schema: &'static str,
    /// Its id.
    pub id: HostId,
    /// Its name.
    pub name: String,
    /// `unconfirmed`, `active`, `quarantined`, `revoked` or `unmanaged`.
    pub standing: String,
    /// Since when, where it was put there.
    pub standing_since: Option<Timestamp>,
    /// Why.
    pub standing_why: Option<String>,
    /// The group that it was enrolled into.
    pub group: Option<String>,
    /// When it first enrolled.
    pub enrolled: Timestamp,
    /// SHA-256 of its public key, as its agent prints it.
    pub fingerprint: Option<String>,
    /// Serial number of its newest certificate.
    pub certificate: Option<String>,
    /// When that ends.
    pub certificate_until: Option<Timestamp>,
    /// Version of its agent; empty without one.
    pub agent: String,
    /// Whether the root helper is there; without it the agent only reports.
    pub helper: bool,
    /// Last contact; `null`: never.
    pub last_seen: Option<Timestamp>,
    /// Its address then.
    pub address: Option<String>,
    /// How far its clock is ahead of the server's, in microseconds.
    pub clock_offset_us: Option<i64>,
    /// Release of its operating system; `null`: not known.
    pub system: Option<String>,
    /// The same in full.
    pub os: Option<Os>,
    /// Architecture.
    pub arch: Option<String>,
    /// Release of the running kernel.
    pub kernel: Option<String>,
    /// Sections that the server has of it.
    pub sections: BTreeSet<Section>,
    /// Sections that its owner has switched off.
    pub switched_off: BTreeSet<Section>,
    /// How many reports have changed something.
    pub revision: i64,
    /// When it was last judged.
    pub judged: Option<Timestamp>,
    /// What people say of it.
    pub facts: HostFacts,
    /// What it says of itself.
    pub labels: Labels,
    /// Open exposures by decision; `null` where its packages are not known.
    pub exposures: Option<ByDecision>,
    /// Episodes that have not ended, by state.
    pub episodes: BTreeMap<&'static str, u64>,
    /// What waits for a reboot or a restart; `null`: not known.
    pub pending: Option<Pending>,
    /// What keeps this answer from being the whole truth.
    pub gaps: Vec<Gap>,
    /// The same in words.
    pub notes: Vec<String>,
}

/// What waits for a reboot or a restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Pending {
    /// Whether something asks for a reboot.
    pub reboot: bool,
    /// Packages that ask for it.
    pub reboot_for: BTreeSet<String>,
    /// Packages of which replaced files are still in use.
    pub restart_for: BTreeSet<String>,
    /// Whether every process could be looked into.
    pub complete: bool,
}

/// What happened on a host, newest first (`overlock.host-timeline/1`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HostTimeline {
    /// `overlock.host-timeline/1`.
    pub schema: &'static str,
    /// Newest first.
    pub items: Vec<Happened>,
    /// Where the next page begins; `null` at the end.
    pub next: Option<String>,
}

/// One thing that happened on a host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Happened {
    /// When.
    pub at: Timestamp,
    /// `reported` for a section that changed, or the state that an episode came to.
    pub kind: String,
    /// What, in words.
    pub summary: String,
    /// Who: `host:ID` or `server`.
    pub actor: String,
}

/// What people say of a host (`overlock.host-facts/1`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FactsDocument {
    /// `overlock.host-facts/1`.
    pub schema: &'static str,
    /// Which host.
    pub id: HostId,
    /// What is said.
    pub facts: HostFacts,
}

/// What is said of several hosts.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FactsOfMany {
    /// By name or id: what is changed, `null` to take it away; 1 to 1000 hosts.
    #[schemars(with = "BTreeMap<String, HostFacts>")]
    pub hosts: BTreeMap<String, serde_json::Value>,
}

/// What became of [`FactsOfMany`] (`overlock.facts-set/1`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FactsSet {
    /// `overlock.facts-set/1`.
    pub schema: &'static str,
    /// How many hosts were named.
    pub set: u64,
    /// Hosts of which something else is said now.
    pub changed: Vec<HostId>,
    /// Hosts of which this was said already.
    pub unchanged: Vec<HostId>,
}

/// The key that somebody has compared with what the agent printed.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Confirm {
    /// SHA-256 of the host's public key, as hex.
    pub fingerprint: String,
}

/// Why somebody does this.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// 1 to 200 characters on one line.
    pub reason: String,
}

/// Hosts that have no agent.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnmanagedGiven {
    /// Their names, 1 to 10,000, each 1 to 200 characters.
    pub names: Vec<String>,
}

/// What became of [`UnmanagedGiven`] (`overlock.unmanaged/1`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct UnmanagedMade {
    /// `overlock.unmanaged/1`.
    pub schema: &'static str,
    /// How many hosts are counted from now on that were not before.
    pub added: u64,
    /// How many names a host has already.
    pub known: u64,
    /// Those that were added.
    pub hosts: Vec<AddedHost>,
}

/// A host that was added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AddedHost {
    /// Its id.
    pub id: HostId,
    /// Its name.
    pub name: String,
}
