//! Measures that stand against a finding while its fix is not installed.

use overlock_matching::Finding;
use overlock_model::exposure::{ExposureState, MitigatedBy};
use overlock_model::mitigation::{Force, Placed};

/// Measures that hold now against a finding that is open.
#[must_use]
pub fn against(finding: &Finding, placed: &[Placed]) -> Vec<MitigatedBy> {
    if finding.state != ExposureState::Exposed {
        return Vec::new();
    }
    let names = |id: &String| *id == finding.vulnerability || finding.aliases.contains(id);
    placed
        .iter()
        .filter(|one| {
            !one.expired
                && one.force == Force::Now
                && one.mitigation.measure.protects()
                && one.mitigation.against.iter().any(names)
        })
        .map(|one| MitigatedBy {
            run: one.run,
            measure: one.mitigation.measure.to_string(),
            owner: one.mitigation.owner.clone(),
            reason: one.mitigation.reason.clone(),
            expires: one.mitigation.expires,
        })
        .collect()
}

/// The same in plain words.
#[must_use]
pub fn notes(mitigations: &[MitigatedBy]) -> Vec<String> {
    mitigations
        .iter()
        .map(|by| {
            format!(
                "mitigated by run {}: {} until {}; {} says: {}",
                by.run,
                by.measure,
                by.expires.strftime("%F %H:%MZ"),
                by.owner,
                by.reason
            )
        })
        .collect()
}
