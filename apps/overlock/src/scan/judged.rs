//! From findings to exposures with decision and deadline, and to the report.

use super::facts::Given;
use super::tables::AtHand;
use super::{mitigated, ownership, still_running};
use crate::state::State;
use overlock_host::support::support;
use overlock_matching::{Assessment, Context, Finding, assess};
use overlock_model::Timestamp;
use overlock_model::decision::Decision;
use overlock_model::exposure::{Exposure, ExposureState, ExposureStatus};
use overlock_model::feed::FeedStatus;
use overlock_model::inventory::{Inventory, Unseen};
use overlock_model::mitigation::Placed;
use overlock_model::os::Support;
use overlock_model::package::Package;
use overlock_model::scan::{Host, SCAN_SCHEMA, ScanReport};
use overlock_model::threat::Threat;
use overlock_planner::{Planned, Scope, Situation, plan};
use overlock_risk::{Case, Fix, Judgement, Setting, judge};
use overlock_rootfs::Root;
use std::cmp::Reverse;

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
    let now = plausible_now(state.now, &feeds, inventory);
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
    let mut rows: Vec<(Exposure, Judgement)> = findings
        .into_iter()
        .map(|finding| {
            let threat = threats
                .and_then(|threats| threats.threat(&finding.vulnerability))
                .unwrap_or_default();
            exposure(finding, threat, &setting, &given.mitigations)
        })
        .collect();
    rows.sort_by(|(a, a_judged), (b, b_judged)| {
        (
            Reverse(a.decision),
            Reverse(a_judged.risk.to_bits()),
            &a.source,
            &a.vulnerability,
            &a.installed,
        )
            .cmp(&(
                Reverse(b.decision),
                Reverse(b_judged.risk.to_bits()),
                &b.source,
                &b.vulnerability,
                &b.installed,
            ))
    });
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

/// A clock that is behind the feeds cannot be right: deadlines then count from the newest feed, and it is said.
fn plausible_now(now: Timestamp, feeds: &[FeedStatus], inventory: &mut Inventory) -> Timestamp {
    let Some(newest) = feeds
        .iter()
        .filter_map(|feed| match feed.fetched {
            // Fetched under a clock that cannot have been right: only the publisher's date is left to go by.
            Some(fetched) if fetched < written() => feed.dated,
            fetched => feed.dated.min(fetched),
        })
        .max()
    else {
        return now;
    };
    if newest <= now {
        return now;
    }
    inventory.unseen.push(Unseen {
        what: "the time".to_owned(),
        why: format!("the clock says {now}, which is before the newest feed of {newest}; judged as of that feed"),
    });
    newest
}

/// No clock that is right shows a time before this program was written.
fn written() -> Timestamp {
    Timestamp::constant(1_767_225_600, 0) // 2026-01-01T00:00:00Z
}

fn exposure(
    mut finding: Finding,
    threat: Threat,
    setting: &Setting<'_>,
    mitigations: &[Placed],
) -> (Exposure, Judgement) {
    let mitigations = mitigated::against(&finding, mitigations);
    if !mitigations.is_empty() {
        finding.state = ExposureState::Mitigated;
        finding
            .evidence
            .notes
            .extend(mitigated::notes(&mitigations));
    }
    let fix = match (finding.status, finding.fix_available) {
        (ExposureStatus::FixAvailable, Some(released)) => Fix::Released(released),
        (ExposureStatus::FixAvailable, None) => Fix::Undated,
        _ => Fix::Unreleased,
    };
    // The vendor's own assessment of its own build comes first.
    let vendor = finding
        .cvss
        .iter()
        .map(|vector| (vector.clone(), "vendor".to_owned()));
    let threat = Threat {
        cvss: vendor.chain(threat.cvss).collect(),
        ..threat
    };
    let judgement = judge(
        setting,
        &Case {
            threat: &threat,
            vendor_severity: finding.severity.as_deref(),
            disclosed: finding.published,
            fix,
        },
    );
    let judgement = match finding.state {
        ExposureState::NotAffected => at_rest(judgement),
        // Kept in check for now; its clocks go on, and so does its risk.
        ExposureState::Mitigated => Judgement {
            decision: Decision::Defer,
            ..judgement
        },
        _ => judgement,
    };
    let names = finding.binaries.iter().map(|(name, _)| name.as_str());
    let package = Package::representative(&finding.source, names)
        .unwrap_or_default()
        .to_owned();
    let mut evidence = finding.evidence;
    evidence.notes.extend(
        judgement
            .inputs
            .iter()
            .filter(|input| input.assumed)
            .map(ToString::to_string),
    );
    let exposure = Exposure {
        vulnerability: finding.vulnerability,
        aliases: finding.aliases,
        summary: finding.summary,
        package,
        binaries: finding.binaries.into_iter().map(|(name, _)| name).collect(),
        kind: finding.kind,
        source: finding.source,
        installed: finding.installed,
        fixed: finding.fixed,
        status: finding.status,
        state: finding.state,
        advisories: finding.advisories,
        fix_available: finding.fix_available,
        vendor_severity: finding.severity,
        cvss: judgement.cvss.clone(),
        epss: threat.epss,
        kev: threat.kev,
        ssvc: threat.ssvc,
        decision: judgement.decision,
        obligations: judgement.obligations.clone(),
        deadline: judgement.deadline,
        mitigations,
        evidence,
    };
    (exposure, judgement)
}

/// Nothing is to be done about what is not affected, by no date; its facts stay visible.
fn at_rest(judgement: Judgement) -> Judgement {
    Judgement {
        decision: Decision::Defer,
        obligations: Vec::new(),
        deadline: None,
        risk: 0.0,
        ..judgement
    }
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
    if let Some(root) = root {
        let offered: std::collections::HashSet<String> = inventory
            .offers
            .iter()
            .map(|offer| offer.package.clone())
            .collect();
        let versions: std::collections::HashMap<String, String> = inventory
            .offers
            .iter()
            .map(|offer| (offer.package.clone(), offer.version.clone()))
            .collect();
        ownership::of_units(root, &mut inventory, |package| {
            offered.contains(&package.name) && versions.get(&package.name) != Some(&package.version)
        });
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
