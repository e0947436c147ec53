//! A unit that is stopped and that nothing starts.
//!
//! Not by a mask: systemd refuses to mask a unit whose file lies in `/etc`, where an administrator's own ones do, and a
//! mask does not say whose it is. A file of ours beside the unit (`UNIT.d/`, `systemd.unit(5)`) with an assertion that
//! never holds works for every unit: no dependency, timer, socket or person starts it, whoever tries is told, and the
//! unit's being enabled is left untouched, so that there is nothing to put back but whether it ran.

use super::{Force, Former, MitigateError, Notes, lost};
use crate::durable;
use crate::program::{Call, Program};
use crate::restart::is_systemd;
use crate::timer::{property, remove_if_empty, systemctl};
use overlock_model::mitigation::{Measure, Mitigation};
use overlock_model::run::RunId;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const FOLDER: &str = "/etc/systemd/system";
/// Units that are looked at for what goes down together.
const DEPENDENTS_MAX: usize = 256;

pub(super) fn check(measure: &Measure, unit: &str, all: &[Mitigation]) -> Notes {
    if !is_systemd() {
        return Err(MitigateError::unfit(measure, "systemd does not run here"));
    }
    let (id, load) = (property(unit, "Id")?, property(unit, "LoadState")?);
    if overlock_guard::is_protected_unit(&id) {
        let why = format!("it is another name of {id}, which the host does not run without");
        return Err(MitigateError::unfit(measure, why));
    }
    match load.as_str() {
        "masked" => Ok(vec![format!(
            "{unit} is masked by this host's own configuration already; it stays so afterwards"
        )]),
        "loaded" => {
            if let Some(other) = goes_down_with(&id, all)? {
                let why = format!("{other} runs and stops with it; disable it too, or leave both");
                return Err(MitigateError::unfit(measure, why));
            }
            let sockets = property(&id, "TriggeredBy")?;
            let mut notes = Vec::new();
            if !sockets.is_empty() {
                notes.push(format!(
                    "{sockets} goes on waiting, and can no longer start {id}; disable it too if nobody is to connect"
                ));
            }
            Ok(notes)
        }
        "not-found" => Err(MitigateError::unfit(measure, "there is no such unit")),
        other => Err(MitigateError::unfit(
            measure,
            format!("systemd says that it is `{other}`"),
        )),
    }
}

/// A unit that runs, would be stopped together with this one, and is none that the plan disables. It would not come back
/// with it either.
fn goes_down_with(id: &str, all: &[Mitigation]) -> Result<Option<String>, MitigateError> {
    let is_planned = |name: &str| {
        all.iter().any(|one| match &one.measure {
            Measure::DisableUnit { unit } => unit == name,
            _ => false,
        })
    };
    let mut seen = BTreeSet::from([id.to_owned()]);
    let mut open = vec![id.to_owned()];
    while let Some(one) = open.pop() {
        for relation in ["RequiredBy", "BoundBy", "ConsistsOf"] {
            for name in property(&one, relation)?
                .split(' ')
                .filter(|name| !name.is_empty())
            {
                // A target runs nothing itself.
                let counts = !name.ends_with(".target") && !is_planned(name);
                if counts && runs(&property(name, "ActiveState")?) {
                    return Ok(Some(name.to_owned()));
                }
                if !name.ends_with(".target")
                    && seen.len() < DEPENDENTS_MAX
                    && seen.insert(name.to_owned())
                {
                    open.push(name.to_owned());
                }
            }
        }
    }
    Ok(None)
}

pub(super) fn former(unit: &str) -> Result<Former, MitigateError> {
    let id = property(unit, "Id")?;
    Ok(Former::Unit {
        active: runs(&property(&id, "ActiveState")?),
        masked: property(&id, "LoadState")? == "masked",
        ports: ports(&id)?.into_iter().collect(),
        id,
    })
}

pub(super) fn put(former: &Former, run: RunId) -> Notes {
    let Some((id, ..)) = ours(former) else {
        return Ok(vec!["left masked, as it was".to_owned()]);
    };
    let path = path(id, run);
    let text = text(run);
    durable::write(&path, &text).map_err(|source| MitigateError::file("write", &path, source))?;
    systemctl(&["daemon-reload"])?;
    systemctl(&["stop", "--", id])?;
    // One that ends badly when it is stopped has not failed.
    drop(Call::new(Program::Systemctl, ["reset-failed", "--", id]).run());
    Ok(vec![format!("{id} is stopped, and nothing can start it")])
}

/// Takes the file away that keeps a unit from being started; nothing for what is none.
pub(super) fn free(former: &Former, run: RunId) -> Result<(), MitigateError> {
    let Some((id, _)) = ours(former) else {
        return Ok(());
    };
    let path = path(id, run);
    durable::remove(&path).map_err(|source| MitigateError::file("remove", &path, source))?;
    if let Some(folder) = path.parent() {
        remove_if_empty(folder);
    }
    Ok(())
}

