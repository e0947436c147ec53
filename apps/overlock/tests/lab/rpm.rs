//! Hosts whose packages are rpm: dnf resolves and fetches, rpm installs, and goes back.

mod bed;

use bed::Bed;
use overlock_lab::Index;

#[test]
fn rpm_update_takes_effect_and_goes_back() {
    let packages = [
        "lab-plain",
        "lab-pair",
        "lab-config",
        "lab-service",
        "lab-grows",
    ];
    let Some(bed) = Bed::with("rpm_update_takes_effect_and_goes_back", &packages) else {
        return;
    };
    let edit = "for file in /etc/lab-config.conf /etc/lab-config.d/strict.conf; do echo local=edit >> $file; done";
    bed.run(0, &["sh", "-c", edit]);
    let before = bed.state();
    let starts = bed.starts("lab-service");

    let planned = bed.plan(&packages, &[]);
    let said = &planned.stdout;
    assert!(said.contains("every one of them can be put back"), "{said}");
    assert!(said.contains("liblab-pair"), "moves with lab-pair: {said}");
    let ran = bed.apply(&[]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    for package in packages.iter().chain(&["liblab-pair", "lab-extra"]) {
        assert_eq!(bed.version(package), "2.0", "{package}");
    }
    bed.is_whole();
    // The package's own restart was held off; the pass restarted it, once.
    assert_eq!(bed.host.read("/run/lab-service").unwrap(), "2.0\n");
    assert_eq!(bed.starts("lab-service"), starts + 1, "P16: one restart");
    // One edit stays in force, the other is saved, as their package says; both are told.
    let kept = bed.host.read("/etc/lab-config.conf").unwrap();
    assert!(kept.contains("local=edit"), "{kept}");
    for told in [
        "kept the local edit of /etc/lab-config.conf; the new version is /etc/lab-config.conf.rpmnew",
        "the local edit is saved as /etc/lab-config.d/strict.conf.rpmsave",
        "+limit = 100",
    ] {
        assert!(ran.stdout.contains(told), "{told}: {}", ran.stdout);
    }
    // Again is nothing.
    assert_eq!(bed.apply(&[]).code, 0);
    assert_eq!(bed.starts("lab-service"), starts + 1);

    let back = bed.run(0, &["overlock", "revert", "1"]);
    assert_eq!(bed.state(), before, "{}", back.stdout);
    bed.is_whole();
    assert_eq!(bed.host.read("/run/lab-service").unwrap(), "1.0\n");
    // F39a: no timer installs it again, neither dnf's nor ours.
    let upgrades = bed.host.run(&["dnf", "-C", "list", "--upgrades"]).unwrap();
    assert!(
        !upgrades.stdout.contains("lab-plain"),
        "{}",
        upgrades.stdout
    );
    let again = ["overlock", "plan", "--offline", "--all"];
    assert!(bed.run(0, &again).stdout.contains("nothing to do"));
    let history = bed.run(0, &["overlock", "history"]).stdout;
    assert!(history.contains("takes back run 1"), "{history}");
}

/// F10: each ends where it began, with the reason; what rpm takes for a warning too.
#[test]
fn rpm_bad_updates_are_taken_back() {
    let packages = [
        "lab-plain",
        "lab-fails-pre",
        "lab-fails-post",
        "lab-hangs",
        "lab-breaks-service",
    ];
    let Some(bed) = Bed::with("rpm_bad_updates_are_taken_back", &packages) else {
        return;
    };
    let before = bed.state();
    for (run, (package, reason)) in [
        (
            "lab-fails-pre",
            "%prein(lab-fails-pre-2.0-1.noarch) scriptlet failed",
        ),
        (
            "lab-fails-post",
            "%post(lab-fails-post-2.0-1.noarch) scriptlet failed",
        ),
        ("lab-hangs", "lab-hangs"),
        ("lab-breaks-service", "lab-breaks-service"),
    ]
    .into_iter()
    .enumerate()
    {
        bed.plan(&["lab-plain", package], &["--confirm", "never"]);
        let ran = bed.apply(&["--limit", "3s"]);
        let said = format!("{package}: {}{}", ran.stdout, ran.stderr);
        assert_eq!(ran.code, 5, "{said}");
        assert!(ran.stderr.contains(reason), "{said}");
        let (end, event) = bed.end(&(run + 1).to_string());
        assert_eq!(end, "reverted", "{event} {said}");
        assert_eq!(bed.state(), before, "{said}");
        bed.is_whole();
        // What one story keeps away is not kept from the next.
        let forget = "sed -i '/^# overlock: these/,/^# overlock: end/d' /etc/dnf/dnf.conf";
        bed.run(0, &["sh", "-c", forget]);
    }
}

/// Waits until the scriptlet that hangs is at it.
const UNTIL_BUSY: &str = "until test -e /run/lab-hangs; do sleep 0.1; done";

#[test]
fn rpm_run_killed_in_the_midst_is_mended_by_repair() {
    let test = "rpm_run_killed_in_the_midst_is_mended_by_repair";
    let Some(bed) = Bed::with(test, &["lab-plain", "lab-hangs", "lab-service"]) else {
        return;
    };
    let before = bed.state();
    bed.plan(&["lab-plain", "lab-hangs", "lab-service"], &[]);
    // We are killed, and so is rpm, while a scriptlet is at work: one package is there in both versions. Of another, a
    // file is laid down and not yet named, and one has other bytes than the database says.
    let kill = format!(
        "overlock apply /root/plan.json & {UNTIL_BUSY}; kill -9 $!; pkill -9 -x rpm; wait; \
         rm /run/lab-hangs; \
         echo half >/usr/share/lab-service/version; touch '/usr/share/lab-service/version;6a1b2c3d'; \
         rpm -q lab-hangs | wc -l"
    );
    let ran = bed.run(0, &["bash", "-c", &kill]);
    assert!(ran.stdout.ends_with("2\n"), "{}{}", ran.stdout, ran.stderr);
    let history = bed.run(0, &["overlock", "history"]).stdout;
    assert_eq!(history.matches("not ended").count(), 1, "{history}");
    // It hangs again when it is installed again, until its time is up; so the packages go back.
    let repaired = bed
        .host
        .run(&["overlock", "repair", "--limit", "5s"])
        .unwrap();
    let said = format!("{}{}", repaired.stdout, repaired.stderr);
    assert_eq!(repaired.code, 5, "{said}");
    assert_eq!(bed.end("1").0, "reverted", "{said}");
    assert_eq!(bed.state(), before, "{said}");
    bed.is_whole();
}

/// F26: the transaction goes on without us, and is waited for.
#[test]
fn rpm_transaction_outlives_us() {
    let packages = ["lab-plain", "lab-hangs"];
    let Some(bed) = Bed::with("rpm_transaction_outlives_us", &packages) else {
        return;
    };
    bed.plan(&packages, &[]);
    // Nobody watches when the scriptlet ends and rpm goes on; only the repair waits for it.
    let kill =
        format!("overlock apply /root/plan.json & {UNTIL_BUSY}; kill -9 $!; wait; pgrep -x rpm");
    bed.run(0, &["bash", "-c", &kill]);
    let repair = "overlock repair & until pgrep -f '[i]s-active -- overlock-run-1' >/dev/null; do :; done; touch /run/lab-go; wait $!";
    let repaired = bed.run(0, &["bash", "-c", repair]);
    assert_eq!(bed.end("1").0, "target", "{}", repaired.stdout);
    for package in packages {
        assert_eq!(bed.version(package), "2.0", "{package}");
    }
    bed.is_whole();
}

#[test]
fn rpm_who_holds_the_lock_is_waited_for_and_named() {
    let test = "rpm_who_holds_the_lock_is_waited_for_and_named";
    let Some(bed) = Bed::with(test, &["lab-plain", "lab-hangs"]) else {
        return;
    };
    bed.plan(&["lab-plain"], &[]);
    // F8: another installation at work.
    let busy = format!("setsid dnf -qy install lab-hangs-2.0 >/dev/null 2>&1 & {UNTIL_BUSY}");
    bed.run(0, &["bash", "-c", &busy]);
    let ran = bed.apply(&["--wait", "1s"]);
    assert_eq!(ran.code, 5, "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stderr.contains("/var/lib/rpm/.rpm.lock") && ran.stderr.contains("dnf"),
        "{}",
        ran.stderr
    );
    assert_eq!(bed.end("1").0, "prior");
    // Nobody was ended.
    bed.run(0, &["pgrep", "-x", "dnf"]);
}

/// T6, T11, F14, F15: other bytes, or none, are not installed.
#[test]
fn rpm_artifacts_that_changed_or_went_are_not_installed() {
    let test = "rpm_artifacts_that_changed_or_went_are_not_installed";
    let Some(bed) = Bed::with(test, &["lab-plain", "lab-rival"]) else {
        return;
    };
    let before = bed.state();
    bed.plan(&["lab-plain"], &[]);
    // Even where the metadata was changed with it, so that dnf is content: another build of the same version.
    let other = overlock_lab::Rpm::new("lab-plain", "2.0")
        .file("/usr/share/lab-plain/version", "another 2.0")
        .build(&bed.lab.folder().join("hosts"))
        .unwrap();
    bed.repository
        .swap("lab-plain", "2.0", &other, Index::Renewed)
        .unwrap();
    let renew = ["dnf", "-q", "makecache", "--refresh"];
    bed.run(0, &renew);
    let ran = bed.apply(&[]);
    assert!(matches!(ran.code, 4 | 5), "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stderr.contains("not the artifact of the plan"),
        "{}",
        ran.stderr
    );
    assert_eq!(bed.state(), before);
    bed.repository.withdraw("lab-plain", "2.0").unwrap();
    bed.run(0, &renew);
    let ran = bed.apply(&[]);
    assert!(matches!(ran.code, 4 | 5), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("lab-plain"), "{}", ran.stderr);
    assert_eq!(bed.state(), before);

    // A package that nobody signed: dnf is asked to check, and does.
    let unsigned = overlock_lab::Rpm::new("lab-plain", "3.0")
        .file("/usr/share/lab-plain/version", "3.0")
        .build(&bed.lab.folder().join("hosts"))
        .unwrap();
    bed.repository.publish_unsigned(&unsigned).unwrap();
    bed.run(0, &renew);
    bed.plan(&["lab-plain"], &[]);
    let ran = bed.apply(&[]);
    assert_eq!(ran.code, 5, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("not signed"), "{}", ran.stderr);
    assert_eq!(bed.state(), before);

    // An update that takes another package away is no update.
    let rival = ["overlock", "plan", "--offline", "--only", "lab-rival"];
    let refused = bed.run(4, &rival);
    assert!(
        refused.stderr.contains("would remove lab-plain"),
        "{}",
        refused.stderr
    );
    // F9: a package that is there twice is not our mess, and nothing is done on top of it.
    let twice = "dnf -q -y --downloadonly --downloaddir=/root install lab-rival-2.0 && \
                 rpm -i --justdb --nodeps --force /root/lab-rival-2.0-1.noarch.rpm";
    bed.run(0, &["sh", "-c", twice]);
    let ran = bed.apply(&[]);
    assert_eq!(ran.code, 4, "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stderr
            .contains("lab-rival.noarch is there in 2 versions"),
        "{}",
        ran.stderr
    );
}
