//! One time of a schedule: is the window open, what is within bounds, and a run of it.
//!
//! The window's end is the plan's expiry, so that the guard itself lets no step begin after it.

use super::bounds::{self, Confirmed, Within};
use super::file::Set;
use super::notes;
use crate::cli::{Carry, OnFailure as WayBack, Packages, Plain, Reboot, Snapshot, Source, Subject};
use crate::exit::{Done, Failure, Kind, warn};
use crate::patch::{carry, making, mitigating, printing, rooting, site};
use crate::scan::{facts, inventory, judged, mitigated, tables};
use crate::state::State;
use anyhow::anyhow;
use jiff::{SignedDuration, Timestamp};
use overlock_apply::PackageManager;
use overlock_guard::Trust;
use overlock_journal::Journal;
use overlock_model::plan::{HostEntry, OnFailure, PlanFile};
use overlock_model::run::RunId;
use overlock_model::scan::ScanReport;
use overlock_model::schedule::{LastResult, LastTime, OutOfBounds, RebootBound};
use overlock_planner::Scope;
use overlock_report::plain;
use std::io::{self, Write};
use std::time::Duration;

/// How long a change that may cut the host off waits for its connection, in seconds.
const CONFIRM_SECONDS: u64 = 600;
/// A run that begins later would reach the window's end half way, and be taken back outside of it.
const LEFT_MIN: SignedDuration = SignedDuration::from_mins(5);

/// What a time came to, for the note about it.
#[derive(Debug, Default)]
struct Came {
    run: Option<RunId>,
    held: Vec<OutOfBounds>,
    /// What went wrong and stopped nothing.
    amiss: Option<String>,
}

/// Patches within the window, or says why not.
///
/// # Errors
/// As a run's; outside of the window there is nothing to do, which is none.
pub fn run(set: &Set, dry_run: bool, carry: &Carry, state: &State) -> Result<Done, Failure> {
    let now = state.clock();
    let open_until = set
        .calendar
        .open_until(now, set.window)
        .map_err(Failure::environment)?;
    let last = |result, said: String, came: Came| LastTime {
        at: now,
        result,
        said,
        run: came.run,
        held: came.held,
    };
    if dry_run {
        let until = open_until.or_else(|| now.checked_add(set.window).ok());
        return one(
            set,
            until.unwrap_or(now),
            true,
            carry,
            state,
            &mut Came::default(),
        )
        .map(|_| Done::Clear);
    }
    let Some(until) = open_until else {
        let next = set.calendar.next_after(now).map_err(Failure::environment)?;
        let said = next.map_or_else(
            || "the window is closed and does not open again".to_owned(),
            |next| {
                format!(
                    "the window is closed; it opens at {}",
                    next.strftime("%Y-%m-%d %H:%M UTC")
                )
            },
        );
        say(carry, &said)?;
        notes::write(&last(LastResult::Closed, said, Came::default()), state)?;
        return Ok(Done::Clear);
    };
    let left = until.duration_since(now);
    if left < (set.window / 4).min(LEFT_MIN) {
        let said = format!("too little of the window is left to begin: it closes in {left:#}");
        say(carry, &said)?;
        notes::write(&last(LastResult::Closed, said, Came::default()), state)?;
        return Ok(Done::Clear);
    }
    notes::write(
        &last(LastResult::Begun, String::new(), Came::default()),
        state,
    )?;
    let mut came = Came::default();
    let done = one(set, until, false, carry, state, &mut came);
    let boots = matches!(done, Ok(LastResult::Applied)) && is_open(state)?;
    let (result, said) = match &done {
        Ok(LastResult::Applied) if boots => (
            LastResult::Begun,
            "the host boots anew, and the run goes on after it".to_owned(),
        ),
        Ok(LastResult::Applied) => (LastResult::Applied, "packages are as planned".to_owned()),
        Ok(other) => (*other, "no update within bounds is on offer".to_owned()),
        Err(failure) if failure.kind == Kind::Repair => {
            (LastResult::Repair, format!("{:#}", failure.error))
        }
        Err(failure) => (LastResult::NotApplied, format!("{:#}", failure.error)),
    };
    let said = match &came.amiss {
        Some(amiss) => format!("{said}; {amiss}"),
        None => said,
    };
    notes::write(&last(result, said, came), state)?;
    done.map(|_| Done::Clear)
}

