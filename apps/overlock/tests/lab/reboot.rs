//! Runs that a boot comes into, wanted or not: they go on by themselves.

use crate::bed::Bed;
use overlock_lab::{Deb, Ended};

/// Needs a boot by its name; it does nothing else.
const MICROCODE: &str = "intel-microcode";

/// The host at 1.0 of a service and of microcode, 2.0 on offer and planned with a reboot.
fn planned(test: &str) -> Option<Bed> {
    let mut bed = Bed::with(test, &["lab-service"])?;
    for version in ["1.0", "2.0"] {
        let deb = Deb::new(MICROCODE, version)
            .build(bed.lab.folder())
            .unwrap();
        bed.repository.publish(&[deb]).unwrap();
    }
    bed.host.output(&["apt-get", "-q", "update"]).unwrap();
    bed.install_first(&[MICROCODE]);
    let planned = bed.plan(&[MICROCODE, "lab-service"], &["--reboot", "if-required"]);
    assert!(planned.stdout.contains("\nreboots\n"), "{}", planned.stdout);
    Some(bed)
}

/// The run ends by itself, in time.
#[track_caller]
fn ends_in_target(bed: &Bed, run: &str) {
    let wait = "for i in $(seq 600); do overlock history | grep -q target && exit 0; sleep 0.1; done; \
                journalctl -u overlock-resume; exit 1";
    bed.run(0, &["bash", "-c", wait]);
    assert_eq!(bed.version(MICROCODE), "2.0 ii");
    assert_eq!(bed.host.read("/run/lab-service").unwrap(), "2.0\n");
    let history = bed.run(0, &["overlock", "history", run]).stdout;
    assert!(history.contains("booted anew, kernel "), "{history}");
    // The unit goes with the run that it was for.
    let gone = "systemctl is-active --quiet overlock-resume && exit 1; \
                ! ls -d /etc/systemd/system/overlock-resume* /etc/systemd/system/*/overlock-resume* 2>/dev/null";
    let until = format!("for i in $(seq 300); do ({gone}) && exit 0; sleep 0.1; done; exit 1");
    bed.run(0, &["bash", "-c", &until]);
    bed.is_whole();
}

#[test]
fn run_goes_on_after_the_boot_that_it_asked_for() {
    let Some(mut bed) = planned("run_goes_on_after_the_boot_that_it_asked_for") else {
        return;
    };
    // Somebody who must not be interrupted is not, and nothing is changed before.
    let blocked = "systemd-inhibit --what=shutdown --who=backup --why=copying --mode=block \
                   overlock apply /root/plan.json";
    let ran = bed.run(5, &["bash", "-c", blocked]);
    assert!(
        ran.stderr.contains("backup keeps the host up: copying"),
        "{}",
        ran.stderr
    );
    assert_eq!(bed.version(MICROCODE), "1.0 ii");

    // Later, with the same plan.
    let ran = bed.apply(&[]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stdout.contains("the host reboots now"),
        "{}",
        ran.stdout
    );
    assert_eq!(bed.host.follow().unwrap(), Ended::Rebooted);
    ends_in_target(&bed, "2");
}

/// The power goes after the boot was asked for and before the host went down.
#[test]
fn power_cut_on_the_way_down_is_a_boot_too() {
    let Some(mut bed) = planned("power_cut_on_the_way_down_is_a_boot_too") else {
        return;
    };
    // Keeps the host from going down in time.
    let slow = [
        "systemd-run",
        "--quiet",
        "--unit=slow",
        "--property=ExecStop=/bin/sleep 60",
        "/bin/sleep",
        "infinity",
    ];
    bed.run(0, &slow);
    let ran = bed.apply(&[]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    bed.host.kill().unwrap();
    bed.host.start().unwrap();
    ends_in_target(&bed, "1");
}

/// What went wrong only after the boot is taken back, and what the new packages booted does not stay.
#[test]
fn run_that_fails_after_its_boot_goes_back_and_boots_again() {
    let test = "run_that_fails_after_its_boot_goes_back_and_boots_again";
    let Some(mut bed) = Bed::with(test, &["lab-plain", "lab-breaks-service"]) else {
        return;
    };
    let before = bed.state();
    let more = ["--reboot", "always", "--confirm", "never"];
    bed.plan(&["lab-plain", "lab-breaks-service"], &more);
    let ran = bed.apply(&[]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    for _ in ["forward", "back"] {
        assert_eq!(bed.host.follow().unwrap(), Ended::Rebooted);
    }
    let wait = "for i in $(seq 600); do overlock history | grep -q reverted && exit 0; sleep 0.1; done; \
                journalctl -u overlock-resume; exit 1";
    bed.run(0, &["bash", "-c", wait]);
    let history = bed.run(0, &["overlock", "history", "1"]).stdout;
    assert!(history.contains("lab-breaks-service"), "{history}");
    assert_eq!(bed.version("lab-plain"), "1.0 ii");
    assert_eq!(bed.state(), before, "{history}");
    bed.is_whole();
}
