//! Reports: sections that changed, checked against what is there, stored as a whole or not at all.
//!
//! A report is large and comes from outside: it is unpacked, parsed and put together when it is its turn, so that the
//! memory of a few of them bounds the memory of all. What comes out is packed; its turn ends when there is room for it
//! among those that wait to be written together. A host has one report at a time.
//!
//! ```text
//!  one of this host ─► turn: unpack, parse, put together, pack ─► room among the unwritten ─► transaction ─► answer
//! ```

use super::refused::Refused;
use super::turns::Reporting;
use super::welcome::{hear, stands_well, welcome};
use super::{answer, message};
use crate::access::AgentProof;
use crate::clone_alarm::Sign;
use crate::directory::{Entry, Place};
use crate::problem::Problem;
use crate::routes::Call;
use crate::shared::Shared;
use axum::response::Response;
use overlock_model::plan::Digest;
use overlock_protocol::content::{self, Labels, Sections};
use overlock_protocol::message::RefusalCode;
use overlock_protocol::report::Taken;
use overlock_protocol::{
    Message, Report, ReportAnswer, Section, SectionDigests, Update, Verdict, state_digest,
};
use overlock_store::{Accepted, Content, Outcome};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// When a host comes back whose other report is still being taken in.
const ANOTHER_SECONDS: u32 = 10;

/// Takes in a report.
pub(super) async fn report(call: Call<Shared, AgentProof>) -> Result<Response, Refused> {
    let shared = Arc::clone(&call.shared);
    let entry = welcome(&shared, &call.proof, &call.proof.identity().host).await?;
    let reporting = shared.turns.report(entry.id()).ok_or_else(|| {
        Refused::new(
            RefusalCode::Busy,
            "another report of this host is being taken in",
        )
        .retry_after(ANOTHER_SECONDS)
    })?;
    let turn = Arc::clone(&shared.reports).acquire_owned().await;
    // They go along into the threads that work on the report: these go on when the agent has hung up.
    let held = (reporting, turn.map_err(Problem::internal)?);
    let (report, call, held) = unpacked(call, held).await?;
    if report.host != *entry.id() {
        return Err(Refused::another_host());
    }
    let sign = Sign::Message {
        instance: &report.instance,
        count: report.count,
        content: mark(&report),
        address: call.proof.address(),
    };
    hear(&shared, &entry, sign, None).await?;
    if !report.dropped.is_empty() {
        may_drop(&shared, &report).await?;
    }
    let known = shared.store.sections(entry.id()).await?;
    let base = base(&shared, &report, &known).await?;
    let now = shared.clock.now();
    let wire = shared.wire;
    let put_together = {
        let known = known.clone();
        move || (put_together(report, &known, base, &wire), held)
    };
    let (together, (reporting, turn)) = tokio::task::spawn_blocking(put_together)
        .await
        .map_err(Problem::internal)?;
    let verdict = match together? {
        Together::SendAll(sections) => Verdict::SendAll { sections, known },
        Together::Changed {
            changed,
            dropped,
            labels,
        } => {
            let reported: Vec<Section> = changed.keys().copied().collect();
            let room = kib(&changed).min(shared.limits.unwritten_kib);
            let room = Arc::clone(&shared.unwritten)
                .acquire_many_owned(room)
                .await
                .map_err(Problem::internal)?;
            drop(turn);
            let accepted = Accepted {
                host: entry.id().clone(),
                at: now,
                expected: (!known.is_empty()).then(|| state_digest(&known)),
                changed,
                dropped,
                labels,
            };
            let writing = {
                let shared = Arc::clone(&shared);
                // It waits to be written whether or not the agent still waits for the answer.
                async move {
                    let outcome = shared.writer.accept(accepted).await;
                    drop((room, reporting));
                    outcome
                }
            };
            let outcome = tokio::spawn(writing).await.map_err(Problem::internal)??;
            verdict(&shared, &entry, outcome, reported)?
        }
    };
    shared.own.metrics.report(&verdict);
    answer(&ReportAnswer {
        schema: ReportAnswer::schema(),
        time: shared.clock.now(),
        verdict,
    })
}

/// KiB that contents take while they wait.
fn kib(changed: &BTreeMap<Section, Content>) -> u32 {
    let bytes: usize = changed.values().map(Content::packed_bytes).sum();
    u32::try_from(bytes / 1024 + 1).unwrap_or(u32::MAX)
}

/// Refuses to forget a section that the host still sends, as far as it has said: what goes unseen so is not noticed by
/// anybody. Processes may be dropped at any time: they are when nothing could be learned of them.
async fn may_drop(shared: &Shared, report: &Report) -> Result<(), Refused> {
    let host = shared.store.host(&report.host).await?;
    let off = host.map(|host| host.switched_off).unwrap_or_default();
    match report
        .dropped
        .iter()
        .find(|section| **section != Section::Processes && !off.contains(section))
    {
        None => Ok(()),
        Some(section) => Err(Refused::invalid(format!(
            "the section `{section}` is dropped, and the last hello does not say that it is switched off"
        ))),
    }
}

