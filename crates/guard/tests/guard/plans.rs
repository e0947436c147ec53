//! What a whole plan must be: bound together, for this host, at its time, in a known order.

use crate::world::{
    CREATED, Draft, EXPIRES, NOW, at, for_hosts, host, host_id, install, name, replace, reroot,
};
use jiff::SignedDuration;
use overlock_guard::{Host, Limits, Refusal, examine};
use overlock_model::plan::{Digest, PlanFile, Step, Verb};

fn refusal(plan: &PlanFile) -> Refusal {
    examine(plan, &host(), at(NOW)).unwrap_err()
}

macro_rules! refused {
    ($refusal:expr, $($pattern:tt)+) => {{
        let refusal = $refusal;
        assert!(matches!(refusal, $($pattern)+), "{refusal:?}");
        assert!(!refusal.is_unparsable() && !refusal.hint().is_empty() && !refusal.to_string().is_empty());
    }};
}

#[test]
fn good_plan_gets_a_permit_for_just_its_parts() {
    let plan = Draft::new().seal();
    let permit = examine(&plan, &host(), at(NOW)).unwrap();
    assert_eq!(permit.plan_id(), plan.id);
    assert_eq!(permit.entry(), &plan.entries[0]);
    assert_eq!(permit.closure(), &plan.closures[0]);
    assert_eq!((permit.generation(), permit.header()), (1, &plan.header));
    for (step, expected) in plan.entries[0].steps.iter().enumerate() {
        assert_eq!(permit.before_step(step, at(NOW), 1).unwrap(), expected);
    }
    refused!(
        permit.before_step(6, at(NOW), 1).unwrap_err(),
        Refusal::NoSuchStep { step: 6, count: 6 }
    );
}

/// R1: each part that was changed alone no longer fits the others.
#[test]
fn parts_that_do_not_belong_together_are_refused() {
    let good = Draft::new().seal();
    let spoil = |change: &dyn Fn(&mut PlanFile)| {
        let mut plan = good.clone();
        change(&mut plan);
        refusal(&plan)
    };
    refused!(
        spoil(&|plan| plan.schema.push('2')),
        Refusal::Schema { place: "file", .. }
    );
    refused!(
        spoil(&|plan| {
            plan.header.schema = "overlock.plan/2".to_owned();
            name(plan);
        }),
        Refusal::Schema {
            place: "header",
            ..
        }
    );
    refused!(
        spoil(&|plan| plan.id = Digest::of(b"x")),
        Refusal::Id { .. }
    );
    refused!(
        spoil(&|plan| plan.header.generation += 1),
        Refusal::Id { .. }
    );
    refused!(
        spoil(&|plan| plan.entries[0].name.push('x')),
        Refusal::Root { .. }
    );
    refused!(spoil(&|plan| plan.entries.clear()), Refusal::Root { .. });
    refused!(
        spoil(&|plan| {
            plan.entries.clear();
            reroot(plan);
        }),
        Refusal::ClosureUnused { at: 0, .. }
    );
    refused!(
        spoil(&|plan| plan.closures[0].manager.push('x')),
        Refusal::ClosureMissing { entry: 0, .. }
    );
    refused!(
        spoil(&|plan| plan.closures.clear()),
        Refusal::ClosureMissing { entry: 0, .. }
    );
    refused!(
        spoil(&|plan| plan.closures.push(plan.closures[0].clone())),
        Refusal::ClosureTwice { at: 1, .. }
    );
    refused!(
        spoil(&|plan| plan
            .closures
            .push(crate::world::closure(vec![install("x1", "1")]))),
        Refusal::ClosureUnused { at: 1, .. }
    );
}

#[test]
fn sums_that_signers_read_are_counted_again() {
    type Field = fn(&mut overlock_model::plan::Counts) -> &mut u64;
    let fields: [(&str, Field); 5] = [
        ("hosts", |counts| &mut counts.hosts),
        ("changes", |counts| &mut counts.changes),
        ("removals", |counts| &mut counts.removals),
        ("reboots", |counts| &mut counts.reboots),
        ("bytes", |counts| &mut counts.bytes),
    ];
    for (word, field) in fields {
        let mut plan = Draft::new().seal();
        *field(&mut plan.header.counts) += 1;
        name(&mut plan);
        let refusal = refusal(&plan);
        assert!(
            matches!(refusal, Refusal::Count { what, .. } if what == word),
            "{refusal:?}"
        );
    }
}

