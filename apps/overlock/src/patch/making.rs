//! From the updates of a scan to a plan: the closure as the package manager itself resolves it, each artifact by hash.

use crate::cli::Reboot;
use crate::exit::{Failure, Kind};
use anyhow::anyhow;
use overlock_apply::artifacts::hash_file;
use overlock_apply::reboot::{self, Boots};
use overlock_apply::{Listed, PackageManager, Simulated};
use overlock_model::exposure::Exposure;
use overlock_model::plan::{Action, Artifact, Change, Closure, Ends, Step};
use overlock_model::update::Update;
use std::collections::{BTreeSet, HashMap};

/// Updates that hold one of `only` (all, when it is empty) and none of `without`.
///
/// # Errors
/// When a name in `only` is in no update: a misspelt name must not make an empty plan.
pub fn chosen(
    updates: Vec<Update>,
    only: &[String],
    without: &[String],
) -> Result<Vec<Update>, Failure> {
    let holds = |update: &Update, name: &String| {
        update.package == *name || update.members.iter().any(|member| member.package == *name)
    };
    if let Some(unknown) = only
        .iter()
        .find(|name| !updates.iter().any(|update| holds(update, name)))
    {
        return Err(
            Failure::input(anyhow!("there is no update for `{unknown}`"))
                .hint("`overlock scan` lists the updates, and what is held and why"),
        );
    }
    Ok(updates
        .into_iter()
        .filter(|update| only.is_empty() || only.iter().any(|name| holds(update, name)))
        .filter(|update| !without.iter().any(|name| holds(update, name)))
        .collect())
}

/// The closure of some updates, as the package manager resolves them.
///
/// # Errors
/// When it refuses, would remove packages, or an artifact is in no list.
pub fn closure(manager: &dyn PackageManager, updates: &[Update]) -> Result<Closure, Failure> {
    let mut wanted: BTreeSet<(&str, &str, &str)> = BTreeSet::new();
    let mut origins: HashMap<(&str, &str), &str> = HashMap::new();
    for member in updates.iter().flat_map(|update| &update.members) {
        let arch = member.arch.as_deref().unwrap_or_default();
        wanted.insert((&member.package, arch, &member.to));
        origins.insert((&member.package, &member.to), &member.origin);
    }
    let wanted: Vec<(&str, &str, &str)> = wanted.into_iter().collect();
    let resolved = manager.resolve(&wanted).map_err(|error| {
        Failure::of(Kind::Refused, anyhow::Error::new(error)).hint(format!(
            "leave the package out with --without, or run `{}` if lists are old",
            manager.renewal()
        ))
    })?;
    let removed: Vec<&str> = resolved
        .iter()
        .filter(|one| one.to.is_none())
        .map(|one| one.name.as_str())
        .collect();
    if !removed.is_empty() {
        return Err(Failure::of(
            Kind::Refused,
            anyhow!(
                "the package manager would remove {} for this",
                removed.join(", ")
            ),
        )
        .hint("leave the update that needs it out with --without"));
    }
    let versions = |side: fn(&Simulated) -> Option<&String>| {
        resolved.iter().filter_map(move |one| {
            Some((one.name.as_str(), one.arch.as_str(), side(one)?.as_str()))
        })
    };
    let both: Vec<_> = versions(|one| one.to.as_ref())
        .chain(versions(|one| one.from.as_ref()))
        .collect();
    let listed = manager.listed(&both).map_err(Failure::environment)?;
    let changes = resolved
        .iter()
        .map(|one| change(manager, one, &listed, &origins))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Closure {
        manager: manager.word().to_owned(),
        changes,
    })
}

