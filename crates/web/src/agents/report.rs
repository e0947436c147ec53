//! Reports: sections that changed, checked against what is there, stored as a whole or not at all.
//!
//! A report is large and comes from outside: it is unpacked, parsed and put together when it is its turn, so that the
//! memory of a few of them bounds the memory of all.

use super::refused::Refused;
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
    Message, Report, ReportAnswer, Section, SectionContent, SectionDigests, Update, Verdict,
    state_digest,
};
use overlock_store::{Accepted, Content, Outcome};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Takes in a report.
pub(super) async fn report(call: Call<Shared, AgentProof>) -> Result<Response, Refused> {
    let shared = Arc::clone(&call.shared);
    let entry = welcome(&shared, &call.proof, &call.proof.identity().host).await?;
    let turn = shared.reports.acquire().await.map_err(Problem::internal)?;
    let (report, call) = unpacked(call).await?;
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
    let known = shared.store.sections(entry.id()).await?;
    let base = base(&shared, &report, &known).await?;
    let now = shared.clock.now();
    let wire = shared.wire;
    let put_together = {
        let known = known.clone();
        move || put_together(&report, &known, &base, &wire)
    };
    let together = tokio::task::spawn_blocking(put_together)
        .await
        .map_err(Problem::internal)??;
    drop(turn);
    let verdict = match together {
        Together::SendAll(sections) => Verdict::SendAll { sections, known },
        Together::Changed {
            changed,
            dropped,
            labels,
        } => {
            let reported: Vec<Section> = changed.keys().copied().collect();
            let accepted = Accepted {
                host: entry.id().clone(),
                at: now,
                expected: (!known.is_empty()).then(|| state_digest(&known)),
                changed,
                dropped,
                labels,
            };
            let outcome = shared.writer.accept(accepted).await?;
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

async fn unpacked(
    call: Call<Shared, AgentProof>,
) -> Result<(Report, Call<Shared, AgentProof>), Refused> {
    tokio::task::spawn_blocking(move || {
        let wire = call.shared.wire;
        let bytes = call.unpack(wire.unpacked_bytes)?;
        Ok((message::<Report>(&bytes, &wire)?, call))
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
    report: &Report,
    known: &SectionDigests,
    base: &Sections,
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
    let mut taken: BTreeMap<Section, SectionContent> = BTreeMap::new();
    let mut send_all = Vec::new();
    for section in &report.sections {
        if known.get(&section.section) == Some(&section.digest) {
            // Accepted before; the answer was lost.
            continue;
        }
        match section.take(base.get(&section.section), wire) {
            Ok(Taken::Content(content)) => {
                taken.insert(section.section, content);
            }
            Ok(Taken::SendAll) => send_all.push(section.section),
            Err(error) => return Err(Refused::invalid(error.to_string())),
        }
    }
    if !send_all.is_empty() {
        return Ok(Together::SendAll(send_all));
    }
    let mut read = taken.clone();
    if let (false, Some(system)) = (
        read.contains_key(&Section::System),
        base.get(&Section::System),
    ) {
        read.insert(Section::System, system.clone());
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
            .iter()
            .map(|(section, content)| (*section, Content::of(content)))
            .collect(),
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
