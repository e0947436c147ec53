//! What servers do, rightly and wrongly.

use std::time::Duration;

use overlock_feeds::publishers::Presence;
use overlock_feeds::sync::Outcome;
use overlock_feeds::{Cause, Kind};

use crate::server::{Reply, Server};
use crate::world::*;

#[test]
fn first_sync_takes_the_feed_in_and_writes_its_state() {
    let server = Server::start(|_, _| {
        let headers = [
            "ETag: \"v1\"",
            "Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT",
        ];
        Reply::with("200 OK", &headers, "one\ntwo\n!broken\n")
    });
    let world = World::new();
    let outcome = world.sync(&feed(&server.url("/list")));
    assert_eq!(updated(&outcome), (2, 1));
    assert!(outcome.notes.is_empty(), "{:?}", outcome.notes);
    assert_eq!(world.kept().unwrap(), "one\ntwo\n!broken\n");

    let state = std::fs::read_to_string(world.path("feeds/list/state.json")).unwrap();
    let golden = r#"{
  "schema": "overlock.feed-state/1",
  "format": "debian-advisories",
  "validators": {
    "source": "http://HOST/list",
    "etag": "\"v1\"",
    "last_modified": "Thu, 01 Jan 2026 00:00:00 GMT"
  },
  "status": {
    "id": "list",
    "url": "http://HOST/list",
    "dated": "2026-01-01T00:00:00Z",
    "fetched": "2026-01-02T03:04:05Z",
    "records": 2,
    "quarantined": 1,
    "size_bytes": 16,
    "sha256": "80cf7d1f5a6db8a3b8bbf59a5a52b5c2HASH"
  }
}
"#;
    let shown = state.replace(server.url("").trim_start_matches("http://"), "HOST");
    let hash = world
        .store
        .state("list")
        .unwrap()
        .unwrap()
        .status
        .sha256
        .unwrap();
    assert_eq!(
        shown,
        golden.replace("80cf7d1f5a6db8a3b8bbf59a5a52b5c2HASH", &hash)
    );
    assert_eq!(
        world.names("list"),
        [
            format!("data-{}.list", &hash[..16]),
            "state.json".to_owned()
        ]
    );
}

#[test]
fn unchanged_feed_costs_one_short_answer() {
    let server = Server::start(|head, _| {
        if head.to_ascii_lowercase().contains("if-none-match: \"v1\"") {
            Reply::raw("HTTP/1.1 304 Not Modified\nConnection: close\n\n")
        } else {
            Reply::with("200 OK", &["ETag: \"v1\""], "one\n")
        }
    });
    let world = World::new();
    let feed = feed(&server.url("/list"));
    updated(&world.sync(&feed));
    let outcome = world.sync_at(&feed, "2026-02-02T00:00:00Z");
    assert!(matches!(outcome.outcome, Outcome::Unchanged), "{outcome:?}");
    let status = world.store.state("list").unwrap().unwrap().status;
    assert_eq!(status.fetched, Some(at("2026-02-02T00:00:00Z")));
    assert_eq!(status.records, 1);
    assert_eq!(server.heads().len(), 2);
}

#[test]
fn same_bytes_from_a_server_without_etag_are_unchanged() {
    let server = Server::start(|_, _| Reply::ok("one\n"));
    let world = World::new();
    let feed = feed(&server.url("/list"));
    updated(&world.sync(&feed));
    assert!(matches!(world.sync(&feed).outcome, Outcome::Unchanged));
}

#[test]
fn etag_is_not_sent_when_the_data_is_gone() {
    let server = Server::start(|_, _| Reply::with("200 OK", &["ETag: \"v1\""], "one\n"));
    let world = World::new();
    let feed = feed(&server.url("/list"));
    updated(&world.sync(&feed));
    std::fs::write(world.store.good("list").unwrap().unwrap().path, "cut").unwrap();
    updated(&world.sync(&feed));
    assert!(
        server
            .heads()
            .iter()
            .all(|head| !head.to_ascii_lowercase().contains("if-none-match"))
    );
}