fn change(
    manager: &dyn PackageManager,
    one: &Simulated,
    listed: &[Listed],
    origins: &HashMap<(&str, &str), &str>,
) -> Result<Change, Failure> {
    let find = |version: &str| {
        listed
            .iter()
            .find(|listed| {
                (&listed.name, &listed.arch, listed.version.as_str())
                    == (&one.name, &one.arch, version)
            })
            .map(|listed| listed.artifact.clone())
    };
    let to = one.to.clone().unwrap_or_default();
    let artifact = find(&to).ok_or_else(|| {
        Failure::of(
            Kind::Refused,
            anyhow!("no repository states the hash of {} {to}", one.name),
        )
    })?;
    let origin = origins.get(&(one.name.as_str(), to.as_str()));
    let artifact = Artifact {
        origin: origin.map_or(artifact.origin.clone(), |origin| (*origin).to_owned()),
        ..artifact
    };
    let action = match &one.from {
        None => Action::Install { to, artifact },
        Some(from) => Action::Replace {
            back: find(from).or_else(|| kept(manager, one, from)),
            from: from.clone(),
            to,
            artifact,
        },
    };
    Ok(Change {
        name: one.name.clone(),
        arch: one.arch.clone(),
        action,
    })
}

/// The installed version's artifact, if the package manager still has it.
fn kept(manager: &dyn PackageManager, one: &Simulated, version: &str) -> Option<Artifact> {
    let kept = manager.kept((&one.name, &one.arch, version));
    let (sha256, size) = kept.iter().find_map(|file| hash_file(file).ok())?;
    Some(Artifact {
        sha256,
        size,
        origin: "cache".to_owned(),
        path: None,
    })
}

/// Whether a plan of some updates has the host boot anew, and into which kernel.
pub fn boots(wanted: Reboot, updates: &[Update], closure: &Closure) -> Boots {
    let kernel = reboot::kernel_of(closure, &overlock_host::kernel::uname().release);
    let required = kernel.is_some() || updates.iter().any(|update| update.reboot.is_some());
    match wanted {
        Reboot::Always => Boots::Yes { kernel },
        Reboot::IfRequired if required => Boots::Yes { kernel },
        Reboot::IfRequired | Reboot::Never => Boots::No,
    }
}

/// The steps for some updates; `forensic` says why evidence must be taken first, `confirm` in how many seconds a change
/// that may cut the host off must be confirmed. What boots anew needs no restarts.
pub fn steps(
    updates: &[Update],
    forensic: Option<String>,
    boots: Boots,
    confirm: Option<u64>,
) -> Vec<Step> {
    let units: BTreeSet<&String> = updates.iter().flat_map(|update| &update.restarts).collect();
    let ends: BTreeSet<Ends> = updates
        .iter()
        .flat_map(|update| {
            update.resolves.iter().map(|vulnerability| Ends {
                vulnerability: vulnerability.clone(),
                package: update.package.clone(),
            })
        })
        .collect();
    let units = units
        .into_iter()
        .filter(|unit| unit.ends_with(".service") || unit.ends_with(".socket"));
    forensic
        .map(|reason| Step::Evidence { reason })
        .into_iter()
        .chain([
            Step::Fetch {},
            Step::Install {},
            match boots {
                Boots::Yes { kernel } => Step::Reboot { kernel },
                Boots::No => Step::Restart {
                    units: units.cloned().collect(),
                },
            },
            Step::Verify {
                ends: ends.into_iter().collect(),
            },
            Step::Commit {
                confirm_within: confirm,
            },
        ])
        .collect()
}

/// Why evidence must be taken before the patch: an exposure that these updates end is on a forensic row.
pub fn forensic(updates: &[Update], exposures: &[Exposure]) -> Option<String> {
    let ended: BTreeSet<&String> = updates.iter().flat_map(|update| &update.resolves).collect();
    exposures
        .iter()
        .filter(|exposure| ended.contains(&exposure.vulnerability))
        .find_map(|exposure| {
            let forensic = exposure.obligations.iter().find(|one| one.forensics)?;
            Some(format!("{}: {}", exposure.vulnerability, forensic.because))
        })
}
