//! Plans about measures: to put them in place, to take them away, and when they have expired.

use super::{carry, site};
use crate::cli::Carry;
use crate::exit::{Failure, Kind};
use crate::state::State;
use anyhow::anyhow;
use jiff::{SignedDuration, Timestamp};
use overlock_apply::mitigate::{Record, Records};
use overlock_journal::Journal;
use overlock_model::mitigation::Mitigation;
use overlock_model::plan::{Closure, HostEntry, OnFailure, PlanFile, PlanId, Step};
use overlock_model::run::RunId;

/// Taking away is planned and done at once.
const VALID_HOURS: i64 = 24;

/// A plan with an empty closure for this host.
///
/// # Errors
/// When the host has no name that plans know, or a number is too large.
pub fn plan(
    journal: &Journal,
    steps: Vec<Step>,
    on_failure: OnFailure,
    valid_hours: i64,
    parent: Option<PlanId>,
    state: &State,
) -> Result<PlanFile, Failure> {
    let closure = Closure {
        manager: site::manager(std::time::Duration::from_secs(60))?
            .word()
            .to_owned(),
        changes: Vec::new(),
    };
    let created = whole(state.clock());
    let expires = created
        .checked_add(SignedDuration::from_hours(valid_hours))
        .map_err(Failure::environment)?;
    let name = rustix::system::uname();
    let entry = HostEntry {
        host: journal.host().clone(),
        name: name.nodename().to_string_lossy().into_owned(),
        os: carry::this_os()?,
        closure: closure.digest().map_err(Failure::input)?,
        steps,
        on_failure,
    };
    PlanFile::local(
        entry,
        closure,
        journal.generation_floor() + 1,
        parent.or_else(|| journal.runs().last().map(|run| *run.plan)),
        b"",
        created,
        expires,
    )
    .map_err(Failure::input)
}

/// A plan that takes measures of a run away.
///
/// # Errors
/// As [`plan`].
pub fn undo(
    journal: &Journal,
    measures: Vec<Mitigation>,
    parent: Option<PlanId>,
    state: &State,
) -> Result<PlanFile, Failure> {
    let steps = vec![
        Step::Mitigate {
            measures,
            undo: true,
        },
        Step::Verify { ends: Vec::new() },
        Step::Commit {
            confirm_within: None,
        },
    ];
    // Half away is gone on with, never put back: somebody or the clock wanted them gone.
    plan(journal, steps, OnFailure::Stop, VALID_HOURS, parent, state)
}

/// What of a run's measures is still there.
///
/// # Errors
/// When its record cannot be read, or nothing is.
pub fn standing(run: RunId, state: &State) -> Result<Vec<Mitigation>, Failure> {
    let record = Records::new(&state.data)
        .of(run)
        .map_err(Failure::environment)?;
    let record = record.ok_or_else(|| {
        Failure::of(
            Kind::Refused,
            anyhow!("nothing of run {run} is in force any more"),
        )
    })?;
    Ok(record
        .kept
        .into_iter()
        .map(|kept| kept.mitigation)
        .collect())
}

/// Takes away what has expired, each run's in a run of its own; answers how many runs' it was.
///
/// # Errors
/// The first that did not go as planned, once all others were tried.
pub fn expire(carry: &Carry, state: &State) -> Result<usize, Failure> {
    let records = Records::new(&state.data)
        .all()
        .map_err(Failure::environment)?;
    let (mut count, mut failure) = (0, None);
    for record in &records {
        let over = over(record, state.clock());
        if over.is_empty() {
            continue;
        }
        match end(record.run, over, carry, state) {
            Ok(()) => count += 1,
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    failure.map_or(Ok(count), Err)
}

/// Takes measures of a run away in a run of its own.
fn end(run: RunId, over: Vec<Mitigation>, carry: &Carry, state: &State) -> Result<(), Failure> {
    let journal = site::journal(state)?;
    let plan = undo(&journal, over, None, state)?;
    let reverts = Some((run, Closure::default()));
    carry::apply(&plan, journal, reverts, carry, state).map(drop)
}

/// Measures of this host that have expired.
///
/// # Errors
/// When a record cannot be read.
pub fn expired(state: &State) -> Result<Vec<Mitigation>, Failure> {
    let records = Records::new(&state.data)
        .all()
        .map_err(Failure::environment)?;
    let now = state.clock();
    Ok(records
        .iter()
        .flat_map(|record| over(record, now))
        .collect())
}

fn over(record: &Record, now: Timestamp) -> Vec<Mitigation> {
    let kept = record.kept.iter().map(|kept| &kept.mitigation);
    kept.filter(|one| one.expires <= now).cloned().collect()
}

fn whole(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}
