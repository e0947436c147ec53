//! What a schedule lets through: each update by itself, then all of them together as the package manager resolves them.

use crate::exit::Failure;
use crate::patch::making;
use overlock_apply::PackageManager;
use overlock_model::plan::Closure;
use overlock_model::schedule::{Bounds, OutOfBounds, RebootBound};
use overlock_model::update::Update;

/// Updates within bounds with their closure, none where nothing is left; and the others with their reasons.
#[derive(Debug, Default)]
pub struct Within {
    /// What is done.
    pub updates: Vec<Update>,
    /// As the package manager resolves it.
    pub closure: Option<Closure>,
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

/// Sorts updates, most worthwhile first, into what is within bounds and what is not.
///
/// # Errors
/// When the package manager cannot be asked.
pub fn sort(
    manager: &dyn PackageManager,
    updates: Vec<Update>,
    bounds: &Bounds,
    confirmed: Confirmed,
) -> Result<Within, Failure> {
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
            Ok(closure) => match fault(&closure, bounds, confirmed) {
                None => {
                    within.closure = Some(closure);
                    break;
                }
                Some((package, why)) => {
                    (culprit(manager, &within.updates, package.as_deref()), why)
                }
            },
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
    let named = |name: &String| bounds.without.contains(name);
    let members = || update.members.iter().map(|member| &member.package);
    if let Some(name) = members().chain([&update.package]).find(|name| named(name)) {
        return Some(format!("{name} is never to be updated by the schedule"));
    }
    let origins = update.members.iter().map(|member| &member.origin);
    let allowed = |origin: &&String| {
        bounds.origins.is_empty()
            || bounds
                .origins
                .iter()
                .any(|pattern| match pattern.strip_suffix('*') {
                    Some(start) => origin.starts_with(start),
                    None => pattern == *origin,
                })
    };
    if let Some(origin) = origins
        .chain([&update.origin])
        .find(|origin| !allowed(origin))
    {
        return Some(format!("{origin} is none of the schedule's repositories"));
    }
    match (&update.reboot, bounds.reboot) {
        (Some(why), RebootBound::Hold) => Some(format!("it takes effect after a reboot: {why}")),
        _ => None,
    }
}

/// Why a closure is beyond the bounds, and the package that makes it so.
fn fault(
    closure: &Closure,
    bounds: &Bounds,
    confirmed: Confirmed,
) -> Option<(Option<String>, String)> {
    let changes = &closure.changes;
    if !bounds.one_way
        && let Some(change) = changes.iter().find(|change| !change.is_reversible())
    {
        let name = &change.name;
        let why = format!(
            "the former version of {name} is nowhere to be had (--one-way lets it through)"
        );
        return Some((Some(name.clone()), why));
    }
    if !bounds.unconfirmed
        && confirmed == Confirmed::ByNobody
        && let Some(name) = overlock_apply::confirm::cutting(closure).first()
    {
        let why = format!(
            "{name} may cut the host off, and nobody would confirm that it can be reached: set `[confirm] connect`"
        );
        return Some((Some((*name).to_owned()), why));
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

    fn closure(packages: &[(&str, bool)]) -> Closure {
        let artifact = || Artifact {
            sha256: Digest::of(b""),
            size: 1,
            origin: "cache".to_owned(),
            path: None,
        };
        let changes = packages.iter().map(|(name, back)| Change {
            name: (*name).to_owned(),
            arch: "amd64".to_owned(),
            action: Action::Replace {
                from: "1".to_owned(),
                to: "2".to_owned(),
                artifact: artifact(),
                back: back.then(artifact),
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
    fn what_cannot_be_taken_back_or_may_cut_off_is_held_unless_said_otherwise() {
        let bounds = Bounds::default();
        let judge = |packages: &[(&str, bool)], bounds: &Bounds, confirmed| {
            fault(&closure(packages), bounds, confirmed).map(|(package, _)| package)
        };
        let nobody = Confirmed::ByNobody;
        assert_eq!(judge(&[("jq", true)], &bounds, nobody), None);
        let lost = judge(&[("jq", true), ("nginx", false)], &bounds, nobody);
        assert_eq!(lost, Some(Some("nginx".to_owned())));
        let cut = judge(&[("openssh-server", true)], &bounds, nobody);
        assert_eq!(cut, Some(Some("openssh-server".to_owned())));
        let connected = Confirmed::ByConnection;
        assert_eq!(judge(&[("openssh-server", true)], &bounds, connected), None);
        let bold = Bounds {
            one_way: true,
            unconfirmed: true,
            packages_max: 1,
            ..Bounds::default()
        };
        assert_eq!(judge(&[("openssh-server", false)], &bold, nobody), None);
        assert_eq!(
            judge(&[("a", true), ("b", true)], &bold, nobody),
            Some(None)
        );
    }
}
