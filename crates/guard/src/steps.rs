//! Whether the steps of an entry are an order that we know (R2): no other sequence of verbs reaches the engine.

use crate::refusal::{Shown, TextFault};
use crate::{Limits, Refusal, mitigation, text};
use overlock_model::plan::{Closure, HostEntry, OnFailure, Step, Verb};
use std::collections::BTreeSet;

/// Each verb at most once, in this order. The match is exhaustive on purpose: a new verb must be taught here.
fn rank(verb: Verb) -> u8 {
    match verb {
        Verb::Evidence => 0,
        Verb::Fetch => 1,
        Verb::Snapshot => 2,
        // One of these is what the plan is for.
        Verb::Install | Verb::Mitigate | Verb::Revert => 3,
        Verb::Restart => 4,
        Verb::Reboot => 5,
        Verb::Verify => 6,
        Verb::Commit => 7,
    }
}

/// Order, completeness and arguments of an entry's steps.
pub(crate) fn judge(
    entry: usize,
    of: &HostEntry,
    closure: &Closure,
    limits: &Limits,
) -> Result<(), Refusal> {
    let (count, max) = (of.steps.len(), limits.steps_max);
    if count == 0 {
        return Err(Refusal::NoSteps { entry });
    }
    if count > max {
        return Err(Refusal::TooManySteps { entry, count, max });
    }
    let mut before: Option<Verb> = None;
    for (step, verb) in of.steps.iter().map(Step::verb).enumerate() {
        match before {
            Some(after) if after == verb => return Err(Refusal::StepTwice { entry, step, verb }),
            Some(after) if rank(after) >= rank(verb) => {
                return Err(Refusal::StepOrder {
                    entry,
                    step,
                    verb,
                    after,
                });
            }
            _ => before = Some(verb),
        }
    }
    let has = |verb| of.steps.iter().any(|step| step.verb() == verb);
    for (verb, needed) in [
        (Verb::Install, Verb::Fetch),
        (Verb::Install, Verb::Verify),
        (Verb::Mitigate, Verb::Verify),
        (Verb::Revert, Verb::Verify),
        (Verb::Reboot, Verb::Verify),
        // What was restarted or called done without a look at it is not known to be fixed.
        (Verb::Restart, Verb::Verify),
        (Verb::Commit, Verb::Verify),
    ] {
        if has(verb) && !has(needed) {
            return Err(Refusal::StepMissing {
                entry,
                verb,
                needed,
            });
        }
    }
    let why = match (closure.changes.is_empty(), has(Verb::Install)) {
        _ if of.on_failure == OnFailure::StateRevert && !has(Verb::Snapshot) => {
            Some("a state revert needs a `snapshot` to go back to")
        }
        _ if of.on_failure == OnFailure::StateRevert && !has(Verb::Install) => {
            Some("a state revert follows a failed `install` only")
        }
        _ if has(Verb::Revert) && has(Verb::Snapshot) => {
            Some("`revert` keeps the root that it replaces; a `snapshot` of it is one too many")
        }
        _ if has(Verb::Revert) && of.on_failure != OnFailure::Stop => {
            Some("what follows a failed `revert` is for people: it stops")
        }
        (true, true) => Some("`install` has nothing to install"),
        (false, _) if has(Verb::Mitigate) || has(Verb::Revert) => {
            Some("packages are changed by `install` only")
        }
        // Fetching ahead is a plan; changes that nothing fetches or installs are none.
        (false, false) if !has(Verb::Fetch) => Some("there are changes that no step makes"),
        _ => None,
    };
    if let Some(why) = why {
        return Err(Refusal::StepsAndClosure { entry, why });
    }
    for (at, step) in of.steps.iter().enumerate() {
        arguments(entry, at, step, limits)?;
    }
    Ok(())
}

fn arguments(entry: usize, at: usize, step: &Step, limits: &Limits) -> Result<(), Refusal> {
    let place = |what: &str| format!("entry {entry}, step {at} ({}){what}", step.verb());
    let refused = |what: &str, text: &str, why: TextFault| Refusal::Text {
        place: place(what),
        text: Shown::new(text),
        why,
    };
    let bounded = |count: usize| {
        let max = limits.names_max;
        if count <= max {
            return Ok(());
        }
        let place = place("");
        Err(Refusal::TooManyNames { place, count, max })
    };
    let twice = |name: &str| Refusal::NameTwice {
        place: place(""),
        name: Shown::new(name),
    };
    match step {
        Step::Fetch {} | Step::Snapshot {} | Step::Install {} | Step::Revert { .. } => Ok(()),
        Step::Mitigate { measures, undo } => {
            bounded(measures.len())?;
            let mut seen = BTreeSet::new();
            for (number, one) in measures.iter().enumerate() {
                mitigation::judge(&place(&format!(", measure {number}")), one, *undo, limits)?;
                if !seen.insert(one.measure.subject()) {
                    return Err(twice(&one.measure.to_string()));
                }
            }
            match measures.is_empty() {
                true => Err(Refusal::StepsAndClosure {
                    entry,
                    why: "`mitigate` has no measure",
                }),
                false => Ok(()),
            }
        }
        Step::Reboot { kernel } => match kernel {
            None => Ok(()),
            Some(release) => {
                text::word(release).map_err(|why| refused(": the kernel", release, why))
            }
        },
        Step::Evidence { reason } => text::prose(reason, limits.text_bytes_max)
            .map_err(|why| refused(": the reason", reason, why)),
        Step::Restart { units } => {
            bounded(units.len())?;
            let mut seen = BTreeSet::new();
            for unit in units {
                text::unit(unit).map_err(|why| refused(": a unit", unit, why))?;
                if !seen.insert(unit) {
                    return Err(twice(unit));
                }
            }
            Ok(())
        }
        Step::Verify { ends } => {
            bounded(ends.len())?;
            let mut seen = BTreeSet::new();
            for end in ends {
                let id = &end.vulnerability;
                text::vulnerability(id).map_err(|why| refused(": a vulnerability", id, why))?;
                text::any_package(&end.package)
                    .map_err(|why| refused(": a package", &end.package, why))?;
                if !seen.insert(end) {
                    return Err(twice(&format!("{id} {}", end.package)));
                }
            }
            Ok(())
        }
        Step::Commit { confirm_within } => match *confirm_within {
            Some(seconds) if seconds == 0 || seconds > limits.confirm_seconds_max => {
                Err(Refusal::ConfirmTime {
                    entry,
                    seconds,
                    max: limits.confirm_seconds_max,
                })
            }
            _ => Ok(()),
        },
    }
}