#[test]
fn closures_stand_in_the_order_of_their_entries() {
    let mut plan = for_hosts(&[7, 8], "local");
    let second = crate::world::closure(vec![install("x1", "1")]);
    plan.entries[1].closure = second.digest().unwrap();
    plan.closures.insert(0, second);
    reroot(&mut plan);
    refused!(refusal(&plan), Refusal::ClosureOrder { at: 0, .. });
}

#[test]
fn two_entries_for_one_host_are_refused() {
    refused!(
        refusal(&for_hosts(&[8, 7, 7], "local")),
        Refusal::HostTwice { entry: 2, .. }
    );
}

/// "Bad input": a plan for another host, with both named.
#[test]
fn plan_for_another_host_is_refused_by_both_names() {
    let other = Draft::with(|draft| draft.entry.host = host_id(8)).refusal();
    let text = other.to_string();
    assert!(
        matches!(other, Refusal::OtherHost { count: 1, .. }),
        "{other:?}"
    );
    assert!(
        text.contains("web-1")
            && text.contains(host_id(8).as_str())
            && text.contains(host_id(7).as_str()),
        "{text}"
    );
    refused!(
        Draft::with(|draft| draft.entry.os = "debian:13".to_owned()).refusal(),
        Refusal::OtherOs { .. }
    );
    let mixed = Draft::with(|draft| draft.closure.changes[0].arch = "riscv64".to_owned());
    refused!(mixed.refusal(), Refusal::OtherArch { .. });
    let multiarch = Host {
        foreign: vec!["riscv64".to_owned()],
        ..host()
    };
    assert!(mixed.examine(&multiarch).is_ok());
    let all = Draft::with(|draft| draft.closure.changes[0].arch = "all".to_owned());
    assert!(all.examine(&host()).is_ok());
}

#[test]
fn fleet_plan_is_refused_by_a_host_of_no_fleet() {
    refused!(
        Draft::with(|draft| draft.fleet = "berlin".to_owned()).refusal(),
        Refusal::OtherFleet { own: None, .. }
    );
    refused!(
        refusal(&for_hosts(&[7, 8], "local")),
        Refusal::UnsignedForMany { hosts: 2 }
    );
    // A fleet's name alone does not make an unsigned plan one of that fleet.
    let member = Host {
        fleet: Some("berlin".to_owned()),
        ..host()
    };
    refused!(
        Draft::with(|draft| draft.fleet = "berlin".to_owned())
            .examine(&member)
            .unwrap_err(),
        Refusal::OtherFleet { .. }
    );
    assert!(Draft::new().examine(&member).is_ok());
}

/// T7: what is old does not come back; bounds are inclusive.
#[test]
fn plan_is_good_from_its_creation_to_its_expiry() {
    let plan = Draft::new().seal();
    let at_time = |text: &str| examine(&plan, &host(), at(text));
    for good in ["2026-11-22T23:55:00Z", CREATED, NOW, EXPIRES] {
        assert!(at_time(good).is_ok(), "{good}");
    }
    refused!(
        at_time("2026-11-24T00:00:00.000001Z").unwrap_err(),
        Refusal::Expired { .. }
    );
    refused!(
        at_time("2026-11-22T23:54:59Z").unwrap_err(),
        Refusal::CreatedAhead { .. }
    );
    refused!(
        Draft::with(|draft| draft.expires = draft.created).refusal(),
        Refusal::ExpiresBeforeCreated { .. }
    );
    let days = |days: i64| {
        Draft::with(|draft| draft.expires = draft.created + SignedDuration::from_hours(24 * days))
    };
    assert!(days(90).examine(&host()).is_ok());
    let refusal = Draft::with(|draft| {
        draft.expires = draft.created + SignedDuration::from_secs(90 * 86_400 + 1)
    })
    .refusal();
    assert_eq!(
        refusal.to_string(),
        "the plan is valid for 91 days, 90 are the most"
    );
}

