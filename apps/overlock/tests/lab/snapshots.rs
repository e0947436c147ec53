//! Roots on a real btrfs: kept before a change, and put back as a whole.

use crate::bed::Bed;
use overlock_lab::{Disk, Ended, Recipe};

const DISK: Disk = Disk::Btrfs { size_mib: 2048 };

/// A host on a btrfs with these packages at 1.0.
fn bed(test: &str, packages: &[&str]) -> Option<Bed> {
    let recipe = Recipe::small().with(&["btrfs-progs"]);
    let mut bed = Bed::with_recipe(test, &recipe, DISK)?;
    bed.publish_corpus();
    bed.install_first(packages);
    Some(bed)
}

/// Waits for the end of a run that goes on by itself after a boot.
#[track_caller]
fn ends(bed: &Bed, run: &str, word: &str) {
    let wait = format!(
        "for i in $(seq 600); do overlock history | grep -Eq '^ *{run} .*{word}' && exit 0; sleep 0.1; done; \
         overlock history; overlock history {run}; journalctl -u overlock-resume; exit 1"
    );
    bed.run(0, &["bash", "-c", &wait]);
}

/// Written on the root, on a mounted subvolume and in a nested one.
const PLACES: [&str; 3] = ["/root", "/srv", "/var/lib/nested"];

#[track_caller]
fn only_data_was_kept(bed: &Bed) {
    for place in PLACES {
        let found = bed.host.read(&format!("{place}/since"));
        assert_eq!(found.is_ok(), place != "/root", "{place}");
    }
}

/// Names in our folder of the top level, sorted.
fn names(bed: &Bed) -> String {
    let list = "btrfs subvolume list / | sed -n 's|.* path overlock/||p' | sort | tr '\\n' ' '";
    bed.host.output(&["sh", "-c", list]).unwrap()
}

#[test]
fn failed_run_goes_back_by_a_state_revert() {
    let test = "failed_run_goes_back_by_a_state_revert";
    let Some(mut bed) = bed(test, &["lab-plain", "lab-conffile", "lab-breaks-service"]) else {
        return;
    };
    // The former version of one is nowhere to be had any more: no package revert brings it back.
    bed.repository.withdraw("lab-plain", "1.0").unwrap();
    bed.run(0, &["sh", "-c", "apt-get -q update && apt-get clean"]);
    let before = bed.state();
    let planned = bed.plan(
        &["lab-plain", "lab-conffile", "lab-breaks-service"],
        &["--on-failure", "state-revert", "--no-rebuild"],
    );
    let said =
        "keeps a snapshot of the root first; a failed run puts it back and reboots: a state revert";
    assert!(planned.stdout.contains(said), "{}", planned.stdout);
    let said = "1 of them one-way: they go back by a state revert only";
    assert!(planned.stdout.contains(said), "{}", planned.stdout);
    // Data of the time between: written once the snapshot is there.
    let write: String = PLACES
        .map(|place| format!("echo since > {place}/since;"))
        .concat();
    let apply = format!(
        "overlock apply /root/plan.json > /srv/said 2>&1 & \
         while kill -0 $! && ! overlock history 1 | grep -q 'snapshot overlock/run-1'; do sleep 0.05; done; {write} wait"
    );
    // The host goes down meanwhile: whatever becomes of this shell is fine.
    drop(bed.host.run(&["bash", "-c", &apply]));
    assert_eq!(bed.host.follow().unwrap(), Ended::Rebooted);
    ends(&bed, "1", "reverted");
    assert_eq!(bed.version("lab-plain"), "1.0 ii");
    assert_eq!(bed.version("lab-breaks-service"), "1.0 ii");
    assert_eq!(bed.state(), before);
    bed.is_whole();
    only_data_was_kept(&bed);
    assert_eq!(names(&bed), "replaced-1 run-1 ");

    // The journal did not go back: it tells all of it, and which way it was.
    let history = bed.run(0, &["overlock", "history", "1"]).stdout;
    for line in [
        "snapshot overlock/run-1 (btrfs)",
        "not in it: /srv (btrfs, a mount of its own)",
        "not in it: /var/lib/nested (a nested subvolume)",
        "state revert: the root is overlock/run-1 again; the one it replaced is overlock/replaced-1",
    ] {
        assert!(history.contains(line), "{line}: {history}");
    }
    // F39a: no timer installs it again.
    let policy = bed
        .host
        .output(&["apt-cache", "policy", "lab-plain"])
        .unwrap();
    assert!(policy.contains("Candidate: 1.0"), "{policy}");
    // R5: the generation did not go back either.
    bed.run(0, &["sh", "-c", "rm /etc/apt/preferences.d/overlock-*"]);
    let next = bed.plan(&["lab-plain"], &[]).stdout;
    assert!(next.contains(" · generation 2 · "), "{next}");
}

