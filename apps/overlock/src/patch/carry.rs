//! Carrying a plan out: journal, guard, engine and hands put together.

use super::printing::Telling;
use super::{mitigating, rooting, site};
use crate::cli::{Carry, Packages, Source, Subject};
use crate::exit::{Done, Failure, Kind};
use crate::scan::{facts, inventory, judged, tables};
use crate::state::State;
use anyhow::anyhow;
use overlock_apply::reboot::{self, Boots};
use overlock_apply::{LocalHost, Mitigates, Observer, PackageManager, Roots, Settings};
use overlock_engine::{Course, Driven, Gate, Ledger, drive};
use overlock_guard::{Host, Permit, Trust};
use overlock_journal::Journal;
use overlock_model::exposure::ExposureState;
use overlock_model::plan::{Closure, Ends, HostEntry, OnFailure, PlanFile};
use overlock_model::run::{End, Event, NotApplied, RunId};
use std::cell::RefCell;
use std::io::Write;

/// How long a version that was taken back stays away, in days.
const AWAY_DAYS: i64 = 30;

/// Applies a plan from the beginning, or goes on with the run of it that was cut off.
///
/// # Errors
/// When it is refused, did not reach its target, or the environment failed; the exit code tells which.
pub fn apply(
    plan: &PlanFile,
    mut journal: Journal,
    reverts: Option<(RunId, Closure)>,
    carry: &Carry,
    state: &State,
) -> Result<Done, Failure> {
    // A broken configuration is told before anything is changed.
    site::configuration()?;
    let manager = site::manager(carry.limit)?;
    let manager = manager.as_ref();
    manager.let_come(state.clock())?;
    let open = journal.open_run();
    if let Some(run) = open {
        let runs = journal.runs();
        if !runs.iter().any(|one| one.id == run && *one.plan == plan.id) {
            return Err(Failure::of(
                Kind::Repair,
                anyhow!("run {run} of another plan has not ended"),
            )
            .hint("`overlock repair` finishes it"));
        }
        see_generation(&mut journal, plan, state)?;
    }
    let guard_host = Host {
        reverts: reverts.as_ref().map(|(_, closure)| closure.clone()),
        ..guarded(&journal, manager, site::trust()?, state)?
    };
    let guard_host = match leaves_kernel(plan, &journal) && reverts.is_some() {
        // It boots into another one right after, and verify sees to that.
        true => Host {
            protected: overlock_guard::Protected::default(),
            ..guard_host
        },
        false => guard_host,
    };
    let permit = match open {
        // A run that was cut off is gone on with, however late: half a change is worse than a late one.
        Some(_) => overlock_guard::resume(plan, &guard_host),
        None => overlock_guard::examine(plan, &guard_host, state.clock()),
    };
    let permit = permit.map_err(site::refusal)?;
    let run = match open {
        Some(run) => run,
        None => {
            let run = journal.next_run();
            keep(plan, state)?;
            let begin = Event::Started {
                run,
                plan: plan.id,
                reverts: reverts.map(|(run, _)| run),
            };
            journal
                .append(state.clock(), begin)
                .map_err(site::journal_failure)?;
            see_generation(&mut journal, plan, state)?;
            run
        }
    };
    carry_on(run, &permit, manager, journal, carry, state)
}

/// Whether a plan has this host boot into another kernel than the one that runs.
fn leaves_kernel(plan: &PlanFile, journal: &Journal) -> bool {
    let runs = overlock_host::kernel::uname().release;
    let own = |entry: &&HostEntry| entry.host == *journal.host();
    let boots = plan
        .entries
        .iter()
        .find(own)
        .map(|one| Boots::of(&one.steps));
    matches!(boots, Some(Boots::Yes { kernel: Some(kernel) }) if kernel != runs)
}

/// This host as the guard sees it.
fn guarded(
    journal: &Journal,
    manager: &dyn PackageManager,
    trust: Trust,
    state: &State,
) -> Result<Host, Failure> {
    let kernel = manager.kernel_packages(&overlock_host::kernel::uname().release);
    Ok(Host {
        foreign: manager.foreign().map_err(Failure::environment)?,
        protected: overlock_guard::Protected::default().and(kernel),
        expired: mitigating::expired(state)?,
        ..site::host(journal, &this_os()?, manager.native(), trust)
    })
}

