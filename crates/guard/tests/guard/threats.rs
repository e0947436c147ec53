//! One test for each threat of the threat model that the guard answers; the attacker can write any plan, and on this
//! host (no trust root) it need not be signed. Signatures (T1, T2) are beside.

use crate::world::{Draft, EXPIRES, NOW, artifact, at, closure, host, install, remove, replace};
use overlock_guard::{Host, Limits, Protected, Refusal, artifact as check, examine, resume};
use overlock_model::plan::{Digest, PlanFile, Step};

/// REQ-3, T4: what is not in the grammar does not exist: no verb that wipes, removes or runs anything.
#[test]
fn t4_no_verb_but_the_six_is_read() {
    let text = String::from_utf8(Draft::new().seal().bytes().unwrap()).unwrap();
    for verb in [
        "shell",
        "exec",
        "run",
        "script",
        "wipe",
        "uninstall",
        "remove",
        "purge",
        "delete",
        "reset",
        "Fetch",
        "fetch ",
        "",
    ] {
        let other = text.replace(r#"{"verb":"fetch"}"#, &format!(r#"{{"verb":"{verb}"}}"#));
        assert_ne!(other, text);
        assert!(PlanFile::read(other.as_bytes()).is_err(), "{verb}");
    }
    for argument in ["command", "argv", "args", "environment", "path"] {
        let other = text.replace(
            r#"{"verb":"fetch"}"#,
            &format!(r#"{{"{argument}":"id","verb":"fetch"}}"#),
        );
        assert!(PlanFile::read(other.as_bytes()).is_err(), "{argument}");
    }
}

/// T4, "Bad input": a closure that would remove libc6 is refused, however many removals are allowed.
#[test]
fn t4_protected_package_is_never_removed() {
    let generous = Host {
        limits: Limits {
            removals_max: 100,
            ..Limits::default()
        },
        protected: Protected::default().and(["linux-image-6.1.0-31-amd64"]),
        ..host()
    };
    for name in [
        "libc6",
        "libc-bin",
        "dpkg",
        "apt",
        "systemd",
        "init",
        "bash",
        "coreutils",
        "base-files",
        "openssh-server",
        "sudo",
        "util-linux",
        "grub-pc",
        "grub-efi-amd64-signed",
        "shim-signed",
        "linux-image-6.1.0-31-amd64",
        "overlock",
        "overlock-agent",
        "glibc",
        "rpm",
        "dnf",
        "rpm-libs",
    ] {
        let refusal = Draft::with_changes(vec![remove(name, "1")])
            .examine(&generous)
            .unwrap_err();
        assert!(
            matches!(refusal, Refusal::RemovesProtected { .. }),
            "{name}: {refusal:?}"
        );
        assert!(refusal.to_string().contains(name));
        // To replace it is what patching is.
        assert!(
            Draft::with_changes(vec![replace(name, "1", "2")])
                .examine(&generous)
                .is_ok(),
            "{name}"
        );
    }
    assert!(
        Draft::with_changes(vec![remove("nano", "1")])
            .examine(&generous)
            .is_ok()
    );
}

/// T4: no package goes unless the host says how many may.
#[test]
fn t4_removals_are_bounded_by_the_host() {
    let two = || Draft::with_changes(vec![remove("nano", "1"), remove("vim", "1")]);
    let with = |removals_max| {
        let limits = Limits {
            removals_max,
            ..Limits::default()
        };
        two().examine(&Host { limits, ..host() })
    };
    assert!(with(2).is_ok());
    let refusal = with(1).unwrap_err();
    assert!(
        matches!(
            refusal,
            Refusal::TooManyRemovals {
                count: 2,
                max: 1,
                ..
            }
        ),
        "{refusal:?}"
    );
    assert!(refusal.to_string().contains("nano:amd64"));
    assert!(matches!(
        two().refusal(),
        Refusal::TooManyRemovals { max: 0, .. }
    ));
}

/// R3, T6: the file in hand is the one in the plan, or nothing is installed.
#[test]
fn t6_artifact_with_other_bytes_is_refused() {
    let expected = artifact("openssl", "2");
    assert!(check(&expected, expected.sha256, expected.size).is_ok());
    let refusal = check(&expected, Digest::of(b"forged"), expected.size).unwrap_err();
    assert!(
        matches!(refusal, Refusal::ArtifactHash { .. })
            && refusal.to_string().contains(&expected.sha256.to_string())
    );
    let refusal = check(&expected, expected.sha256, expected.size + 1).unwrap_err();
    assert!(matches!(
        refusal,
        Refusal::ArtifactLength {
            expected: 1000,
            found: 1001
        }
    ));
}

/// T7, T25: the clock matrix: ten years back or ahead revives nothing.
#[test]
fn t25_clock_set_back_or_ahead_accepts_no_old_plan() {
    let plan = Draft::new().seal();
    let host = Host {
        time_floor: Some(at(NOW)),
        ..host()
    };
    for (now, good) in [
        ("2016-11-23T12:00:00Z", false),
        ("2026-11-23T11:54:59Z", false),
        ("2026-11-23T11:55:00Z", true),
        (NOW, true),
        (EXPIRES, true),
        ("2036-11-23T12:00:00Z", false),
    ] {
        let judged = examine(&plan, &host, at(now));
        assert_eq!(judged.is_ok(), good, "{now}: {judged:?}");
    }
    // Expired as this host knows by its journal; a clock set back into the plan's day does not help.
    let later = Host {
        time_floor: Some(at("2026-12-24T00:00:00Z")),
        ..host
    };
    assert!(matches!(
        examine(&plan, &later, at(NOW)),
        Err(Refusal::ClockBehind { .. })
    ));
}

/// T8: older versions come back by taking a run back, and only those of that run.
#[test]
fn t8_downgrade_is_refused_unless_it_takes_a_run_back() {
    let old = "3.0.14-1~deb12u1";
    let new = "3.0.15-1~deb12u1";
    let back = Draft::with_changes(vec![replace("openssl", new, old)]);
    assert!(matches!(back.refusal(), Refusal::Downgrade { .. }));
    let reverting = |changes| Host {
        reverts: Some(closure(changes)),
        ..host()
    };
    assert!(
        back.examine(&reverting(vec![replace("openssl", old, new)]))
            .is_ok()
    );
    for other in [
        replace("openssl", "3.0.13-1~deb12u1", new),
        replace("libssl3", old, new),
        replace("openssl", new, old),
        install("openssl", new),
    ] {
        let judged = back.examine(&reverting(vec![other.clone()]));
        assert!(
            matches!(judged, Err(Refusal::Downgrade { .. })),
            "{other:?}"
        );
    }
    for (from, to) in [("1:1", "2"), ("1.0", "1.0~rc1"), ("2-1+deb12u1", "2-1")] {
        let judged = Draft::with_changes(vec![replace("openssl", from, to)]).refusal();
        assert!(
            matches!(judged, Refusal::Downgrade { .. }),
            "{from} {to}: {judged:?}"
        );
    }
    for (from, to) in [("1", "1"), ("1.0", "1.00"), ("0:1", "1")] {
        let judged = Draft::with_changes(vec![replace("openssl", from, to)]).refusal();
        assert!(
            matches!(judged, Refusal::SameVersion { .. }),
            "{from} {to}: {judged:?}"
        );
    }
}

/// T30: taking a run back is a plan like any other: it expires, counts up, and removes only what that run installed.
#[test]
fn t30_revert_is_a_plan_with_all_bounds() {
    let host = Host {
        reverts: Some(closure(vec![
            install("libnew1", "1"),
            replace("openssl", "1", "2"),
        ])),
        generation_floor: 3,
        seen_plan: Some(Digest::of(b"the run's plan")),
        ..host()
    };
    let revert = |generation| {
        Draft::with(|draft| {
            draft.generation = generation;
            draft.closure = closure(vec![remove("libnew1", "1"), replace("openssl", "2", "1")]);
        })
    };
    assert!(revert(4).examine(&host).is_ok());
    assert!(matches!(
        revert(3).examine(&host),
        Err(Refusal::GenerationTaken { .. })
    ));
    assert!(matches!(
        examine(&revert(4).seal(), &host, at("2027-01-01T00:00:00Z")),
        Err(Refusal::Expired { .. })
    ));
    let more = Draft::with(|draft| {
        draft.generation = 4;
        draft.closure = closure(vec![remove("libnew1", "1"), remove("nano", "1")]);
    });
    assert!(matches!(
        more.examine(&host),
        Err(Refusal::TooManyRemovals { count: 1, .. })
    ));
    let protected = Host {
        reverts: Some(closure(vec![install("libc6", "1")])),
        ..host
    };
    let draft = Draft::with(|draft| {
        draft.generation = 4;
        draft.closure = closure(vec![remove("libc6", "1")]);
    });
    assert!(matches!(
        draft.examine(&protected),
        Err(Refusal::RemovesProtected { .. })
    ));
}

/// R1: nothing that changes the host begins after expiry or behind a newer plan; a change already made is still judged.
#[test]
fn expiry_is_checked_before_every_step_and_lets_a_change_be_verified() {
    let permit = Draft::new().examine(&host()).unwrap();
    let late = at("2026-11-24T00:00:01Z");
    for (at_step, step) in permit.entry().steps.iter().enumerate() {
        let is_judging = matches!(step, Step::Verify { .. } | Step::Commit { .. });
        assert!(permit.before_step(at_step, at(EXPIRES), 1).is_ok());
        for (now, floor) in [(late, 1), (at(NOW), 2), (at("2016-01-01T00:00:00Z"), 1)] {
            let judged = permit.before_step(at_step, now, floor);
            assert_eq!(
                judged.is_ok(),
                is_judging,
                "{step:?} at {now}, floor {floor}: {judged:?}"
            );
        }
    }
}

/// R4, R5: a run that was cut off is judged and mended however late; nothing new begins.
#[test]
fn run_that_was_cut_off_goes_on_after_expiry_without_changing_more() {
    let plan = Draft::new().seal();
    let late = at("2036-01-01T00:00:00Z");
    let host = Host {
        generation_floor: 1,
        seen_plan: Some(plan.id),
        time_floor: Some(at(NOW)),
        ..host()
    };
    assert!(matches!(
        examine(&plan, &host, late),
        Err(Refusal::Expired { .. })
    ));
    let permit = resume(&plan, &host).unwrap();
    for (step, may) in [
        (0, false),
        (1, false),
        (2, false),
        (3, false),
        (4, true),
        (5, true),
    ] {
        for now in [late, at("2016-01-01T00:00:00Z")] {
            assert_eq!(permit.before_step(step, now, 1).is_ok(), may, "{step}");
        }
        assert!(permit.before_step(step, at(NOW), 1).is_ok());
    }
}

/// A plan that this host would not begin gets no step by claiming to be resumed.
#[test]
fn resumed_plan_is_still_examined() {
    for draft in [
        Draft::with_changes(vec![remove("libc6", "1")]),
        Draft::with_changes(vec![replace("openssl", "2", "1")]),
        Draft::with(|draft| draft.fleet = "berlin".to_owned()),
    ] {
        let plan = draft.seal();
        let seen = |seen_plan| Host {
            generation_floor: 1,
            seen_plan,
            ..host()
        };
        let permit = resume(&plan, &seen(Some(plan.id))).unwrap();
        assert!(permit.before_step(2, at(NOW), 1).is_err());
        let never = resume(&plan, &host());
        assert!(matches!(never, Err(Refusal::NotBegun { .. })), "{never:?}");
        let other = resume(&plan, &seen(Some(Digest::of(b"other"))));
        assert!(
            matches!(other, Err(Refusal::GenerationTaken { .. })),
            "{other:?}"
        );
    }
    let other = Draft::with(|draft| draft.entry.host = crate::world::host_id(8));
    assert!(resume(&other.seal(), &host()).is_err());
}
