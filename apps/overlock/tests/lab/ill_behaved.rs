//! Packages that do what packages should not, and plans that are not for this host.

use crate::bed::Bed;
use overlock_lab::Index;

/// F10: each ends where it began, with the reason.
#[test]
fn bad_updates_are_taken_back() {
    let packages = [
        "lab-plain",
        "lab-fails",
        "lab-hangs",
        "lab-prompts",
        "lab-breaks-service",
        "lab-cuts-network",
    ];
    let Some(bed) = Bed::with("bad_updates_are_taken_back", &packages) else {
        return;
    };
    let before = bed.state();
    for (run, (package, reason)) in [
        ("lab-fails", "lab-fails"),
        ("lab-hangs", "lab-hangs"),
        ("lab-prompts", "lab-prompts"),
        ("lab-breaks-service", "lab-breaks-service"),
        ("lab-cuts-network", "lost: address"),
    ]
    .into_iter()
    .enumerate()
    {
        bed.plan(&["lab-plain", package], &["--confirm", "never"]);
        let ran = bed.apply(&["--limit", "15s"]);
        let said = format!("{package}: {}{}", ran.stdout, ran.stderr);
        assert_eq!(ran.code, 5, "{said}");
        assert!(ran.stderr.contains(reason), "{said}");
        let (end, event) = bed.end(&(run + 1).to_string());
        assert_eq!(end, "reverted", "{event} {said}");
        assert_eq!(bed.state(), before, "{said}");
        bed.is_whole();
        // The pins of one story are not those of the next.
        bed.run(0, &["sh", "-c", "rm -f /etc/apt/preferences.d/overlock-*"]);
    }
    let address = bed
        .host
        .output(&["ip", "-4", "addr", "show", "dev", "host0"])
        .unwrap();
    assert!(
        address.contains("inet "),
        "the network came back: {address}"
    );
}

#[test]
fn questions_are_answered_by_their_default_and_daemons_do_not_hold_a_run_up() {
    let test = "questions_are_answered_by_their_default_and_daemons_do_not_hold_a_run_up";
    let Some(bed) = Bed::with(test, &["lab-asks-debconf", "lab-forks-daemon"]) else {
        return;
    };
    bed.plan(&["lab-asks-debconf", "lab-forks-daemon"], &[]);
    let ran = bed.apply(&["--limit", "60s"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(
        bed.host.read("/var/lib/lab-asks-debconf").unwrap(),
        "blue\n"
    );
    // F10: what a script left behind went with its unit.
    let pid = bed.host.read("/run/lab-forks-daemon.pid").unwrap();
    assert_ne!(bed.host.run(&["kill", "-0", pid.trim()]).unwrap().code, 0);
}

/// T6, T11, F14, F15: other bytes, or none, are not installed.
#[test]
fn artifacts_that_changed_or_went_are_not_installed() {
    let Some(mut bed) = Bed::with(
        "artifacts_that_changed_or_went_are_not_installed",
        &["lab-plain", "lab-pair", "liblab-pair"],
    ) else {
        return;
    };
    let before = bed.state();
    bed.plan(&["lab-plain", "lab-pair"], &[]);
    // Even where the index was changed with it, so that apt is content.
    let other = std::fs::read(bed.repository.artifact("lab-conffile", "2.0").unwrap()).unwrap();
    bed.repository
        .swap("lab-plain", "2.0", &other, Index::Renewed)
        .unwrap();
    bed.host.output(&["apt-get", "-q", "update"]).unwrap();
    let ran = bed.apply(&[]);
    assert!(matches!(ran.code, 4 | 5), "{}{}", ran.stdout, ran.stderr);
    assert_eq!(bed.state(), before);
    bed.repository.withdraw("lab-plain", "2.0").unwrap();
    bed.host.output(&["apt-get", "-q", "update"]).unwrap();
    let ran = bed.apply(&[]);
    assert!(matches!(ran.code, 4 | 5), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("lab-plain"), "{}", ran.stderr);
    assert_eq!(bed.state(), before);
}

#[test]
fn plans_that_are_not_what_they_were_are_refused_before_any_change() {
    let test = "plans_that_are_not_what_they_were_are_refused_before_any_change";
    let Some(bed) = Bed::with(test, &["lab-plain"]) else {
        return;
    };
    bed.plan(&["lab-plain"], &[]);
    let plan = bed.host.read("/root/plan.json").unwrap();
    let before = bed.state();
    for (what, changed, code) in [
        (
            "one byte",
            plan.replacen("\"generation\":1", "\"generation\":2", 1),
            4,
        ),
        (
            "another verb",
            plan.replacen("\"fetch\"", "\"shell\"", 1),
            2,
        ),
        (
            "a name that is an option",
            plan.replacen("lab-plain", "--purge", 1),
            4,
        ),
        (
            "a name that is a path",
            plan.replacen("lab-plain", "../../etc", 1),
            4,
        ),
        ("half of it", plan[..plan.len() / 2].to_owned(), 2),
        ("nothing", String::new(), 2),
    ] {
        bed.host.write("/root/changed.json", &changed).unwrap();
        let ran = bed
            .host
            .run(&["overlock", "apply", "/root/changed.json"])
            .unwrap();
        assert_eq!(ran.code, code, "{what}: {}", ran.stderr);
        assert!(ran.stderr.contains("error: "), "{what}");
    }
    // Expired, and then an older one after a newer one.
    let late = [
        "overlock",
        "--now",
        "2040-01-01T00:00:00Z",
        "apply",
        "/root/plan.json",
    ];
    assert!(bed.run(4, &late).stderr.contains("expired"));
    bed.run(0, &["cp", "/root/plan.json", "/root/older.json"]);
    assert_eq!(bed.apply(&[]).code, 0);
    bed.run(0, &["overlock", "revert", "1"]);
    assert!(
        bed.run(4, &["overlock", "apply", "/root/older.json"])
            .stderr
            .contains("generation")
    );
    assert_eq!(bed.state(), before);
}

/// F36: somebody's hand came between.
#[test]
fn host_that_was_changed_by_hand_needs_a_new_plan() {
    let Some(bed) = Bed::with(
        "host_that_was_changed_by_hand_needs_a_new_plan",
        &["lab-plain", "lab-pair", "liblab-pair"],
    ) else {
        return;
    };
    bed.plan(&["lab-plain", "lab-pair"], &[]);
    bed.run(0, &["apt-get", "-qy", "install", "lab-plain"]);
    let ran = bed.apply(&[]);
    assert_eq!(ran.code, 4, "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stderr.contains("not as it was when the plan was made"),
        "{}",
        ran.stderr
    );
    assert_eq!(bed.version("lab-pair"), "1.0 ii");
}
