//! What a schedule lets through: each update by itself, then all of them together as the package manager resolves them.

use crate::exit::Failure;
use crate::patch::making;
use crate::patch::rebuilding::{Rebuilt, StaysOneWay};
use crate::state::State;
use overlock_apply::{PackageManager, reboot};
use overlock_model::plan::{Change, Closure};
use overlock_model::schedule::{Bounds, OutOfBounds, RebootBound};
use overlock_model::update::Update;

/// What apt's lists have as the origin of what no update names: some repository.
const SOME_REPOSITORY: &str = "repository";

/// Updates within bounds with their closure, none where nothing is left; and the others with their reasons.
#[derive(Debug, Default)]
pub struct Within {
    /// What is done.
    pub updates: Vec<Update>,
    /// As the package manager resolves it.
    pub closure: Option<Closure>,
    /// What of it cannot be put back, and why; only where the bounds let that through.
    pub one_way: Vec<StaysOneWay>,
    /// What is held.
    pub held: Vec<OutOfBounds>,
}

/// Whether something stands behind changes that may cut the host off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmed {
    /// A fresh connection to a configured address.
    ByConnection,
    /// Nobody.
    ByNobody,
}

/// Sorts updates, most worthwhile first, into what is within bounds and what is not. Former artifacts that are nowhere to be
/// had are rebuilt before a change counts as one-way.
///
/// # Errors
/// When the package manager cannot be asked.
pub fn sort(
    manager: &dyn PackageManager,
    updates: Vec<Update>,
    bounds: &Bounds,
    confirmed: Confirmed,
    state: &State,
) -> Result<Within, Failure> {
    let running = overlock_host::kernel::uname().release;
    let mut rebuilt = Rebuilt::default();
    let mut within = Within::default();
    for update in updates {
        match alone(&update, bounds) {
            Some(why) => within.held.push(out(&update, why)),
            None => within.updates.push(update),
        }
    }
    // Each round holds one update at least.
    while !within.updates.is_empty() {
        let (culprit, why) = match making::closure(manager, &within.updates) {
            Ok(mut closure) => {
                let mut one_way = Vec::new();
                let fault = dragged(&closure, bounds, confirmed, &running).or_else(|| {
                    one_way = rebuilt.give_back(manager, &mut closure, state);
                    fault(&closure, &one_way, bounds)
                });
                let Some((package, why)) = fault else {
                    within.closure = Some(closure);
                    within.one_way = one_way;
                    break;
                };
                (culprit(manager, &within.updates, package.as_deref()), why)
            }
            Err(refusal) if refusal.kind == crate::exit::Kind::Refused => {
                let why = format!("{:#}", refusal.error);
                let alone =
                    |one: &Update| making::closure(manager, std::slice::from_ref(one)).is_err();
                (within.updates.iter().position(alone), why)
            }
            Err(failure) => return Err(failure),
        };
        // Where nobody alone is to blame, what is worth least gives way.
        let at = culprit.unwrap_or(within.updates.len() - 1);
        let update = within.updates.remove(at);
        within.held.push(out(&update, why));
    }
    Ok(within)
}

/// Why an update by itself is beyond the bounds.
fn alone(update: &Update, bounds: &Bounds) -> Option<String> {
    if let Some(least) = bounds.decision {
        match update.decision {
            // Unknown is not "less urgent", and not "urgent enough" either; people decide.
            None => return Some(format!("whether it is {least} is not known")),
            Some(decision) if decision < least => {
                return Some(format!(
                    "its decision is {decision}, less urgent than {least}"
                ));
            }
            Some(_) => {}
        }
    }
    let members = update.members.iter().map(|one| (&one.package, &one.origin));
    let barred = members
        .chain([(&update.package, &update.origin)])
        .find_map(|(name, origin)| barred(name, origin, bounds));
    if barred.is_some() {
        return barred;
    }
    match (&update.reboot, bounds.reboot) {
        (Some(why), RebootBound::Hold) => Some(format!("it takes effect after a reboot: {why}")),
        _ => None,
    }
}

/// Why a package of this name, or from this repository, is beyond the bounds, whatever brings it.
fn barred(name: &str, origin: &str, bounds: &Bounds) -> Option<String> {
    if bounds.without.iter().any(|one| one == name) {
        return Some(format!("{name} is never to be updated by the schedule"));
    }
    let is_allowed = |pattern: &String| match pattern.strip_suffix('*') {
        Some("") => true,
        _ if origin == SOME_REPOSITORY => false,
        Some(start) => origin.starts_with(start),
        None => pattern == origin,
    };
    if bounds.origins.is_empty() || bounds.origins.iter().any(is_allowed) {
        return None;
    }
    Some(match origin {
        SOME_REPOSITORY => format!("which repository {name} is from is not known"),
        _ => format!("{name} is from {origin}, which is none of the schedule's repositories"),
    })
}

