//! From a report over TLS to episodes in the store, with real tables.

use crate::clock::Clock;
use crate::server::{Options, Server};
use crate::tasks;
use crate::testing::guest::{Guest, packages, post};
use crate::truth::World;
use jiff::{SignedDuration, Timestamp};
use overlock_fleet::answer::ExposureFilter;
use overlock_index::AdvisoryBuilder;
use overlock_model::advisory::{Disclosure, Ecosystem, Resolution, VendorStatus};
use overlock_model::episode::EpisodeState;
use overlock_model::os::Os;
use overlock_protocol::message::Message as _;
use overlock_protocol::{Hello, Report, Section};
use overlock_versions::Scheme;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Tables in which these vulnerabilities of openssl end with these versions.
fn world(fixes: &[(&str, &str)], fetched: Timestamp) -> World {
    let os = Os {
        id: "debian".into(),
        version_id: "12".into(),
        ..Os::default()
    };
    let ecosystem: Ecosystem = os.ecosystem().unwrap();
    let mut builder = AdvisoryBuilder::new(Scheme::Dpkg);
    builder.add_feed("test", false);
    for (vulnerability, fixed) in fixes {
        builder.disclose(&Disclosure {
            ecosystem: ecosystem.clone(),
            package: "openssl".into(),
            vulnerability: (*vulnerability).into(),
            aliases: Vec::new(),
            severity: None,
            summary: None,
            cvss: Vec::new(),
            published: None,
        });
        builder.resolve(&Resolution {
            ecosystem: ecosystem.clone(),
            package: "openssl".into(),
            vulnerability: (*vulnerability).into(),
            channel: String::new(),
            module: None,
            arches: Vec::new(),
            introduced: None,
            status: VendorStatus::Fixed((*fixed).into()),
            advisory: None,
            issued: None,
            feed: "test".into(),
        });
    }
    let table = builder.finish().unwrap().bytes;
    World::built(BTreeMap::from([(ecosystem, table)]), fetched)
}

/// The states of a host's open episodes, after everything that is known was judged.
async fn states(server: &Server, guest: &Guest) -> Vec<(String, EpisodeState)> {
    crate::follow::catch_up(server.shared()).await.unwrap();
    let id = guest.host.id.clone();
    super::judge(server.shared(), std::slice::from_ref(&id))
        .await
        .unwrap();
    let open = server.shared().store.open_episodes(&id).await.unwrap();
    open.episodes
        .into_iter()
        .map(|episode| (episode.key.vulnerability, episode.state))
        .collect()
}