/// What is held while a report is unpacked and put together.
type Held = (Reporting, OwnedSemaphorePermit);

async fn unpacked(
    call: Call<Shared, AgentProof>,
    held: Held,
) -> Result<(Report, Call<Shared, AgentProof>, Held), Refused> {
    tokio::task::spawn_blocking(move || {
        let wire = call.shared.wire;
        let bytes = call.unpack(wire.unpacked_bytes)?;
        Ok((message::<Report>(&bytes, &wire)?, call, held))
    })
    .await
    .map_err(Problem::internal)?
}

/// Stands for what a report says: a repeat after a lost answer has the same.
fn mark(report: &Report) -> Digest {
    let digests: SectionDigests = report
        .sections
        .iter()
        .map(|section| (section.section, section.digest))
        .collect();
    state_digest(&digests)
}

/// What the report's deltas are made against, and the section that all others are read by.
async fn base(
    shared: &Shared,
    report: &Report,
    known: &SectionDigests,
) -> Result<Sections, Refused> {
    let mut wanted: BTreeSet<Section> = report
        .sections
        .iter()
        .filter(|section| matches!(section.update, Update::Delta { .. }))
        .map(|section| section.section)
        .collect();
    wanted.insert(Section::System);
    let digests: Vec<Digest> = wanted
        .iter()
        .filter_map(|section| known.get(section))
        .copied()
        .collect();
    let contents = shared.store.contents(&digests).await?;
    Ok(wanted
        .into_iter()
        .filter_map(|section| Some((section, contents.get(known.get(&section)?)?.clone())))
        .collect())
}

enum Together {
    SendAll(Vec<Section>),
    Changed {
        changed: BTreeMap<Section, Content>,
        dropped: BTreeSet<Section>,
        labels: Option<Labels>,
    },
}

/// What the host has after this report. All of its lines can be read, or none of it is taken.
fn put_together(
    report: Report,
    known: &SectionDigests,
    mut base: Sections,
    wire: &overlock_protocol::Limits,
) -> Result<Together, Refused> {
    let dropped: BTreeSet<Section> = report.dropped.iter().copied().collect();
    let mut named = dropped.clone();
    if dropped.len() < report.dropped.len()
        || report
            .sections
            .iter()
            .any(|section| !named.insert(section.section))
    {
        return Err(Refused::invalid("the report names a section twice"));
    }
    if dropped.contains(&Section::System) {
        return Err(Refused::invalid("the section `system` cannot be dropped"));
    }
    let mut read = Sections::new();
    let mut send_all = Vec::new();
    for section in report.sections {
        let name = section.section;
        if known.get(&name) == Some(&section.digest) {
            // Accepted before; the answer was lost.
            continue;
        }
        match section.take(base.get(&name), wire) {
            Ok(Taken::Content(content)) => {
                read.insert(name, content);
            }
            Ok(Taken::SendAll) => send_all.push(name),
            Err(error) => return Err(Refused::invalid(error.to_string())),
        }
    }
    if !send_all.is_empty() {
        return Ok(Together::SendAll(send_all));
    }
    let taken: Vec<Section> = read.keys().copied().collect();
    if let (false, Some(system)) = (
        read.contains_key(&Section::System),
        base.remove(&Section::System),
    ) {
        read.insert(Section::System, system);
    }
    if !read.contains_key(&Section::System) {
        return Ok(Together::SendAll(vec![Section::System]));
    }
    let invalid = |error: content::InventoryError| {
        Refused::invalid(error.to_string().chars().take(300).collect::<String>())
    };
    content::inventory(&read).map_err(invalid)?;
    let labels = if read.contains_key(&Section::Labels) {
        Some(content::labels(&read, wire).map_err(invalid)?)
    } else {
        dropped.contains(&Section::Labels).then(Labels::new)
    };
    Ok(Together::Changed {
        changed: taken
            .into_iter()
            .filter_map(|section| Some((section, read.remove(&section)?)))
            .map(|(section, content)| Ok((section, Content::of(&content)?)))
            .collect::<Result<_, Refused>>()?,
        dropped,
        labels,
    })
}

fn verdict(
    shared: &Shared,
    entry: &Entry,
    outcome: Outcome,
    reported: Vec<Section>,
) -> Result<Verdict, Refused> {
    match outcome {
        Outcome::Accepted {
            revision, state, ..
        } => {
            entry.accepted(state, revision);
            shared.written.notify_one();
            Ok(Verdict::Accepted { state })
        }
        Outcome::Unchanged { revision, state } => {
            entry.accepted(state, revision);
            Ok(Verdict::Accepted { state })
        }
        Outcome::Conflict { sections, .. } => Ok(Verdict::SendAll {
            sections: reported,
            known: sections,
        }),
        Outcome::Refused(standing) => {
            entry.set_place(Place::from(&standing));
            stands_well(entry)?;
            Err(Refused::new(
                RefusalCode::Busy,
                "this host's standing has just changed",
            ))
        }
        Outcome::Unknown => Err(Refused::new(
            RefusalCode::Revoked,
            "this server has no such host",
        )),
    }
}

#[cfg(test)]
mod tests;