#[test]
fn unasked_304_is_an_error() {
    let server =
        Server::start(|_, _| Reply::raw("HTTP/1.1 304 Not Modified\nConnection: close\n\n"));
    let outcome = World::new().sync(&feed(&server.url("/list")));
    assert!(
        matches!(cause(&outcome), Cause::Status { status: 304 }),
        "{outcome:?}"
    );
}

#[test]
fn redirect_on_the_same_server_is_followed() {
    let server = Server::start(|head, _| {
        if head.starts_with("GET /new ") {
            Reply::ok("one\n")
        } else {
            Reply::with("302 Found", &["Location: /new"], "")
        }
    });
    assert_eq!(
        updated(&World::new().sync(&feed(&server.url("/list")))),
        (1, 0)
    );
}

#[test]
fn redirect_loop_ends_after_five() {
    let server = Server::start(|_, _| Reply::with("302 Found", &["Location: /list"], ""));
    let outcome = World::new().sync(&feed(&server.url("/list")));
    assert!(
        matches!(cause(&outcome), Cause::Redirect { .. }),
        "{outcome:?}"
    );
    assert_eq!(
        server.heads().len(),
        6,
        "the first request and five redirects, once"
    );
}

#[test]
fn plain_redirect_to_another_server_is_refused() {
    let other = Server::start(|_, _| Reply::ok("one\n"));
    let location = format!("Location: {}", other.url("/list"));
    let server = Server::start(move |_, _| Reply::with("302 Found", &[location.as_str()], ""));
    let outcome = World::new().sync(&feed(&server.url("/list")));
    assert!(
        matches!(cause(&outcome), Cause::Redirect { .. }),
        "{outcome:?}"
    );
    assert!(other.heads().is_empty());
}

#[test]
fn truncated_body_is_tried_again_then_refused_and_the_last_good_copy_stays() {
    let server = Server::start(|_, number| match number {
        0 => Reply::ok("good\n"),
        _ => Reply::raw("HTTP/1.1 200 OK\nConnection: close\nContent-Length: 100\n\none"),
    });
    let world = World::new();
    let feed = feed(&server.url("/list"));
    updated(&world.sync(&feed));
    let outcome = world.sync(&feed);
    assert!(
        matches!(
            cause(&outcome),
            Cause::Length {
                received: 3,
                announced: 100
            }
        ),
        "{outcome:?}"
    );
    assert!(failure(&outcome).1);
    assert_eq!(server.heads().len(), 3, "one good sync, then two attempts");
    assert_eq!(world.kept().unwrap(), "good\n");
    assert!(world.last_error().unwrap().contains("100 were announced"));
    assert_eq!(
        world.names("list").len(),
        2,
        "nothing half-received is left"
    );
}

#[test]
fn truncated_chunked_body_is_refused() {
    let server = Server::start(|_, _| {
        Reply::raw("HTTP/1.1 200 OK\nConnection: close\nTransfer-Encoding: chunked\n\n4\none\n\n")
    });
    let outcome = World::new().sync(&feed(&server.url("/list")));
    assert!(
        matches!(cause(&outcome), Cause::Connection(_)),
        "{outcome:?}"
    );
}

#[test]
fn announced_size_over_the_limit_is_refused_before_the_body() {
    let server = Server::start(|_, _| {
        Reply::raw("HTTP/1.1 200 OK\nConnection: close\nContent-Length: 1001\n\n")
    });
    let outcome = World::new().sync(&feed(&server.url("/list")));
    assert!(
        matches!(cause(&outcome), Cause::TooLarge { limit: 1000 }),
        "{outcome:?}"
    );
}

#[test]
fn endless_body_is_cut_at_the_limit() {
    let server = Server::start(|_, _| {
        Reply::Endless(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec())
    });
    let world = World::new();
    let outcome = world.sync(&feed(&server.url("/list")));
    assert!(
        matches!(cause(&outcome), Cause::TooLarge { limit: 1000 }),
        "{outcome:?}"
    );
    assert_eq!(world.names("list"), ["state.json"]);
    assert_eq!(server.heads().len(), 1, "it is not tried again");
}

