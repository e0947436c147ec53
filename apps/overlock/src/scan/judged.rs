//! From an inventory to exposures with decision and deadline, and to the report.

use super::facts::Given;
use super::still_running;
use super::tables::AtHand;
use crate::state::State;
use overlock_exposure::{judge_all, plausible_now};
use overlock_host::support::support;
use overlock_inventory::ownership;
use overlock_matching::{Assessment, Context, assess};
use overlock_model::Timestamp;
use overlock_model::exposure::Exposure;
use overlock_model::feed::FeedStatus;
use overlock_model::inventory::Inventory;
use overlock_model::os::Support;
use overlock_model::scan::{Host, SCAN_SCHEMA, ScanReport};
use overlock_planner::{Planned, Scope, Situation, plan};
use overlock_risk::Setting;
use overlock_rootfs::Root;
use std::collections::HashMap;

/// Exposures with their weights, most urgent first, and what they were judged with.
pub struct Judged {
    /// Exposures.
    pub exposures: Vec<Exposure>,
    /// Weight of each.
    pub weights: Vec<f64>,
    /// Inputs of each decision, in plain words.
    pub inputs: Vec<Vec<String>>,
    /// Coverage.
    pub assessment: Assessment,
    /// Support of the release.
    pub support: Support,
    /// Feeds behind it.
    pub feeds: Vec<FeedStatus>,
    /// Time of judgement.
    pub now: Timestamp,
}

/// Judges an inventory.
pub fn judged(
    inventory: &mut Inventory,
    root: Option<&Root>,
    tables: &AtHand,
    given: &Given,
    state: &State,
) -> Judged {
    let manifest = tables.compiled.as_ref().map(|tables| tables.manifest());
    let feeds = manifest
        .map(|manifest| manifest.feeds.clone())
        .unwrap_or_default();
    let (now, unseen) = plausible_now(state.now, &feeds);
    inventory.unseen.extend(unseen);
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let dates = manifest
        .map(|manifest| manifest.release_dates.as_slice())
        .unwrap_or_default();
    let support = support(&inventory.os, dates, today);
    let ended = inventory
        .os
        .ecosystem()
        .and_then(|ecosystem| manifest?.support_ended.get(ecosystem.as_str()).cloned());
    let context = Context {
        support: Some(support.clone()),
        support_ended: ended.unwrap_or_default(),
        vex: given.vex.clone(),
    };
    let assessment = assess(inventory, tables, &context);
    let mut findings = assessment.findings.clone();
    if let Some(root) = root {
        findings.extend(still_running::findings(root, inventory, tables, &context));
    }

    let threats = tables.compiled.as_ref().and_then(|tables| tables.threats());
    let setting = Setting {
        facts: &given.facts,
        policy: &given.policy,
        rules: &given.rules,
        now,
    };
    let threat_of = |vulnerability: &str| {
        threats
            .and_then(|threats| threats.threat(vulnerability))
            .unwrap_or_default()
    };
    let rows = judge_all(findings, threat_of, &setting, &given.mitigations);
    let mut judged = Judged {
        exposures: Vec::with_capacity(rows.len()),
        weights: Vec::with_capacity(rows.len()),
        inputs: Vec::with_capacity(rows.len()),
        assessment,
        support,
        feeds,
        now,
    };
    for (exposure, judgement) in rows {
        judged
            .inputs
            .push(judgement.inputs.iter().map(ToString::to_string).collect());
        judged.weights.push(judgement.risk);
        judged.exposures.push(exposure);
    }
    judged
}

/// Plans and puts the report together.
pub fn report(
    mut inventory: Inventory,
    root: Option<&Root>,
    given: Given,
    judged: Judged,
    capacity: Option<usize>,
    scope: Scope,
) -> (ScanReport, Inventory) {
    if let (Some(root), Some(effective)) = (root, &mut inventory.effective) {
        let offers: HashMap<&str, &str> = inventory
            .offers
            .iter()
            .map(|offer| (offer.package.as_str(), offer.version.as_str()))
            .collect();
        let replaced = inventory.packages.iter().filter(|package| {
            offers
                .get(package.name.as_str())
                .is_some_and(|version| **version != package.version)
        });
        ownership::of_units(root, effective, replaced);
    }
    let Planned { updates, held } = plan(&Situation {
        inventory: &inventory,
        exposures: &judged.exposures,
        weights: &judged.weights,
        support: &judged.support,
        capacity,
        scope,
    });
    // Which files each unit maps was needed to plan restarts; the report names the units, not every library.
    let effective = inventory.effective.clone().map(|mut effective| {
        effective.units.clear();
        effective
    });
    let report = ScanReport {
        schema: SCAN_SCHEMA.to_owned(),
        generated: judged.now,
        host: Host {
            name: inventory.host.clone(),
            os: inventory.os.clone(),
            arch: inventory.arch.clone(),
            kernel: inventory.kernel.clone(),
            support: judged.support,
            facts: given.facts,
            effective,
            repositories: inventory.repositories.clone(),
            search_roots: inventory.search_roots.clone(),
            unseen: inventory.unseen.clone(),
        },
        coverage: judged.assessment.coverage,
        feeds: judged.feeds,
        exposures: judged.exposures,
        updates,
        held,
    };
    (report, inventory)
}
