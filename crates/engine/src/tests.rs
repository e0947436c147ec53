//! The course, story by story.

use crate::{Course, Driven, Gate, Hands, Ledger, Report, drive};
use overlock_model::plan::{OnFailure, Step, Verb};
use overlock_model::run::{End, Event, NotApplied, Outcome, Phase, RepairState, RunId, Standing};
use std::collections::VecDeque;

/// Hands that answer from a script and write down what they were asked.
#[derive(Default)]
struct Scripted {
    reports: VecDeque<Report>,
    standings: VecDeque<Standing>,
    asked: Vec<String>,
    rebooted: bool,
}

impl Scripted {
    fn report(&mut self, asked: String) -> Report {
        self.asked.push(asked);
        self.reports.pop_front().unwrap_or_else(Report::done)
    }
}

impl Hands for Scripted {
    fn preflight(&mut self) -> Report {
        self.report("preflight".to_owned())
    }

    fn step(&mut self, step: &Step, attempt: u32) -> Report {
        self.report(format!("{} {attempt}", step.verb()))
    }

    fn look(&mut self) -> Result<(Standing, Vec<String>), String> {
        self.asked.push("look".to_owned());
        let standing = self.standings.pop_front().unwrap_or(Standing::Target);
        Ok((standing, Vec::new()))
    }

    fn mend(&mut self, attempt: u32) -> Report {
        self.report(format!("mend {attempt}"))
    }

    fn revert(&mut self, attempt: u32) -> Report {
        self.report(format!("revert {attempt}"))
    }

    fn has_rebooted(&mut self) -> bool {
        self.rebooted
    }
}

struct Open;

impl Gate for Open {
    fn may_begin(&mut self, _step: u32) -> Result<(), String> {
        Ok(())
    }
}

struct Shut(u32);

impl Gate for Shut {
    fn may_begin(&mut self, step: u32) -> Result<(), String> {
        if step < self.0 {
            Ok(())
        } else {
            Err("the plan expired".to_owned())
        }
    }
}

struct Kept(Vec<Event>);

impl Ledger for Kept {
    fn append(&mut self, event: Event) -> Result<(), String> {
        self.0.push(event);
        Ok(())
    }
}

fn steps() -> Vec<Step> {
    vec![
        Step::Fetch {},
        Step::Install {},
        Step::Restart { units: Vec::new() },
        Step::Verify { ends: Vec::new() },
        Step::Commit {
            confirm_within: None,
        },
    ]
}

const RUN: RunId = RunId(1);
const INSTALL: Phase = Phase::Step {
    at: 1,
    verb: overlock_model::plan::Verb::Install,
};

fn course(events: &[Event]) -> Course {
    let mut course = Course::new(&steps(), OnFailure::Revert, true);
    events.iter().for_each(|event| course.take(event));
    course
}

fn play(course: Course, hands: &mut Scripted) -> End {
    let mut kept = Kept(Vec::new());
    ended(drive(RUN, &steps(), course, hands, &mut Open, &mut kept).unwrap())
}

fn ended(driven: Driven) -> End {
    match driven {
        Driven::Ended(end) => end,
        Driven::Rebooting => panic!("nothing asked for a boot"),
    }
}

fn begun(phase: Phase, attempt: u32) -> Event {
    Event::Begun {
        run: RUN,
        phase,
        attempt,
    }
}

#[test]
fn every_step_is_taken_once_and_in_order() {
    let mut hands = Scripted::default();
    assert_eq!(play(course(&[]), &mut hands), End::Target);
    assert_eq!(
        hands.asked,
        [
            "preflight",
            "fetch 1",
            "install 1",
            "look",
            "restart 1",
            "verify 1",
            "commit 1"
        ]
    );
}