/// A bound that a closure does not keep: the package that makes it so, if one does, and why.
type Fault = (Option<String>, String);

/// What the package manager wants besides the updates may be beyond bounds that each of them keeps.
fn dragged(
    closure: &Closure,
    bounds: &Bounds,
    confirmed: Confirmed,
    running: &str,
) -> Option<Fault> {
    let is_kernel = |change: &Change| {
        let alone = Closure {
            manager: closure.manager.clone(),
            changes: vec![change.clone()],
        };
        reboot::kernel_of(&alone, running).is_some()
    };
    for change in &closure.changes {
        let name = &change.name;
        // What is installed is from a repository; only the way back may be of the cache, or rebuilt.
        let origin = change.artifact().map_or("", |artifact| &artifact.origin);
        let why = barred(name, origin, bounds).or_else(|| {
            (bounds.reboot == RebootBound::Hold && is_kernel(change))
                .then(|| format!("{name} is a kernel, and takes effect after a reboot"))
        });
        if let Some(why) = why {
            return Some((Some(name.clone()), why));
        }
    }
    if bounds.unconfirmed || confirmed == Confirmed::ByConnection {
        return None;
    }
    let name = *overlock_apply::confirm::cutting(closure).first()?;
    let why = format!(
        "{name} may cut the host off, and nobody would confirm that it can be reached: set `[confirm] connect`"
    );
    Some((Some(name.to_owned()), why))
}

/// Why a closure with all the ways back that there are is beyond the bounds.
fn fault(closure: &Closure, one_way: &[StaysOneWay], bounds: &Bounds) -> Option<Fault> {
    let changes = &closure.changes;
    if !bounds.one_way
        && let Some(one) = one_way.first()
    {
        let name = &one.name;
        let why = format!(
            "the former version of {name} is nowhere to be had: {} (--one-way lets it through)",
            one.why
        );
        return Some((Some(name.clone()), why));
    }
    let max = bounds.packages_max;
    (changes.len() > max).then(|| {
        (
            None,
            format!("more than {max} packages would change at once"),
        )
    })
}

/// The update that brings a package: as one of its own, or because the package manager wants it with it.
fn culprit(
    manager: &dyn PackageManager,
    updates: &[Update],
    package: Option<&str>,
) -> Option<usize> {
    let package = package?;
    let member = |update: &Update| {
        update
            .members
            .iter()
            .any(|member| member.package == package)
    };
    let drags = |update: &Update| {
        making::closure(manager, std::slice::from_ref(update))
            .is_ok_and(|closure| closure.changes.iter().any(|change| change.name == package))
    };
    let position = updates.iter().position(member);
    position.or_else(|| updates.iter().position(drags))
}

