//! `overlock repair`: what a run that was cut off or failed left behind, explained and mended.

use crate::cli::{Plain, Repair};
use crate::exit::{Done, Failure, Kind};
use crate::patch::{carry, site};
use crate::state::State;
use anyhow::anyhow;
use overlock_apply::artifacts::Artifacts;
use overlock_model::mitigation::Force;
use overlock_model::plan::Closure;
use overlock_model::run::{End, RepairState, Standing};
use overlock_report::plain;
use std::io::Write;

pub fn run(args: &Repair, state: &State) -> Result<Done, Failure> {
    let journal = site::journal(state)?;
    let mut out = anstream::stdout().lock();
    let table = args.carry.format == Plain::Table;
    if let Some(run) = journal.open_run() {
        let plan = journal
            .runs()
            .into_iter()
            .find(|one| one.id == run)
            .map(|one| (*one.plan, one.reverts))
            .ok_or_else(|| Failure::environment(anyhow!("run {run} has no beginning")))?;
        if table {
            writeln!(out, "run {run} was cut off; its journal says where")?;
        }
        if args.explain {
            return Ok(Done::Clear);
        }
        drop(out);
        let reverts = match plan.1 {
            Some(former) => Some((former, site::closure_of(&journal, former, state)?)),
            None => None,
        };
        let plan = site::kept_plan(&state.data, &plan.0)?;
        return carry::apply(&plan, journal, reverts, &args.carry, state);
    }
    if args.resume {
        // Nothing was open, so nothing has to be gone on with after the next boot.
        overlock_apply::reboot::disarm();
        return Ok(Done::Clear);
    }
    measures(table, &mut out, state)?;
    let manager = site::manager(args.carry.limit)?;
    manager.disarm()?;
    let last = journal.runs().into_iter().next_back().and_then(|run| {
        let (_, end) = run.ended?;
        Some((run.id, end.clone()))
    });
    let closure = match &last {
        Some((run, _)) => site::closure_of(&journal, *run, state)?,
        None => Closure::default(),
    };
    let (mut standing, mut notes) = manager.standing(&closure).map_err(Failure::environment)?;
    if table {
        if let Some((run, End::Repair { state, why })) = &last {
            writeln!(out, "run {run} ended in `{}`: {}", word(*state), plain(why))?;
        }
        for note in &notes {
            writeln!(out, "  {}", plain(note))?;
        }
    }
    let is_half = standing == Standing::Mixed && matches!(last, Some((_, End::Repair { .. })));
    if standing != Standing::Broken && !is_half {
        if table {
            writeln!(out, "every package is whole; nothing to mend")?;
        }
        return Ok(Done::Clear);
    }
    if args.explain {
        return Ok(Done::Clear);
    }
    let log = state.data.join("repair.log");
    let artifacts = Artifacts::new(state.data.join("artifacts"));
    if is_half {
        // Whole packages, some at the new version: all of them to it, or where that fails again all of them back.
        for way in [Some(closure.clone()), closure.reversed()].iter().flatten() {
            let said = manager.mend(manager.rung_all(), way, &artifacts, &log);
            (standing, notes) = manager.standing(&closure).map_err(Failure::environment)?;
            if table {
                let said = said.map_or_else(|error| error.to_string(), |lines| lines.join(", "));
                writeln!(out, "tried: {}", plain(&said))?;
            }
            if matches!(standing, Standing::Target | Standing::Prior) {
                if table {
                    writeln!(
                        out,
                        "every package of the run is at the {} version",
                        word_of(standing)
                    )?;
                }
                return Ok(Done::Clear);
            }
        }
    }
    for rung in 1..=manager.rungs() {
        // What it reports is not believed; the packages are asked.
        let said = manager.mend(rung, &closure, &artifacts, &log);
        (standing, notes) = manager.standing(&closure).map_err(Failure::environment)?;
        if table {
            let said = said.map_or_else(|error| error.to_string(), |lines| lines.join(", "));
            writeln!(out, "tried: {}", plain(&said))?;
        }
        if standing != Standing::Broken {
            if table {
                writeln!(out, "every package is whole")?;
            }
            return Ok(Done::Clear);
        }
    }
    Err(Failure::of(
        Kind::Repair,
        anyhow!("packages are still not whole: {}", notes.join("; ")),
    )
    .hint(format!("what was said is in `{}`", log.display())))
}

/// Measures that do not hold are told, with what to do; which of them are to be there is not for a repair to decide.
fn measures(table: bool, out: &mut dyn Write, state: &State) -> Result<(), Failure> {
    let placed = overlock_apply::mitigate::placed(&state.data, state.clock());
    for one in placed.map_err(Failure::environment)? {
        if let (Force::Lost { why }, true) = (&one.force, table) {
            writeln!(
                out,
                "run {0}: {1} does not hold: {2}; `overlock revert {0}` takes all of it away, then plan it again",
                one.run,
                plain(&one.mitigation.measure.to_string()),
                plain(why)
            )?;
        }
    }
    Ok(())
}

fn word_of(standing: Standing) -> &'static str {
    match standing {
        Standing::Target => "new",
        _ => "former",
    }
}

fn word(state: RepairState) -> &'static str {
    match state {
        RepairState::PackagesBroken => "packages broken",
        RepairState::PackagesMixed => "packages mixed",
        RepairState::NotEffective => "not effective",
        RepairState::RevertFailed => "revert failed",
    }
}
