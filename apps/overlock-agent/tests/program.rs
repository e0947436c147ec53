//! The program as people run it, against a real TLS server that speaks the wire.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a story that does not go as told ends there"
)]

#[path = "../../../crates/agent/tests/peer/mod.rs"]
#[expect(dead_code, reason = "the library's tests use the rest")]
mod peer;

use overlock_protocol::{Limits, Message, Report, Section, Update, content};
use peer::Peer;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_overlock-agent");

struct Host(TempDir);

impl Host {
    fn new() -> Self {
        let host = Self(tempfile::tempdir().unwrap());
        host.write("root/etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n");
        host.write("root/etc/hostname", "web-1\n");
        host.write(
            "root/var/lib/dpkg/status",
            "Package: openssl\nStatus: install ok installed\nArchitecture: amd64\nVersion: 3.0.11-1\n\n",
        );
        host
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        std::fs::create_dir_all(self.path(path).parent().unwrap()).unwrap();
        std::fs::write(self.path(path), text).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .arg("--state")
            .arg(self.path("data/agent"))
            .arg("--config")
            .arg(self.path("agent.toml"))
            .arg("--helper")
            .arg(self.path("helper.sock"))
            .arg("--root")
            .arg(self.path("root"))
            .args(arguments)
            .stdin(Stdio::null());
        command
    }

    async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap()
    }

    async fn enrol(&self, peer: &Peer, more: &[&str]) -> Output {
        let (url, token) = (peer.url().to_string(), peer.token.reveal());
        let mut arguments = vec!["enrol", "--server", &url, "--token", &token];
        arguments.extend(more);
        self.run(&arguments).await
    }
}

/// Ends the agent with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn what_report_prints_is_what_is_sent() {
    let (peer, host) = (Peer::start().await, Host::new());
    let enrolled = host.enrol(&peer, &[]).await;
    assert!(enrolled.status.success(), "{enrolled:?}");
    assert!(out(&enrolled).starts_with("enrolled as "));
    assert!(err(&enrolled).contains("fingerprint  "));
    let _running = Running(host.command(&["run"]).spawn().unwrap());
    peer.until(|book| book.reports.len() == 1).await;
    let printed = host.run(&["report", "--json"]).await;
    let printed = Report::parse(&printed.stdout, &Limits::WIRE).unwrap();
    let sent = peer.book.lock().unwrap().reports[0].clone();
    assert_eq!(printed.sections, sent.sections);
    assert_eq!(printed.host, sent.host);
    let inventory = content::inventory(&peer.book.lock().unwrap().sections).unwrap();
    assert_eq!(inventory.packages[0].name, "openssl");
    assert_eq!(inventory.host.as_deref(), Some("web-1"));
}

#[tokio::test]
async fn switches_hold_and_are_taken_up_while_it_runs() {
    let (peer, host) = (Peer::start().await, Host::new());
    host.write(
        "agent.toml",
        "[sections]\npackages = false\n[labels]\nsite = \"north\"\n",
    );
    host.enrol(&peer, &[]).await;
    let _running = Running(host.command(&["run", "--hurry", "1000"]).spawn().unwrap());
    peer.until(|book| book.reports.len() == 1).await;
    {
        let book = peer.book.lock().unwrap();
        assert!(!book.sections.contains_key(&Section::Packages));
        assert_eq!(
            content::labels(&book.sections, &Limits::WIRE).unwrap()["site"],
            "north"
        );
        assert!(book.hellos[0].switched_off.contains(&Section::Packages));
    }
    let shown = host.run(&["report"]).await;
    assert!(out(&shown).contains("switched off"), "{shown:?}");
    host.write("agent.toml", "");
    peer.until(|book| book.sections.contains_key(&Section::Packages))
        .await;
}

#[tokio::test]
async fn one_section_is_shown_alone() {
    let host = Host::new();
    let shown = host
        .run(&["report", "--json", "--section", "packages"])
        .await;
    let report = Report::parse(&shown.stdout, &Limits::WIRE).unwrap();
    let [one] = report.sections.as_slice() else {
        panic!("{report:?}")
    };
    assert!(matches!(&one.update, Update::Full { lines } if lines.len() == 1));
    assert!(err(&shown).contains("not enrolled"));
    let wrong = host.run(&["report", "--section", "weather"]).await;
    assert_eq!(wrong.status.code(), Some(2));
}

#[tokio::test]
async fn status_tells_where_it_stands_before_and_after() {
    let (peer, host) = (Peer::start().await, Host::new());
    assert!(out(&host.run(&["status"]).await).contains("enrolled      no"));
    let not_yet = host.run(&["run"]).await;
    assert_eq!(not_yet.status.code(), Some(3));
    assert!(
        err(&not_yet).contains("overlock token create"),
        "{not_yet:?}"
    );
    host.enrol(&peer, &[]).await;
    let running = Running(host.command(&["run"]).spawn().unwrap());
    peer.until(|book| {
        book.poll_bytes.0 > 0 || book.asked.iter().any(|path| path.ends_with("/poll"))
    })
    .await;
    drop(running);
    let status = host.run(&["status", "--format", "json"]).await;
    let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(status["schema"], "overlock.agent-status/1");
    assert_eq!(status["enrolled"]["server"], peer.url().to_string());
    assert!(status["last_answer"].is_string());
    assert!(status["failure"].is_null() && status["helper"].is_null());
}

#[tokio::test]
async fn an_enrolment_is_not_replaced_by_mistake_and_tells_why_it_failed() {
    let (peer, other, host) = (Peer::start().await, Peer::start().await, Host::new());
    assert!(host.enrol(&peer, &[]).await.status.success());
    let again = host.enrol(&peer, &[]).await;
    assert_eq!(again.status.code(), Some(2));
    assert!(err(&again).contains("--yes"));
    assert!(host.enrol(&peer, &["--yes"]).await.status.success());
    // A server that is not the token's.
    let (url, token) = (peer.url().to_string(), other.token.reveal());
    let stranger = host
        .run(&["enrol", "--yes", "--server", &url, "--token", &token])
        .await;
    assert_eq!(stranger.status.code(), Some(3));
    assert!(
        err(&stranger).contains("is the token from this server"),
        "{stranger:?}"
    );
    // Neither of the two spoiled what worked.
    let status = host.run(&["status"]).await;
    assert!(out(&status).contains(&format!("with {url}")), "{status:?}");
}

#[tokio::test]
async fn a_broken_configuration_stops_it_with_the_place() {
    let (peer, host) = (Peer::start().await, Host::new());
    host.enrol(&peer, &[]).await;
    host.write("agent.toml", "[sections]\nproceses = false\n");
    for command in ["run", "report", "status"] {
        let stopped = host.run(&[command]).await;
        assert_eq!(stopped.status.code(), Some(2), "{command}");
        assert!(err(&stopped).contains("line 2"), "{stopped:?}");
    }
}
