//! The root file system in plans: whether it is kept before a change, and putting it back as a whole, a state revert.

use super::mitigating;
use super::{carry, site};
use crate::cli::{Carry, OnFailure, Plain, Snapshot};
use crate::exit::{Done, Failure, Kind};
use crate::state::State;
use anyhow::anyhow;
use overlock_apply::does_not_undo;
use overlock_apply::snapshot::{SnapshotError, Snapshots, of_root};
use overlock_journal::{Journal, Run};
use overlock_model::plan::{self, Closure, HostEntry, Step};
use overlock_model::run::RunId;
use overlock_report::plain;
use std::io::Write;

/// A revert is made and applied at once; it need not be valid for long.
const VALID_HOURS: i64 = 24;

/// Whether a plan of this closure keeps the root first.
///
/// # Errors
/// When a state revert is wanted and could not be done.
pub fn keeps(
    snapshot: Snapshot,
    on_failure: OnFailure,
    closure: &Closure,
) -> Result<bool, Failure> {
    let is_needed = on_failure == OnFailure::StateRevert;
    if snapshot == Snapshot::Never {
        return match is_needed {
            true => Err(Failure::input(anyhow!(
                "`--on-failure state-revert` goes back to a snapshot, and `--snapshot never` takes none"
            ))),
            false => Ok(false),
        };
    }
    let why = match of_root() {
        Ok(roots) => match does_not_undo(&*roots, closure) {
            None => return Ok(true),
            // What it can put back is still worth keeping.
            Some(_) if !is_needed => return Ok(true),
            Some(why) => anyhow!(why),
        },
        Err(_) if !is_needed => return Ok(false),
        Err(error) => anyhow::Error::new(error),
    };
    let why = why.context("a failed run could not be taken back by a state revert");
    Err(Failure::of(Kind::Refused, why)
        .hint("`--on-failure revert` puts the former packages back: a package revert"))
}

/// Puts the step where the guard wants it: everything is at hand, and nothing is changed yet.
pub fn keep_first(steps: &mut Vec<Step>) {
    let change = steps
        .iter()
        .position(|step| step.verb().is_the_change())
        .unwrap_or(steps.len());
    steps.insert(change, Step::Snapshot {});
}

/// Whether an entry keeps the root.
pub fn keeps_by(entry: &HostEntry) -> bool {
    let mut steps = entry.steps.iter();
    steps.any(|step| step.verb() == plan::Verb::Snapshot)
}

/// The run whose snapshot an entry puts back, if that is what it is for.
pub fn put_back_by(entry: &HostEntry) -> Option<RunId> {
    entry.steps.iter().find_map(|step| match step {
        Step::Revert { run } => Some(RunId(*run)),
        _ => None,
    })
}

/// Puts the root back as it was before a run: says what that means, and does it.
///
/// # Errors
/// When there is no snapshot, or the host cannot put it back.
pub fn state_revert(
    journal: Journal,
    run: RunId,
    carry: &Carry,
    state: &State,
) -> Result<Done, Failure> {
    let refused = |error: anyhow::Error| {
        Failure::of(
            Kind::Refused,
            error.context(format!("run {run} cannot be taken back by a state revert")),
        )
        .hint(format!(
            "`overlock revert {run}` puts the former packages back: a package revert"
        ))
    };
    let roots = of_root().map_err(|error| refused(error.into()))?;
    if !roots.has(run).map_err(Failure::environment)? {
        return Err(refused(SnapshotError::Missing(roots.name(run)).into()));
    }
    let closure = site::closure_of(&journal, run, state)?;
    if let Some(why) = does_not_undo(&*roots, &closure) {
        return Err(refused(anyhow!(why)));
    }
    if carry.format == Plain::Table {
        explain(&*roots, &journal, run, state)?;
    }
    let steps = vec![
        Step::Revert { run: run.0 },
        Step::Verify { ends: Vec::new() },
        Step::Commit {
            confirm_within: None,
        },
    ];
    let stop = plan::OnFailure::Stop;
    let plan = mitigating::plan(&journal, steps, stop, VALID_HOURS, None, state)?;
    carry::apply(&plan, journal, Some((run, closure)), carry, state)
}

fn explain(
    roots: &dyn Snapshots,
    journal: &Journal,
    run: RunId,
    state: &State,
) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    let runs = journal.runs();
    let of = |one: &&Run<'_>| one.id == run;
    let taken = runs.iter().find(of).map(|one| one.started);
    let later: Vec<String> = runs
        .iter()
        .filter(|one| one.id > run)
        .map(|one| one.id.to_string())
        .collect();
    writeln!(
        out,
        "state revert: the root goes back as a whole to {}{}, and the host reboots",
        roots.name(run),
        taken.map_or(String::new(), |at| at
            .strftime(" of %Y-%m-%d %H:%M UTC")
            .to_string())
    )?;
    if !later.is_empty() {
        writeln!(
            out,
            "  what later runs changed goes too: {}",
            later.join(", ")
        )?;
    }
    writeln!(
        out,
        "  all that was written to it since goes back with it, logs and homes too; it is kept as {}",
        roots.replaced(journal.next_run())
    )?;
    for what in roots.excluded().map_err(Failure::environment)? {
        writeln!(out, "  stays as it is: {}", plain(&what))?;
    }
    writeln!(
        out,
        "  stays as it is: {} (journal and plans)",
        state.data.display()
    )?;
    let ends = ended(journal, run, state);
    if ends > 0 {
        writeln!(
            out,
            "  {ends} exposures that run {run} ended are open again"
        )?;
    }
    Ok(())
}

/// How many exposures a run was to end.
fn ended(journal: &Journal, run: RunId, state: &State) -> usize {
    let runs = journal.runs();
    let plan = runs.iter().find(|one| one.id == run);
    let plan = plan.and_then(|one| site::kept_plan(&state.data, one.plan).ok());
    let steps = plan.iter().flat_map(|plan| &plan.entries);
    let own = steps.filter(|entry| entry.host == *journal.host());
    own.flat_map(|entry| &entry.steps)
        .map(|step| match step {
            Step::Verify { ends } => ends.len(),
            _ => 0,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_kept_right_before_the_change() {
        let mut steps = vec![
            Step::Fetch {},
            Step::Install {},
            Step::Verify { ends: Vec::new() },
        ];
        keep_first(&mut steps);
        let verbs: Vec<&str> = steps.iter().map(|step| step.verb().as_str()).collect();
        assert_eq!(verbs, ["fetch", "snapshot", "install", "verify"]);
    }
}
