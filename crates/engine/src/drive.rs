//! The loop that asks the course, writes the ledger, and lets the hands act.

use crate::course::{Course, Next};
use overlock_model::plan::{Step, Verb};
use overlock_model::run::{End, Event, Outcome, Phase, RunId, Standing};

/// What a phase came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// Lines for people: what was done or found.
    pub notes: Vec<String>,
    /// The host goes down now. The phase is neither done nor failed; after the boot the run is taken up again, and the
    /// phase with it.
    pub reboots: bool,
}

impl Report {
    /// It ended so.
    #[must_use]
    pub fn ended(outcome: Outcome, notes: Vec<String>) -> Self {
        Self {
            outcome,
            notes,
            reboots: false,
        }
    }

    /// All that could be done before a boot was done, and the boot was asked for.
    #[must_use]
    pub fn reboots() -> Self {
        Self {
            reboots: true,
            ..Self::done()
        }
    }

    /// Done, with nothing to tell.
    #[must_use]
    pub fn done() -> Self {
        Self::done_with(Vec::new())
    }

    /// Done.
    #[must_use]
    pub fn done_with(notes: Vec<String>) -> Self {
        Self::ended(Outcome::Done, notes)
    }

    /// Failed.
    #[must_use]
    pub fn failed(why: impl Into<String>) -> Self {
        Self::ended(Outcome::Failed { why: why.into() }, Vec::new())
    }
}

/// What acts on the host. Each act may be called again after a crash in its midst and must then find its way (R5).
pub trait Hands {
    /// Whether the host is as the plan takes it to be, and fit to be changed. Changes nothing.
    fn preflight(&mut self) -> Report;
    /// One step of the plan.
    fn step(&mut self, step: &Step, attempt: u32) -> Report;
    /// Where the packages are. Changes nothing.
    ///
    /// # Errors
    /// When they cannot be read; the run then stops where it is, to be taken up again.
    fn look(&mut self) -> Result<(Standing, Vec<String>), String>;
    /// Brings a package manager that was cut off back to where it can work; higher tries may do more.
    fn mend(&mut self, attempt: u32) -> Report;
    /// Puts the former packages, or the former root, back.
    fn revert(&mut self, attempt: u32) -> Report;
    /// Whether the host has booted since this run began its step that reboots.
    fn has_rebooted(&mut self) -> bool;
}

/// Where events are written; what it has taken survives loss of power.
pub trait Ledger {
    /// Writes one event.
    ///
    /// # Errors
    /// When it cannot be written; nothing that it announces is then done.
    fn append(&mut self, event: Event) -> Result<(), String>;
}

/// Asked before each step begins: the guard, with the clock.
pub trait Gate {
    /// Whether the step may begin now.
    ///
    /// # Errors
    /// The reason why not.
    fn may_begin(&mut self, step: u32) -> Result<(), String>;
}

/// Where a run is when it is let go of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Driven {
    /// Over.
    Ended(End),
    /// The host goes down; the run is to be taken up again after it is back.
    Rebooting,
}

/// The run stopped without an end; it can be taken up again.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// An event could not be written.
    #[error("the journal takes no entry: {0}")]
    Ledger(String),
    /// The packages could not be looked at.
    #[error("where the packages are cannot be seen: {0}")]
    Look(String),
}

/// Carries a run on, from wherever its events have left it, to its end.
///
/// # Errors
/// When the ledger or a look fails; no step begins after that.
pub fn drive(
    run: RunId,
    steps: &[Step],
    mut course: Course,
    hands: &mut dyn Hands,
    gate: &mut dyn Gate,
    ledger: &mut dyn Ledger,
) -> Result<Driven, DriveError> {
    let mut write = |course: &mut Course, event: Event| {
        course.take(&event);
        ledger.append(event).map_err(DriveError::Ledger)
    };
    loop {
        match course.next() {
            Next::Begin { phase, attempt } => {
                // The boot that a step asked for is no new beginning, however late the host is back.
                let is_back = attempt > 1 && reboots(phase) && hands.has_rebooted();
                let refused = if is_back { None } else { refused(phase, gate) };
                let report = match refused {
                    Some(report) => report,
                    None => {
                        write(
                            &mut course,
                            Event::Begun {
                                run,
                                phase,
                                attempt,
                            },
                        )?;
                        act(phase, attempt, steps, hands)
                    }
                };
                if report.reboots {
                    return Ok(Driven::Rebooting);
                }
                write(
                    &mut course,
                    Event::Done {
                        run,
                        phase,
                        attempt,
                        outcome: report.outcome,
                        notes: report.notes,
                    },
                )?;
            }
            Next::Look => {
                let (standing, notes) = hands.look().map_err(DriveError::Look)?;
                write(
                    &mut course,
                    Event::Found {
                        run,
                        standing,
                        notes,
                    },
                )?;
            }
            Next::End(end) => {
                write(
                    &mut course,
                    Event::Ended {
                        run,
                        end: end.clone(),
                    },
                )?;
                return Ok(Driven::Ended(end));
            }
        }
    }
}

fn refused(phase: Phase, gate: &mut dyn Gate) -> Option<Report> {
    let Phase::Step { at, .. } = phase else {
        return None;
    };
    let why = gate.may_begin(at).err()?;
    Some(Report::ended(Outcome::Refused { why }, Vec::new()))
}

fn reboots(phase: Phase) -> bool {
    matches!(
        phase,
        Phase::Step {
            verb: Verb::Reboot,
            ..
        }
    )
}

fn act(phase: Phase, attempt: u32, steps: &[Step], hands: &mut dyn Hands) -> Report {
    match phase {
        Phase::Preflight => hands.preflight(),
        Phase::Mend => hands.mend(attempt),
        Phase::Revert => hands.revert(attempt),
        Phase::Step { at, .. } => match usize::try_from(at).ok().and_then(|at| steps.get(at)) {
            Some(step) => hands.step(step, attempt),
            None => Report::failed("the plan has no such step"),
        },
    }
}
