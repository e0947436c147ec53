//! Commit-confirm: a change is kept only once somebody got through (P13, F28).

use crate::bed::Bed;

#[test]
fn confirmed_over_a_new_login_the_change_stays() {
    let Some(bed) = Bed::with(
        "confirmed_over_a_new_login_the_change_stays",
        &["lab-plain"],
    ) else {
        return;
    };
    bed.plan(
        &["lab-plain"],
        &["--confirm", "always", "--confirm-within", "60s"],
    );
    let both = "overlock apply /root/plan.json & \
        until overlock confirm 1 2>/dev/null; do sleep 0.2; done; wait $!";
    let ran = bed.host.run(&["bash", "-c", both]).unwrap();
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("confirmed by user 0"), "{}", ran.stdout);
    assert_eq!(bed.version("lab-plain"), "2.0 ii");
    let timers = bed
        .host
        .output(&["systemctl", "list-timers", "--all", "--no-legend"])
        .unwrap();
    assert!(!timers.contains("unconfirmed"), "{timers}");
}

#[test]
fn unconfirmed_the_change_goes_even_when_we_are_gone() {
    let Some(bed) = Bed::with(
        "unconfirmed_the_change_goes_even_when_we_are_gone",
        &["lab-plain"],
    ) else {
        return;
    };
    bed.plan(
        &["lab-plain"],
        &["--confirm", "always", "--confirm-within", "2s"],
    );
    let kill = "overlock apply /root/plan.json & \
        until test -e /var/lib/overlock/runs/1/confirm-until; do sleep 0.1; done; \
        until systemctl is-active --quiet overlock-run-1-unconfirmed.timer; do sleep 0.1; done; kill -9 $!; wait";
    bed.host.run(&["bash", "-c", kill]).unwrap();
    assert_eq!(bed.version("lab-plain"), "2.0 ii");
    // The timer stands behind us: bounded, 90 s.
    let wait = "for i in $(seq 900); do overlock history | grep -q reverted && exit 0; sleep 0.1; done; exit 1";
    bed.run(0, &["bash", "-c", wait]);
    assert_eq!(bed.version("lab-plain"), "1.0 ii");
    bed.is_whole();
}
