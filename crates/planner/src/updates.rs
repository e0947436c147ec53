//! Updates: groups of moves with what they end, ranked by the risk they remove.

use crate::groups::{Group, Groups};
use crate::reboot;
use crate::stock::{Move, Stock};
use crate::{Scope, Situation};
use overlock_matching::scheme_of;
use overlock_model::exposure::{Exposure, ExposureState, ExposureStatus};
use overlock_model::update::{Member, Update};
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// What would end an exposure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ender {
    /// The group that does it.
    pub group: usize,
    /// The move that carries the fix of the package that stands for the exposure.
    pub carrier: usize,
}

/// The one group that ends an exposure: it brings each exposed package, and on each architecture, to the fix.
pub(crate) fn ender(stock: &Stock<'_>, groups: &Groups<'_>, exposure: &Exposure) -> Option<Ender> {
    // A measure keeps an exposure in check, it does not end it.
    let open = matches!(
        exposure.state,
        ExposureState::Exposed | ExposureState::Mitigated
    );
    if exposure.status != ExposureStatus::FixAvailable || !open {
        return None;
    }
    let fixed = exposure.fixed.as_deref()?;
    let fixed = overlock_versions::key(scheme_of(&exposure.kind), fixed).ok()?;
    let reaches = |at: &usize| {
        let key = stock.moves.get(*at).and_then(|one| one.key.as_ref());
        key.is_some_and(|key| *key >= fixed)
    };
    let mut ender: Option<Ender> = None;
    for one in stock.exposed(exposure) {
        let carrier = one
            .own
            .into_iter()
            .chain(one.next.iter().copied())
            .find(reaches)?;
        let group = *groups.of.get(carrier)?;
        let stands_for_it = one.package.name == exposure.package;
        match &mut ender {
            // Packages of one source are in one group; should they not be, no single update ends it.
            Some(known) if known.group != group => return None,
            Some(known) if stands_for_it => known.carrier = carrier,
            Some(_) => {}
            None => ender = Some(Ender { group, carrier }),
        }
    }
    ender
}

/// An update with its group.
pub(crate) struct Ranked {
    pub group: usize,
    /// Weight of what it ends.
    pub removed: f64,
    pub update: Update,
}

/// All updates that end something or are called security updates, by risk removed.
///
/// Groups share no exposure, so any number of them from the front removes most risk.
pub(crate) fn rank(
    situation: &Situation<'_>,
    stock: &Stock<'_>,
    groups: &Groups<'_>,
    enders: &[Option<Ender>],
) -> Vec<Ranked> {
    let mut ends: Vec<Vec<usize>> = vec![Vec::new(); groups.all.len()];
    for (at, ender) in enders.iter().enumerate() {
        if let Some(mine) = ender.and_then(|ender| ends.get_mut(ender.group)) {
            mine.push(at);
        }
    }
    let total: f64 = situation.weights.iter().sum();
    let mut ranked: Vec<Ranked> = Vec::new();
    for (at, (group, mut mine)) in groups.all.iter().zip(ends).enumerate() {
        let is_worth_it =
            situation.scope == Scope::Every || !mine.is_empty() || is_security(stock, group);
        if group.blocked.is_some() || !is_worth_it {
            continue;
        }
        mine.sort_by(|a, b| {
            situation
                .weight(*b)
                .total_cmp(&situation.weight(*a))
                .then(a.cmp(b))
        });
        // The sum of nothing is -0.0, which would be printed.
        let removed = mine.iter().fold(0.0, |sum, at| sum + situation.weight(*at));
        let carrier = mine
            .first()
            .and_then(|at| *enders.get(*at)?)
            .map(|ender| ender.carrier);
        let Some(lead) = lead(stock, group, carrier) else {
            continue;
        };
        let exposures = mine
            .iter()
            .filter_map(|at| situation.exposures.get(*at))
            .collect();
        let share = if total > 0.0 { removed / total } else { 0.0 };
        ranked.push(Ranked {
            group: at,
            removed,
            update: update(situation, members(stock, group), lead, exposures, share),
        });
    }
    ranked.sort_by(|a, b| {
        b.removed
            .total_cmp(&a.removed)
            .then_with(|| rest_of_rank(&a.update).cmp(&rest_of_rank(&b.update)))
    });
    ranked
}

/// Among updates that remove equal risk: known before unknown, then the urgent one, then by name.
fn rest_of_rank(
    update: &Update,
) -> (
    bool,
    Reverse<Option<overlock_model::decision::Decision>>,
    &str,
    Option<&str>,
) {
    (
        update.resolves.is_empty(),
        Reverse(update.decision),
        &update.package,
        update.arch.as_deref(),
    )
}

/// The move that stands for a group: that of the most urgent exposure, else the one named like its source.
pub(crate) fn lead<'s, 'a>(
    stock: &'s Stock<'a>,
    group: &'s Group<'_>,
    carrier: Option<usize>,
) -> Option<&'s Move<'a>> {
    if let Some(carrier) = carrier {
        return stock.moves.get(carrier);
    }
    members(stock, group).min_by_key(|one| {
        (
            !one.offer.security,
            one.package.source_name() != one.package.name,
        )
    })
}

pub(crate) fn is_security(stock: &Stock<'_>, group: &Group<'_>) -> bool {
    members(stock, group).any(|one| one.offer.security)
}

fn members<'s, 'a>(
    stock: &'s Stock<'a>,
    group: &'s Group<'_>,
) -> impl Iterator<Item = &'s Move<'a>> + Clone {
    group.members.iter().filter_map(|at| stock.moves.get(*at))
}

fn update<'s>(
    situation: &Situation<'_>,
    moves: impl Iterator<Item = &'s Move<'s>> + Clone,
    lead: &Move<'_>,
    exposures: Vec<&Exposure>,
    risk_removed: f64,
) -> Update {
    let names: BTreeSet<&str> = moves.clone().map(|one| one.package.name.as_str()).collect();
    let mut seen = BTreeSet::new();
    let resolves = exposures.iter().map(|exposure| &exposure.vulnerability);
    let restarts: BTreeSet<&str> = situation
        .inventory
        .effective
        .iter()
        .flat_map(|effective| &effective.units)
        .filter(|unit| {
            unit.packages
                .iter()
                .any(|package| names.contains(package.as_str()))
        })
        .map(|unit| unit.unit.as_str())
        .collect();
    // In a root that does not run there is nothing to reboot.
    let runs =
        situation.inventory.effective.is_some() || situation.inventory.kernel.running.is_some();
    let reboot = moves.clone().filter(|_| runs).find_map(|one| {
        reboot::reason(one.package).map(|why| format!("{}: {why}", one.package.name))
    });
    let Member {
        package,
        arch,
        from,
        to,
        origin,
        sha256,
        ..
    } = member(lead);
    Update {
        package,
        arch,
        from,
        to,
        origin,
        sha256,
        members: moves.map(member).collect(),
        resolves: resolves
            .filter(|name| seen.insert(*name))
            .cloned()
            .collect(),
        decision: exposures.iter().map(|exposure| exposure.decision).max(),
        deadline: exposures
            .iter()
            .filter_map(|exposure| exposure.deadline)
            .min(),
        risk_removed,
        restarts: restarts.into_iter().map(str::to_owned).collect(),
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
