//! Runs that go well, and back.

use crate::bed::Bed;

/// Whether the script that hangs is at it. The former version is half configured for a moment too, while it makes way.
const BUSY: &str =
    "dpkg-query -W -f '${Version} ${db:Status-Status}' lab-hangs | grep -q '2.0 half-configured'";

/// A document holds to its published schema.
#[track_caller]
pub fn holds(schema: &str, document: &str) {
    let schemas = overlock_report::schemas();
    let (_, schema) = schemas.iter().find(|(file, _)| *file == schema).unwrap();
    let validator = jsonschema::validator_for(schema).unwrap();
    let document = serde_json::from_str(document).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&document)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

#[test]
fn update_takes_effect_and_goes_back() {
    let packages = [
        "lab-plain",
        "lab-pair",
        "liblab-pair",
        "lab-conffile",
        "lab-service",
        "lab-greetd",
        "liblab-greet1",
    ];
    let Some(bed) = Bed::with("update_takes_effect_and_goes_back", &packages) else {
        return;
    };
    bed.host
        .output(&["sh", "-c", "echo local=edit >> /etc/lab-conffile.conf"])
        .unwrap();
    let before = bed.state();
    let automatic = bed.host.output(&["apt-mark", "showauto"]).unwrap();
    let starts = (bed.starts("lab-service"), bed.starts("lab-greetd"));

    let planned = bed.plan(
        &[
            "lab-plain",
            "lab-pair",
            "lab-conffile",
            "lab-service",
            "liblab-greet1",
        ],
        &[],
    );
    assert!(
        planned.stdout.contains("every one of them can be put back"),
        "{}",
        planned.stdout
    );
    assert!(
        planned.stdout.contains("liblab-pair"),
        "moves with lab-pair: {}",
        planned.stdout
    );
    holds(
        "overlock.plan-file-1.json",
        &bed.host.read("/root/plan.json").unwrap(),
    );
    let ran = bed.apply(&[]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let history = bed.run(0, &["overlock", "history", "--format", "json"]);
    holds("overlock.history-1.json", &history.stdout);
    for package in [
        "lab-plain",
        "lab-pair",
        "liblab-pair",
        "lab-conffile",
        "lab-service",
        "liblab-greet1",
    ] {
        assert_eq!(bed.version(package), "2.0 ii", "{package}");
    }
    bed.is_whole();
    // In effect, not only installed: both daemons run the new code, restarted once each.
    assert_eq!(bed.host.read("/run/lab-service").unwrap(), "2.0\n");
    assert_eq!(bed.host.read("/run/lab-greetd").unwrap(), "greeting 2.0\n");
    assert_eq!(bed.starts("lab-service"), starts.0 + 1, "P16: one restart");
    assert_eq!(bed.starts("lab-greetd"), starts.1 + 1, "P16: one restart");
    // The local edit stays, the new version is told.
    assert!(
        bed.host
            .read("/etc/lab-conffile.conf")
            .unwrap()
            .contains("local=edit")
    );
    assert!(
        ran.stdout
            .contains("kept the local edit of /etc/lab-conffile.conf"),
        "{}",
        ran.stdout
    );
    assert_eq!(
        bed.host.output(&["apt-mark", "showauto"]).unwrap(),
        automatic
    );

    // Again is nothing.
    let again = bed.apply(&["--format", "json"]);
    assert_eq!(again.code, 0);
    for line in again.stdout.lines() {
        holds("overlock.event-1.json", line);
    }
    assert_eq!(bed.starts("lab-service"), starts.0 + 1);

    let back = bed.run(0, &["overlock", "revert", "1"]);
    assert_eq!(bed.state(), before, "{}", back.stdout);
    bed.is_whole();
    assert_eq!(bed.host.read("/run/lab-service").unwrap(), "1.0\n");
    assert_eq!(bed.host.read("/run/lab-greetd").unwrap(), "greeting 1.0\n");
    // F39a: no timer installs it again.
    let policy = bed
        .host
        .output(&["apt-cache", "policy", "lab-plain"])
        .unwrap();
    assert!(policy.contains("Candidate: 1.0"), "{policy}");
    let history = bed.run(0, &["overlock", "history"]).stdout;
    assert!(history.contains("takes back run 1"), "{history}");
}

#[test]
fn run_killed_in_the_midst_is_finished_by_repair() {
    let Some(bed) = Bed::with(
        "run_killed_in_the_midst_is_finished_by_repair",
        &["lab-plain", "lab-hangs"],
    ) else {
        return;
    };
    bed.plan(&["lab-plain", "lab-hangs"], &[]);
    // F26: the installation lives in a unit of its own. It hangs, so that the kill falls into its midst.
    let kill = format!(
        "overlock apply /root/plan.json --limit 10s & until {BUSY}; do sleep 0.1; done; kill -9 $!; wait; {BUSY}"
    );
    let ran = bed.host.run(&["bash", "-c", &kill]).unwrap();
    assert_eq!(
        ran.code, 0,
        "the transaction survived us: {}{}",
        ran.stdout, ran.stderr
    );
    assert_eq!(
        bed.run(0, &["overlock", "history"])
            .stdout
            .matches("not ended")
            .count(),
        1
    );
    // Waits for the unit, which ends by its limit, sees that packages are not whole, and takes them back.
    let repaired = bed
        .host
        .run(&["overlock", "repair", "--limit", "10s"])
        .unwrap();
    assert_eq!(repaired.code, 5, "{}{}", repaired.stdout, repaired.stderr);
    assert_eq!(bed.version("lab-plain"), "1.0 ii");
    assert_eq!(bed.version("lab-hangs"), "1.0 ii");
    bed.is_whole();
    assert_eq!(bed.end("1").0, "reverted");
}

#[test]
fn who_holds_the_lock_is_waited_for_and_named() {
    let Some(bed) = Bed::with("who_holds_the_lock_is_waited_for_and_named", &["lab-plain"]) else {
        return;
    };
    bed.plan(&["lab-plain"], &[]);
    // F8: another installation at work.
    let busy = format!(
        "DEBIAN_FRONTEND=noninteractive setsid apt-get -qy install lab-hangs=2.0 >/dev/null 2>&1 & \
         for i in $(seq 300); do {BUSY} && exit 0; sleep 0.1; done; exit 1"
    );
    bed.run(0, &["bash", "-c", &busy]);
    let ran = bed.apply(&["--wait", "1s"]);
    assert_eq!(ran.code, 5, "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stderr.contains("/var/lib/dpkg/lock-frontend") && ran.stderr.contains("apt-get"),
        "{}",
        ran.stderr
    );
    assert_eq!(bed.end("1").0, "prior");
    // Nobody was ended.
    bed.run(0, &["bash", "-c", BUSY]);
}
