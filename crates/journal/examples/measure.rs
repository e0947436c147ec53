//! Times and sizes of a journal: `cargo run -p overlock-journal --example measure -- FOLDER [RUNS]`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement by hand"
)]

use overlock_journal::Journal;
use overlock_model::plan::{Digest, HostId};
use overlock_model::run::{End, Event, Outcome, Phase, RunId};
use std::path::Path;
use std::time::{Duration, Instant};

const PHASES: u32 = 8;

/// As a run of eight phases writes: 20 entries, some notes.
fn run(journal: &mut Journal, id: RunId, at: jiff::Timestamp, times: &mut Vec<Duration>) {
    let mut write = |event| {
        let begun = Instant::now();
        journal.append(at, event).unwrap();
        times.push(begun.elapsed());
    };
    let plan = serde_json::from_value(Digest::of(b"plan").to_string().into()).unwrap();
    write(Event::GenerationSeen { generation: id.0 });
    write(Event::Started {
        run: id,
        plan,
        reverts: None,
    });
    for _ in 0..PHASES {
        let (run, phase, attempt) = (id, Phase::Preflight, 1);
        write(Event::Begun {
            run,
            phase,
            attempt,
        });
        write(Event::Done {
            run,
            phase,
            attempt,
            outcome: Outcome::Done,
            notes: vec!["openssl 3.0.11-1 -> 3.0.14-1 and a few more words".to_owned(); 3],
        });
    }
    write(Event::Ended {
        run: id,
        end: End::Target,
    });
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().unwrap();
    let folder = Path::new(&folder);
    let runs: u64 = arguments.next().map_or(1, |runs| runs.parse().unwrap());
    let at = jiff::Timestamp::from_second(1_800_000_000).unwrap();
    let open = || Journal::open(folder, || HostId::from_random([1; 16]), at).unwrap();
    let mut times = Vec::new();
    {
        let mut journal = open();
        for _ in 0..runs {
            let next = journal.next_run();
            run(&mut journal, next, at, &mut times);
        }
    }
    times.sort();
    let begun = Instant::now();
    let journal = open();
    let opening = begun.elapsed();
    let size = std::fs::metadata(folder.join("journal")).unwrap().len();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find(|line| line.starts_with("VmHWM"));
    println!("entries {}, file {size} bytes", journal.entries().len());
    println!(
        "append: median {:?}, most {:?}; open {opening:?}; {}",
        times.get(times.len() / 2).unwrap(),
        times.last().unwrap(),
        peak.unwrap_or_default()
    );
}