/// R5, T8: never lower, and the same only for the same plan.
#[test]
fn generation_only_grows_and_a_run_may_go_on() {
    let plan = Draft::with(|draft| draft.generation = 5).seal();
    let with = |floor: u64, seen| {
        let host = Host {
            generation_floor: floor,
            seen_plan: seen,
            ..host()
        };
        examine(&plan, &host, at(NOW)).map(drop)
    };
    assert!(with(0, None).is_ok() && with(4, Some(Digest::of(b"other"))).is_ok());
    assert!(with(5, Some(plan.id)).is_ok());
    refused!(with(5, None).unwrap_err(), Refusal::GenerationTaken { .. });
    refused!(
        with(5, Some(Digest::of(b"other"))).unwrap_err(),
        Refusal::GenerationTaken { .. }
    );
    refused!(
        with(6, Some(plan.id)).unwrap_err(),
        Refusal::GenerationPast { found: 5, floor: 6 }
    );
    refused!(
        Draft::with(|draft| draft.generation = (1 << 32) + 1).refusal(),
        Refusal::GenerationAhead { floor: 0, .. }
    );
    refused!(
        Draft::with(|draft| draft.generation = 0).refusal(),
        Refusal::GenerationTaken { .. }
    );
}

/// R2: the verbs in their order, each once, none without what makes it safe.
#[test]
fn steps_come_in_one_order() {
    let steps = Draft::new().entry.steps;
    let of = |at: &[usize]| {
        Draft::with_steps(at.iter().map(|at| steps[*at].clone()).collect())
            .examine(&host())
            .map(drop)
    };
    // evidence 0, fetch 1, install 2, restart 3, verify 4, commit 5
    for good in [&[0, 1, 2, 3, 4, 5][..], &[1, 2, 4], &[1], &[0, 1], &[1, 4]] {
        assert!(of(good).is_ok(), "{good:?}");
    }
    refused!(of(&[]).unwrap_err(), Refusal::NoSteps { .. });
    refused!(
        of(&[1, 1, 2, 4]).unwrap_err(),
        Refusal::StepTwice {
            verb: Verb::Fetch,
            step: 1,
            ..
        }
    );
    refused!(
        of(&[1, 2, 1, 4]).unwrap_err(),
        Refusal::StepOrder {
            verb: Verb::Fetch,
            after: Verb::Install,
            ..
        }
    );
    refused!(of(&[2, 1, 4]).unwrap_err(), Refusal::StepOrder { .. });
    refused!(
        of(&[1, 2, 0, 4]).unwrap_err(),
        Refusal::StepOrder {
            verb: Verb::Evidence,
            ..
        }
    );
    refused!(
        of(&[2, 4]).unwrap_err(),
        Refusal::StepMissing {
            needed: Verb::Fetch,
            ..
        }
    );
    refused!(
        of(&[1, 2]).unwrap_err(),
        Refusal::StepMissing {
            verb: Verb::Install,
            needed: Verb::Verify,
            ..
        }
    );
    refused!(
        of(&[1, 3]).unwrap_err(),
        Refusal::StepMissing {
            verb: Verb::Restart,
            ..
        }
    );
    refused!(
        of(&[1, 5]).unwrap_err(),
        Refusal::StepMissing {
            verb: Verb::Commit,
            ..
        }
    );
    refused!(of(&[0]).unwrap_err(), Refusal::StepsAndClosure { .. });
    refused!(of(&[3, 4]).unwrap_err(), Refusal::StepsAndClosure { .. });
    refused!(
        of(&[1; 65]).unwrap_err(),
        Refusal::TooManySteps {
            count: 65,
            max: 64,
            ..
        }
    );
}

#[test]
fn restart_alone_is_a_plan_and_installing_nothing_is_none() {
    let empty = |steps: Vec<Step>| {
        Draft::with(|draft| {
            draft.closure.changes.clear();
            draft.entry.steps = steps;
        })
        .examine(&host())
        .map(drop)
    };
    let restart = Step::Restart {
        units: vec!["nginx.service".to_owned()],
    };
    let verify = Step::Verify { ends: Vec::new() };
    assert!(empty(vec![restart, verify.clone()]).is_ok());
    refused!(
        empty(vec![Step::Fetch {}, Step::Install {}, verify]).unwrap_err(),
        Refusal::StepsAndClosure { .. }
    );
}