/// Whether the guard would let a plan of this host begin now, once it is approved.
///
/// # Errors
/// Why it would not.
pub fn rehearse(plan: &PlanFile, journal: &Journal, state: &State) -> Result<(), Failure> {
    let manager = site::manager(std::time::Duration::from_secs(60))?;
    let host = guarded(
        journal,
        manager.as_ref(),
        Trust::UnsignedLocalAllowed,
        state,
    )?;
    overlock_guard::examine(plan, &host, state.clock())
        .map(drop)
        .map_err(site::refusal)
}

/// Raises the floor to the plan's generation once its run has begun. In this order a cut between the two leaves a run to
/// go on with; the other way round the plan would be used up by a run that never was.
fn see_generation(journal: &mut Journal, plan: &PlanFile, state: &State) -> Result<(), Failure> {
    let generation = plan.header.generation;
    if journal.generation_floor() < generation {
        journal
            .append(state.clock(), Event::GenerationSeen { generation })
            .map_err(site::journal_failure)?;
    }
    Ok(())
}

/// Goes on with a run from wherever its events have left it.
fn carry_on(
    run: RunId,
    permit: &Permit,
    manager: &dyn PackageManager,
    journal: Journal,
    carry: &Carry,
    state: &State,
) -> Result<Done, Failure> {
    let (entry, closure) = (permit.entry(), permit.closure());
    let mut course = Course::new(&entry.steps, entry.on_failure, closure.is_reversible());
    for one in journal.run(run) {
        course.take(&one.event);
    }
    let log = overlock_apply::log(&state.data, run);
    let telling = RefCell::new(Telling::new(carry.format, run, entry, closure, &log));
    let journal = RefCell::new(journal);
    let mut observer = Watcher {
        telling: &telling,
        state,
    };
    let configuration = site::configuration()?;
    let away = jiff::SignedDuration::from_hours(24 * AWAY_DAYS);
    let now = state.clock();
    let settings = Settings {
        patience: carry.wait,
        away_until: now.checked_add(away).unwrap_or(now),
        reverts: journal
            .borrow()
            .runs()
            .iter()
            .find(|one| one.id == run)
            .and_then(|one| one.reverts),
        checks: configuration.checks,
        confirm_by: configuration.confirm.connect,
        program: std::env::current_exe()?,
        boots: Boots::of(&entry.steps),
        mitigates: Mitigates::of(&entry.steps),
        roots: Roots::of(entry, |run| site::closure_of(&journal.borrow(), run, state))?,
    };
    let mut hands = LocalHost::new(run, closure, manager, &state.data, settings, &mut observer);
    let mut gate = Guarded {
        permit,
        journal: &journal,
        state,
    };
    let mut ledger = Written {
        journal: &journal,
        telling: &telling,
        state,
    };
    let driven = drive(
        run,
        &entry.steps,
        course,
        &mut hands,
        &mut gate,
        &mut ledger,
    )
    .map_err(|error| {
        Failure::environment(error).hint("`overlock repair` goes on from where the run stopped")
    })?;
    match driven {
        Driven::Ended(end) => {
            reboot::disarm();
            telling.borrow_mut().ended(&end, &log)?;
            outcome(run, entry, &end)
        }
        Driven::Rebooting => {
            telling.borrow_mut().rebooting(run)?;
            Ok(Done::Clear)
        }
    }
}

/// The exit code of an end.
fn outcome(run: RunId, entry: &HostEntry, end: &End) -> Result<Done, Failure> {
    let show = format!("`overlock history {run}` shows every step");
    match end {
        End::Target => Ok(Done::Clear),
        End::Prior { why } => Err(match why {
            NotApplied::Refused { reason } => Failure::of(
                Kind::Refused,
                anyhow!("the plan was refused and nothing was changed: {reason}"),
            )
            .hint("make a new plan for the host as it is now: `overlock plan`"),
            NotApplied::Deferred { what } => Failure::of(
                Kind::NotApplied,
                anyhow!("not now, and nothing was changed: {what}"),
            )
            .hint("run it again later; --wait makes it wait longer"),
            NotApplied::Failed { how } => Failure::of(
                Kind::NotApplied,
                anyhow!("it failed and the packages are as they were: {how}"),
            )
            .hint(show),
        }),
        End::Reverted { why } => Err(Failure::of(
            Kind::NotApplied,
            match entry.on_failure {
                OnFailure::StateRevert => {
                    anyhow!("it failed, and the root was put back by a state revert: {why}")
                }
                OnFailure::Revert | OnFailure::Stop => {
                    anyhow!("it failed, and the former packages were put back: {why}")
                }
            },
        )
        .hint(show)),
        End::Repair { why, .. } => Err(Failure::of(
            Kind::Repair,
            anyhow!("the host is in neither state: {why}"),
        )
        .hint(match rooting::keeps_by(entry) {
            false => "`overlock repair` explains it and mends it".to_owned(),
            true => format!(
                "`overlock repair` explains it and mends it; `overlock revert {run} --state` puts the root back"
            ),
        })),
    }
}

