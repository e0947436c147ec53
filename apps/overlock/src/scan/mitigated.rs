//! Measures in force on the host that is judged: what they stand against, and which packages they hold.

use super::facts::Given;
use crate::cli::Subject;
use crate::exit::warn;
use crate::state::State;
use overlock_matching::Finding;
use overlock_model::exposure::{ExposureState, MitigatedBy};
use overlock_model::inventory::Inventory;
use overlock_model::mitigation::{Force, Measure, Placed};
use overlock_model::repository::Blocked;

/// Adds this host's measures to what was given, where it is this host that is looked at; what should no longer be there,
/// or does not hold, is told.
pub fn add(given: &mut Given, inventory: &mut Inventory, subject: &Subject, state: &State) {
    if subject.root.is_some() || subject.sbom.is_some() || subject.inventory.is_some() {
        return;
    }
    match overlock_apply::mitigate::placed(&state.data, state.clock()) {
        // Nothing then counts as mitigated: the careful side.
        Err(error) => warn(&format!("measures in force cannot be read: {error}")),
        Ok(placed) => {
            for one in &placed {
                let (run, measure) = (one.run, &one.mitigation.measure);
                if one.expired {
                    warn(&format!(
                        "run {run}: {measure} has expired; `overlock mitigate --expire` takes it away"
                    ));
                } else if let Force::Lost { why } = &one.force {
                    warn(&format!("run {run}: {measure} does not hold: {why}"));
                }
            }
            name_holds(inventory, &placed);
            given.mitigations = placed;
        }
    }
}

/// Says of held packages by which run, where it was one.
fn name_holds(inventory: &mut Inventory, placed: &[Placed]) {
    for offer in &mut inventory.offers {
        let ours = placed.iter().find(|one| match &one.mitigation.measure {
            Measure::HoldPackage { package } => *package == offer.package,
            _ => false,
        });
        if let (Some(Blocked::Hold), Some(one)) = (&offer.blocked, ours) {
            offer.blocked = Some(Blocked::Mitigation {
                run: one.run,
                owner: one.mitigation.owner.clone(),
                reason: one.mitigation.reason.clone(),
                expires: one.mitigation.expires,
            });
        }
    }
}

/// Measures that hold now against a finding that is open.
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
