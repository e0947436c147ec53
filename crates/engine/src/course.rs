//! Where a run is, and what comes next.

use overlock_model::plan::{OnFailure, Step, Verb};
use overlock_model::run::{End, Event, NotApplied, Outcome, Phase, RepairState, Standing};

/// How often one run begins its change: the first try, and again when a try was cut off with packages whole.
pub const CHANGES_MAX: u32 = 3;
/// How often one run mends the package manager; each try goes one rung up its ladder.
pub const MENDS_MAX: u32 = 4;
/// How often one run begins to put packages back.
pub const REVERTS_MAX: u32 = 3;

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Begin a phase.
    Begin {
        /// Which.
        phase: Phase,
        /// Which try, from 1.
        attempt: u32,
    },
    /// Look where the packages are.
    Look,
    /// Nothing: the run is over.
    End(End),
}

/// The state of a run, folded from its events.
#[derive(Debug, Clone)]
pub struct Course {
    steps: Vec<Verb>,
    on_failure: OnFailure,
    reversible: bool,
    next: Next,
    /// Begun and not done; `None` between phases.
    during: Option<(Phase, u32)>,
    /// What is being done to the packages, once it was begun.
    aim: Aim,
    changes: u32,
    mends: u32,
    reverts: u32,
    /// The first thing that went wrong and was not a cut.
    failure: Option<NotApplied>,
}

/// Where the packages are to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Aim {
    /// Nothing was begun.
    None,
    /// To the target, by the step at this position.
    Forward { at: u32, verb: Verb },
    /// Back to where they were.
    Back,
}

impl Course {
    /// The course of a run of these steps; `reversible` says whether every package has a way back.
    #[must_use]
    pub fn new(steps: &[Step], on_failure: OnFailure, reversible: bool) -> Self {
        Self {
            steps: steps.iter().map(Step::verb).collect(),
            on_failure,
            reversible,
            next: Next::Begin {
                phase: Phase::Preflight,
                attempt: 1,
            },
            during: None,
            aim: Aim::None,
            changes: 0,
            mends: 0,
            reverts: 0,
            failure: None,
        }
    }

    /// What comes next. After a phase that was begun and not done (a crash), that is to begin it again or to look.
    #[must_use]
    pub fn next(&self) -> Next {
        let Some((phase, attempt)) = self.during else {
            return self.next.clone();
        };
        match phase {
            // These change packages: what a cut left behind has to be seen first.
            Phase::Mend | Phase::Revert => Next::Look,
            Phase::Step { verb, .. } if verb.is_the_change() => Next::Look,
            // These are the same however often they are done.
            Phase::Preflight | Phase::Step { .. } => Next::Begin {
                phase,
                attempt: attempt + 1,
            },
        }
    }

    /// Takes in one event of this run.
    pub fn take(&mut self, event: &Event) {
        match event {
            Event::Opened { .. }
            | Event::Adopted { .. }
            | Event::GenerationSeen { .. }
            | Event::Started { .. } => {}
            Event::Begun { phase, attempt, .. } => self.begun(*phase, *attempt),
            Event::Done { phase, outcome, .. } => self.done(*phase, outcome),
            Event::Found { standing, .. } => self.found(*standing),
            Event::Ended { end, .. } => {
                self.during = None;
                self.next = Next::End(end.clone());
            }
        }
    }

    fn begun(&mut self, phase: Phase, attempt: u32) {
        self.during = Some((phase, attempt));
        match phase {
            Phase::Step { verb, at } if verb.is_the_change() => {
                self.changes = attempt;
                self.aim = Aim::Forward { at, verb };
            }
            Phase::Mend => self.mends = attempt,
            Phase::Revert => {
                self.reverts = attempt;
                self.aim = Aim::Back;
            }
            Phase::Preflight | Phase::Step { .. } => {}
        }
    }

    fn done(&mut self, phase: Phase, outcome: &Outcome) {
        self.during = None;
        self.next = match (phase, outcome) {
            (Phase::Preflight, Outcome::Done) => self.step(0),
            // What those that change packages report is not believed; the packages are asked.
            (Phase::Step { verb, .. }, Outcome::Done) if verb.is_the_change() => Next::Look,
            (Phase::Step { at, .. }, Outcome::Done) => self.step(at + 1),
            (Phase::Mend | Phase::Revert, _) => {
                if let Outcome::Failed { why } | Outcome::Refused { why } = outcome {
                    self.failure
                        .get_or_insert_with(|| NotApplied::Failed { how: why.clone() });
                }
                Next::Look
            }
            (Phase::Preflight | Phase::Step { .. }, outcome) => self.not_done(phase, outcome),
        };
    }

