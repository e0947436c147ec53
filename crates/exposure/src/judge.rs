//! One finding and all that is known around it, as one exposure with its decision.

use crate::mitigation;
use overlock_matching::Finding;
use overlock_model::decision::Decision;
use overlock_model::exposure::{Exposure, ExposureState, ExposureStatus};
use overlock_model::mitigation::Placed;
use overlock_model::package::Package;
use overlock_model::threat::Threat;
use overlock_risk::{Case, Fix, Judgement, Setting};

/// Judges all findings of a host, most urgent first. `threat_of` says what the tables know of a vulnerability;
/// `placed` are the measures on that host.
pub fn judge_all(
    findings: impl IntoIterator<Item = Finding>,
    threat_of: impl Fn(&str) -> Threat,
    setting: &Setting<'_>,
    placed: &[Placed],
) -> Vec<(Exposure, Judgement)> {
    let mut exposures: Vec<_> = findings
        .into_iter()
        .map(|finding| {
            let threat = threat_of(&finding.vulnerability);
            judge(finding, threat, setting, placed)
        })
        .collect();
    crate::rank(&mut exposures);
    exposures
}

/// Judges one finding.
#[must_use]
pub fn judge(
    mut finding: Finding,
    threat: Threat,
    setting: &Setting<'_>,
    placed: &[Placed],
) -> (Exposure, Judgement) {
    let mitigations = mitigation::against(&finding, placed);
    if !mitigations.is_empty() {
        finding.state = ExposureState::Mitigated;
        finding
            .evidence
            .notes
            .extend(mitigation::notes(&mitigations));
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
    let judgement = overlock_risk::judge(
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
        // A measure in force stands against it until the measure ends, and its fix is still to come: nothing is urgent, but
        // its clocks go on, and so does its risk.
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

#[cfg(test)]
mod tests;
