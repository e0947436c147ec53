//! What is damaged in the database is set aside; everything else goes on.

use crate::server::{Options, Server};
use crate::testing::guest::{Guest, packages};
use crate::testing::{Client, TestHost};
use axum::http::Method;
use overlock_model::plan::{Digest, HostId};
use overlock_store::{Actor, ApiToken, By};
use rusqlite::Connection;
use tempfile::TempDir;

/// A database with three hosts that have reported and were judged.
struct Damaged {
    folder: TempDir,
    hosts: Vec<HostId>,
}

impl Damaged {
    async fn by(statement: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(Options::local(folder.path())).await.unwrap();
        let mut hosts = Vec::new();
        for number in 1..=3 {
            let mut guest = Guest::enrolled(&server, number).await;
            let version = format!("3.0.{number}-1");
            guest.sections = packages(&[("openssl", &version)]);
            guest.settle().await;
            hosts.push(guest.host.id);
        }
        crate::follow::catch_up(server.shared()).await.unwrap();
        crate::judging::judge(server.shared(), &hosts)
            .await
            .unwrap();
        server.stop().await;
        let database = Connection::open(folder.path().join("server/overlock.db")).unwrap();
        let changed = database.execute(statement, [hosts[1].as_str()]).unwrap();
        assert!(changed > 0, "nothing was damaged");
        Self { folder, hosts }
    }

    async fn start(&self) -> Server {
        let options = Options::local(self.folder.path());
        Server::start(options).await.unwrap()
    }

    /// Which of the hosts are in memory with what they have.
    fn known(&self, server: &Server) -> Vec<bool> {
        let shared = server.shared();
        let of = |id| shared.directory.get(id).map(|entry| entry.taken_in());
        self.hosts.iter().map(|id| of(id) > Some(0)).collect()
    }
}

async fn metrics(server: &Server) -> String {
    let shared = server.shared();
    let token = ApiToken {
        id: "monitoring".into(),
        name: "monitoring".into(),
        grants: vec![crate::access::parse_grant("viewer").unwrap()],
        once: false,
        expires: None,
    };
    let by = By {
        actor: Actor::Local,
        at: shared.clock.now(),
    };
    let secret = format!("ovlk_{}", "0".repeat(64));
    let digest = Digest::of(secret.as_bytes());
    shared
        .store
        .add_api_token(&token, digest, &by)
        .await
        .unwrap();
    let client = Client::new(server.address(), &shared.authority, None::<&TestHost>);
    let bearer = format!("Bearer {secret}");
    let bearer = [("authorization", bearer.as_str())];
    client
        .send(Method::GET, "/metrics", &bearer, "")
        .await
        .text()
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_open_episodes_set_one_host_aside_and_no_other() {
    let damaged = Damaged::by("UPDATE open_episodes SET packed = X'00' WHERE host = ?1").await;
    let server = damaged.start().await;
    assert_eq!(damaged.known(&server), [true, true, true]);
    // Its judgement goes on from what is damaged; the others' do not.
    let judged = crate::judging::judge(server.shared(), &damaged.hosts).await;
    assert!(judged.unwrap());
    assert_eq!(server.shared().judging.set_aside(), 1);
    let text = metrics(&server).await;
    for line in [
        "overlock_unreadable_hosts 1",
        "overlock_judging_set_aside 1",
    ] {
        assert!(text.lines().any(|one| one == line), "{line}\n{text}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_sections_set_one_host_aside_and_no_other() {
    let damaged = Damaged::by(
        "UPDATE host_sections SET section = 'nonsense' WHERE host = ?1 AND section = 'packages'",
    )
    .await;
    let server = damaged.start().await;
    assert_eq!(damaged.known(&server), [true, false, true]);
    let text = metrics(&server).await;
    assert!(text.contains("overlock_unreadable_hosts 1\n"), "{text}");
    // Gone, it is no longer counted.
    let by = By::server(server.shared().clock.now());
    let store = &server.shared().store;
    assert!(store.delete_host(&damaged.hosts[1], &by).await.unwrap());
    crate::follow::catch_up(server.shared()).await.unwrap();
    assert_eq!(server.shared().truth.unreadable(), 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_content_sets_the_hosts_aside_that_have_it() {
    let damaged = Damaged::by(
        "UPDATE contents SET packed = X'00' WHERE digest IN \
         (SELECT digest FROM host_sections WHERE host = ?1 AND section = 'packages')",
    )
    .await;
    let server = damaged.start().await;
    assert_eq!(damaged.known(&server), [true, false, true]);
    assert_eq!(server.shared().truth.unreadable(), 1);
    server.stop().await;
}