fn out(update: &Update, why: String) -> OutOfBounds {
    OutOfBounds {
        package: update.package.clone(),
        to: update.to.clone(),
        why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use overlock_model::decision::Decision;
    use overlock_model::plan::{Action, Artifact, Change, Digest};
    use overlock_model::update::Member;

    fn update(package: &str, decision: Option<Decision>) -> Update {
        let member = Member {
            package: package.to_owned(),
            arch: None,
            from: "1".to_owned(),
            to: "2".to_owned(),
            origin: "bookworm-security/main".to_owned(),
            sha256: None,
            size_bytes: None,
        };
        Update {
            package: package.to_owned(),
            arch: None,
            from: "1".to_owned(),
            to: "2".to_owned(),
            origin: member.origin.clone(),
            sha256: None,
            members: vec![member],
            resolves: Vec::new(),
            decision,
            deadline: None,
            risk_removed: 0.0,
            restarts: Vec::new(),
            reboot: None,
        }
    }

    /// What is installed in place of 1.0, each of a repository.
    fn closure(packages: &[(&str, &str)]) -> Closure {
        let artifact = |origin: &str| Artifact {
            sha256: Digest::of(b""),
            size: 1,
            origin: origin.to_owned(),
            path: None,
        };
        let changes = packages.iter().map(|(name, origin)| Change {
            name: (*name).to_owned(),
            arch: "amd64".to_owned(),
            action: Action::Replace {
                from: "1".to_owned(),
                to: "2".to_owned(),
                artifact: artifact(origin),
                back: Some(artifact("cache")),
            },
        });
        Closure {
            manager: "deb".to_owned(),
            changes: changes.collect(),
        }
    }

    #[test]
    fn each_bound_holds_what_is_beyond_it() {
        let scheduled = update("jq", Some(Decision::Scheduled));
        assert_eq!(alone(&scheduled, &Bounds::default()), None);
        let urgent = Bounds {
            decision: Some(Decision::OutOfCycle),
            ..Bounds::default()
        };
        assert!(alone(&scheduled, &urgent).unwrap().contains("less urgent"));
        assert!(
            alone(&update("jq", None), &urgent)
                .unwrap()
                .contains("not known")
        );
        assert_eq!(
            alone(&update("jq", Some(Decision::Immediate)), &urgent),
            None
        );
        let without = Bounds {
            without: vec!["jq".to_owned()],
            ..Bounds::default()
        };
        assert!(alone(&scheduled, &without).is_some());
        for (pattern, passes) in [
            ("bookworm-security/main", true),
            ("bookworm-security/*", true),
            ("bookworm/main", false),
        ] {
            let origins = Bounds {
                origins: vec![pattern.to_owned()],
                ..Bounds::default()
            };
            assert_eq!(alone(&scheduled, &origins).is_none(), passes, "{pattern}");
        }
        let mut kernel = scheduled;
        kernel.reboot = Some("a new kernel".to_owned());
        let hold = Bounds {
            reboot: RebootBound::Hold,
            ..Bounds::default()
        };
        assert_eq!(alone(&kernel, &Bounds::default()), None);
        assert!(alone(&kernel, &hold).unwrap().contains("a new kernel"));
    }

    #[test]
    fn what_is_dragged_in_keeps_the_bounds_too() {
        let all = closure(&[
            ("jq", "bookworm-security/main"),
            ("postgresql-15", "other/main"),
            ("libnew", SOME_REPOSITORY),
            ("linux-image-6.1.0-9-amd64", "bookworm-security/main"),
        ]);
        let judge =
            |bounds: &Bounds| dragged(&all, bounds, Confirmed::ByConnection, "6.1.0-8-amd64");
        assert_eq!(judge(&Bounds::default()), None);
        let without = Bounds {
            without: vec!["postgresql-15".to_owned()],
            ..Bounds::default()
        };
        let (package, why) = judge(&without).unwrap();
        assert_eq!(package.as_deref(), Some("postgresql-15"));
        assert!(why.contains("never to be updated"), "{why}");
        for (patterns, package, told) in [
            (vec!["bookworm-*"], "postgresql-15", "is from other/main"),
            (
                vec!["bookworm-*", "other/main", "repo*", SOME_REPOSITORY],
                "libnew",
                "not known",
            ),
        ] {
            let origins = Bounds {
                origins: patterns.iter().map(|&one| one.to_owned()).collect(),
                ..Bounds::default()
            };
            let (at, why) = judge(&origins).unwrap();
            assert_eq!(at.as_deref(), Some(package));
            assert!(why.contains(told), "{why}");
        }
        let any = Bounds {
            origins: vec!["*".to_owned()],
            ..Bounds::default()
        };
        assert_eq!(judge(&any), None);
        let hold = Bounds {
            reboot: RebootBound::Hold,
            ..Bounds::default()
        };
        let (package, why) = judge(&hold).unwrap();
        assert_eq!(package.as_deref(), Some("linux-image-6.1.0-9-amd64"));
        assert!(why.contains("after a reboot"), "{why}");
    }

    #[test]
    fn what_may_cut_off_is_held_unless_something_confirms_or_it_is_said_otherwise() {
        let ssh = closure(&[("openssh-server", "a/main")]);
        let judge = |bounds: &Bounds, confirmed| dragged(&ssh, bounds, confirmed, "6.1.0-8-amd64");
        let bounds = Bounds::default();
        let (package, _) = judge(&bounds, Confirmed::ByNobody).unwrap();
        assert_eq!(package.as_deref(), Some("openssh-server"));
        assert_eq!(judge(&bounds, Confirmed::ByConnection), None);
        let bold = Bounds {
            unconfirmed: true,
            ..Bounds::default()
        };
        assert_eq!(judge(&bold, Confirmed::ByNobody), None);
    }

    #[test]
    fn what_stays_one_way_is_held_with_its_reason_and_so_is_what_is_too_much() {
        let two = closure(&[("jq", "a/main"), ("nginx", "a/main")]);
        let bounds = Bounds::default();
        assert_eq!(fault(&two, &[], &bounds), None);
        let stays = [StaysOneWay {
            name: "nginx".to_owned(),
            arch: "amd64".to_owned(),
            why: "`/usr/sbin/nginx` is not as the package installed it".to_owned(),
        }];
        let (package, why) = fault(&two, &stays, &bounds).unwrap();
        assert_eq!(package.as_deref(), Some("nginx"));
        assert!(why.contains("`/usr/sbin/nginx` is not as"), "{why}");
        let few = |one_way| Bounds {
            one_way,
            packages_max: if one_way { 2 } else { 1 },
            ..Bounds::default()
        };
        assert_eq!(fault(&two, &stays, &few(true)), None);
        assert_eq!(fault(&two, &[], &few(false)).unwrap().0, None);
    }
}