#[test]
fn confirmation_has_a_time() {
    let within = |seconds| {
        let commit = Step::Commit {
            confirm_within: seconds,
        };
        Draft::with(|draft| *draft.entry.steps.last_mut().unwrap() = commit)
            .examine(&host())
            .map(drop)
    };
    assert!(within(None).is_ok() && within(Some(1)).is_ok() && within(Some(86_400)).is_ok());
    for bad in [0, 86_401, (1 << 53) - 1] {
        refused!(within(Some(bad)).unwrap_err(), Refusal::ConfirmTime { .. });
    }
}

/// "Bad input": duplicated entries, at every place that has a list.
#[test]
fn nothing_is_there_twice() {
    let restart = |units: &[&str]| {
        let units = units.iter().map(|unit| (*unit).to_owned()).collect();
        Draft::with(|draft| draft.entry.steps[3] = Step::Restart { units })
    };
    refused!(
        restart(&["a.service", "b.service", "a.service"]).refusal(),
        Refusal::NameTwice { .. }
    );
    let ends = Draft::with(|draft| {
        if let Step::Verify { ends } = &mut draft.entry.steps[4] {
            ends.push(ends[0].clone());
        }
    });
    refused!(ends.refusal(), Refusal::NameTwice { .. });
    let (a, b) = (replace("aa", "1", "2"), replace("bb", "1", "2"));
    let same = replace("aa", "1", "3");
    refused!(
        Draft::with_changes(vec![a.clone(), a.clone()]).refusal(),
        Refusal::ChangeOrder { .. }
    );
    refused!(
        Draft::with_changes(vec![a.clone(), same]).refusal(),
        Refusal::ChangeOrder { .. }
    );
    refused!(
        Draft::with_changes(vec![b.clone(), a.clone()]).refusal(),
        Refusal::ChangeOrder { .. }
    );
    let mut foreign = a.clone();
    foreign.arch = "i386".to_owned();
    let host = Host {
        foreign: vec!["i386".to_owned()],
        ..host()
    };
    assert!(
        Draft::with_changes(vec![a, foreign, b])
            .examine(&host)
            .is_ok(),
        "two architectures are two"
    );
}

/// R9: every list and number has a bound.
#[test]
fn all_is_bounded() {
    let many = |count: usize| {
        Draft::with_changes(
            (0..count)
                .map(|at| install(&format!("p{at:06}"), "1"))
                .collect(),
        )
    };
    assert!(many(5_000).examine(&host()).is_ok());
    refused!(
        many(5_001).refusal(),
        Refusal::TooManyChanges { count: 5_001, .. }
    );
    let few = Host {
        limits: Limits {
            names_max: 1,
            ..Limits::default()
        },
        ..host()
    };
    refused!(
        Draft::new().examine(&few).unwrap_err(),
        Refusal::TooManyNames {
            count: 2,
            max: 1,
            ..
        }
    );
    let size = |size: u64| {
        Draft::with(|draft| {
            if let overlock_model::plan::Action::Replace { artifact, .. } =
                &mut draft.closure.changes[0].action
            {
                artifact.size = size;
            }
        })
    };
    refused!(size(0).refusal(), Refusal::ArtifactSize { bytes: 0, .. });
    refused!(size((4 << 30) + 1).refusal(), Refusal::ArtifactSize { .. });
    let small = Host {
        limits: Limits {
            closure_bytes_max: 3999,
            ..Limits::default()
        },
        ..host()
    };
    refused!(
        Draft::new().examine(&small).unwrap_err(),
        Refusal::ClosureSize { .. }
    );
}

#[test]
fn sizes_that_overflow_a_sum_are_refused_not_wrapped() {
    let mut plan = Draft::new().seal();
    for change in &mut plan.closures[0].changes {
        if let overlock_model::plan::Action::Replace { artifact, .. } = &mut change.action {
            artifact.size = u64::MAX;
        }
    }
    // Such a number has no canonical bytes, so that it cannot even be named.
    refused!(refusal(&plan), Refusal::NotCanonical(_));
}
