//! The last good copy survives bad content, kills, full disks, twins and wrong clocks.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use overlock_feeds::status::{Age, status};
use overlock_feeds::store::{Store, StoreError};
use overlock_feeds::sync::Outcome;
use overlock_feeds::{Cause, Kind, Shrink};

use crate::server::{Reply, Server};
use crate::world::*;

/// Serves the texts one after the other, the last one for ever.
fn serving(texts: &'static [&'static str]) -> Server {
    Server::start(move |_, number| Reply::ok(texts[number.min(texts.len() - 1)]))
}

#[test]
fn garbage_keeps_the_last_good_copy_and_says_so() {
    let server = serving(&[
        "one\ntwo\n",
        "<html>sign in</html>",
        "",
        "!a\n!b\n",
        "three\nfour\n",
    ]);
    let world = World::new();
    let feed = feed(&server.url("/list"));
    updated(&world.sync(&feed));
    for _ in 0..3 {
        let outcome = world.sync(&feed);
        assert!(
            matches!(cause(&outcome), Cause::Unparsable(_) | Cause::Empty { .. }),
            "{outcome:?}"
        );
        assert_eq!(failure(&outcome).0.kind(), Kind::Input);
        assert!(failure(&outcome).1, "kept");
        assert_eq!(world.kept().unwrap(), "one\ntwo\n");
        assert!(world.last_error().is_some());
        assert_eq!(world.names("list").len(), 2);
    }
    updated(&world.sync(&feed));
    assert_eq!(world.kept().unwrap(), "three\nfour\n");
    assert_eq!(world.last_error(), None);
}

#[test]
fn garbage_at_first_leaves_no_copy_but_a_status() {
    let server = serving(&["<html>"]);
    let world = World::new();
    assert!(!failure(&world.sync(&feed(&server.url("/list")))).1);
    assert_eq!(world.kept(), None);
    let aged = status(&world.store, &[], at("2026-01-03T00:00:00Z")).unwrap();
    assert!(!aged[0].present);
    assert_eq!(aged[0].age, Age::Unknown);
    assert!(
        aged[0]
            .status
            .last_error
            .as_deref()
            .unwrap()
            .contains("web page")
    );
}

#[test]
fn shrinking_below_a_quarter_is_refused_until_it_is_accepted() {
    let server = serving(&["1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n", "1\n", "9\n"]);
    let mut world = World::new();
    let feed = feed(&server.url("/list"));
    assert_eq!(updated(&world.sync(&feed)), (9, 0));
    assert_eq!(
        updated(&world.sync(&feed)),
        (3, 0),
        "a third is no reason to refuse"
    );
    let server = serving(&["1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n", "1\n2\n"]);
    let feed = crate::world::feed(&server.url("/list"));
    updated(&world.sync(&feed));
    let outcome = world.sync(&feed);
    assert!(
        matches!(
            cause(&outcome),
            Cause::Shrunk {
                before: 9,
                records: 2
            }
        ),
        "{outcome:?}"
    );
    assert_eq!(world.kept().unwrap().lines().count(), 9);
    assert!(world.last_error().unwrap().contains("shrank from 9 to 2"));
    world.options.shrink = Shrink::Accept;
    assert_eq!(updated(&world.sync(&feed)), (2, 0));
}

#[test]
fn second_sync_at_the_same_time_is_told_so() {
    let server = serving(&["one\n"]);
    let world = World::new();
    let held = world.store.lock().unwrap();
    let feeds = [feed(&server.url("/list"))];
    let error = world.try_sync(&feeds, "2026-01-01T00:00:00Z").unwrap_err();
    assert!(
        matches!(&error, StoreError::Locked { pid: Some(pid), .. } if *pid == std::process::id())
    );
    assert_eq!(error.kind().exit_code(), 3);
    assert!(server.heads().is_empty());
    drop(held);
    world.try_sync(&feeds, "2026-01-01T00:00:00Z").unwrap();
}

#[test]
fn what_a_killed_sync_left_is_swept_and_the_old_copy_holds() {
    let server = serving(&["one\n"]);
    let world = World::new();
    updated(&world.sync(&feed(&server.url("/list"))));
    let before = world.names("list");
    // Killed while receiving, and killed between the new data's rename and the state's.
    std::fs::write(world.path("feeds/list/.new-abc"), "half").unwrap();
    std::fs::write(world.path("feeds/list/data-0123456789abcdef.list"), "new\n").unwrap();
    std::fs::write(world.path("feeds/list/of-the-user"), "stays").unwrap();
    assert_eq!(world.kept().unwrap(), "one\n");
    drop(world.store.lock().unwrap());
    let mut expected = before;
    expected.push("of-the-user".to_owned());
    expected.sort();
    assert_eq!(world.names("list"), expected);
    assert_eq!(world.kept().unwrap(), "one\n");
}

