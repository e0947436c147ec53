//! Updates: groups of moves with what they end, ranked by the risk they remove.

use crate::Situation;
use crate::groups::Group;
use crate::moves::Move;
use crate::reboot;
use overlock_matching::scheme_of;
use overlock_model::exposure::{Exposure, ExposureState, ExposureStatus};
use overlock_model::update::{Held, HoldReason, Member, Update};
use std::collections::BTreeSet;

/// Whether a group of moves ends an exposure: it brings the exposed source, or each exposed binary, to the fix.
pub(crate) fn ends(moves: &[Move<'_>], group: &Group, exposure: &Exposure) -> bool {
    if exposure.status != ExposureStatus::FixAvailable || exposure.state != ExposureState::Exposed {
        return false;
    }
    let Some(fixed) = exposure
        .fixed
        .as_deref()
        .and_then(|fixed| overlock_versions::key(scheme_of(&exposure.kind), fixed).ok())
    else {
        return false;
    };
    group
        .members
        .iter()
        .filter_map(|at| moves.get(*at))
        .any(|one| {
            let same_kind = one.package.kind == exposure.kind;
            // A new kernel comes under a new binary name: its source says that it is the same thing.
            let same =
                one.judged == exposure.source || exposure.binaries.contains(&one.package.name);
            same_kind && same && one.judged_key.as_ref().is_some_and(|key| *key >= fixed)
        })
}

/// All updates by risk removed, and the positions of the exposures that some update ends.
pub(crate) fn rank(
    situation: &Situation<'_>,
    moves: &[Move<'_>],
    groups: &[Group],
) -> (Vec<Update>, Vec<usize>) {
    let total: f64 = situation.weights.iter().sum();
    let mut ended = Vec::new();
    let mut ranked: Vec<(f64, Update)> = Vec::new();
    for group in groups.iter().filter(|group| group.blocked.is_none()) {
        let mut mine: Vec<(usize, &Exposure)> = situation
            .exposures
            .iter()
            .enumerate()
            .filter(|(_, exposure)| ends(moves, group, exposure))
            .collect();
        let security = group
            .members
            .iter()
            .filter_map(|at| moves.get(*at))
            .any(|one| one.offer.security);
        if mine.is_empty() && !security {
            continue;
        }
        let weight = |at: usize| situation.weights.get(at).copied().unwrap_or(0.0);
        mine.sort_by(|(a, _), (b, _)| weight(*b).total_cmp(&weight(*a)).then(a.cmp(b)));
        let removed: f64 = mine.iter().map(|(at, _)| weight(*at)).sum();
        ended.extend(mine.iter().map(|(at, _)| *at));
        let share = if total > 0.0 { removed / total } else { 0.0 };
        ranked.push((removed, update(situation, moves, group, &mine, share)));
    }
    ranked.sort_by(|(a_removed, a), (b_removed, b)| {
        b_removed
            .total_cmp(a_removed)
            .then_with(|| a.package.cmp(&b.package))
    });
    (
        ranked.into_iter().map(|(_, update)| update).collect(),
        ended,
    )
}

fn update(
    situation: &Situation<'_>,
    moves: &[Move<'_>],
    group: &Group,
    mine: &[(usize, &Exposure)],
    risk_removed: f64,
) -> Update {
    let mut members: Vec<Member> = group
        .members
        .iter()
        .filter_map(|at| moves.get(*at))
        .map(member)
        .collect();
    members.sort_by(|a, b| (&a.package, &a.arch).cmp(&(&b.package, &b.arch)));
    let names: BTreeSet<&str> = members
        .iter()
        .map(|member| member.package.as_str())
        .collect();
    let mut resolves: Vec<String> = Vec::new();
    for (_, exposure) in mine {
        if !resolves.contains(&exposure.vulnerability) {
            resolves.push(exposure.vulnerability.clone());
        }
    }
    let restarts: BTreeSet<String> = situation
        .inventory
        .effective
        .iter()
        .flat_map(|effective| &effective.units)
        .filter(|unit| {
            unit.packages
                .iter()
                .any(|package| names.contains(package.as_str()))
        })
        .map(|unit| unit.unit.clone())
        .collect();
    let runs = situation.inventory.effective.is_some();
    let reboot = group
        .members
        .iter()
        .filter_map(|at| moves.get(*at))
        .find_map(|one| {
            reboot::reason(one.package).map(|why| format!("{}: {why}", one.package.name))
        })
        // In a root that does not run there is nothing to reboot.
        .filter(|_| runs || situation.inventory.kernel.running.is_some());
    // The member named like the source stands for the update; without one the first exposed package, then the first.
    let lead = group
        .members
        .iter()
        .filter_map(|at| moves.get(*at))
        .find(|one| one.package.source_name() == one.package.name)
        .map(|one| one.package.name.as_str())
        .or_else(|| mine.first().map(|(_, exposure)| exposure.package.as_str()))
        .and_then(|name| members.iter().find(|member| member.package == name))
        .or(members.first())
        .cloned();
    let lead = lead.unwrap_or(Member {
        package: String::new(),
        arch: None,
        from: String::new(),
        to: String::new(),
        origin: String::new(),
        sha256: None,
        size_bytes: None,
    });
    Update {
        package: lead.package,
        arch: lead.arch,
        from: lead.from,
        to: lead.to,
        origin: lead.origin,
        sha256: lead.sha256,
        members,
        resolves,
        decision: mine.iter().map(|(_, exposure)| exposure.decision).max(),
        deadline: mine
            .iter()
            .filter_map(|(_, exposure)| exposure.deadline)
            .min(),
        risk_removed,
        restarts: restarts.into_iter().collect(),
        reboot,
    }
}

fn member(one: &Move<'_>) -> Member {
    Member {
        package: one.package.name.clone(),
        arch: one.package.arch.clone(),
        from: one.package.version.clone(),
        to: one.offer.version.clone(),
        origin: one.offer.repository.clone(),
        sha256: one.offer.sha256.clone(),
        size_bytes: one.offer.size_bytes,
    }
}

/// Keeps the first `capacity` updates. Groups share no exposure, so taking the largest ones removes most risk.
pub(crate) fn fit(mut updates: Vec<Update>, capacity: Option<usize>) -> (Vec<Update>, Vec<Held>) {
    let capacity = capacity.unwrap_or(usize::MAX).min(updates.len());
    let over = updates.split_off(capacity);
    let held = over
        .into_iter()
        .map(|update| Held {
            package: update.package,
            installed: update.from,
            vulnerabilities: update.resolves,
            reason: HoldReason::Capacity,
        })
        .collect();
    (updates, held)
}
