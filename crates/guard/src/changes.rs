//! Whether a closure's changes are ones that a host may be asked for, and ones that this host allows.

use crate::refusal::Shown;
use crate::text::{self, Manager};
use crate::{Host, Limits, Refusal};
use overlock_model::plan::{Artifact, Change, Closure};
use overlock_versions::compare;
use std::cmp::Ordering;

/// Names in a message about removals.
const NAMED_MAX: usize = 5;

/// Form and bounds of a closure, whichever host it is for.
pub(crate) fn form(at: usize, closure: &Closure, limits: &Limits) -> Result<Manager, Refusal> {
    let place = || format!("closure {at}");
    let manager = Manager::from_word(&closure.manager).ok_or_else(|| Refusal::Manager {
        place: place(),
        found: Shown::new(&closure.manager),
    })?;
    let (count, max) = (closure.changes.len(), limits.changes_max);
    if count > max {
        let place = place();
        return Err(Refusal::TooManyChanges { place, count, max });
    }
    let mut before: Option<&Change> = None;
    let mut bytes: u64 = 0;
    for (number, change) in closure.changes.iter().enumerate() {
        let place = format!("closure {at}, change {number}");
        texts(&place, manager, change, limits)?;
        // Strictly ascending: sorted, and each package once.
        if let Some(before) =
            before.filter(|before| (&before.name, &before.arch) >= (&change.name, &change.arch))
        {
            return Err(Refusal::ChangeOrder {
                place,
                package: Shown::new(&change.spec()),
                after: Shown::new(&before.spec()),
            });
        }
        before = Some(change);
        for artifact in [change.artifact(), change.back()].into_iter().flatten() {
            let max = limits.artifact_bytes_max;
            if artifact.size == 0 || artifact.size > max {
                let bytes = artifact.size;
                let place = format!("{place}: an artifact");
                return Err(Refusal::ArtifactSize { place, bytes, max });
            }
            bytes = bytes.saturating_add(artifact.size);
        }
    }
    let max = limits.closure_bytes_max;
    if bytes > max {
        let place = place();
        return Err(Refusal::ClosureSize { place, max });
    }
    Ok(manager)
}

fn texts(place: &str, manager: Manager, change: &Change, limits: &Limits) -> Result<(), Refusal> {
    let refused = |what: &str, text: &str, why| Refusal::Text {
        place: format!("{place}: {what}"),
        text: Shown::new(text),
        why,
    };
    manager
        .package_name(&change.name)
        .map_err(|why| refused("the name", &change.name, why))?;
    text::arch(&change.arch).map_err(|why| refused("the architecture", &change.arch, why))?;
    for version in [change.from(), change.to()].into_iter().flatten() {
        manager
            .version(version)
            .map_err(|why| refused("a version", version, why))?;
    }
    for Artifact { origin, path, .. } in [change.artifact(), change.back()].into_iter().flatten() {
        text::origin(origin).map_err(|why| refused("an origin", origin, why))?;
        if let Some(path) = path {
            text::path(path, limits.text_bytes_max).map_err(|why| refused("a path", path, why))?;
        }
    }
    Ok(())
}

/// Whether this host allows the closure: architectures, direction, removals.
pub(crate) fn allowed(
    at: usize,
    closure: &Closure,
    manager: Manager,
    host: &Host,
) -> Result<(), Refusal> {
    let mut removals = Vec::new();
    for (number, change) in closure.changes.iter().enumerate() {
        let place = || format!("closure {at}, change {number}");
        let package = || Shown::new(&change.spec());
        if !host.takes(&change.arch) {
            let takes = [&host.arch].into_iter().chain(&host.foreign);
            return Err(Refusal::OtherArch {
                place: place(),
                package: package(),
                takes: takes.cloned().collect(),
            });
        }
        match (change.from(), change.to()) {
            (Some(from), Some(to)) => {
                let (place, package) = (place(), package());
                let order = compare(manager.scheme(), from, to);
                let (from, to) = (Shown::new(from), Shown::new(to));
                match order {
                    Ok(Ordering::Less) => {}
                    Ok(Ordering::Equal) => {
                        return Err(Refusal::SameVersion {
                            place,
                            package,
                            from,
                            to,
                        });
                    }
                    // The versions' form was judged before, so that an error here is none of order; older at worst.
                    Ok(Ordering::Greater) | Err(_) if host.is_undone_by(change) => {}
                    Ok(Ordering::Greater) | Err(_) => {
                        return Err(Refusal::Downgrade {
                            place,
                            package,
                            from,
                            to,
                        });
                    }
                }
            }
            (Some(_), None) => {
                if host.protected.contains(&change.name) {
                    return Err(Refusal::RemovesProtected {
                        place: place(),
                        package: package(),
                    });
                }
                if !host.is_undone_by(change) {
                    removals.push(change);
                }
            }
            (None, _) => {}
        }
    }
    let (count, max) = (removals.len(), host.limits.removals_max);
    if count > max {
        let names = removals.iter().take(NAMED_MAX);
        return Err(Refusal::TooManyRemovals {
            place: format!("closure {at}"),
            count,
            max,
            names: names
                .map(|change| Shown::new(&change.spec()).to_string())
                .collect(),
        });
    }
    Ok(())
}
