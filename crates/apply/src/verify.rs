//! Whether it took effect: versions, running code, units, and what else the host had.

use crate::PackageManager;
use crate::checks::{Check, Kind};
use crate::probe::Probe;
use crate::reboot::{self, Boots};
use crate::restart;
use overlock_engine::Report;
use overlock_model::plan::Closure;
use overlock_model::run::{Outcome, Standing};
use std::time::{Duration, Instant};

/// How long services may take to come back before what is missing counts as lost.
const SETTLING: Duration = Duration::from_secs(20);

/// What must hold afterwards.
pub(crate) struct Promised<'a> {
    pub manager: &'a dyn PackageManager,
    pub closure: &'a Closure,
    /// What the host had before; `None` where nobody looked.
    pub before: Option<&'a Probe>,
    pub checks: &'a [Check],
    /// Whether the host was to boot anew, and into which kernel.
    pub boots: &'a Boots,
}

/// Compares the host with what was promised; `ends` says whether exposures ended.
pub(crate) fn verify(
    promised: &Promised<'_>,
    ends: &mut dyn FnMut() -> Result<Vec<String>, String>,
) -> Report {
    let Promised {
        manager,
        closure,
        before,
        checks,
        boots,
    } = *promised;
    let mut notes = Vec::new();
    match manager.standing(closure) {
        // A state revert changes packages without naming them.
        Ok((Standing::Target, _)) if closure.changes.is_empty() => {}
        Ok((Standing::Target, _)) => {
            notes.push(format!("{} packages are as planned", closure.changes.len()));
        }
        Ok((standing, more)) => {
            notes.extend(more);
            return failed(format!("packages are {}", standing.word()), notes);
        }
        Err(error) => return failed(error.to_string(), notes),
    }
    let runs = overlock_host::kernel::uname().release;
    match kernel(&runs, reboot::kernel_of(closure, &runs), boots) {
        Ok(note) => notes.extend(note),
        Err(why) => return failed(why, notes),
    }
    if let Some(before) = before {
        let harm = harm(before, &|_| false);
        if !harm.is_empty() {
            let why = harm.join("; ");
            notes.extend(harm);
            return failed(why, notes);
        }
        notes.push("nothing that the host had is missing, no unit failed".to_owned());
    }
    match restart::stale_units() {
        Err(error) => notes.push(format!("running processes could not be seen: {error}")),
        Ok(units) => {
            let order = restart::order(&[], &units);
            if restart::is_systemd() && !order.units.is_empty() {
                let why = format!("replaced code still runs in {}", order.units.join(", "));
                return failed(why, notes);
            }
            notes.extend(
                units
                    .iter()
                    .map(|unit| format!("runs old code until a reboot or a new login: {unit}")),
            );
        }
    }
    if let Err(why) = ssh_answers(before) {
        return failed(why, notes);
    }
    for check in checks {
        match check.run() {
            Ok(()) => notes.push(format!("check `{}` passed", check.name)),
            Err(why) => return failed(why, notes),
        }
    }
    match ends() {
        Err(why) => failed(why, notes),
        Ok(more) => {
            notes.extend(more);
            Report::done_with(notes)
        }
    }
}

/// Whether the kernel runs that was planned; one that only a later boot brings is told.
fn kernel(runs: &str, brought: Option<String>, boots: &Boots) -> Result<Option<String>, String> {
    match (boots, brought) {
        (Boots::Yes { kernel: Some(it) }, _) if *it != runs => {
            Err(format!("kernel {runs} runs, and {it} is planned"))
        }
        (Boots::Yes { kernel: Some(_) }, _) => Ok(Some(format!("kernel {runs} runs, as planned"))),
        (Boots::No, Some(new)) => Ok(Some(format!(
            "reboot pending: kernel {new} was installed, and {runs} runs as it did before"
        ))),
        (Boots::Yes { kernel: None }, _) | (Boots::No, None) => Ok(None),
    }
}

/// What the host lost and which units failed since, but for what is forgiven; services get some time to come back.
pub(crate) fn harm(before: &Probe, forgiven: &dyn Fn(&str) -> bool) -> Vec<String> {
    let begun = Instant::now();
    loop {
        let mut harm = Probe::now().harm_since(before);
        harm.retain(|line| !forgiven(line));
        if harm.is_empty() || begun.elapsed() > SETTLING {
            return harm;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// A new connection to sshd, where it listened before: an old one proves nothing (REQ-12).
fn ssh_answers(before: Option<&Probe>) -> Result<(), String> {
    if !before.is_some_and(|before| before.has("listening tcp 22")) {
        return Ok(());
    }
    let check = Check {
        name: "sshd answers a new connection".to_owned(),
        kind: Kind::Banner {
            address: "127.0.0.1:22".to_owned(),
            begins: "SSH-".to_owned(),
        },
        passes: 1,
        within: SETTLING,
    };
    check.run()
}

fn failed(why: String, notes: Vec<String>) -> Report {
    Report::ended(Outcome::Failed { why }, notes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_kernel_than_planned_fails_and_a_pending_one_is_told() {
        let planned = |kernel: Option<&str>| Boots::Yes {
            kernel: kernel.map(str::to_owned),
        };
        let brought = || Some("6.1.0-56-amd64".to_owned());
        let judge = |runs, boots: &Boots| kernel(runs, brought(), boots);
        let boots = planned(Some("6.1.0-56-amd64"));
        assert!(
            judge("6.1.0-50-amd64", &boots)
                .unwrap_err()
                .contains("6.1.0-50-amd64")
        );
        assert!(judge("6.1.0-56-amd64", &boots).is_ok());
        assert_eq!(judge("6.1.0-50-amd64", &planned(None)), Ok(None));
        let note = judge("6.1.0-50-amd64", &Boots::No).unwrap().unwrap();
        assert!(note.starts_with("reboot pending"), "{note}");
        assert_eq!(kernel("6.1.0-50-amd64", None, &Boots::No), Ok(None));
    }
}
