//! The course against a host of packages, cut off at any event, by seed.
//!
//! The host is as unkind as real ones: an act may stop halfway, fail and report success, or report failure when all is
//! done. Whatever happens, the run ends, its end says the truth about the packages, and nothing was done that was not
//! written down first.

use crate::{Course, Driven, Gate, Hands, Ledger, Report, drive};
use overlock_model::plan::{OnFailure, Step};
use overlock_model::run::{End, Event, Outcome, Phase, RunId, Standing};
use proptest::prelude::*;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Package {
    Old,
    New,
    Half,
}

/// What fate does to one act.
#[derive(Debug, Clone, Copy)]
struct Fate {
    /// Packages changed before it stops.
    reach: usize,
    /// The package at which it stops is left half done.
    halves: bool,
    /// What it reports.
    says_done: bool,
    /// The process is cut off after the act and before the report.
    cut: bool,
}

struct Host<'a> {
    packages: Vec<Package>,
    fates: &'a [Fate],
    used: usize,
    /// Events on disk.
    journal: Vec<Event>,
    cut: bool,
    acts: usize,
    /// Since the step that reboots.
    booted: bool,
}

struct Cut;

impl Host<'_> {
    fn fate(&mut self) -> Fate {
        let fate = self.fates.get(self.used).copied();
        self.used += 1;
        // Once fate has run out, all goes well: liveness when faults stop (P19).
        fate.unwrap_or(Fate {
            reach: usize::MAX,
            halves: false,
            says_done: true,
            cut: false,
        })
    }

    fn move_to(&mut self, to: Package) -> Report {
        let fate = self.fate();
        self.acts += 1;
        let mut left = fate.reach;
        for package in &mut self.packages {
            if left == 0 {
                if fate.halves {
                    *package = Package::Half;
                }
                break;
            }
            if *package != to {
                *package = to;
                left -= 1;
            }
        }
        self.report(fate)
    }

    fn report(&mut self, fate: Fate) -> Report {
        self.cut |= fate.cut;
        if fate.says_done {
            Report::done()
        } else {
            Report::failed("fate")
        }
    }

    fn standing(&self) -> Standing {
        let all = |what| self.packages.iter().all(|package| *package == what);
        if self.packages.contains(&Package::Half) {
            Standing::Broken
        } else if all(Package::New) {
            Standing::Target
        } else if all(Package::Old) {
            Standing::Prior
        } else {
            Standing::Mixed
        }
    }
}

impl Hands for Host<'_> {
    fn preflight(&mut self) -> Report {
        let fate = self.fate();
        self.report(fate)
    }

    fn step(&mut self, step: &Step, _attempt: u32) -> Report {
        match step {
            Step::Install {} => self.move_to(Package::New),
            Step::Reboot { .. } if !self.booted => {
                let fate = self.fate();
                if fate.cut {
                    // Cut off before the host went down.
                    return self.report(fate);
                }
                self.booted = true;
                Report::reboots()
            }
            _ => {
                let fate = self.fate();
                self.report(fate)
            }
        }
    }

    fn look(&mut self) -> Result<(Standing, Vec<String>), String> {
        Ok((self.standing(), Vec::new()))
    }

    fn mend(&mut self, _attempt: u32) -> Report {
        let fate = self.fate();
        if fate.reach > 1 {
            for package in &mut self.packages {
                if *package == Package::Half {
                    *package = Package::New;
                }
            }
        }
        self.report(fate)
    }

    fn revert(&mut self, _attempt: u32) -> Report {
        self.move_to(Package::Old)
    }

    fn has_rebooted(&mut self) -> bool {
        self.booted
    }
}

struct Open;

impl Gate for Open {
    fn may_begin(&mut self, _step: u32) -> Result<(), String> {
        Ok(())
    }
}

/// The ledger and the hands are one host: split by a cell, as the driver wants both.
struct Shared<'a, 'b>(&'a std::cell::RefCell<Host<'b>>);

