//! What an idle agent costs: `measure PROGRAM [HOURS]`, as root or as anybody.
//!
//! Starts a small server, enrols PROGRAM with it and lets it run with all waits divided by a thousand, so that an hour of
//! checks, held polls and looks passes in 3.6 seconds. CPU is read from `/proc/PID/stat` at the beginning and at the end
//! of the idle hours, in ticks of 10 ms over many hours; memory from `/proc/PID/status`. Polls are held for 300 seconds
//! (divided), as `overlock serve` asks for. A real hour has exactly as many checks and polls as a hurried one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    dead_code,
    missing_docs,
    reason = "a program for developers that ends by panicking"
)]

#[path = "../tests/peer/mod.rs"]
mod peer;

use std::process::{Command, Stdio};
use std::time::Duration;

const HURRY: u32 = 1000;
const HOUR: Duration = Duration::from_millis(3600);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let program = arguments.next().expect("measure PROGRAM [HOURS]");
    let hours: u32 = arguments.next().map_or(20, |hours| hours.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let peer = peer::Peer::start().await;
    peer.book.lock().unwrap().hold = Some(Duration::from_secs(300) / HURRY);
    let places = [
        "--state".into(),
        state.clone().into_os_string(),
        "--config".into(),
        folder.path().join("agent.toml").into_os_string(),
        "--helper".into(),
        folder.path().join("helper.sock").into_os_string(),
    ];
    let enrol = Command::new(&program)
        .args(&places)
        .args([
            "enrol",
            "--yes",
            "--server",
            &peer.url().to_string(),
            "--token",
            &peer.token.reveal(),
        ])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    tokio::task::spawn_blocking(move || {
        let mut enrol = enrol;
        assert!(enrol.wait().unwrap().success());
    })
    .await
    .unwrap();
    let mut agent = Command::new(&program)
        .args(&places)
        .args(["run", "--hurry", &HURRY.to_string()])
        .spawn()
        .unwrap();
    peer.until(|book| book.reports.len() == 1 && book.poll_bytes.0 > 0)
        .await;
    let report = peer.book.lock().unwrap().report_bytes;
    println!("first report: {} bytes, {} on the wire", report.0, report.1);
    println!("after the first report: {}", memory(agent.id()));
    // The blocking thread that waited for the first look ends after ten seconds without work.
    tokio::time::sleep(Duration::from_secs(11)).await;
    let (before, polls) = (cpu(agent.id()), count(&peer, "/poll"));
    tokio::time::sleep(HOUR * hours).await;
    let (after, polled) = (cpu(agent.id()), count(&peer, "/poll"));
    println!("idle: {}", memory(agent.id()));
    let per_hour = |ticks: u64| ticks as f64 * 10.0 / f64::from(hours);
    println!(
        "{hours} idle hours: {:.1} ms of CPU an hour for the agent, {:.1} ms for processes that look; {:.1} polls an hour",
        per_hour(after.0 - before.0),
        per_hour(after.1 - before.1),
        f64::from(u32::try_from(polled - polls).unwrap()) / f64::from(hours),
    );
    let bytes = peer.book.lock().unwrap().poll_bytes;
    println!(
        "unchanged check-in: {} bytes, answer {} bytes",
        bytes.0, bytes.1
    );
    println!(
        "program: {} bytes",
        std::fs::metadata(&program).unwrap().len()
    );
    agent.kill().unwrap();
    agent.wait().unwrap();
}

fn count(peer: &peer::Peer, path: &str) -> usize {
    let book = peer.book.lock().unwrap();
    book.asked
        .iter()
        .filter(|asked| asked.ends_with(path))
        .count()
}

fn memory(pid: u32) -> String {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let lines: Vec<String> = status
        .lines()
        .filter(|line| {
            ["VmRSS", "VmHWM", "RssAnon", "Threads"]
                .iter()
                .any(|name| line.starts_with(name))
        })
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    lines.join(", ")
}

/// Ticks of the process, and of its children that have ended.
fn cpu(pid: u32) -> (u64, u64) {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<u64> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .skip(11)
        .take(4)
        .map(|field| field.parse().unwrap())
        .collect();
    (fields[0] + fields[1], fields[2] + fields[3])
}
