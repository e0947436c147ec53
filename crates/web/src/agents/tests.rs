//! Agents' endpoints, over real TLS against a real server with a real database.

use crate::clock::Clock;
use crate::clone_alarm::{Heard, Sign};
use crate::directory::{Directory, Place, Want};
use crate::listen::OperatorFiles;
use crate::server::{Options, Server};
use crate::testing::guest::{Guest, packages, post, token, wish};
use crate::testing::{Client, TestHost};
use axum::http::Method;
use jiff::{SignedDuration, Timestamp};
use overlock_model::asset::Standing;
use overlock_model::plan::{Digest, HostId};
use overlock_protocol::check_in::Instance;
use overlock_protocol::message::RefusalCode;
use overlock_protocol::{
    Delta, Message, Refusal, Renew, Renewed, Report, Section, SectionReport, Update,
};
use overlock_store::{By, Database, StandingChange, Uses};
use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

async fn start(folder: &tempfile::TempDir) -> Server {
    Server::start(Options::local(folder.path())).await.unwrap()
}

/// A server whose clock is ahead by as many hours as is told.
async fn start_ahead(folder: &tempfile::TempDir) -> (Server, Arc<AtomicI64>) {
    let ahead = Arc::new(AtomicI64::new(0));
    let clock = {
        let ahead = Arc::clone(&ahead);
        Clock::of(move || {
            Timestamp::now() + SignedDuration::from_hours(ahead.load(Ordering::SeqCst))
        })
    };
    let options = Options {
        clock,
        ..Options::local(folder.path())
    };
    (Server::start(options).await.unwrap(), ahead)
}