fn at(ahead: &Arc<AtomicI64>) -> Clock {
    let ahead = Arc::clone(ahead);
    Clock::of(move || Timestamp::now() + SignedDuration::from_mins(ahead.load(Ordering::SeqCst)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_by_hand_ends_an_exposure_and_a_later_look_confirms_it() {
    let folder = tempfile::tempdir().unwrap();
    let ahead = Arc::new(AtomicI64::new(0));
    let options = Options {
        clock: at(&ahead),
        ..Options::local(folder.path())
    };
    let server = Server::start(options).await.unwrap();
    let now = Timestamp::now();
    tasks::use_world(server.shared(), world(&[("CVE-2026-1", "3.0.14-1")], now))
        .await
        .unwrap();
    let mut guest = Guest::enrolled(&server, 1).await;
    guest.settle().await;
    assert_eq!(
        states(&server, &guest).await,
        [("CVE-2026-1".to_owned(), EpisodeState::Exposed)]
    );
    let rows = server.shared().store.log_since(0, 1000).await.unwrap();
    let told: Vec<_> = rows.iter().filter(|row| row.kind == "episodes").collect();
    assert_eq!(told.len(), 1);
    assert!(
        told[0].body.contains(r#""new>exposed":1"#),
        "{}",
        told[0].body
    );

    guest.sections = packages(&[("openssl", "3.0.14-1")]);
    let answer = guest.report().await;
    assert_eq!(answer.json()["verdict"]["verdict"], "accepted");
    assert_eq!(
        states(&server, &guest).await,
        [("CVE-2026-1".to_owned(), EpisodeState::Effective)]
    );
    // The host says that nothing has changed: at first from what it saw before, half a day later from another look.
    ahead.store(90, Ordering::SeqCst);
    assert_eq!(guest.poll(0).await.json()["wanted"]["want"], "nothing");
    tasks::flush_now(server.shared()).await;
    assert_eq!(
        states(&server, &guest).await,
        [("CVE-2026-1".to_owned(), EpisodeState::Effective)]
    );
    ahead.store(13 * 60, Ordering::SeqCst);
    assert_eq!(guest.poll(0).await.json()["wanted"]["want"], "nothing");
    tasks::flush_now(server.shared()).await;
    assert_eq!(states(&server, &guest).await, []);
    let id = &guest.host.id;
    let ended = server.shared().store.ended_episodes(id, 10).await.unwrap();
    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0].state, EpisodeState::Verified);
    // Judged again, nothing is news.
    let head = server.shared().store.log_head().await.unwrap();
    states(&server, &guest).await;
    assert_eq!(server.shared().store.log_head().await.unwrap(), head);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_advisory_is_judged_without_a_new_report() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(Options::local(folder.path())).await.unwrap();
    let now = Timestamp::now();
    tasks::use_world(server.shared(), world(&[("CVE-2026-1", "3.0.1-1")], now))
        .await
        .unwrap();
    let mut guest = Guest::enrolled(&server, 1).await;
    guest.settle().await;
    assert_eq!(states(&server, &guest).await, []);
    let newer = world(
        &[("CVE-2026-1", "3.0.1-1"), ("CVE-2026-2", "3.0.14-1")],
        now,
    );
    tasks::use_world(server.shared(), newer).await.unwrap();
    assert_eq!(
        states(&server, &guest).await,
        [("CVE-2026-2".to_owned(), EpisodeState::Exposed)]
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r6_packages_that_are_dropped_leave_their_exposures_counted() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(Options::local(folder.path())).await.unwrap();
    let now = Timestamp::now();
    tasks::use_world(server.shared(), world(&[("CVE-2026-1", "3.0.14-1")], now))
        .await
        .unwrap();
    let mut guest = Guest::enrolled(&server, 1).await;
    guest.settle().await;
    states(&server, &guest).await;
    guest.sections.remove(&Section::Packages);
    let hello = Hello {
        schema: Hello::schema(),
        host: guest.host.id.clone(),
        instance: guest.instance.clone(),
        agent: "0.1.0".into(),
        machine_id: guest.machine_id.clone(),
        boot_id: String::new(),
        time: now,
        switched_off: [Section::Packages].into(),
        helper: false,
    };
    let answer = post(&guest.client, "/agent/v1/hello", &hello).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let report = Report {
        dropped: vec![Section::Packages],
        sections: Vec::new(),
        ..guest.report_of_all()
    };
    let answer = post(&guest.client, "/agent/v1/report", &report).await;
    assert_eq!(
        answer.json()["verdict"]["verdict"],
        "accepted",
        "{}",
        answer.text()
    );
    assert_eq!(
        states(&server, &guest).await,
        [("CVE-2026-1".to_owned(), EpisodeState::Unknown)]
    );
    // Switched on again, they are as unknown until they are reported.
    guest.hello().await;
    assert_eq!(
        states(&server, &guest).await,
        [("CVE-2026-1".to_owned(), EpisodeState::Unknown)]
    );
    let counted = |server: &Server| {
        let rows = server
            .shared()
            .truth
            .read(|fleet| fleet.ranked(&ExposureFilter::default()));
        rows.iter()
            .map(|row| (row.by_decision.total(), row.not_in_force))
            .collect::<Vec<_>>()
    };
    assert_eq!(counted(&server), [(0, 1)]);
    server.stop().await;
    // The same after a start.
    let server = Server::start(Options::local(folder.path())).await.unwrap();
    tasks::use_world(server.shared(), world(&[("CVE-2026-1", "3.0.14-1")], now))
        .await
        .unwrap();
    assert_eq!(counted(&server), [(0, 1)]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_older_tables_leaves_judging_to_others() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(Options::local(folder.path())).await.unwrap();
    let now = Timestamp::now();
    let newer = world(&[("CVE-2026-1", "3.0.1-1")], now);
    assert!(super::may_judge(server.shared(), newer.id()).await.unwrap());
    let older = world(
        &[("CVE-2026-2", "3.0.14-1")],
        now - SignedDuration::from_hours(1),
    );
    assert!(!super::may_judge(server.shared(), older.id()).await.unwrap());
    tasks::use_world(server.shared(), older).await.unwrap();
    let mut guest = Guest::enrolled(&server, 1).await;
    guest.settle().await;
    assert_eq!(states(&server, &guest).await, []);
    assert!(!server.shared().judging.judges());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_clock_is_far_ahead_keeps_no_other_from_judging() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(Options::local(folder.path())).await.unwrap();
    let now = Timestamp::now();
    let ahead = world(
        &[("CVE-2026-1", "3.0.1-1")],
        now + SignedDuration::from_hours(24 * 365),
    );
    assert!(super::may_judge(server.shared(), ahead.id()).await.unwrap());
    let ours = world(&[("CVE-2026-2", "3.0.14-1")], now);
    assert!(super::may_judge(server.shared(), ours.id()).await.unwrap());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_see_what_the_other_did_and_judge_once() {
    let folder = tempfile::tempdir().unwrap();
    let options = || Options::local(folder.path());
    let one = Server::start(options()).await.unwrap();
    let other = Server::start(options()).await.unwrap();
    assert_eq!(
        one.shared().authority.fingerprint(),
        other.shared().authority.fingerprint()
    );
    let now = Timestamp::now();
    for server in [&one, &other] {
        let world = world(&[("CVE-2026-1", "3.0.14-1")], now);
        tasks::use_world(server.shared(), world).await.unwrap();
    }
    let mut guest = Guest::enrolled(&one, 1).await;
    guest.settle().await;
    for server in [&one, &other] {
        assert_eq!(
            states(server, &guest).await,
            [("CVE-2026-1".to_owned(), EpisodeState::Exposed)]
        );
    }
    let rows = one.shared().store.log_since(0, 1000).await.unwrap();
    assert_eq!(rows.iter().filter(|row| row.kind == "episodes").count(), 1);

    // The agent comes to the other one, which knows it only through the log.
    tasks::flush_now(one.shared()).await;
    guest.client.address = other.address();
    let hello = guest.hello().await;
    assert_eq!(hello.status, 200, "{}", hello.text());
    assert_eq!(guest.poll(0).await.json()["wanted"]["want"], "nothing");
    one.stop().await;
    other.stop().await;
}
