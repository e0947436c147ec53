//! What the entries of a journal say, as functions of the entries alone: the history of a host, without a file.

use jiff::Timestamp;
use overlock_model::plan::{HostId, PlanId};
use overlock_model::run::{End, Entry, Event, RunId};

/// One run, as far as it is written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run<'a> {
    /// Its number.
    pub id: RunId,
    /// The plan it carries out.
    pub plan: &'a PlanId,
    /// The run whose changes it takes back.
    pub reverts: Option<RunId>,
    /// When it began.
    pub started: Timestamp,
    /// When it was over and where it left the host; `None` while it is open.
    pub ended: Option<(Timestamp, &'a End)>,
}

/// Whose journal it is: said by the first entry, and by each that adopts another id.
#[must_use]
pub fn host(entries: &[Entry]) -> Option<&HostId> {
    entries.iter().rev().find_map(|entry| match &entry.event {
        Event::Opened { host } | Event::Adopted { host } => Some(host),
        _ => None,
    })
}

/// The highest generation seen; a plan below it is refused. 0 when none was seen.
#[must_use]
pub fn generation_floor(entries: &[Entry]) -> u64 {
    entries
        .iter()
        .filter_map(|entry| match entry.event {
            Event::GenerationSeen { generation } => Some(generation),
            _ => None,
        })
        .max()
        .unwrap_or(0)
}

/// All runs, in the order in which they began.
#[must_use]
pub fn runs(entries: &[Entry]) -> Vec<Run<'_>> {
    let mut runs: Vec<Run<'_>> = Vec::new();
    for entry in entries {
        match &entry.event {
            Event::Started { run, plan, reverts } => runs.push(Run {
                id: *run,
                plan,
                reverts: *reverts,
                started: entry.at,
                ended: None,
            }),
            Event::Ended { run, end } => {
                // From the end: the run that ends is almost always the last that began.
                if let Some(open) = runs.iter_mut().rev().find(|open| open.id == *run) {
                    open.ended = Some((entry.at, end));
                }
            }
            _ => {}
        }
    }
    runs
}

/// The number of the run that comes next: one more than the highest used, 1 for the first.
#[must_use]
pub fn next_run(entries: &[Entry]) -> RunId {
    let highest = entries.iter().filter_map(|entry| entry.event.run()).max();
    RunId(highest.map_or(1, |run| run.0.saturating_add(1)))
}

/// The run that has begun and not ended, the last one if there are several.
#[must_use]
pub fn open_run(entries: &[Entry]) -> Option<RunId> {
    runs(entries)
        .iter()
        .rev()
        .find(|run| run.ended.is_none())
        .map(|run| run.id)
}

/// The entries of one run, oldest first.
#[must_use]
pub fn of_run(entries: &[Entry], id: RunId) -> Vec<&Entry> {
    entries
        .iter()
        .filter(|entry| entry.event.run() == Some(id))
        .collect()
}
