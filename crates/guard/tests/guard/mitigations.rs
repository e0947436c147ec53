//! Measures: which a plan may ask for, and for how long (R2, R11).

use crate::world::{Draft, NOW, at, closure, host};
use overlock_guard::{Approver, Approvers, Host, Refusal, Trust, examine};
use overlock_model::mitigation::{Measure, Mitigation};
use overlock_model::plan::{OnFailure, Step};

const UNTIL: &str = "2026-12-23T00:00:00Z";

fn of(measure: Measure) -> Mitigation {
    Mitigation {
        measure,
        against: vec!["CVE-2026-1".to_owned()],
        owner: "ada".to_owned(),
        reason: "nothing here prints".to_owned(),
        expires: at(UNTIL),
    }
}

fn unit(name: &str) -> Measure {
    let unit = name.to_owned();
    Measure::DisableUnit { unit }
}

fn sysctl(key: &str, value: i64) -> Measure {
    let key = key.to_owned();
    Measure::Sysctl { key, value }
}

fn module(name: &str) -> Measure {
    let module = name.to_owned();
    Measure::BlockModule { module }
}

fn package(name: &str) -> Measure {
    let package = name.to_owned();
    Measure::HoldPackage { package }
}

fn plan(measures: Vec<Mitigation>, undo: bool) -> Draft {
    Draft::with(|draft| {
        draft.closure = closure(Vec::new());
        draft.entry.on_failure = OnFailure::Revert;
        draft.entry.steps = vec![
            Step::Mitigate { measures, undo },
            Step::Verify { ends: Vec::new() },
            Step::Commit {
                confirm_within: None,
            },
        ];
    })
}

#[test]
fn measures_that_take_away_are_let_through() {
    for measure in [
        unit("cups.service"),
        unit("cups-browsed.socket"),
        unit("ssh.service"),
        sysctl("kernel.unprivileged_bpf_disabled", 1),
        sysctl("kernel.perf_event_paranoid", 3),
        sysctl("kernel.yama.ptrace_scope", 3),
        sysctl("user.max_user_namespaces", 0),
        module("sctp"),
        module("dccp-ipv4"),
        package("xz-utils"),
        package("NetworkManager"),
    ] {
        plan(vec![of(measure.clone())], false)
            .examine(&host())
            .unwrap_or_else(|refusal| panic!("{measure}: {refusal}"));
    }
}

#[test]
fn measures_that_open_something_or_name_something_else_are_refused() {
    for measure in [
        unit("dbus.service"),
        unit("systemd-journald.service"),
        unit("overlock-agent.service"),
        unit("poweroff.target"),
        unit("cups"),
        unit("../cups.service"),
        unit("--all.service"),
        unit("*.service"),
        sysctl("kernel.core_pattern", 1),
        sysctl("kernel.modprobe", 0),
        sysctl("kernel/core_pattern", 0),
        sysctl("kernel.kptr_restrict", 3),
        sysctl("kernel.perf_event_paranoid", -1),
        sysctl("kernel.perf_event_paranoid", 5),
        sysctl("fs.protected_hardlinks", 0),
        sysctl("fs.protected_symlinks", 0),
        sysctl("fs.suid_dumpable", 1),
        sysctl("kernel.unprivileged_bpf_disabled", 0),
        sysctl("kernel.yama.ptrace_scope", 0),
        sysctl("net.ipv4.conf.all.accept_source_route", 1),
        sysctl("net.ipv6.conf.all.accept_ra", 2),
        sysctl("user.max_user_namespaces", 1 << 31),
        sysctl("", 0),
        module("../../etc/shadow"),
        module("sctp /bin/sh"),
        module("sctp\ninstall x /bin/sh"),
        module("-a"),
        module(&"a".repeat(56)),
        package("--purge"),
        package("../x"),
        package("a b"),
        package(""),
    ] {
        let refusal = plan(vec![of(measure.clone())], false).refusal();
        assert!(
            matches!(refusal, Refusal::Measure { .. } | Refusal::Text { .. }),
            "{measure}: {refusal:?}"
        );
        assert!(!refusal.is_unparsable());
    }
}

