//! `overlock revert RUN`: a plan that takes a run's changes back, made and carried out.

use crate::cli::{Packages, Revert, Subject};
use crate::exit::{Done, Failure, Kind};
use crate::patch::{carry, mitigating, rooting, site};
use crate::scan::inventory;
use crate::state::State;
use anyhow::anyhow;
use overlock_apply::Mitigates;
use overlock_apply::reboot::{self, Boots};
use overlock_model::plan::{Closure, HostEntry, OnFailure, PlanFile, Step};
use overlock_model::run::{End, RunId};

/// A revert is made and applied at once; it need not be valid for long.
const VALID_HOURS: i64 = 24;

pub fn run(args: &Revert, state: &State) -> Result<Done, Failure> {
    let journal = site::journal(state)?;
    let id = RunId(args.run);
    let run = journal
        .runs()
        .into_iter()
        .find(|run| run.id == id)
        .ok_or_else(|| {
            Failure::input(anyhow!("there is no run {id}"))
                .hint("`overlock history` lists the runs of this host")
        })?;
    if args.state && run.ended.is_some() {
        return rooting::state_revert(journal, id, &args.carry, state);
    }
    if !matches!(run.ended, Some((_, End::Target | End::Repair { .. }))) {
        return Err(Failure::of(
            Kind::Refused,
            anyhow!("run {id} changed nothing that could be taken back"),
        ));
    }
    let former = site::kept_plan(&state.data, run.plan)?;
    let entry = former
        .entries
        .iter()
        .find(|entry| entry.host == *journal.host())
        .ok_or_else(|| Failure::input(anyhow!("run {id} was for another host")))?;
    if let Some(of) = Mitigates::of(&entry.steps) {
        if of.undo {
            return Err(Failure::of(
                Kind::Refused,
                anyhow!("run {id} took measures away; they come back by a new plan only"),
            )
            .hint("`overlock mitigate`"));
        }
        let plan = mitigating::undo(
            &journal,
            mitigating::standing(id, state)?,
            Some(former.id),
            state,
        )?;
        let reverts = Some((id, Closure::default()));
        return carry::apply(&plan, journal, reverts, &args.carry, state);
    }
    let closure = site::closure_of(&journal, id, state)?;
    let reversed = closure.reversed().ok_or_else(|| {
        Failure::of(
            Kind::Refused,
            anyhow!("run {id} is one-way: a former version is nowhere to be had"),
        )
    })?;
    let created = state.clock();
    let expires = created
        .checked_add(jiff::SignedDuration::from_hours(VALID_HOURS))
        .map_err(Failure::environment)?;
    let whole =
        |time: jiff::Timestamp| jiff::Timestamp::from_second(time.as_second()).unwrap_or(time);
    let entry = HostEntry {
        closure: reversed.digest().map_err(Failure::input)?,
        steps: vec![
            Step::Fetch {},
            Step::Install {},
            match boots_back(entry, &reversed, state)? {
                Boots::Yes { kernel } => Step::Reboot { kernel },
                Boots::No => Step::Restart { units: Vec::new() },
            },
            Step::Verify { ends: Vec::new() },
            Step::Commit {
                confirm_within: None,
            },
        ],
        on_failure: OnFailure::Stop,
        ..entry.clone()
    };
    let plan = PlanFile::local(
        entry,
        reversed,
        journal.generation_floor() + 1,
        Some(former.id),
        b"",
        whole(created),
        whole(expires),
    )
    .map_err(Failure::input)?;
    carry::apply(&plan, journal, Some((id, closure)), &args.carry, state)
}

/// Whether going back boots the host: where the run did. A kernel that the run brought goes only where another one is
/// left, and that one must run afterwards.
fn boots_back(entry: &HostEntry, reversed: &Closure, state: &State) -> Result<Boots, Failure> {
    if Boots::of(&entry.steps) == Boots::No {
        return Ok(Boots::No);
    }
    let subject = Subject::this_host();
    let (inventory, _) = inventory::collect(&subject, Packages::Os, state)?;
    let running = overlock_host::kernel::uname().release;
    let kernel = match reboot::kernel_of(reversed, &running) {
        Some(kernel) => Some(kernel),
        None => reboot::kernel_without(reversed, &inventory.kernel)
            .map_err(|error| Failure::of(Kind::Refused, error))?,
    };
    Ok(Boots::Yes { kernel })
}
