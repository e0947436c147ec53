use super::*;
use crate::clock::Clock;
use crate::server::{Options, Server};
use crate::testing::guest::{Guest, packages};
use overlock_model::plan::Digest;
use std::sync::atomic::{AtomicI64, Ordering};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_over_is_forgotten_by_one_replica_an_hour_and_what_is_now_stays() {
    let folder = tempfile::tempdir().unwrap();
    let hours = Arc::new(AtomicI64::new(0));
    let clock = {
        let hours = Arc::clone(&hours);
        Clock::of(move || {
            Timestamp::now() + SignedDuration::from_hours(hours.load(Ordering::SeqCst))
        })
    };
    let options = Options {
        clock,
        ..Options::local(folder.path())
    };
    let server = Server::start(options).await.unwrap();
    let shared = server.shared();
    let mut guest = Guest::enrolled(&server, 1).await;
    guest.settle().await;
    guest.sections = packages(&[("openssl", "3.0.14-1")]);
    let report = guest.report().await;
    assert_eq!(report.json()["verdict"]["verdict"], "accepted");
    let spans = async || {
        let timeline = shared.store.timeline(&guest.host.id, 100).await.unwrap();
        let ended = timeline.iter().filter(|span| span.until.is_some()).count();
        (timeline.len() - ended, ended)
    };
    let (current, ended) = spans().await;
    assert_eq!(ended, 1);
    let now = shared.clock.now();
    let id = Digest::of(b"session");
    let expires = now + SignedDuration::from_hours(1);
    shared.store.add_session(id, b"x", expires).await.unwrap();

    assert!(forget_now(shared, "a").await.unwrap());
    assert!(!forget_now(shared, "b").await.unwrap(), "a has done so");
    assert_eq!(spans().await, (current, 1));
    hours.store(2, Ordering::SeqCst);
    assert!(forget_now(shared, "b").await.unwrap());
    assert_eq!(shared.store.session(id, now).await.unwrap(), None);
    assert_eq!(spans().await, (current, 1));
    hours.store(401 * 24, Ordering::SeqCst);
    assert!(forget_now(shared, "a").await.unwrap());
    assert_eq!(spans().await, (current, 0));
    server.stop().await;
}