/// A value that was set when plans still could is not stuck for that.
#[test]
fn measure_is_taken_away_whatever_its_value() {
    let opened = || vec![of(sysctl("kernel.dmesg_restrict", 0))];
    plan(opened(), true).examine(&host()).unwrap();
    assert!(matches!(
        plan(opened(), false).refusal(),
        Refusal::Measure { .. }
    ));
}

#[test]
fn one_thing_has_one_measure() {
    let two = vec![
        of(sysctl("kernel.kptr_restrict", 1)),
        of(sysctl("kernel.kptr_restrict", 2)),
    ];
    assert!(matches!(
        plan(two, false).refusal(),
        Refusal::NameTwice { .. }
    ));
    assert!(matches!(
        plan(Vec::new(), false).refusal(),
        Refusal::StepsAndClosure { .. }
    ));
}

/// R11.
#[test]
fn measure_needs_an_owner_a_reason_and_an_end_that_somebody_will_see() {
    let mut nobody = of(module("sctp"));
    nobody.owner = " ".to_owned();
    assert!(matches!(
        plan(vec![nobody], false).refusal(),
        Refusal::Text { .. }
    ));
    let mut no_reason = of(module("sctp"));
    no_reason.reason.clear();
    assert!(matches!(
        plan(vec![no_reason], false).refusal(),
        Refusal::Text { .. }
    ));
    let mut over = of(module("sctp"));
    over.expires = at(NOW);
    let refusal = plan(vec![over.clone()], false).refusal();
    assert!(
        matches!(refusal, Refusal::MeasureExpired { .. }),
        "{refusal:?}"
    );
    // Taking away what is over is what the end is for.
    plan(vec![over], true).examine(&host()).unwrap();
    let mut forever = of(module("sctp"));
    forever.expires = at("2027-11-25T12:00:00Z");
    let refusal = plan(vec![forever], false).refusal();
    assert!(
        matches!(refusal, Refusal::MeasureTooLong { .. }),
        "{refusal:?}"
    );
}

/// A run that goes on after a cut is examined anew, and no step of it puts a measure in place that is over by then.
#[test]
fn measure_that_ran_out_while_the_host_was_off_is_not_begun() {
    let mut short = of(module("sctp"));
    short.expires = at("2026-11-23T13:00:00Z");
    let permit = plan(vec![short], false).examine(&host()).unwrap();
    assert!(permit.before_step(0, at(NOW), 1).is_ok());
    let late = permit.before_step(0, at("2026-11-23T14:00:00Z"), 1);
    assert!(matches!(late, Err(Refusal::MeasureExpired { .. })));
}

/// The end was approved with the beginning; nothing else comes in by that door.
#[test]
fn only_what_has_expired_here_is_taken_away_without_an_approval() {
    let key =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKHEChN4LGrXCIVWqUFvvFFAgsDTR8wYLFnGGUMdbHLW ada";
    let approvers = Approvers::new(vec![Approver::new("ada", key).unwrap()], 1).unwrap();
    let over = of(module("sctp"));
    let host = Host {
        trust: Trust::Keys(approvers),
        expired: vec![over.clone()],
        ..host()
    };
    let judge = |draft: Draft| examine(&draft.seal(), &host, at(NOW));
    judge(plan(vec![over.clone()], true)).unwrap();
    for other in [
        plan(vec![over.clone()], false),
        plan(vec![of(module("dccp"))], true),
        plan(vec![over.clone(), of(module("dccp"))], true),
        Draft::new(),
    ] {
        let refusal = judge(other).map(|permit| permit.plan_id()).unwrap_err();
        assert!(matches!(refusal, Refusal::Unsigned { .. }), "{refusal:?}");
    }
    let mut with_more = plan(vec![over], true);
    with_more.entry.steps.insert(
        1,
        Step::Restart {
            units: vec!["nginx.service".to_owned()],
        },
    );
    let refusal = judge(with_more).map(|permit| permit.plan_id()).unwrap_err();
    assert!(matches!(refusal, Refusal::Unsigned { .. }), "{refusal:?}");
}