#[test]
fn run_is_taken_back_by_hand_with_all_that_came_later() {
    let test = "run_is_taken_back_by_hand_with_all_that_came_later";
    let Some(mut bed) = bed(test, &["lab-plain", "lab-service"]) else {
        return;
    };
    // The other way to boot: no name, but the default subvolume. Both roots have been `@`.
    bed.run(0, &["btrfs", "subvolume", "set-default", "/"]);
    bed.host.reboot().unwrap();
    let before = bed.state();
    for package in ["lab-plain", "lab-service"] {
        bed.plan(&[package], &[]);
        let ran = bed.apply(&[]);
        assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    }
    for place in PLACES {
        bed.host
            .write(&format!("{place}/since"), "since\n")
            .unwrap();
    }
    let missing = bed.run(2, &["overlock", "revert", "9", "--state"]);
    assert!(
        missing.stderr.contains("there is no run 9"),
        "{}",
        missing.stderr
    );
    let ran = bed
        .host
        .run(&["sh", "-c", "overlock revert 1 --state | tee /srv/said"]);
    assert_eq!(bed.host.follow().unwrap(), Ended::Rebooted, "{ran:?}");
    let said = bed.host.read("/srv/said").unwrap();
    for line in [
        "state revert: the root goes back as a whole to overlock/run-1 of ",
        "what later runs changed goes too: 2\n",
        "it is kept as overlock/replaced-3\n",
        "stays as it is: /srv (btrfs, a mount of its own)\n",
        "stays as it is: /var/lib/overlock (journal and plans)\n",
        "run 3: state revert of run 1\n",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    ends(&bed, "3", "target.*takes back run 1 .state revert.");
    let default = bed.host.output(&["btrfs", "subvolume", "get-default", "/"]);
    assert!(default.unwrap().trim().ends_with(" path @"));
    assert_eq!(bed.state(), before);
    assert_eq!(bed.host.read("/run/lab-service").unwrap(), "1.0\n");
    bed.is_whole();
    only_data_was_kept(&bed);
    assert_eq!(names(&bed), "replaced-3 run-1 run-2 ");
}

/// The whole disk is lost as it is at some moment after the swap was written down, with all that was not synced.
#[test]
fn power_goes_in_the_midst_of_a_state_revert() {
    let test = "power_goes_in_the_midst_of_a_state_revert";
    let Some(mut bed) = bed(test, &["lab-plain"]) else {
        return;
    };
    let before = bed.state();
    bed.plan(&["lab-plain"], &[]);
    assert_eq!(bed.apply(&[]).code, 0);
    let begin = "overlock revert 1 --state > /srv/said 2>&1 & \
                 until [ -e /var/lib/overlock/runs/2/swap ]; do :; done";
    bed.run(0, &["bash", "-c", begin]);
    bed.host.lose_power().unwrap();
    bed.host.start().unwrap();
    // Where the old root came up it boots once more, by itself.
    let up = "for i in $(seq 600); do overlock history | grep -Eq '^ *2 .*target' && exit 0; sleep 0.1; done; exit 1";
    let up = bed.host.run(&["bash", "-c", up]);
    if !up.is_ok_and(|up| up.code == 0) {
        assert_eq!(bed.host.follow().unwrap(), Ended::Rebooted);
    }
    ends(&bed, "2", "target");
    assert_eq!(bed.state(), before);
    assert_eq!(names(&bed), "replaced-2 run-1 ");
}

#[test]
fn pool_that_is_too_full_is_told_before_anything_is_changed() {
    let test = "pool_that_is_too_full_is_told_before_anything_is_changed";
    let Some(bed) = bed(test, &["lab-plain"]) else {
        return;
    };
    bed.run(0, &["fallocate", "-l", "1400M", "/srv/much"]);
    bed.plan(&["lab-plain"], &[]);
    let ran = bed.apply(&[]);
    assert_eq!(ran.code, 4, "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stderr
            .contains("too little room for a snapshot: btrfs has "),
        "{}",
        ran.stderr
    );
    assert_eq!(bed.version("lab-plain"), "1.0 ii");
    assert_eq!(names(&bed), "");
    // Without one there is room enough.
    bed.plan(&["lab-plain"], &["--snapshot", "never"]);
    assert_eq!(bed.apply(&[]).code, 0);
    let none = bed.run(4, &["overlock", "revert", "2", "--state"]);
    assert!(
        none.stderr
            .contains("there is no untouched snapshot `overlock/run-2`"),
        "{}",
        none.stderr
    );
}

/// The hosts of all other stories: an overlay of a folder.
#[test]
fn root_that_cannot_be_kept_is_refused_where_a_state_revert_is_wanted() {
    let test = "root_that_cannot_be_kept_is_refused_where_a_state_revert_is_wanted";
    let Some(bed) = Bed::with(test, &["lab-plain"]) else {
        return;
    };
    let planned = bed.plan(&["lab-plain"], &[]);
    assert!(!planned.stdout.contains("snapshot"), "{}", planned.stdout);
    let plan = ["overlock", "plan", "--offline", "--only", "lab-plain"];
    let wanted = [&plan[..], &["--on-failure", "state-revert"]].concat();
    let ran = bed.run(4, &wanted);
    assert!(
        ran.stderr
            .contains("the root file system is overlay: snapshots need btrfs"),
        "{}",
        ran.stderr
    );
    bed.run(2, &[&wanted[..], &["--snapshot", "never"]].concat());
}