#[test]
fn what_stops_before_the_change_leaves_the_prior_state() {
    for at in 0..2 {
        for outcome in [
            Outcome::Deferred {
                why: "x".to_owned(),
            },
            Outcome::Refused {
                why: "x".to_owned(),
            },
            Outcome::Failed {
                why: "x".to_owned(),
            },
        ] {
            let mut reports: VecDeque<Report> = (0..at).map(|_| Report::done()).collect();
            reports.push_back(Report::ended(outcome, Vec::new()));
            let mut hands = Scripted {
                reports,
                ..Scripted::default()
            };
            assert!(matches!(play(course(&[]), &mut hands), End::Prior { .. }));
            assert_eq!(hands.asked.len(), at + 1, "nothing follows");
        }
    }
}

/// F1: what was begun and not done is looked at before anything else happens.
#[test]
fn installation_cut_off_is_looked_at_first() {
    for (standing, then) in [
        (Standing::Prior, "install 2"),
        (Standing::Mixed, "install 2"),
        (Standing::Target, "restart 1"),
        (Standing::Broken, "mend 1"),
    ] {
        let mut hands = Scripted {
            standings: [standing, Standing::Target].into(),
            ..Scripted::default()
        };
        assert_eq!(play(course(&[begun(INSTALL, 1)]), &mut hands), End::Target);
        assert_eq!(hands.asked[..2], ["look", then]);
    }
}

#[test]
fn installation_that_failed_halfway_is_reverted() {
    let mut hands = Scripted {
        reports: [
            Report::done(),
            Report::done(),
            Report::failed("postinst said 1"),
        ]
        .into(),
        standings: [Standing::Broken, Standing::Mixed, Standing::Prior].into(),
        ..Scripted::default()
    };
    assert_eq!(
        play(course(&[]), &mut hands),
        End::Reverted {
            why: "postinst said 1".to_owned()
        }
    );
    assert_eq!(
        hands.asked[2..],
        ["install 1", "look", "mend 1", "look", "revert 1", "look"]
    );
}

#[test]
fn one_way_plan_is_never_reverted_but_named() {
    let mut hands = Scripted {
        reports: [Report::done(), Report::done(), Report::failed("x")].into(),
        standings: [Standing::Mixed].into(),
        ..Scripted::default()
    };
    let course = Course::new(&steps(), OnFailure::Revert, false);
    assert!(matches!(
        play(course, &mut hands),
        End::Repair {
            state: RepairState::PackagesMixed,
            ..
        }
    ));
}

#[test]
fn verify_that_fails_takes_the_packages_back() {
    let mut hands = Scripted {
        reports: [
            Report::done(),
            Report::done(),
            Report::done(),
            Report::done(),
            Report::failed("sshd listens no more"),
        ]
        .into(),
        standings: [Standing::Target, Standing::Prior].into(),
        ..Scripted::default()
    };
    assert!(matches!(
        play(course(&[]), &mut hands),
        End::Reverted { .. }
    ));
    let stays = Course::new(&steps(), OnFailure::Stop, true);
    let mut hands = Scripted {
        reports: (0..4)
            .map(|_| Report::done())
            .chain([Report::failed("x")])
            .collect(),
        ..Scripted::default()
    };
    assert!(matches!(
        play(stays, &mut hands),
        End::Repair {
            state: RepairState::NotEffective,
            ..
        }
    ));
}

#[test]
fn plan_that_expires_in_the_midst_begins_no_new_step() {
    let mut hands = Scripted::default();
    let end = drive(
        RUN,
        &steps(),
        course(&[]),
        &mut hands,
        &mut Shut(1),
        &mut Kept(Vec::new()),
    )
    .unwrap();
    assert!(matches!(
        ended(end),
        End::Prior {
            why: NotApplied::Refused { .. }
        }
    ));
    assert_eq!(hands.asked, ["preflight", "fetch 1"]);
    // Cut off while half was installed: back, not forward.
    let mut hands = Scripted {
        standings: [Standing::Mixed, Standing::Mixed, Standing::Prior].into(),
        ..Scripted::default()
    };
    let cut = course(&[begun(INSTALL, 1)]);
    let end = drive(
        RUN,
        &steps(),
        cut,
        &mut hands,
        &mut Shut(0),
        &mut Kept(Vec::new()),
    )
    .unwrap();
    assert!(matches!(ended(end), End::Reverted { .. }));
    assert_eq!(hands.asked, ["look", "look", "revert 1", "look"]);
}

