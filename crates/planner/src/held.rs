//! Why an exposure stays: one typed reason for each package and cause.

use crate::Situation;
use crate::groups::{Group, Groups};
use crate::stock::{Installed, Stock};
use crate::updates::{Ender, Ranked, is_security, lead};
use overlock_matching::scheme_of;
use overlock_model::exposure::{Exposure, ExposureState, ExposureStatus};
use overlock_model::os::Support;
use overlock_model::repository::Offer;
use overlock_model::update::{Held, HoldReason};
use std::collections::{BTreeMap, BTreeSet};

/// Reasons for all that no kept update ends, most risk first.
pub(crate) fn reasons(
    situation: &Situation<'_>,
    stock: &Stock<'_>,
    groups: &Groups<'_>,
    enders: &[Option<Ender>],
    beyond_capacity: &[Ranked],
) -> Vec<Held> {
    let beyond: BTreeSet<usize> = beyond_capacity.iter().map(|one| one.group).collect();
    let mut held: BTreeMap<(String, String, HoldReason), (f64, Vec<String>)> = BTreeMap::new();
    for (at, (exposure, ender)) in situation.exposures.iter().zip(enders).enumerate() {
        let reason = match ender.and_then(|ender| Some((ender.group, groups.all.get(ender.group)?)))
        {
            // An old kernel that does not run needs no update; it is shown with the exposures.
            None if matches!(
                exposure.state,
                ExposureState::Dormant | ExposureState::NotAffected
            ) =>
            {
                continue;
            }
            None => reason(situation, stock, exposure),
            Some((
                _,
                Group {
                    members,
                    blocked: Some(blocked),
                },
            )) => kept_back(stock, members, blocked, exposure),
            Some((group, _)) if beyond.contains(&group) => HoldReason::Capacity,
            Some(_) => continue,
        };
        let key = (exposure.package.clone(), exposure.installed.clone(), reason);
        let (weight, vulnerabilities) = held.entry(key).or_default();
        *weight += situation.weight(at);
        if !vulnerabilities.contains(&exposure.vulnerability) {
            vulnerabilities.push(exposure.vulnerability.clone());
        }
    }
    let held = held.into_iter().map(
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
    );
    let mut held: Vec<(f64, Held)> = held
        .chain(unknown(stock, groups, enders, &beyond))
        .collect();
    held.sort_by(|(a_weight, a), (b_weight, b)| {
        let rest = |held: &Held| {
            (
                held.vulnerabilities.is_empty(),
                held.package.clone(),
                held.installed.clone(),
                held.reason.clone(),
            )
        };
        b_weight
            .total_cmp(a_weight)
            .then_with(|| rest(a).cmp(&rest(b)))
    });
    held.into_iter().map(|(_, held)| held).collect()
}

/// Security updates whose advisories are not known and which are not made: they are no less worth knowing.
fn unknown(
    stock: &Stock<'_>,
    groups: &Groups<'_>,
    enders: &[Option<Ender>],
    beyond: &BTreeSet<usize>,
) -> Vec<(f64, Held)> {
    let known: BTreeSet<usize> = enders.iter().flatten().map(|ender| ender.group).collect();
    let mut held = Vec::new();
    for (at, group) in groups.all.iter().enumerate() {
        let stays = group.blocked.is_some() || beyond.contains(&at);
        if !stays || known.contains(&at) || !is_security(stock, group) {
            continue;
        }
        let Some(lead) = lead(stock, group, None) else {
            continue;
        };
        let reason = match (group.blocked, &lead.offer.blocked) {
            (None, _) => HoldReason::Capacity,
            (Some(_), Some(by)) => HoldReason::Blocked {
                by: by.clone(),
                to: lead.offer.version.clone(),
            },
            (Some(package), None) => HoldReason::TogetherBlocked {
                package: package.to_owned(),
            },
        };
        held.push((
            0.0,
            Held {
                package: lead.package.name.clone(),
                installed: lead.package.version.clone(),
                vulnerabilities: Vec::new(),
                reason,
            },
        ));
    }
    held
}

/// A group would end it but for a blocked member: the exposed package itself, or one that must come along.
fn kept_back(
    stock: &Stock<'_>,
    members: &[usize],
    blocked: &str,
    exposure: &Exposure,
) -> HoldReason {
    let exposed: BTreeSet<usize> = stock
        .exposed(exposure)
        .flat_map(|one| one.own.into_iter().chain(one.next.iter().copied()))
        .collect();
    members
        .iter()
        .filter(|at| exposed.contains(at))
        .filter_map(|at| stock.moves.get(*at))
        .find_map(|one| {
            Some(HoldReason::Blocked {
                by: one.offer.blocked.clone()?,
                to: one.offer.version.clone(),
            })
        })
        .unwrap_or_else(|| HoldReason::TogetherBlocked {
            package: blocked.to_owned(),
        })
}

/// No move would end it.
fn reason(situation: &Situation<'_>, stock: &Stock<'_>, exposure: &Exposure) -> HoldReason {
    use ExposureStatus::{FixAvailable, NoFix, Postponed, UnderInvestigation};
    if exposure.state == ExposureState::Installed {
        return HoldReason::RebootPending;
    }
    let is_ended = matches!(situation.support, Support::EndOfLife { .. });
    let is_os = exposure.kind.is_os();
    match exposure.status {
        // What the vendor leaves open will stay so.
        NoFix | Postponed | UnderInvestigation if is_ended && is_os => HoldReason::EndOfLife,
        FixAvailable if !is_os => HoldReason::OtherManager {
            manager: exposure.kind.to_string(),
        },
        FixAvailable => match newest_offer(situation, stock, exposure) {
            None if is_ended => HoldReason::EndOfLife,
            None => HoldReason::RepositoryMissing,
            offered => HoldReason::NoCandidate {
                fixed: exposure.fixed.clone().unwrap_or_default(),
                offered,
            },
        },
        status => HoldReason::NoFix { status },
    }
}

/// The newest version on offer for the exposed package that is furthest from the fix; `None` where it is not on offer.
fn newest_offer(
    situation: &Situation<'_>,
    stock: &Stock<'_>,
    exposure: &Exposure,
) -> Option<String> {
    let scheme = scheme_of(&exposure.kind);
    let of_one = |one: &Installed<'_>| {
        let own = one.offer.filter(|offer| is_real(situation, one, offer));
        let next = one.next.iter().filter_map(|at| stock.moves.get(*at));
        own.into_iter()
            .chain(next.map(|one| one.offer))
            .filter_map(|offer| {
                let key = overlock_versions::key(scheme, &offer.version).ok()?;
                Some((key, offer.version.clone()))
            })
            .max()
    };
    let (_, version) = stock.exposed(exposure).map(of_one).min().flatten()?;
    Some(version)
}

/// apt also "offers" what is installed, by its own status file: that is no repository's offer.
fn is_real(situation: &Situation<'_>, one: &Installed<'_>, offer: &Offer) -> bool {
    let repositories = &situation.inventory.repositories;
    offer.version != one.package.version
        || repositories
            .iter()
            .any(|listed| listed.id == offer.repository)
}
