//! A small host history that the tests write and look for.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use overlock_journal::{Journal, JournalError};
use overlock_model::plan::{Digest, HostId, PlanId};
use overlock_model::run::{End, Event, Outcome, Phase, RunId};
use std::path::{Path, PathBuf};

pub type Time = jiff::Timestamp;

/// The n-th second of a day; no test reads the clock.
pub fn second(number: u64) -> Time {
    Time::from_second(1_800_000_000 + i64::try_from(number).unwrap()).unwrap()
}

pub fn host() -> HostId {
    HostId::from_random([7; 16])
}

pub fn plan() -> PlanId {
    serde_json::from_value(serde_json::json!(Digest::of(b"plan").to_string())).unwrap()
}

pub fn open(folder: &Path) -> Result<Journal, JournalError> {
    Journal::open(folder, host, second(0))
}

pub fn file(folder: &Path) -> PathBuf {
    folder.join("journal")
}

/// What one run of one phase writes.
pub fn events(run: u64) -> Vec<Event> {
    let run = RunId(run);
    vec![
        Event::GenerationSeen { generation: run.0 },
        Event::Started {
            run,
            plan: plan(),
            reverts: None,
        },
        Event::Begun {
            run,
            phase: Phase::Preflight,
            attempt: 1,
        },
        Event::Done {
            run,
            phase: Phase::Preflight,
            attempt: 1,
            outcome: Outcome::Done,
            notes: vec!["1 package, 3 MiB free: „ok“".to_owned()],
        },
        Event::Ended {
            run,
            end: End::Target,
        },
    ]
}

/// Appends the events of one run.
pub fn run(journal: &mut Journal, number: u64) {
    for event in events(number) {
        let at = second(journal.entries().len() as u64);
        journal.append(at, event).unwrap();
    }
}