#[test]
fn damaged_state_is_fetched_anew_and_a_newer_one_is_left_alone() {
    let server = serving(&["one\n"]);
    let world = World::new();
    let feed = feed(&server.url("/list"));
    let path = world.path("feeds/list/state.json");
    for damaged in [
        &b"{"[..],
        b"",
        b"\xff\xfe",
        b"[]",
        b"{\"schema\": 3}",
        b"{\"schema\":\"overlock.feed-state/1\"}",
    ] {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, damaged).unwrap();
        let shown = status(&world.store, &[], at("2026-01-01T00:00:00Z")).unwrap();
        assert!(
            shown[0]
                .status
                .last_error
                .as_deref()
                .unwrap()
                .contains("damaged")
        );
        let outcome = world.sync(&feed);
        updated(&outcome);
        assert_eq!(outcome.notes.len(), 1);
    }
    let newer = r#"{"schema": "overlock.feed-state/2", "new": true}"#;
    std::fs::write(&path, newer).unwrap();
    let outcome = world.sync(&feed);
    assert!(
        matches!(cause(&outcome), Cause::State { .. }),
        "{outcome:?}"
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), newer);
}

#[test]
fn state_of_one_feed_is_not_believed_in_the_folder_of_another() {
    let server = serving(&["one\n"]);
    let world = World::new();
    updated(&world.sync(&feed(&server.url("/list"))));
    std::fs::rename(world.path("feeds/list"), world.path("feeds/other")).unwrap();
    assert!(matches!(
        world.store.state("other"),
        Err(StoreError::Damaged { .. })
    ));
    assert!(matches!(
        world.store.state("../list"),
        Err(StoreError::Damaged { .. })
    ));
}

#[test]
fn clock_of_1970_is_noted_and_not_fatal() {
    let server = serving(&["date 2026-01-01T00:00:00Z\none\n"]);
    let world = World::new();
    let outcome = world.sync_at(&feed(&server.url("/list")), "1970-01-01T00:00:10Z");
    updated(&outcome);
    assert!(
        outcome.notes[0].contains("ahead of this machine's clock"),
        "{:?}",
        outcome.notes
    );
    let aged = status(&world.store, &[], at("1970-01-01T00:01:00Z")).unwrap();
    assert!(matches!(aged[0].age, Age::Future(_)));
    let aged = status(&world.store, &[], at("2026-01-03T00:00:00Z")).unwrap();
    assert_eq!(aged[0].age, Age::Old(jiff::SignedDuration::from_hours(48)));
}

#[test]
fn feed_that_goes_back_in_time_is_noted() {
    let server = serving(&[
        "date 2026-01-02T00:00:00Z\none\n",
        "date 2025-12-01T00:00:00Z\none\n",
    ]);
    let world = World::new();
    let feed = feed(&server.url("/list"));
    assert!(world.sync(&feed).notes.is_empty());
    assert!(world.sync(&feed).notes[0].contains("before the copy it replaces"));
}

#[test]
fn what_root_syncs_everybody_can_read() {
    let server = serving(&["one\n"]);
    let world = World::new();
    updated(&world.sync(&feed(&server.url("/list"))));
    for name in world.names("list") {
        let mode = std::fs::metadata(world.path("feeds/list").join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o444, 0o444);
    }
}

#[test]
fn wanted_feed_that_was_never_fetched_is_listed() {
    let world = World::new();
    let aged = status(
        &world.store,
        &[feed("https://example.org/list")],
        at("2026-01-01T00:00:00Z"),
    );
    let aged = aged.unwrap();
    assert_eq!((aged[0].present, aged[0].age), (false, Age::Unknown));
    assert_eq!(aged[0].status.url, "https://example.org/list");
}

#[test]
fn full_disk_keeps_the_last_good_copy() {
    let Some(small) = SmallDisk::mount("full_disk_keeps_the_last_good_copy") else {
        return;
    };
    let requests = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&requests);
    let server = Server::start(move |_, number| {
        seen.fetch_add(1, Ordering::SeqCst);
        if number == 0 {
            Reply::ok("good\n")
        } else {
            Reply::ok(&"line\n".repeat(100_000))
        }
    });
    let mut world = World::new();
    world.store = Store::new(small.0.path());
    let mut feed = feed(&server.url("/list"));
    feed.max_bytes = 1 << 20;
    updated(&world.sync(&feed));
    let report = world
        .try_sync(std::slice::from_ref(&feed), "2026-01-02T00:00:00Z")
        .unwrap();
    assert_eq!(report.exit_code(), 3);
    let (error, kept) = failure(&report.feeds[0]);
    assert!(kept);
    assert!(error.hint().contains("disk is full"), "{error:?}");
    assert_eq!(world.kept().unwrap(), "good\n");
    assert_eq!(
        world.names("list").len(),
        2,
        "the half-received file is gone"
    );
    assert_eq!(
        requests.load(Ordering::SeqCst),
        2,
        "a full disk is not tried again"
    );
    assert!(matches!(report.feeds[0].outcome, Outcome::Failed { .. }));
}

/// A file system of 128 KiB.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(test: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=128k", "overlock-test"])
            .arg(folder.path())
            .output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(folder));
        }
        overlock_testkit::skip(test, "it needs root to mount a small tmpfs");
        None
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let path: &Path = self.0.path();
        let _ = Command::new("umount").arg(path).status();
    }
}