fn stranger(server: &Server) -> Client {
    Client::new(server.address(), &server.shared().authority, None)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_enrols_reports_and_then_costs_no_row() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(&folder).await;
    let mut guest = Guest::enrolled(&server, 1).await;
    let hello = guest.hello().await;
    assert_eq!(hello.status, 200, "{}", hello.text());
    assert_eq!(hello.json()["known"], serde_json::json!({}));
    let asked = guest.poll(0).await;
    assert_eq!(asked.json()["wanted"]["want"], "report");
    let report = guest.report().await;
    assert_eq!(
        report.json()["verdict"]["verdict"],
        "accepted",
        "{}",
        report.text()
    );

    crate::follow::catch_up(server.shared()).await.unwrap();
    let id = guest.host.id.clone();
    let name = server
        .shared()
        .truth
        .read(|fleet| fleet.host(&id).map(|host| host.name().to_owned()));
    assert_eq!(name.as_deref(), Some("web-1"));

    server.shared().judging.add([id.clone()]);
    crate::judging::judge(server.shared(), &[id]).await.unwrap();
    let before = server.shared().store.log_head().await.unwrap().rows;
    for _ in 0..20 {
        let polled = guest.poll(0).await;
        assert_eq!(
            polled.json()["wanted"]["want"],
            "nothing",
            "{}",
            polled.text()
        );
        assert!(polled.body.len() <= 1024);
    }
    assert_eq!(server.shared().store.log_head().await.unwrap().rows, before);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_comes_as_a_delta_and_one_that_does_not_fit_is_asked_for_in_full() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(&folder).await;
    let mut guest = Guest::enrolled(&server, 1).await;
    guest.settle().await;
    let before = guest.content(Section::Packages).clone();
    guest.sections = packages(&[("openssl", "3.0.14-1")]);
    let after = guest.content(Section::Packages).clone();
    let delta = |guest: &mut Guest, base: Digest| Report {
        sections: vec![SectionReport {
            section: Section::Packages,
            digest: after.digest(),
            update: Update::Delta {
                base,
                delta: Delta::between(&before, &after),
            },
        }],
        ..guest.report_of_all()
    };
    let foreign = delta(&mut guest, Digest::of(b"another"));
    let answer = post(&guest.client, "/agent/v1/report", &foreign).await;
    assert_eq!(answer.json()["verdict"]["verdict"], "send_all");
    assert_eq!(answer.json()["verdict"]["sections"][0], "packages");
    let fitting = delta(&mut guest, before.digest());
    let answer = post(&guest.client, "/agent/v1/report", &fitting).await;
    assert_eq!(
        answer.json()["verdict"]["verdict"],
        "accepted",
        "{}",
        answer.text()
    );
    assert_eq!(guest.poll(0).await.json()["wanted"]["want"], "nothing");
    // The answer was lost: the same again changes nothing.
    let head = server.shared().store.log_head().await.unwrap().rows;
    let again = delta(&mut guest, before.digest());
    let answer = post(&guest.client, "/agent/v1/report", &again).await;
    assert_eq!(
        answer.json()["verdict"]["verdict"],
        "accepted",
        "{}",
        answer.text()
    );
    let rows = server.shared().store.log_since(head, 100).await.unwrap();
    assert!(rows.iter().all(|row| row.kind != "inventory"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_for_another_host_is_refused_whoever_sends_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(&folder).await;
    let mut one = Guest::enrolled(&server, 1).await;
    let mut other = Guest::enrolled(&server, 2).await;
    one.settle().await;
    other.settle().await;
    let poll = other.poll_message(0);
    let report = other.report_of_all();
    for answer in [
        post(&one.client, "/agent/v1/poll", &poll).await,
        post(&one.client, "/agent/v1/report", &report).await,
    ] {
        assert_eq!((answer.status.as_u16(), &*answer.code()), (403, "invalid"));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_enrolment_works_without_a_certificate_that_this_server_gave() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(&folder).await;
    let mut guest = Guest::enrolled(&server, 1).await;
    // Signed by the authority, but never given out by this server.
    let forged = TestHost::signed(&server.shared().authority, guest.host.id.clone());
    let forged = Client::new(server.address(), &server.shared().authority, Some(&forged));
    let poll = guest.poll_message(0);
    for client in [stranger(&server), forged] {
        let answer = post(&client, "/agent/v1/poll", &poll).await;
        assert_eq!((answer.status.as_u16(), &*answer.code()), (401, "revoked"));
    }
    for path in ["hello", "report", "poll", "renew"] {
        let path = format!("/agent/v1/{path}");
        let answer = stranger(&server).send(Method::POST, &path, &[], "{}").await;
        assert_eq!(answer.status, 401, "{path}");
        Refusal::parse(&answer.body, &overlock_protocol::Limits::WIRE).unwrap();
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_certificate_is_refused_at_once_even_to_a_poll_that_is_held() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(&folder).await;
    let mut guest = Guest::enrolled(&server, 1).await;
    guest.settle().await;
    let id = guest.host.id.clone();
    let held = guest.poll_message(300);
    let client = guest.client.clone();
    let waits = tokio::spawn(async move { post(&client, "/agent/v1/poll", &held).await });
    let by = By::server(server.shared().clock.now());
    let since = by.at;
    let standing = Standing::Revoked {
        since,
        why: "stolen".into(),
    };
    let store = &server.shared().store;
    let change = StandingChange::new(&Standing::Active, &standing);
    store.set_standing(&id, &change, &by).await.unwrap();
    store.revoke_certificates(&id, "stolen", &by).await.unwrap();
    server.shared().written.notify_one();
    assert_eq!(waits.await.unwrap().code(), "revoked");
    assert_eq!(guest.poll(0).await.code(), "revoked");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_machines_with_one_key_are_both_put_into_quarantine_until_somebody_has_looked() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(&folder).await;
    let mut guest = Guest::enrolled(&server, 1).await;
    guest.settle().await;
    let mut twin = guest.twin(2);
    assert_eq!(twin.hello().await.status, 200, "a restart looks the same");
    assert_eq!(guest.poll(0).await.code(), "quarantined");
    assert_eq!(twin.poll(0).await.code(), "quarantined");
    assert_eq!(guest.report().await.code(), "quarantined");
    let id = guest.host.id.clone();
    let host = server.shared().store.host(&id).await.unwrap().unwrap();
    let Standing::Quarantined { why, .. } = &host.standing else {
        panic!("it stands as {:?}", host.standing);
    };
    assert!(why.contains("speaks again"), "{why}");
    let rows = server.shared().store.log_since(0, 1000).await.unwrap();
    assert!(
        rows.iter()
            .any(|row| row.kind == "host.standing" && row.host.as_ref() == Some(&id))
    );

    let by = By::server(server.shared().clock.now());
    let change = StandingChange::new(&host.standing, &Standing::Active);
    let store = &server.shared().store;
    store.set_standing(&id, &change, &by).await.unwrap();
    crate::follow::catch_up(server.shared()).await.unwrap();
    assert_eq!(guest.poll(0).await.code(), "hello_first");
    assert_eq!(guest.hello().await.status, 200);
    assert_eq!(guest.poll(0).await.status, 200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_nobody_has_confirmed_waits() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(&folder).await;
    let secret = token(&server, |token| token.needs_confirmation = true).await;
    let mut guest = Guest::with_token(&server, 1, &secret).await;
    assert_eq!(guest.hello().await.code(), "unconfirmed");
    assert_eq!(guest.report().await.code(), "unconfirmed");
    let by = By::server(server.shared().clock.now());
    let id = guest.host.id.clone();
    let change = StandingChange::new(&Standing::Unconfirmed, &Standing::Active);
    let store = &server.shared().store;
    store.set_standing(&id, &change, &by).await.unwrap();
    crate::follow::catch_up(server.shared()).await.unwrap();
    guest.settle().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_lets_in_whom_it_is_for_and_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(&folder).await;
    let enrol = async |number: u8, secret: &str, request: &str| {
        let id = HostId::from_random([number; 16]);
        post(
            &stranger(&server),
            "/agent/v1/enrol",
            &wish(&id, secret, request),
        )
        .await
    };
    let (_, request) = TestHost::request();
    let (_, other_request) = TestHost::request();

    let once = token(&server, |_| {}).await;
    assert_eq!(enrol(1, &once, &request).await.status, 200);
    // The answer was lost; the same host with the same key asks again.
    assert_eq!(enrol(1, &once, &request).await.status, 200);
    assert_eq!(
        enrol(2, &once, &other_request).await.code(),
        "token_refused"
    );
    assert_eq!(
        enrol(1, &once, &other_request).await.code(),
        "token_refused"
    );

    let expired = token(&server, |token| token.expires = Timestamp::UNIX_EPOCH).await;
    assert_eq!(
        enrol(3, &expired, &other_request).await.code(),
        "token_refused"
    );
    assert_eq!(
        enrol(3, &"0".repeat(64), &other_request).await.code(),
        "token_refused"
    );

    let twice = token(&server, |token| token.uses = Uses::Times(2)).await;
    assert_eq!(enrol(4, &twice, &TestHost::request().1).await.status, 200);
    assert_eq!(enrol(5, &twice, &TestHost::request().1).await.status, 200);
    assert_eq!(
        enrol(6, &twice, &TestHost::request().1).await.code(),
        "token_refused"
    );

    let damaged = token(&server, |_| {}).await;
    assert_eq!(enrol(7, &damaged, "no request").await.code(), "invalid");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_guesses_tokens_must_wait() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(&folder).await;
    let (_, request) = TestHost::request();
    let guess = wish(&HostId::from_random([9; 16]), &"0".repeat(64), &request);
    let limit = server.shared().limits.refused_enrolments;
    for _ in 0..limit {
        let answer = post(&stranger(&server), "/agent/v1/enrol", &guess).await;
        assert_eq!(answer.code(), "token_refused");
    }
    let answer = post(&stranger(&server), "/agent/v1/enrol", &guess).await;
    assert_eq!((answer.status.as_u16(), &*answer.code()), (503, "busy"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_installed_anew_keeps_its_history_and_its_old_key_is_out() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(&folder).await;
    let mut before = Guest::enrolled(&server, 1).await;
    before.settle().await;
    let id = before.host.id.clone();
    let bound = token(&server, |token| token.bound = Some(id.clone())).await;
    let mut after = Guest::with_token(&server, 77, &bound).await;
    assert_eq!(after.host.id, id);
    assert_eq!(before.poll(0).await.code(), "revoked");
    after.machine_id = "m1".into();
    let hello = after.hello().await;
    assert_eq!(
        hello.json()["known"]["packages"],
        after.content(Section::Packages).digest().to_string()
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_renewed_with_its_own_key_only_and_each_at_its_own_pace() {
    let folder = tempfile::tempdir().unwrap();
    let (server, ahead) = start_ahead(&folder).await;
    let mut guest = Guest::enrolled(&server, 1).await;
    guest.settle().await;
    let id = guest.host.id.clone();
    let key = async || server.shared().store.host(&id).await.unwrap().unwrap().key;
    let renew = async |client: &Client, renew: &Renew| {
        let answer = post(client, "/agent/v1/renew", renew).await;
        if answer.status != 200 {
            return Err(answer.code());
        }
        Ok(Renewed::parse(&answer.body, &overlock_protocol::Limits::WIRE).unwrap())
    };
    let first = guest.client.clone();
    let enrolled_with = key().await;
    for hours in [0, 24 * 8] {
        ahead.store(hours, Ordering::SeqCst);
        let stolen = Renew {
            request: TestHost::request().1,
            ..guest.renewal()
        };
        assert_eq!(renew(&first, &stolen).await, Err("invalid".into()));
    }
    assert_eq!(key().await, enrolled_with);

    ahead.store(0, Ordering::SeqCst);
    assert_eq!(
        renew(&first, &guest.renewal()).await,
        Err("busy".into()),
        "too early"
    );
    server
        .shared()
        .directory
        .want(&id, Want::Renew, Timestamp::now());
    assert_eq!(guest.poll(0).await.json()["wanted"]["want"], "renew");
    let renewed = renew(&first, &guest.renewal()).await.unwrap();
    assert_eq!(renew(&first, &guest.renewal()).await, Err("busy".into()));
    guest.host.chain = renewed.certificate;
    let second = Client::new(
        server.address(),
        &server.shared().authority,
        Some(&guest.host),
    );
    guest.client = second.clone();
    assert_eq!(guest.poll(0).await.status, 200);
    guest.client = first.clone();
    assert_eq!(
        guest.poll(0).await.status,
        200,
        "the answer may have been lost"
    );
    // Past half-life; one that is worn out takes nothing from the other.
    ahead.store(24 * 8, Ordering::SeqCst);
    assert!(renew(&first, &guest.renewal()).await.is_ok());
    assert_eq!(renew(&first, &guest.renewal()).await, Err("busy".into()));
    assert!(renew(&second, &guest.renewal()).await.is_ok());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copied_key_that_renews_is_found_out() {
    let folder = tempfile::tempdir().unwrap();
    let (server, ahead) = start_ahead(&folder).await;
    let mut guest = Guest::enrolled(&server, 1).await;
    guest.settle().await;
    ahead.store(24 * 8, Ordering::SeqCst);
    let client = guest.client.clone();
    let renew = async |message: Renew| post(&client, "/agent/v1/renew", &message).await;
    // Who has the key alone does not know the run of the agent that is heard: another one must say hello first.
    let mut twin = guest.twin(2);
    assert_eq!(renew(twin.renewal()).await.code(), "hello_first");
    assert_eq!(renew(guest.renewal()).await.status, 200);
    assert_eq!(twin.hello().await.status, 200, "a restart looks the same");
    assert_eq!(renew(guest.renewal()).await.code(), "quarantined");
    assert_eq!(twin.poll(0).await.code(), "quarantined");
    let id = guest.host.id.clone();
    let host = server.shared().store.host(&id).await.unwrap().unwrap();
    assert!(matches!(host.standing, Standing::Quarantined { .. }));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quarantine_that_is_not_written_yet_holds_and_can_be_released() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(&folder).await;
    let mut guest = Guest::enrolled(&server, 1).await;
    guest.settle().await;
    let (shared, id) = (server.shared(), guest.host.id.clone());
    let entry = shared.directory.get(&id).unwrap();
    assert!(entry.quarantine());
    assert!(!entry.quarantine(), "once");
    let host = shared.store.host(&id).await.unwrap().unwrap();
    // What the store says meanwhile does not undo it.
    shared.directory.put(&host);
    assert_eq!(entry.place(), Place::Quarantined);
    assert_eq!(guest.poll(0).await.code(), "quarantined");
    entry.settled();
    shared.directory.put(&host);
    assert_eq!(entry.place(), Place::Welcome);
    // Who is turned away already does not become one in quarantine.
    entry.set_place(Place::Refused);
    assert!(!entry.quarantine());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_replica_does_not_hold_a_former_machine_against_one_enrolled_anew() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(&folder).await;
    let mut guest = Guest::enrolled(&server, 1).await;
    guest.settle().await;
    let shared = server.shared();
    let host = shared.store.host(&guest.host.id).await.unwrap().unwrap();
    // As another replica has it, which follows the log.
    let directory = Directory::default();
    let entry = directory.put(&host);
    let hello = |run: u8, machine_id| {
        let instance = Instance::from_random([run; 8]);
        let sign = Sign::Hello {
            instance: &instance,
            machine_id,
            address: "192.0.2.1".parse().unwrap(),
        };
        entry.hear(sign)
    };
    assert!(matches!(hello(1, "m1"), Heard::Fine(_)));
    directory.put(&host);
    assert!(matches!(hello(2, "m2"), Heard::Alarm(_)), "nothing is new");
    let anew = overlock_store::Host {
        machine_id: "m2".into(),
        key: Some(Digest::of(b"another")),
        ..host
    };
    directory.put(&anew);
    assert!(matches!(hello(2, "m2"), Heard::Fine(_)));
    assert!(matches!(hello(3, "m1"), Heard::Alarm(_)));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_poll_is_answered_when_the_host_is_wanted_and_when_the_server_stops() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(&folder).await;
    let mut guest = Guest::enrolled(&server, 1).await;
    guest.settle().await;
    let (first, second) = (guest.poll_message(300), guest.poll_message(300));
    let hold = |poll| {
        let client = guest.client.clone();
        tokio::spawn(async move { post(&client, "/agent/v1/poll", &poll).await })
    };
    let waits = hold(first);
    let directory = &server.shared().directory;
    directory.want(&guest.host.id, Want::Look, Timestamp::now());
    assert_eq!(waits.await.unwrap().json()["wanted"]["want"], "look_now");
    let waits = hold(second);
    let entry = server.shared().directory.get(&guest.host.id).unwrap();
    // It is held once it was heard.
    while !entry.has_heard(guest.count) {
        tokio::task::yield_now().await;
    }
    server.stop().await;
    assert_eq!(waits.await.unwrap().json()["wanted"]["want"], "nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_is_asked_to_look_by_whichever_replica_holds_its_poll() {
    let test = "a_host_is_asked_to_look_by_whichever_replica_holds_its_poll";
    let Some(postgres) = overlock_testkit::postgres::postgres(test) else {
        return;
    };
    let database = Database::Postgres(postgres.create_database());
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let ahead = Arc::new(AtomicI64::new(0));
    let start = async |folder: &tempfile::TempDir| {
        let ahead = Arc::clone(&ahead);
        let options = Options {
            database: database.clone(),
            clock: Clock::of(move || {
                Timestamp::now() + SignedDuration::from_hours(ahead.load(Ordering::SeqCst))
            }),
            ..Options::local(folder.path())
        };
        Server::start(options).await.unwrap()
    };
    let (asked, holds) = (start(&folders[0]).await, start(&folders[1]).await);
    let mut guest = Guest::enrolled(&holds, 1).await;
    guest.settle().await;
    let (id, held) = (guest.host.id.clone(), guest.poll_message(300));
    let client = guest.client.clone();
    let waits = tokio::spawn(async move { post(&client, "/agent/v1/poll", &held).await });
    let entry = holds.shared().directory.get(&id).unwrap();
    while !entry.has_heard(guest.count) {
        tokio::task::yield_now().await;
    }
    // As the route does, which answers before the other one knows.
    let by = By::server(asked.shared().clock.now());
    assert!(asked.shared().store.ask_to_look(&id, &by).await.unwrap());
    assert_eq!(waits.await.unwrap().json()["wanted"]["want"], "look_now");
    assert_eq!(guest.poll(0).await.json()["wanted"]["want"], "nothing");
    // The one that was asked knows too; by the time the host comes to it, the wish is old.
    crate::follow::catch_up(asked.shared()).await.unwrap();
    guest.client.address = asked.address();
    ahead.store(1, Ordering::SeqCst);
    assert_eq!(guest.hello().await.status, 200);
    assert_eq!(guest.poll(0).await.json()["wanted"]["want"], "nothing");
    asked.stop().await;
    holds.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_reports_are_refused_and_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(&folder).await;
    let mut guest = Guest::enrolled(&server, 1).await;
    guest.settle().await;
    let head = server.shared().store.log_head().await.unwrap();
    let packed = [("content-encoding", "zstd")];
    let bomb = zstd::encode_all(std::io::repeat(b' ').take(256 << 20), 1).unwrap();
    let send = async |headers: &[(&str, &str)], body: Vec<u8>| {
        let answer = guest
            .client
            .send(Method::POST, "/agent/v1/report", headers, body)
            .await;
        (answer.status.as_u16(), answer.code())
    };
    assert_eq!(send(&packed, bomb).await, (413, "invalid".into()));
    assert_eq!(
        send(&packed, b"not zstd".to_vec()).await,
        (400, "invalid".into())
    );
    assert_eq!(
        send(&[("content-encoding", "br")], b"{}".to_vec()).await.0,
        415
    );
    assert_eq!(
        send(&[], vec![b'['; 1 << 20]).await,
        (400, "invalid".into())
    );
    // Refused by its declared length, while it is still on its way: the client may see the end before the answer.
    let too_large = axum::http::Request::post("/agent/v1/report")
        .body(vec![b' '; (16 << 20) + 1].into())
        .unwrap();
    let answer = guest.client.try_send(too_large).await;
    assert!(answer.is_err() || answer.is_ok_and(|answer| answer.status == 413));

    let mut wrong = guest.report_of_all();
    wrong.sections[0].digest = Digest::of(b"another");
    let mut twice = guest.report_of_all();
    let again = twice.sections[0].clone();
    twice.sections.push(again);
    let mut without = guest.report_of_all();
    without.sections.clear();
    without.dropped = vec![Section::System];
    let mut unread = guest.report_of_all();
    let content =
        overlock_protocol::SectionContent::from_text("{}", &overlock_protocol::Limits::WIRE)
            .unwrap();
    unread.sections = vec![SectionReport {
        section: Section::Packages,
        digest: content.digest(),
        update: Update::Full {
            lines: content.lines().to_vec(),
        },
    }];
    for report in [wrong, twice, without, unread] {
        let answer = post(&guest.client, "/agent/v1/report", &report).await;
        assert_eq!(answer.code(), "invalid", "{}", answer.text());
    }
    let rows = server
        .shared()
        .store
        .log_since(head.rows, 100)
        .await
        .unwrap();
    assert!(rows.iter().all(|row| row.kind != "inventory"), "{rows:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_starts_again_knows_everybody_and_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(&folder).await;
    let mut guest = Guest::enrolled(&server, 1).await;
    guest.settle().await;
    let (fingerprint, pin) = (
        server.shared().authority.fingerprint(),
        server.shared().certificates.pin(),
    );
    server.stop().await;

    let server = start(&folder).await;
    assert_eq!(server.shared().authority.fingerprint(), fingerprint);
    assert_eq!(server.shared().certificates.pin(), pin);
    guest.client.address = server.address();
    assert_eq!(guest.poll(0).await.json()["wanted"]["want"], "nothing");
    let id = guest.host.id.clone();
    let seen = server
        .shared()
        .truth
        .read(|fleet| fleet.host(&id).map(|host| host.dates().reported));
    assert!(seen.flatten().is_some());
    // Its twin is found out though the server has started between.
    let twin = guest.twin(2);
    assert_eq!(twin.hello().await.status, 200);
    assert_eq!(guest.poll(0).await.code(), "quarantined");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_whose_clock_is_years_off_is_taken_as_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(&folder).await;
    let mut guest = Guest::enrolled(&server, 1).await;
    let mut report = guest.report_of_all();
    report.collected = "1999-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(guest.hello().await.status, 200);
    let answer = post(&guest.client, "/agent/v1/report", &report).await;
    assert_eq!(answer.json()["verdict"]["verdict"], "accepted");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_certificate_is_refused_on_a_connection_that_is_still_open() {
    let folder = tempfile::tempdir().unwrap();
    let (server, ahead) = start_ahead(&folder).await;
    let mut guest = Guest::enrolled(&server, 1).await;
    guest.settle().await;
    ahead.store(24 * 15, Ordering::SeqCst);
    assert_eq!(guest.poll(0).await.code(), "revoked");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_install_line_leads_to_a_script_that_checks_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("overlock-agent");
    std::fs::write(&program, b"#!/bin/sh\n").unwrap();
    let options = Options {
        program: Some(program.clone()),
        ..Options::local(folder.path())
    };
    let server = Server::start(options).await.unwrap();
    let script = stranger(&server).get("/agent/v1/install.sh").await;
    assert!(
        script
            .text()
            .contains(&Digest::of(b"#!/bin/sh\n").to_string())
    );
    assert!(
        script
            .text()
            .contains(&format!("address='{}'", server.url()))
    );
    assert_eq!(
        stranger(&server).get("/agent/v1/program").await.body,
        "#!/bin/sh\n"
    );
    // Another program: the script follows.
    std::fs::write(&program, b"#!/bin/sh\nexit 1\n").unwrap();
    let script = stranger(&server).get("/agent/v1/install.sh").await;
    assert!(
        script
            .text()
            .contains(&Digest::of(b"#!/bin/sh\nexit 1\n").to_string())
    );
    let line = server.shared().install.line("TOKEN");
    assert!(
        line.starts_with("curl -fsSk --pinnedpubkey 'sha256//"),
        "{line}"
    );
    assert!(
        line.ends_with("/agent/v1/install.sh | OVERLOCK_ENROL_TOKEN=TOKEN sh"),
        "{line}"
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_waits_for_room_among_those_that_are_not_written_yet() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = Options::local(folder.path());
    options.limits.unwritten_kib = 2;
    let server = Server::start(options).await.unwrap();
    let shared = server.shared();
    let mut guest = Guest::enrolled(&server, 1).await;
    let names: Vec<String> = (0..300_u32)
        .map(|at| Digest::of(&at.to_be_bytes()).to_string())
        .collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1-1")).collect();
    guest.sections = packages(&many);
    assert_eq!(guest.hello().await.status, 200);
    let other = shared.unwritten.acquire().await.unwrap();
    let (report, client) = (guest.report_of_all(), guest.client.clone());
    let waits = tokio::spawn(async move { post(&client, "/agent/v1/report", &report).await });
    // It takes what there is, and waits for the rest.
    while shared.unwritten.available_permits() > 0 {
        assert!(!waits.is_finished(), "there was no room for it");
        tokio::task::yield_now().await;
    }
    assert!(!waits.is_finished());
    let stored = shared.store.sections(&guest.host.id).await.unwrap();
    assert!(stored.is_empty(), "{stored:?}");
    drop(other);
    let verdict = waits.await.unwrap().json();
    assert_eq!(verdict["verdict"]["verdict"], "accepted", "{verdict}");
    assert_eq!(shared.unwritten.available_permits(), 2);
    server.stop().await;
}

/// Curl itself says whether it takes what the server shows.
#[tokio::test(flavor = "multi_thread")]
async fn the_install_line_holds_where_the_operators_certificate_has_the_agents_name() {
    let test = "the_install_line_holds_where_the_operators_certificate_has_the_agents_name";
    let Some(curl) = overlock_testkit::tool(test, "curl") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let files = OperatorFiles {
        certificate: folder.path().join("tls.pem"),
        key: folder.path().join("tls.key"),
    };
    let operators = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(&files.certificate, operators.cert.pem()).unwrap();
    std::fs::write(&files.key, operators.signing_key.serialize_pem()).unwrap();
    let program = folder.path().join("overlock-agent");
    std::fs::write(&program, b"#!/bin/sh\n").unwrap();
    let options = Options {
        names: vec!["localhost".parse().unwrap()],
        tls: Some(files.clone()),
        program: Some(program),
        ..Options::local(folder.path())
    };
    let server = Server::start(options).await.unwrap();
    let install = &server.shared().install;
    let fetch = |pins: &str| {
        let url = format!("{}/agent/v1/install.sh", install.address());
        let mut curl = std::process::Command::new(&curl);
        curl.args(["-fsSk", "--noproxy", "*", "--pinnedpubkey", pins, &url]);
        tokio::task::block_in_place(|| curl.output().unwrap())
    };
    let both = install.pins();
    let fetched = fetch(&both);
    assert!(fetched.status.success(), "{fetched:?}");
    let script = String::from_utf8(fetched.stdout).unwrap();
    assert!(script.contains(&format!("pin='{both}'")), "{script}");
    let (own, theirs) = both.split_once(';').unwrap();
    assert!(fetch(theirs).status.success());
    // Neither our key alone nor a stranger's is what curl is shown.
    const OTHER_KEY: i32 = 90;
    assert_eq!(fetch(own).status.code(), Some(OTHER_KEY));

    // A certificate for another name is shown to nobody who asks for this one, and not pinned.
    let others = rcgen::generate_simple_self_signed(["people.example.org".to_owned()]).unwrap();
    std::fs::write(&files.certificate, others.cert.pem()).unwrap();
    std::fs::write(&files.key, others.signing_key.serialize_pem()).unwrap();
    server.shared().certificates.reload().unwrap();
    assert_eq!(install.pins(), own);
    assert!(fetch(own).status.success());
    server.stop().await;
}

#[test]
fn refusals_have_the_status_that_fits() {
    use super::refused::Refused;
    use axum::response::IntoResponse;
    for (code, status) in [
        (RefusalCode::TokenRefused, 401),
        (RefusalCode::Revoked, 401),
        (RefusalCode::Quarantined, 403),
        (RefusalCode::Unconfirmed, 403),
        (RefusalCode::Invalid, 400),
        (RefusalCode::Busy, 503),
        (RefusalCode::HelloFirst, 409),
    ] {
        assert_eq!(Refused::new(code, "").into_response().status(), status);
    }
    assert_eq!(Place::from(&Standing::Unmanaged), Place::Refused);
}