#[test]
fn finished_run_does_nothing_more() {
    let ended = Event::Ended {
        run: RUN,
        end: End::Target,
    };
    let mut hands = Scripted::default();
    assert_eq!(play(course(&[ended]), &mut hands), End::Target);
    assert!(hands.asked.is_empty());
}

/// A plan of fetch, install, reboot, verify; the reboot is asked for, and what the run had written by then.
fn to_the_reboot() -> (Vec<Step>, Vec<Event>) {
    let steps = vec![
        Step::Fetch {},
        Step::Install {},
        Step::Reboot { kernel: None },
        Step::Verify { ends: Vec::new() },
    ];
    let mut hands = Scripted {
        reports: [
            Report::done(),
            Report::done(),
            Report::done(),
            Report::reboots(),
        ]
        .into(),
        ..Scripted::default()
    };
    let mut kept = Kept(Vec::new());
    let course = Course::new(&steps, OnFailure::Revert, true);
    let driven = drive(RUN, &steps, course, &mut hands, &mut Open, &mut kept);
    assert_eq!(driven.unwrap(), Driven::Rebooting);
    (steps, kept.0)
}

fn taken_up(steps: &[Step], events: &[Event], hands: &mut Scripted) -> End {
    let mut course = Course::new(steps, OnFailure::Revert, true);
    events.iter().for_each(|event| course.take(event));
    // By the time the host is back, the plan has expired.
    let mut kept = Kept(Vec::new());
    ended(drive(RUN, steps, course, hands, &mut Shut(0), &mut kept).unwrap())
}

#[test]
fn run_goes_on_after_its_reboot_however_late() {
    let (steps, events) = to_the_reboot();
    assert_eq!(
        events.last(),
        Some(&begun(
            Phase::Step {
                at: 2,
                verb: Verb::Reboot
            },
            1
        )),
        "nothing claims that the reboot was done before it was"
    );
    let mut hands = Scripted {
        rebooted: true,
        ..Scripted::default()
    };
    // Verify would be refused by this gate too; the guard's own never does.
    let end = taken_up(&steps[..3], &events, &mut hands);
    assert_eq!(
        (end, hands.asked),
        (End::Target, vec!["reboot 2".to_owned()])
    );
}

#[test]
fn reboot_that_was_cut_off_before_it_happened_asks_the_guard_again() {
    let (steps, events) = to_the_reboot();
    let mut hands = Scripted {
        standings: [Standing::Prior].into(),
        ..Scripted::default()
    };
    let end = taken_up(&steps, &events, &mut hands);
    assert!(matches!(end, End::Reverted { .. }), "{end:?}");
    assert_eq!(hands.asked, ["revert 1", "look"]);
}

/// A state revert is a boot in the midst of going back; what counts is what is found after it.
#[test]
fn state_revert_is_judged_after_the_boot() {
    let fetched = Course::new(&steps(), OnFailure::StateRevert, false);
    let mut hands = Scripted {
        reports: [
            Report::done(),
            Report::done(),
            Report::failed("postinst said 1"),
            Report::reboots(),
        ]
        .into(),
        standings: [Standing::Mixed].into(),
        ..Scripted::default()
    };
    let mut kept = Kept(Vec::new());
    let driven = drive(RUN, &steps(), fetched, &mut hands, &mut Open, &mut kept);
    assert_eq!(driven.unwrap(), Driven::Rebooting);
    let mut course = Course::new(&steps(), OnFailure::StateRevert, false);
    kept.0.iter().for_each(|event| course.take(event));
    let mut hands = Scripted {
        standings: [Standing::Prior].into(),
        ..Scripted::default()
    };
    assert!(matches!(play(course, &mut hands), End::Reverted { .. }));
    assert_eq!(hands.asked, ["look"]);
}