/// Whether a run waits for the boot that it asked for.
fn is_open(state: &State) -> Result<bool, Failure> {
    let entries = Journal::read(&site::folder(state)).map_err(site::journal_failure)?;
    Ok(entries.is_some_and(|entries| overlock_journal::runs::open_run(&entries).is_some()))
}

fn one(
    set: &Set,
    until: Timestamp,
    dry_run: bool,
    carry: &Carry,
    state: &State,
    came: &mut Came,
) -> Result<LastResult, Failure> {
    approved_by_nobody()?;
    // A measure that does not go away must not keep the host from its updates. What it left unended is seen right below.
    if !dry_run && let Err(failure) = mitigating::expire(carry, state) {
        let amiss = format!(
            "an expired measure cannot be taken away: {:#}",
            failure.error
        );
        warn(&amiss);
        came.amiss = Some(amiss);
    }
    let journal = site::journal(state)?;
    if let Some(run) = journal.open_run() {
        return Err(
            Failure::of(Kind::Repair, anyhow!("run {run} has not ended"))
                .hint("`overlock repair` finishes it"),
        );
    }
    let manager = site::manager(carry.limit)?;
    let manager = manager.as_ref();
    if !dry_run {
        renew(set, manager, carry, state)?;
    }
    let report = look(state)?;
    say(carry, &age(&report))?;
    let confirmed = match site::configuration()?.confirm.connect.is_empty() {
        true => Confirmed::ByNobody,
        false => Confirmed::ByConnection,
    };
    let bounds = &set.schedule.bounds;
    let within = bounds::sort(manager, report.updates.clone(), bounds, confirmed, state)?;
    for out in &within.held {
        say(
            carry,
            &format!("held: {} {}: {}", out.package, out.to, out.why),
        )?;
    }
    for one in &within.one_way {
        say(carry, &one.to_string())?;
    }
    came.held.clone_from(&within.held);
    let Some(plan) = plan(&journal, &report, within, set, until, state)? else {
        say(carry, "nothing to do: no update within bounds is on offer")?;
        return Ok(LastResult::Nothing);
    };
    if carry.format == Plain::Table {
        printing::plan(
            &plan,
            report.held.len() + came.held.len(),
            &mut anstream::stdout().lock(),
        )?;
    }
    if dry_run {
        return Ok(LastResult::Nothing);
    }
    let run = journal.next_run();
    came.run = Some(run);
    notes::keep_held(run, &came.held, state)?;
    let left = until.duration_since(state.clock());
    let carry = Carry {
        wait: carry.wait.min(Duration::try_from(left).unwrap_or_default()),
        limit: carry.limit,
        format: carry.format,
    };
    carry::apply(&plan, journal, None, &carry, state).map(|_| LastResult::Applied)
}

/// An unattended run has nobody's signature, so a host that wants some refuses it.
///
/// # Errors
/// Where `trust.toml` exists.
pub fn approved_by_nobody() -> Result<(), Failure> {
    match site::trust()? {
        Trust::UnsignedLocalAllowed => Ok(()),
        Trust::Keys(_) => Err(Failure::of(
            Kind::Refused,
            anyhow!("this host wants every plan signed, and nobody is there to sign what a schedule plans"),
        )
        .hint("apply signed plans; standing approvals do not exist yet")),
    }
}

