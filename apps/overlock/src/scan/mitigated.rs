//! Measures in force on the host that is judged, and which packages they hold.

use super::facts::Given;
use crate::cli::Subject;
use crate::exit::warn;
use crate::state::State;
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

#[cfg(test)]
mod tests {
    use super::*;
    use overlock_model::mitigation::Mitigation;
    use overlock_model::run::RunId;

    fn placed(measure: Measure) -> Placed {
        Placed {
            run: RunId(3),
            mitigation: Mitigation {
                measure,
                against: vec!["CVE-2026-1".to_owned()],
                owner: "ada".to_owned(),
                reason: "the new one crashes".to_owned(),
                expires: "2026-12-01T00:00:00Z".parse().unwrap(),
            },
            expired: false,
            force: Force::Now,
        }
    }

    #[test]
    fn held_package_says_by_which_run_and_only_that_one() {
        let hold = placed(Measure::HoldPackage {
            package: "cups".to_owned(),
        });
        let mut inventory: Inventory = serde_json::from_value(serde_json::json!({
            "schema": "overlock.inventory/1",
            "os": {"id": "debian", "version_id": "12"},
            "packages": [],
            "offers": [
                {"package": "cups", "version": "2", "repository": "main", "blocked": {"by": "hold"}},
                {"package": "jq", "version": "2", "repository": "main", "blocked": {"by": "hold"}},
            ],
        }))
        .unwrap();
        name_holds(&mut inventory, &[hold]);
        let blocked: Vec<_> = inventory
            .offers
            .iter()
            .map(|offer| &offer.blocked)
            .collect();
        let ours =
            |by: &Option<Blocked>| matches!(by, Some(Blocked::Mitigation { run: RunId(3), .. }));
        assert!(ours(blocked[0]), "{blocked:?}");
        assert_eq!(*blocked[1], Some(Blocked::Hold));
    }
}