pub(super) fn take(former: &Former, run: RunId) -> Notes {
    let Some((id, active)) = ours(former) else {
        return Ok(vec!["left masked, as it was".to_owned()]);
    };
    free(former, run)?;
    systemctl(&["daemon-reload"])?;
    match property(id, "LoadState")?.as_str() {
        // What barred it is gone; that it fails by itself is no reason to keep the measure.
        "loaded" if active => Ok(vec![match systemctl(&["start", "--", id]) {
            Ok(()) => format!("{id} runs again"),
            Err(_) => format!(
                "{id} can be started again, and does not start: `systemctl status {id}` tells why"
            ),
        }]),
        "loaded" => Ok(vec![format!(
            "{id} can be started again; it did not run before"
        )]),
        other => Ok(vec![format!(
            "{id} is not started: systemd says that it is `{other}` now"
        )]),
    }
}

pub(super) fn force(former: &Former, run: RunId) -> Result<Force, MitigateError> {
    let Former::Unit { id, masked, .. } = former else {
        return Ok(lost("its record is of another kind"));
    };
    if *masked {
        return Ok(match property(id, "LoadState")?.as_str() {
            "masked" => Force::Now,
            _ => lost("somebody unmasked it"),
        });
    }
    let path = path(id, run);
    if fs::read_to_string(&path).ok() != Some(text(run)) {
        return Ok(lost(format!("`{}` is gone or was changed", path.display())));
    }
    let load = property(id, "LoadState")?;
    let read = property(id, "DropInPaths")?;
    // The package was removed: nothing of it can run.
    if load == "loaded" && !read.split(' ').any(|one| Path::new(one) == path) {
        return Ok(lost(format!("systemd has not read `{}`", path.display())));
    }
    Ok(match property(id, "ActiveState")?.as_str() {
        state if runs(state) => lost("it runs"),
        _ => Force::Now,
    })
}

/// A unit that is ours to change: its name and whether it ran.
fn ours(former: &Former) -> Option<(&str, bool)> {
    match former {
        Former::Unit {
            id,
            active,
            masked: false,
            ..
        } => Some((id, *active)),
        _ => None,
    }
}

/// Last among the unit's other files, so that none of them takes the assertion back.
fn path(id: &str, run: RunId) -> PathBuf {
    Path::new(FOLDER)
        .join(format!("{id}.d"))
        .join(format!("zz-overlock-run-{run}.conf"))
}

fn text(run: RunId) -> String {
    format!(
        "# Disabled by overlock run {run}: see `overlock mitigate --list`; `overlock revert {run}` takes it away.\n\
         [Unit]\n# Never holds.\nAssertPathExists=!/\n"
    )
}

fn runs(state: &str) -> bool {
    matches!(state, "active" | "activating" | "reloading" | "refreshing")
}

/// Ports that a unit listens on: those of a socket unit by systemd's word, those of a service by its processes' sockets.
fn ports(id: &str) -> Result<BTreeSet<u16>, MitigateError> {
    if id.ends_with(".socket") {
        // `0.0.0.0:631 (Stream)`, one a line.
        let listen = property(id, "Listen")?;
        let of_line = |line: &str| {
            line.strip_suffix(" (Stream)")?
                .rsplit_once(':')?
                .1
                .parse()
                .ok()
        };
        return Ok(listen.lines().filter_map(of_line).collect());
    }
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let sockets = sockets(id);
    let tables = [read("/proc/net/tcp"), read("/proc/net/tcp6")];
    Ok(tables
        .iter()
        .flat_map(|table| listening(table, &sockets))
        .collect())
}

/// Inodes of all sockets that processes of a unit hold.
fn sockets(id: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let Ok(processes) = fs::read_dir("/proc") else {
        return found;
    };
    for process in processes.flatten() {
        let path = process.path();
        let groups = fs::read_to_string(path.join("cgroup")).unwrap_or_default();
        if !groups
            .lines()
            .any(|line| line.split('/').any(|part| part == id))
        {
            continue;
        }
        let Ok(files) = fs::read_dir(path.join("fd")) else {
            continue;
        };
        for file in files.flatten() {
            if let Ok(target) = fs::read_link(file.path())
                && let Some(inode) = target.to_string_lossy().strip_prefix("socket:[")
            {
                found.insert(inode.trim_end_matches(']').to_owned());
            }
        }
    }
    found
}

/// Ports of the sockets in state 0A, LISTEN, that are among these.
fn listening(table: &str, sockets: &BTreeSet<String>) -> BTreeSet<u16> {
    table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let (_, port) = fields.get(1)?.rsplit_once(':')?;
            let ours = *fields.get(3)? == "0A" && sockets.contains(*fields.get(9)?);
            ours.then(|| u16::from_str_radix(port, 16).ok())?
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_those_of_the_units_own_listening_sockets() {
        let table = "  sl  local_address rem_address st tx rx tr tm retrnsmt uid timeout inode\n\
            0: 00000000:0277 00000000:0000 0A 0:0 00:0 0 0 0 4711 1\n\
            1: 00000000:0016 00000000:0000 0A 0:0 00:0 0 0 0 4712 1\n\
            2: 0100007F:0277 0100007F:D431 01 0:0 00:0 0 0 0 4713 1\n";
        let ours = ["4711", "4713"].map(str::to_owned).into_iter().collect();
        assert_eq!(
            listening(table, &ours).into_iter().collect::<Vec<_>>(),
            [631]
        );
    }

    #[test]
    fn what_is_going_down_does_not_run() {
        assert!(runs("active") && runs("activating"));
        assert!(!runs("inactive") && !runs("failed") && !runs("deactivating"));
    }
}