#[test]
fn missing_file_is_the_environments_fault() {
    let server = Server::start(|_, _| Reply::with("404 Not Found", &[], "nothing here"));
    let world = World::new();
    let report = world
        .try_sync(&[feed(&server.url("/list"))], "2026-01-01T00:00:00Z")
        .unwrap();
    assert!(matches!(cause(&report.feeds[0]), Cause::Absent));
    assert_eq!(report.exit_code(), 3);
    assert!(!failure(&report.feeds[0]).1);
    assert_eq!(server.heads().len(), 1);
}

#[test]
fn optional_file_that_is_missing_is_no_failure() {
    let server = Server::start(|_, _| Reply::with("404 Not Found", &[], ""));
    let world = World::new();
    let mut feed = feed(&server.url("/list"));
    feed.presence = Presence::Optional;
    assert!(matches!(world.sync(&feed).outcome, Outcome::NotOffered));
}

#[test]
fn passing_failure_is_tried_again() {
    let server = Server::start(|_, number| match number {
        0 => Reply::with("503 Service Unavailable", &[], ""),
        _ => Reply::ok("one\n"),
    });
    assert_eq!(
        updated(&World::new().sync(&feed(&server.url("/list")))),
        (1, 0)
    );
    assert_eq!(server.heads().len(), 2);
}

#[test]
fn silent_server_runs_into_the_time_limit() {
    let server = Server::start(|_, number| match number {
        0 => Reply::Silence(Vec::new()),
        _ => Reply::Silence(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\non".to_vec()),
    });
    let mut world = World::new();
    world.options.settings.idle_timeout = Duration::from_millis(100);
    world.options.settings.attempts = 1;
    for part in ["head", "body"] {
        let outcome = world.sync(&feed(&server.url("/list")));
        assert!(
            matches!(cause(&outcome), Cause::Timeout(_)),
            "{part}: {outcome:?}"
        );
    }
}

#[test]
fn closed_port_and_garbage_answers_are_connection_errors() {
    let server = Server::start(|_, _| Reply::Bytes(vec![0; 100]));
    let outcome = World::new().sync(&feed(&server.url("/list")));
    assert!(
        matches!(cause(&outcome), Cause::Connection(_)),
        "{outcome:?}"
    );
    let url = server.url("/list");
    drop(server);
    let outcome = World::new().sync(&feed(&url));
    assert!(
        matches!(cause(&outcome), Cause::Connection(_)),
        "{outcome:?}"
    );
    assert_eq!(failure(&outcome).0.kind(), Kind::Environment);
}

#[test]
fn encoding_that_was_not_asked_for_is_refused() {
    let server = Server::start(|_, _| Reply::with("200 OK", &["Content-Encoding: gzip"], "x"));
    let outcome = World::new().sync(&feed(&server.url("/list")));
    assert!(
        matches!(cause(&outcome), Cause::Encoding { .. }),
        "{outcome:?}"
    );
}

#[test]
fn one_bad_feed_costs_the_others_nothing() {
    let server = Server::start(|head, _| {
        if head.starts_with("GET /bad ") {
            Reply::ok("<html>")
        } else {
            Reply::ok("one\n")
        }
    });
    let world = World::new();
    let names: Vec<String> = (0..10).map(|n| format!("feed-{n}")).collect();
    let mut feeds: Vec<_> = names
        .iter()
        .map(|name| named(name, &server.url("/good")))
        .collect();
    feeds[3].url = server.url("/bad");
    feeds[4].url = "gopher://example.org/".to_owned();
    feeds[5].url = "not an address".to_owned();
    let report = world.try_sync(&feeds, "2026-01-01T00:00:00Z").unwrap();
    for (index, feed) in report.feeds.iter().enumerate() {
        assert_eq!(feed.id, names[index], "in the order asked");
        assert_eq!(
            matches!(feed.outcome, Outcome::Failed { .. }),
            (3..=5).contains(&index)
        );
    }
    assert_eq!(report.exit_code(), 2);
    assert_eq!(world.store.all_good().unwrap().len(), 7);
}