/// What repositories and publishers say today. Where they cannot be reached, what is at hand is older, and still good.
fn renew(
    set: &Set,
    manager: &dyn PackageManager,
    carry: &Carry,
    state: &State,
) -> Result<(), Failure> {
    if set.schedule.refresh {
        match manager.renew() {
            Ok(true) => say(carry, "what repositories offer is new")?,
            Ok(false) => {}
            Err(error) => warn(&format!(
                "what repositories offer cannot be renewed: {error}"
            )),
        }
    }
    if set.schedule.sync {
        let mirror = std::env::var("OVERLOCK_MIRROR").ok();
        let options = overlock_feeds::sync::Options::default();
        let wanted = crate::commands::feeds::here()?;
        if let Err(failure) = tables::fetch(&wanted, mirror.as_deref(), options, state) {
            warn(&format!("feeds cannot be fetched: {:#}", failure.error));
        }
    }
    Ok(())
}

fn look(state: &State) -> Result<ScanReport, Failure> {
    let subject = Subject::this_host();
    let source = Source::at_hand();
    let mut given = facts::read(None, &[])?;
    let (mut inventory, root) = inventory::collect(&subject, Packages::Os, state)?;
    mitigated::add(&mut given, &mut inventory, &subject, state);
    let tables = tables::for_inventory(&mut inventory, root.as_ref(), &source, state)?;
    let judged = judged::judged(&mut inventory, root.as_ref(), &tables, &given, state);
    let (report, _) = judged::report(
        inventory,
        root.as_ref(),
        given,
        judged,
        None,
        Scope::Security,
    );
    Ok(report)
}

/// How old what is known is.
fn age(report: &ScanReport) -> String {
    let oldest = report.feeds.iter().filter_map(|feed| feed.fetched).min();
    match oldest {
        _ if report.coverage.advisories_unknown => {
            "no advisories are at hand: what security repositories offer is a security update"
                .to_owned()
        }
        Some(fetched) => {
            let hours = report.generated.duration_since(fetched).as_hours();
            format!(
                "advisories are {} days and {} hours old at most",
                hours / 24,
                hours % 24
            )
        }
        None => "how old the advisories at hand are is not known".to_owned(),
    }
}

fn plan(
    journal: &Journal,
    report: &ScanReport,
    within: Within,
    set: &Set,
    until: Timestamp,
    state: &State,
) -> Result<Option<PlanFile>, Failure> {
    let Some(closure) = within.closure else {
        return Ok(None);
    };
    let updates = &within.updates;
    let bounds = &set.schedule.bounds;
    let reboot = match bounds.reboot {
        RebootBound::IfRequired => Reboot::IfRequired,
        RebootBound::Hold | RebootBound::Never => Reboot::Never,
    };
    let boots = making::boots(reboot, updates, &closure);
    let cuts = !overlock_apply::confirm::cutting(&closure).is_empty();
    let confirm = (cuts && !bounds.unconfirmed).then_some(CONFIRM_SECONDS);
    let forensic = making::forensic(updates, &report.exposures);
    let mut steps = making::steps(updates, forensic, boots, confirm);
    if rooting::keeps(Snapshot::Auto, WayBack::Revert, &closure)? {
        rooting::keep_first(&mut steps);
    }
    let entry = HostEntry {
        host: journal.host().clone(),
        name: report.host.name.clone().unwrap_or_default(),
        os: carry::this_os()?,
        closure: closure.digest().map_err(Failure::input)?,
        steps,
        on_failure: OnFailure::Revert,
    };
    let whole = |time: Timestamp| Timestamp::from_second(time.as_second()).unwrap_or(time);
    PlanFile::local(
        entry,
        closure,
        journal.generation_floor() + 1,
        journal.runs().last().map(|run| *run.plan),
        b"",
        whole(state.clock()),
        whole(until),
    )
    .map(Some)
    .map_err(Failure::input)
}

fn say(carry: &Carry, line: &str) -> io::Result<()> {
    match carry.format {
        Plain::Table => writeln!(anstream::stdout().lock(), "{}", plain(line)),
        // Its output is one line of JSON for each event, and nothing else.
        Plain::Json => Ok(()),
    }
}
