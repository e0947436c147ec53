//! The tracer counts what is known, follows whoever is born, and kills before the call.

#![allow(clippy::unwrap_used, reason = "the helper of tests")]

use overlock_crash::trace::{self, Event, Order, Traced};
use std::fs::{self, File};
use std::path::Path;

fn traced(folder: &Path, script: &str, kill_at: Option<u64>) -> (Traced, Vec<Event>) {
    let script = script.replace("HERE", &folder.to_string_lossy());
    let output = File::create(folder.join("output")).unwrap();
    let mut events = Vec::new();
    let traced = trace::run(&["/bin/sh", "-c", &script], folder, &output, &mut |event| {
        events.push(event.clone());
        Ok(if Some(event.index) == kill_at {
            Order::Kill
        } else {
            Order::GoOn
        })
    })
    .unwrap();
    (traced, events)
}

fn told(events: &[Event]) -> Vec<String> {
    events
        .iter()
        .map(|event| format!("{} {} {}", event.process, event.call, event.path))
        .collect()
}

/// Six changes by three programs, one of them in a session of its own; reading, pipes and `/dev/null` do not count.
const SCRIPT: &str = "echo one >HERE/a; cat HERE/a | cat >/dev/null; mkdir HERE/b; setsid --wait mv HERE/a HERE/b/c; \
                      setsid --wait sh -c 'rm HERE/b/c; rmdir HERE/b'; exit 7";

#[test]
fn changes_are_counted_over_all_descendants() {
    let folder = tempfile::tempdir().unwrap();
    let (traced, events) = traced(folder.path(), SCRIPT, None);
    assert_eq!(
        told(&events),
        [
            "sh openat /a",
            "sh write /a",
            "mkdir mkdir /b",
            "mv renameat2 /b/c",
            "rm unlinkat /b/c",
            "rmdir rmdir /b",
        ]
    );
    assert_eq!(traced.code, Some(7));
    assert_eq!(traced.events, 6);
}

#[test]
fn kill_comes_before_the_call() {
    let left = [("a", 0), ("a", 0), ("a", 4), ("a", 4), ("b/c", 4), ("b", 0)];
    for (at, (path, size)) in (1..).zip(left) {
        let folder = tempfile::tempdir().unwrap();
        let (traced, events) = traced(folder.path(), SCRIPT, Some(at));
        assert_eq!(traced.code, None);
        assert_eq!(events.len() as u64, at);
        let of = fs::metadata(folder.path().join(path));
        assert_eq!(of.is_ok(), at > 1, "{at}: {path}");
        if size > 0 {
            assert_eq!(of.unwrap().len(), size, "{at}: {path}");
        }
    }
}

#[test]
fn whoever_ran_away_is_killed_too() {
    let folder = tempfile::tempdir().unwrap();
    // The one in the background would go on for ever.
    let script = "setsid sh -c 'echo $$ >HERE/pid; exec sleep infinity' & \
                  while ! test -s HERE/pid; do :; done; mkdir HERE/end";
    let (_, events) = traced(folder.path(), script, Some(3));
    assert_eq!(events.last().unwrap().call, "mkdir");
    let pid = fs::read_to_string(folder.path().join("pid")).unwrap();
    // Dead: gone, or waiting for the machine's first process to take note.
    let stat = fs::read_to_string(Path::new("/proc").join(pid.trim()).join("stat"));
    let is_dead = stat.is_err() || stat.is_ok_and(|stat| stat.contains(") Z "));
    assert!(is_dead);
}
