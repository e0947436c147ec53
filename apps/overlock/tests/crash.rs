//! A sample of `cargo xtask crash`: wherever an apply is cut off, `overlock repair` brings the host to the target or back.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test's helper may fail as its test does, and says where it was"
)]

use overlock_crash::{Campaign, Fault, News, Points, Recovery, Set, Tally};
use std::path::Path;

/// A campaign on our own packages, or `None` after telling why `test` is skipped.
fn tally(test: &str, fault: Fault, count: usize, recovery: Recovery) -> Option<Tally> {
    if !overlock_lab::available(test) {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let campaign = Campaign {
        set: Set::Own,
        fault,
        points: Points::Sample(count),
        // Another sample with each change of the program would make failures that nobody can look at again.
        seed: 1,
        recovery,
        jobs: 2,
        overlock: Path::new(env!("CARGO_BIN_EXE_overlock")).to_owned(),
        folder: folder.path().join("work"),
    };
    let tally = campaign.run(&mut |news| {
        if let News::Trial(at, trial) = news {
            // Shown if the test fails.
            println!("{at}: {:?}: {:?}", trial.event, trial.ending);
        }
    });
    Some(tally.unwrap())
}

#[test]
fn killed_anywhere_a_host_ends_in_its_target_or_as_it_was() {
    let test = "killed_anywhere_a_host_ends_in_its_target_or_as_it_was";
    if let Some(tally) = tally(test, Fault::Kill, 40, Recovery::AsPromised) {
        assert!(tally.holds(), "{tally}");
    }
}

/// The control: hosts that nobody recovers are seen as what they are.
#[test]
fn recovery_that_does_nothing_is_found_out() {
    let test = "recovery_that_does_nothing_is_found_out";
    if let Some(tally) = tally(test, Fault::Kill, 10, Recovery::None) {
        assert_eq!(tally.fired, 10, "{tally}");
        assert!(tally.unexplained > 5, "{tally}");
    }
}

/// F2: an ext4 that loses what was not synced, then a boot.
#[test]
fn power_cut_anywhere_a_host_ends_in_its_target_or_as_it_was() {
    let test = "power_cut_anywhere_a_host_ends_in_its_target_or_as_it_was";
    if let Some(tally) = tally(test, Fault::PowerCut, 10, Recovery::AsPromised) {
        assert!(tally.holds(), "{tally}");
    }
}

/// F5: no room from an event on, room again for the recovery.
#[test]
fn full_disk_anywhere_a_host_ends_in_its_target_or_as_it_was() {
    let test = "full_disk_anywhere_a_host_ends_in_its_target_or_as_it_was";
    if let Some(tally) = tally(test, Fault::FullDisk, 8, Recovery::AsPromised) {
        assert!(tally.holds(), "{tally}");
    }
}
