//! Why an exposure stays: one typed reason for each package and cause.

use crate::Situation;
use crate::groups::Group;
use crate::moves::Move;
use crate::updates::ends;
use overlock_matching::scheme_of;
use overlock_model::exposure::{Exposure, ExposureState, ExposureStatus};
use overlock_model::os::Support;
use overlock_model::update::{Held, HoldReason};
use std::collections::BTreeMap;

/// Reasons for all exposures that no update ends, most risk first.
pub(crate) fn reasons(
    situation: &Situation<'_>,
    moves: &[Move<'_>],
    groups: &[Group],
    ended: &[usize],
) -> Vec<Held> {
    let mut held: BTreeMap<(String, String, HoldReason), (f64, Vec<String>)> = BTreeMap::new();
    for (at, exposure) in situation.exposures.iter().enumerate() {
        // An old kernel that does not run needs no update; it is shown with the exposures.
        if ended.binary_search(&at).is_ok() || exposure.state == ExposureState::Dormant {
            continue;
        }
        let reason = reason(situation, moves, groups, exposure);
        let weight = situation.weights.get(at).copied().unwrap_or(0.0);
        let slot = held
            .entry((exposure.package.clone(), exposure.installed.clone(), reason))
            .or_insert((0.0, Vec::new()));
        slot.0 += weight;
        slot.1.push(exposure.vulnerability.clone());
    }
    let mut held: Vec<(f64, Held)> = held
        .into_iter()
        .map(
            |((package, installed, reason), (weight, vulnerabilities))| {
                (
                    weight,
                    Held {
                        package,
                        installed,
                        vulnerabilities,
                        reason,
                    },
                )
            },
        )
        .collect();
    held.sort_by(|(a_weight, a), (b_weight, b)| {
        b_weight
            .total_cmp(a_weight)
            .then_with(|| (&a.package, &a.reason).cmp(&(&b.package, &b.reason)))
    });
    held.into_iter().map(|(_, held)| held).collect()
}

fn reason(
    situation: &Situation<'_>,
    moves: &[Move<'_>],
    groups: &[Group],
    exposure: &Exposure,
) -> HoldReason {
    if exposure.state == ExposureState::Installed {
        return HoldReason::RebootPending;
    }
    if !exposure.kind.is_os() {
        return HoldReason::OtherManager {
            manager: exposure.kind.to_string(),
        };
    }
    if exposure.status != ExposureStatus::FixAvailable {
        return HoldReason::NoFix {
            status: exposure.status,
        };
    }
    if let Some(reason) = blocked(moves, groups, exposure) {
        return reason;
    }
    let offered = newest_offer(situation, exposure);
    match (&offered, situation.support) {
        (None, Support::EndOfLife { .. }) => HoldReason::EndOfLife,
        (None, _) => HoldReason::RepositoryMissing,
        (Some(_), _) => HoldReason::NoCandidate {
            fixed: exposure.fixed.clone().unwrap_or_default(),
            offered,
        },
    }
}

/// A group that would end it but for one blocked member.
fn blocked(moves: &[Move<'_>], groups: &[Group], exposure: &Exposure) -> Option<HoldReason> {
    let (group, blocker) = groups
        .iter()
        .filter(|group| ends(moves, group, exposure))
        .find_map(|group| Some((group, moves.get(group.blocked?)?)))?;
    let own = group
        .members
        .iter()
        .filter_map(|at| moves.get(*at))
        .find(|one| exposure.binaries.contains(&one.package.name) && one.blocked.is_some());
    Some(match own.and_then(|own| own.blocked.map(|by| (own, by))) {
        Some((own, by)) => HoldReason::Blocked {
            by: by.clone(),
            to: own.offer.version.clone(),
        },
        None => HoldReason::TogetherBlocked {
            package: blocker.package.name.clone(),
        },
    })
}

fn newest_offer(situation: &Situation<'_>, exposure: &Exposure) -> Option<String> {
    situation
        .inventory
        .offers
        .iter()
        .filter(|offer| exposure.binaries.contains(&offer.package))
        .filter_map(|offer| {
            let key = overlock_versions::key(scheme_of(&exposure.kind), &offer.version).ok()?;
            Some((key, offer.version.clone()))
        })
        .max()
        .map(|(_, version)| version)
}
