//! Plans that keep the root file system, or put it back.

use crate::world::{Draft, closure, host};
use overlock_guard::Refusal;
use overlock_model::plan::{OnFailure, Step, Verb};

const NOTHING: Step = Step::Verify { ends: Vec::new() };

/// With the closure of the draft, unless `empty`.
fn judged(steps: Vec<Step>, on_failure: OnFailure, empty: bool) -> Result<(), Refusal> {
    let draft = Draft::with(|draft| {
        draft.entry.steps = steps;
        draft.entry.on_failure = on_failure;
        if empty {
            draft.closure = closure(Vec::new());
        }
    });
    draft.examine(&host()).map(drop)
}

fn why(judged: Result<(), Refusal>) -> &'static str {
    match judged.unwrap_err() {
        Refusal::StepsAndClosure { why, .. } => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn root_is_kept_before_the_change_and_once() {
    let keeps = |steps| judged(steps, OnFailure::StateRevert, false);
    let (fetch, keep, install) = (Step::Fetch {}, Step::Snapshot {}, Step::Install {});
    let good = vec![fetch.clone(), keep.clone(), install.clone(), NOTHING];
    assert!(keeps(good.clone()).is_ok());
    assert!(judged(good, OnFailure::Revert, false).is_ok());
    for late in [
        vec![fetch.clone(), install.clone(), keep.clone(), NOTHING],
        vec![keep.clone(), fetch.clone(), install.clone(), NOTHING],
    ] {
        assert!(matches!(keeps(late), Err(Refusal::StepOrder { .. })));
    }
    let twice = vec![fetch, keep.clone(), keep, install, NOTHING];
    assert!(matches!(
        keeps(twice),
        Err(Refusal::StepTwice {
            verb: Verb::Snapshot,
            ..
        })
    ));
}

#[test]
fn state_revert_on_failure_has_something_to_go_back_to_and_from() {
    let none = vec![Step::Fetch {}, Step::Install {}, NOTHING];
    let why_none = why(judged(none, OnFailure::StateRevert, false));
    assert!(why_none.contains("needs a `snapshot`"), "{why_none}");
    let idle = vec![Step::Snapshot {}, NOTHING];
    let why_idle = why(judged(idle, OnFailure::StateRevert, true));
    assert!(why_idle.contains("failed `install`"), "{why_idle}");
}

#[test]
fn state_revert_by_plan_is_nothing_else() {
    let reverts = |steps, on_failure| judged(steps, on_failure, true);
    let revert = Step::Revert { run: 1 };
    let good = vec![revert.clone(), NOTHING];
    assert!(reverts(good.clone(), OnFailure::Stop).is_ok());
    for on_failure in [OnFailure::Revert, OnFailure::StateRevert] {
        assert!(reverts(good.clone(), on_failure).is_err(), "{on_failure:?}");
    }
    assert!(matches!(
        reverts(vec![revert.clone()], OnFailure::Stop),
        Err(Refusal::StepMissing {
            needed: Verb::Verify,
            ..
        })
    ));
    let kept = vec![Step::Snapshot {}, revert.clone(), NOTHING];
    let why_kept = why(reverts(kept, OnFailure::Stop));
    assert!(why_kept.contains("keeps the root"), "{why_kept}");
    // Neither packages nor measures beside it.
    let packages = vec![revert.clone(), NOTHING];
    let why_packages = why(judged(packages, OnFailure::Stop, false));
    assert!(why_packages.contains("`install` only"), "{why_packages}");
    let measures = Step::Mitigate {
        measures: Vec::new(),
        undo: false,
    };
    for mixed in [
        vec![measures.clone(), revert.clone(), NOTHING],
        vec![revert, measures, NOTHING],
    ] {
        let refused = reverts(mixed, OnFailure::Stop);
        assert!(matches!(refused, Err(Refusal::StepOrder { .. })));
    }
}
