//! What one host may send at once, and what it may say of itself.

use crate::server::{Options, Server};
use crate::testing::Answer;
use crate::testing::guest::{Guest, post};
use jiff::Timestamp;
use overlock_protocol::{Hello, Message, Report, Section};
use std::collections::BTreeSet;

struct Site {
    server: Server,
    guest: Guest,
    _folder: tempfile::TempDir,
}

impl Site {
    async fn settled() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(Options::local(folder.path())).await.unwrap();
        let mut guest = Guest::enrolled(&server, 1).await;
        guest.settle().await;
        Self {
            server,
            guest,
            _folder: folder,
        }
    }

    async fn hello(&self, agent: &str, switched_off: &[Section]) -> Answer {
        let hello = Hello {
            schema: Hello::schema(),
            host: self.guest.host.id.clone(),
            instance: self.guest.instance.clone(),
            agent: agent.to_owned(),
            machine_id: self.guest.machine_id.clone(),
            boot_id: String::new(),
            time: Timestamp::now(),
            switched_off: switched_off.iter().copied().collect(),
            helper: false,
        };
        post(&self.guest.client, "/agent/v1/hello", &hello).await
    }

    async fn drop_section(&mut self, section: Section) -> Answer {
        let report = Report {
            sections: Vec::new(),
            dropped: vec![section],
            ..self.guest.report_of_all()
        };
        post(&self.guest.client, "/agent/v1/report", &report).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_report_of_a_host_does_not_wait_beside_the_first() {
    let mut site = Site::settled().await;
    let shared = std::sync::Arc::clone(site.server.shared());
    let reports = u32::try_from(shared.limits.reports).unwrap();
    let all = shared.reports.acquire_many(reports).await.unwrap();
    let (first, second) = (site.guest.report_of_all(), site.guest.report_of_all());
    let waits = {
        let client = site.guest.client.clone();
        tokio::spawn(async move { post(&client, "/agent/v1/report", &first).await })
    };
    while !shared.turns.is_reporting(&site.guest.host.id) {
        tokio::task::yield_now().await;
    }
    let answer = post(&site.guest.client, "/agent/v1/report", &second).await;
    assert_eq!((answer.status.as_u16(), &*answer.code()), (503, "busy"));
    drop(all);
    let answer = waits.await.unwrap();
    assert_eq!(answer.json()["verdict"]["verdict"], "accepted");
    assert!(!shared.turns.is_reporting(&site.guest.host.id));
    assert_eq!(shared.reports.available_permits(), shared.limits.reports);
    let unwritten = shared.unwritten.available_permits();
    assert_eq!(unwritten, shared.limits.unwritten_kib as usize);
    site.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_section_is_dropped_only_after_the_host_has_said_that_it_is_switched_off() {
    let mut site = Site::settled().await;
    assert_eq!(site.drop_section(Section::Offers).await.code(), "invalid");
    assert_eq!(site.hello("0.1.0", &[Section::Offers]).await.status, 200);
    assert_eq!(site.drop_section(Section::Packages).await.code(), "invalid");
    // Nothing could be learned of processes: nobody has switched them off.
    for section in [Section::Offers, Section::Processes] {
        let answer = site.drop_section(section).await;
        let verdict = &answer.json()["verdict"]["verdict"];
        assert_eq!(verdict, "accepted", "{section}: {}", answer.text());
    }
    let store = &site.server.shared().store;
    let sections = store.sections(&site.guest.host.id).await.unwrap();
    let left: BTreeSet<Section> = sections.into_keys().collect();
    assert!(left.contains(&Section::Packages));
    assert!(!left.contains(&Section::Offers) && !left.contains(&Section::Processes));
    site.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_always_says_something_else_of_itself_fills_no_log() {
    let site = Site::settled().await;
    for number in 1..=10 {
        let answer = site.hello(&format!("0.2.{number}"), &[]).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    for number in 11..=15 {
        let answer = site.hello(&format!("0.2.{number}"), &[]).await;
        assert_eq!((answer.status.as_u16(), &*answer.code()), (503, "busy"));
    }
    assert_eq!(site.hello("0.2.10", &[]).await.status, 200, "nothing new");
    let store = &site.server.shared().store;
    let rows = store.log_since(0, 1_000).await.unwrap();
    let changes = rows.iter().filter(|row| row.kind == "host.agent").count();
    assert_eq!(changes, 10);
    site.server.stop().await;
}
