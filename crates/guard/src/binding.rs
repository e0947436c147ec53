//! Whether a plan's parts belong together: everything hangs on the header's hash, and nothing hangs loose.

use crate::Refusal;
use crate::refusal::Shown;
use overlock_model::plan::{
    Closure, Counts, Digest, PLAN_FILE_SCHEMA, PLAN_SCHEMA, PlanFile, merkle,
};
use std::collections::{BTreeMap, BTreeSet};

/// The file's closures by digest.
pub(crate) type Closures<'a> = BTreeMap<Digest, &'a Closure>;

/// Schemas, name, root, closures, hosts and sums, all computed again (R1).
pub(crate) fn judge(plan: &PlanFile) -> Result<Closures<'_>, Refusal> {
    schema("file", &plan.schema, PLAN_FILE_SCHEMA)?;
    schema("header", &plan.header.schema, PLAN_SCHEMA)?;
    let found = plan.header.id()?;
    if found != plan.id {
        let stated = plan.id;
        return Err(Refusal::Id { stated, found });
    }
    let mut leaves = Vec::with_capacity(plan.entries.len());
    for entry in &plan.entries {
        leaves.push(merkle::leaf(&entry.bytes()?));
    }
    let found = merkle::root(&leaves);
    if found != plan.header.root {
        let stated = plan.header.root;
        return Err(Refusal::Root { stated, found });
    }
    let closures = closures(plan)?;
    let mut hosts = BTreeSet::new();
    for (entry, host) in plan.entries.iter().map(|entry| &entry.host).enumerate() {
        if !hosts.insert(host) {
            let host = host.clone();
            return Err(Refusal::HostTwice { entry, host });
        }
    }
    counts(plan, &closures)?;
    Ok(closures)
}

fn schema(place: &'static str, found: &str, wanted: &'static str) -> Result<(), Refusal> {
    if found == wanted {
        return Ok(());
    }
    let found = Shown::new(found);
    Err(Refusal::Schema {
        place,
        found,
        wanted,
    })
}

/// Each closure once, in the order in which entries first name it, and no other.
fn closures(plan: &PlanFile) -> Result<Closures<'_>, Refusal> {
    let mut there = Closures::new();
    let mut order = Vec::with_capacity(plan.closures.len());
    for (at, closure) in plan.closures.iter().enumerate() {
        let digest = closure.digest()?;
        if there.insert(digest, closure).is_some() {
            return Err(Refusal::ClosureTwice { at, digest });
        }
        order.push(digest);
    }
    let mut named = BTreeSet::new();
    let mut wanted = Vec::new();
    for (entry, digest) in plan.entries.iter().map(|entry| entry.closure).enumerate() {
        if !there.contains_key(&digest) {
            return Err(Refusal::ClosureMissing { entry, digest });
        }
        if named.insert(digest) {
            wanted.push(digest);
        }
    }
    let mut wanted = wanted.into_iter();
    for (at, digest) in order.into_iter().enumerate() {
        if !named.contains(&digest) {
            return Err(Refusal::ClosureUnused { at, digest });
        }
        if wanted.next() != Some(digest) {
            return Err(Refusal::ClosureOrder { at, digest });
        }
    }
    Ok(there)
}

/// What a signer reads must be what is there.
fn counts(plan: &PlanFile, closures: &Closures<'_>) -> Result<(), Refusal> {
    let mut found = Counts {
        hosts: size(plan.entries.len()),
        ..Counts::default()
    };
    for closure in plan
        .entries
        .iter()
        .filter_map(|entry| closures.get(&entry.closure))
    {
        for change in &closure.changes {
            let sum = match change.to() {
                Some(_) => &mut found.changes,
                None => &mut found.removals,
            };
            *sum = sum.saturating_add(1);
            // A sum that does not fit is no number that the header could state.
            let bytes = change.artifact().map_or(0, |artifact| artifact.size);
            found.bytes = found.bytes.saturating_add(bytes);
        }
    }
    let reboots = plan.entries.iter().filter(|entry| entry.reboots()).count();
    found.reboots = size(reboots);
    let Counts {
        hosts,
        changes,
        removals,
        reboots,
        bytes,
    } = plan.header.counts;
    for (what, stated, found) in [
        ("hosts", hosts, found.hosts),
        ("changes", changes, found.changes),
        ("removals", removals, found.removals),
        ("reboots", reboots, found.reboots),
        ("bytes", bytes, found.bytes),
    ] {
        if stated != found {
            return Err(Refusal::Count {
                what,
                stated,
                found,
            });
        }
    }
    Ok(())
}

fn size(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