impl Hands for Shared<'_, '_> {
    fn preflight(&mut self) -> Report {
        self.0.borrow_mut().preflight()
    }
    fn step(&mut self, step: &Step, attempt: u32) -> Report {
        self.0.borrow_mut().step(step, attempt)
    }
    fn look(&mut self) -> Result<(Standing, Vec<String>), String> {
        self.0.borrow_mut().look()
    }
    fn mend(&mut self, attempt: u32) -> Report {
        self.0.borrow_mut().mend(attempt)
    }
    fn revert(&mut self, attempt: u32) -> Report {
        self.0.borrow_mut().revert(attempt)
    }
    fn has_rebooted(&mut self) -> bool {
        self.0.borrow_mut().has_rebooted()
    }
}

impl Ledger for Shared<'_, '_> {
    fn append(&mut self, event: Event) -> Result<(), String> {
        let mut host = self.0.borrow_mut();
        if std::mem::take(&mut host.cut) {
            return Err("cut off".to_owned());
        }
        host.journal.push(event);
        Ok(())
    }
}

struct Ran {
    /// Steps that were begun although the journal said that they were done.
    again: Vec<Phase>,
    end: End,
    standing: Standing,
    acts: usize,
    booted: bool,
}

/// Only the change itself may be begun again, once the packages were looked at.
fn again(journal: &[Event]) -> Vec<Phase> {
    let mut done = Vec::new();
    let mut again = Vec::new();
    for event in journal {
        match event {
            Event::Done {
                phase,
                outcome: Outcome::Done,
                ..
            } => done.push(*phase),
            Event::Begun { phase, .. } if done.contains(phase) => again.push(*phase),
            _ => {}
        }
    }
    again.retain(|phase| match phase {
        Phase::Preflight => true,
        Phase::Step { verb, .. } => !verb.is_the_change(),
        Phase::Mend | Phase::Revert => false,
    });
    again
}

/// Runs to the end, taken up again after each cut and each boot.
fn run(packages: usize, fates: &[Fate], reversible: bool) -> Result<Ran, Cut> {
    let steps = [
        Step::Fetch {},
        Step::Install {},
        Step::Restart { units: Vec::new() },
        Step::Reboot { kernel: None },
        Step::Verify { ends: Vec::new() },
    ];
    let host = std::cell::RefCell::new(Host {
        packages: vec![Package::Old; packages],
        fates,
        used: 0,
        journal: Vec::new(),
        cut: false,
        acts: 0,
        booted: false,
    });
    // One life for each cut, one more for the reboot.
    for _ in 0..=fates.len() + 2 {
        let mut course = Course::new(&steps, OnFailure::Revert, reversible);
        for event in &host.borrow().journal {
            course.take(event);
        }
        let (mut hands, mut ledger) = (Shared(&host), Shared(&host));
        let driven = drive(RunId(1), &steps, course, &mut hands, &mut Open, &mut ledger);
        if let Ok(Driven::Ended(end)) = driven {
            let host = host.borrow();
            return Ok(Ran {
                again: again(&host.journal),
                standing: host.standing(),
                acts: host.acts,
                booted: host.booted,
                end,
            });
        }
    }
    Err(Cut)
}

fn fate() -> impl Strategy<Value = Fate> {
    (
        0_usize..5,
        any::<bool>(),
        any::<bool>(),
        prop::bool::weighted(0.3),
    )
        .prop_map(|(reach, halves, says_done, cut)| Fate {
            reach,
            halves,
            says_done,
            cut,
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    /// P17, P19 in small: target, prior, or a named repair state; never a silent fourth.
    #[test]
    fn every_run_ends_and_its_end_is_true(
        packages in 1_usize..5,
        fates in prop::collection::vec(fate(), 0..14),
        reversible in any::<bool>(),
    ) {
        let ran = run(packages, &fates, reversible)
            .map_err(|Cut| TestCaseError::fail("no end once faults stopped"))?;
        match ran.end {
            End::Target => {
                prop_assert_eq!(ran.standing, Standing::Target);
                prop_assert!(ran.booted, "the target without the boot that the plan has");
            }
            End::Prior { .. } | End::Reverted { .. } => {
                prop_assert_eq!(ran.standing, Standing::Prior);
            }
            End::Repair { .. } => {}
        }
        // F1: never a completed step twice.
        prop_assert_eq!(ran.again, Vec::new());
        prop_assert!(ran.acts <= 8, "{} acts change packages", ran.acts);
    }
}