/// Keeps the plan's bytes, whole or not at all, before a run of it begins.
fn keep(plan: &PlanFile, state: &State) -> Result<(), Failure> {
    let path = site::plan_path(&state.data, &plan.id);
    let folder = state.data.join("plans");
    std::fs::create_dir_all(&folder)?;
    let bytes = plan.bytes().map_err(Failure::input)?;
    let new = path.with_extension("new");
    let mut file = std::fs::File::create(&new)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    std::fs::rename(&new, &path)?;
    std::fs::File::open(&folder)?.sync_all()?;
    Ok(())
}

/// The release of the running host as plans name it.
pub fn this_os() -> Result<String, Failure> {
    let root = overlock_rootfs::Root::open("/").map_err(Failure::environment)?;
    let os = overlock_host::release::read(&root).map_err(Failure::environment)?;
    os.ecosystem()
        .map(|ecosystem| ecosystem.as_str().to_owned())
        .ok_or_else(|| Failure::environment(anyhow!("this release has no name that plans know")))
}

struct Guarded<'a> {
    permit: &'a Permit,
    journal: &'a RefCell<Journal>,
    state: &'a State,
}

impl Gate for Guarded<'_> {
    fn may_begin(&mut self, step: u32) -> Result<(), String> {
        let floor = self.journal.borrow().generation_floor();
        let step = usize::try_from(step).map_err(|error| error.to_string())?;
        self.permit
            .before_step(step, self.state.clock(), floor)
            .map(drop)
            .map_err(|refusal| refusal.to_string())
    }
}

struct Written<'a> {
    journal: &'a RefCell<Journal>,
    telling: &'a RefCell<Telling>,
    state: &'a State,
}

impl Ledger for Written<'_> {
    fn append(&mut self, event: Event) -> Result<(), String> {
        let mut journal = self.journal.borrow_mut();
        let entry = journal
            .append(self.state.clock(), event)
            .map_err(|error| format!("{:#}", anyhow::Error::new(error)))?;
        // What is told may fail (a closed pipe); what is done goes on.
        self.telling.borrow_mut().entry(entry);
        Ok(())
    }
}

struct Watcher<'a> {
    telling: &'a RefCell<Telling>,
    state: &'a State,
}

impl Observer for Watcher<'_> {
    fn tell(&mut self, line: &str) {
        self.telling.borrow_mut().line(line);
    }

    fn now(&self) -> jiff::Timestamp {
        self.state.clock()
    }

    fn ended(&mut self, ends: &[Ends]) -> Result<Vec<String>, String> {
        if ends.is_empty() {
            return Ok(Vec::new());
        }
        let words = |failure: Failure| format!("{:#}", failure.error);
        let subject = Subject::this_host();
        let source = Source::at_hand();
        let given = facts::read(None, &[]).map_err(words)?;
        let (mut inventory, root) =
            inventory::collect(&subject, Packages::Os, self.state).map_err(words)?;
        let tables = tables::for_inventory(&mut inventory, root.as_ref(), &source, self.state)
            .map_err(words)?;
        let judged = judged::judged(&mut inventory, root.as_ref(), &tables, &given, self.state);
        if judged.assessment.coverage.advisories_unknown {
            return Ok(vec![
                "whether vulnerabilities ended is not known: no advisories are at hand".to_owned(),
            ]);
        }
        let of = |end: &Ends, state: ExposureState| {
            judged.exposures.iter().any(|exposure| {
                exposure.vulnerability == end.vulnerability
                    && (exposure.package == end.package || exposure.binaries.contains(&end.package))
                    && exposure.state == state
            })
        };
        let open: Vec<&str> = ends
            .iter()
            .filter(|end| of(end, ExposureState::Exposed))
            .map(|end| end.vulnerability.as_str())
            .collect();
        if !open.is_empty() {
            return Err(format!("still exposed to {}", open.join(", ")));
        }
        let pending = ends
            .iter()
            .filter(|end| of(end, ExposureState::Installed))
            .count();
        let mut notes = vec![format!(
            "{} of {} exposures ended",
            ends.len() - pending,
            ends.len()
        )];
        if pending > 0 {
            notes.push(format!(
                "{pending} exposures end with a reboot or a new login: old code still runs"
            ));
        }
        Ok(notes)
    }
}
