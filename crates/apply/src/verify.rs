//! Whether it took effect: versions, running code, units, and what else the host had.

use crate::PackageManager;
use crate::probe::Probe;
use crate::restart;
use overlock_engine::Report;
use overlock_model::plan::Closure;
use overlock_model::run::{Outcome, Standing};
use std::time::{Duration, Instant};

/// How long services may take to come back before what is missing counts as lost.
const SETTLING: Duration = Duration::from_secs(20);

/// Compares the host with what was promised.
pub(crate) fn verify(
    manager: &dyn PackageManager,
    closure: &Closure,
    before: Option<&Probe>,
    ends: &mut dyn FnMut() -> Result<Vec<String>, String>,
) -> Report {
    let mut notes = Vec::new();
    match manager.standing(closure) {
        Ok((Standing::Target, _)) => {
            notes.push(format!("{} packages are as planned", closure.changes.len()));
        }
        Ok((standing, more)) => {
            notes.extend(more);
            return failed(format!("packages are {}", standing.word()), notes);
        }
        Err(error) => return failed(error.to_string(), notes),
    }
    if let Some(before) = before {
        let begun = Instant::now();
        let harm = loop {
            let harm = Probe::now().harm_since(before);
            if harm.is_empty() || begun.elapsed() > SETTLING {
                break harm;
            }
            std::thread::sleep(Duration::from_millis(200));
        };
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
    match ends() {
        Err(why) => failed(why, notes),
        Ok(more) => {
            notes.extend(more);
            Report::done_with(notes)
        }
    }
}

fn failed(why: String, notes: Vec<String>) -> Report {
    Report {
        outcome: Outcome::Failed { why },
        notes,
    }
}