    /// Preflight or a step ended otherwise than done.
    fn not_done(&mut self, phase: Phase, outcome: &Outcome) -> Next {
        let why = match outcome {
            Outcome::Done => return Next::Look,
            Outcome::Deferred { why } => NotApplied::Deferred { what: why.clone() },
            Outcome::Refused { why } => NotApplied::Refused {
                reason: why.clone(),
            },
            Outcome::Failed { why } => NotApplied::Failed { how: why.clone() },
        };
        if self.aim == Aim::None {
            return Next::End(End::Prior { why });
        }
        self.failure = Some(why);
        match phase {
            // Even where it says that it changed nothing, the packages are asked.
            Phase::Step { verb, .. } if verb.is_the_change() => Next::Look,
            // Packages are in the target, and what was promised beyond that does not hold.
            _ => self.back_or(RepairState::NotEffective),
        }
    }

    fn found(&mut self, standing: Standing) {
        self.during = None;
        self.next = match self.aim {
            // Nobody looks before packages were touched; if one does, nothing has happened.
            Aim::None => self.next.clone(),
            Aim::Forward { at, verb } => self.forward(at, verb, standing),
            Aim::Back => self.back(standing),
        };
    }

    fn forward(&mut self, at: u32, verb: Verb, standing: Standing) -> Next {
        let again = Next::Begin {
            phase: Phase::Step { at, verb },
            attempt: self.changes + 1,
        };
        match (standing, &self.failure) {
            // Whole and as planned, whatever was reported on the way; verify has the last word.
            (Standing::Target, _) => self.step(at + 1),
            (Standing::Broken, failure) => {
                // A package that failed once fails again, and may take its time; one that was cut off wants finishing.
                let tries = if failure.is_some() && self.goes_back() {
                    1
                } else {
                    MENDS_MAX
                };
                if self.mends < tries {
                    self.mend()
                } else {
                    self.back_or(RepairState::PackagesBroken)
                }
            }
            (Standing::Prior | Standing::Mixed, None) if self.changes < CHANGES_MAX => again,
            (Standing::Prior, failure) => Next::End(End::Prior {
                why: failure.clone().unwrap_or_else(|| NotApplied::Failed {
                    how: "the change was cut off again and again".to_owned(),
                }),
            }),
            (Standing::Mixed, _) => self.back_or(RepairState::PackagesMixed),
        }
    }

    fn back(&mut self, standing: Standing) -> Next {
        match standing {
            Standing::Prior => Next::End(End::Reverted { why: self.why() }),
            Standing::Broken if self.mends < MENDS_MAX => self.mend(),
            Standing::Broken | Standing::Mixed | Standing::Target if self.reverts < REVERTS_MAX => {
                Next::Begin {
                    phase: Phase::Revert,
                    attempt: self.reverts + 1,
                }
            }
            Standing::Broken | Standing::Mixed | Standing::Target => Next::End(End::Repair {
                state: RepairState::RevertFailed,
                why: self.why(),
            }),
        }
    }

    fn mend(&self) -> Next {
        Next::Begin {
            phase: Phase::Mend,
            attempt: self.mends + 1,
        }
    }

    fn goes_back(&self) -> bool {
        match self.on_failure {
            OnFailure::Revert => self.reversible,
            // Whatever the packages are, the snapshot has them as they were.
            OnFailure::StateRevert => true,
            OnFailure::Stop => false,
        }
    }

    /// Back to the former packages where the plan wants that and can; else the named state.
    fn back_or(&self, state: RepairState) -> Next {
        if self.goes_back() {
            return Next::Begin {
                phase: Phase::Revert,
                attempt: 1,
            };
        }
        Next::End(End::Repair {
            state,
            why: self.why(),
        })
    }

    fn step(&self, at: u32) -> Next {
        let verb = usize::try_from(at).ok().and_then(|at| self.steps.get(at));
        match verb {
            Some(verb) => Next::Begin {
                phase: Phase::Step { at, verb: *verb },
                attempt: 1,
            },
            None => Next::End(End::Target),
        }
    }

    fn why(&self) -> String {
        match &self.failure {
            Some(
                NotApplied::Deferred { what: why }
                | NotApplied::Refused { reason: why }
                | NotApplied::Failed { how: why },
            ) => why.clone(),
            None => "the run was cut off".to_owned(),
        }
    }
}
