//! `overlock history`: what was done to this host.

use crate::cli::{History, Plain};
use crate::exit::{Done, Failure};
use crate::patch::schedule::notes;
use crate::patch::{printing, site};
use crate::state::State;
use anyhow::anyhow;
use overlock_journal::{Journal, runs};
use overlock_model::plan::{PlanFile, Step, Verb};
use overlock_model::run::{Entry, Event, HISTORY_SCHEMA, HistoryReport, RunId};
use overlock_report::plain;
use std::io::Write;

pub fn run(args: &History, state: &State) -> Result<Done, Failure> {
    let entries = Journal::read(&site::folder(state))
        .map_err(site::journal_failure)?
        .unwrap_or_default();
    match args.run() {
        None => list(&entries, args.format, state),
        Some(id) => show(&entries, RunId(id), args.format, state),
    }
}

/// By which of the two: never called one the other.
fn how(plan: Option<PlanFile>) -> &'static str {
    let Some(plan) = plan else {
        return "";
    };
    let mut verbs = plan
        .entries
        .iter()
        .flat_map(|entry| &entry.steps)
        .map(Step::verb);
    match verbs.find(|verb| verb.is_the_change()) {
        Some(Verb::Revert) => " (state revert)",
        Some(Verb::Install) => " (package revert)",
        _ => "",
    }
}

fn list(entries: &[Entry], format: Plain, state: &State) -> Result<Done, Failure> {
    let mut out = anstream::stdout().lock();
    if format == Plain::Json {
        return json(entries.to_vec(), &mut out);
    }
    let runs = runs::runs(entries);
    if runs.is_empty() {
        writeln!(out, "no plan was applied on this host yet")?;
    }
    for run in runs {
        let end = run.ended.map_or("not ended", |(_, end)| end.word());
        let reverts = run.reverts.map_or(String::new(), |of| {
            let by = how(site::kept_plan(&state.data, run.plan).ok());
            format!("  takes back run {of}{by}")
        });
        writeln!(
            out,
            "{:>4}  {}  {:<10} plan {}{reverts}",
            run.id.to_string(),
            run.started.strftime("%Y-%m-%d %H:%M:%S UTC"),
            end,
            run.plan.short(),
        )?;
    }
    Ok(Done::Clear)
}

fn json(entries: Vec<Entry>, out: &mut dyn Write) -> Result<Done, Failure> {
    let report = HistoryReport {
        schema: HISTORY_SCHEMA.to_owned(),
        entries,
    };
    serde_json::to_writer_pretty(&mut *out, &report).map_err(std::io::Error::from)?;
    writeln!(out)?;
    Ok(Done::Clear)
}

fn show(entries: &[Entry], id: RunId, format: Plain, state: &State) -> Result<Done, Failure> {
    let of_run = runs::of_run(entries, id);
    let mut out = anstream::stdout().lock();
    if of_run.is_empty() {
        return Err(Failure::input(anyhow!("there is no run {id}"))
            .hint("`overlock history` lists the runs of this host"));
    }
    if format == Plain::Json {
        return json(of_run.into_iter().cloned().collect(), &mut out);
    }
    let mut begun = None;
    for entry in of_run {
        match &entry.event {
            Event::Started { plan, .. } => {
                writeln!(
                    out,
                    "run {id} · {}",
                    entry.at.strftime("%Y-%m-%d %H:%M:%S UTC")
                )?;
                if let Ok(plan) = site::kept_plan(&state.data, plan) {
                    printing::plan(&plan, 0, &mut out)?;
                }
                for one in notes::held_of(id, state)? {
                    let line = format!("held: {} {}: {}", one.package, one.to, one.why);
                    writeln!(out, "  {}", plain(&line))?;
                }
            }
            Event::Begun { .. } => begun = Some(entry.at),
            Event::Ended { end, .. } => writeln!(out, "end: {}", end.word())?,
            _ => {
                for line in printing::lines(entry, begun) {
                    writeln!(out, "{line}")?;
                }
            }
        }
    }
    let log = state
        .data
        .join("runs")
        .join(id.to_string())
        .join("packages.log");
    if let Ok(text) = std::fs::read(&log) {
        writeln!(out, "\nwhat the package manager said:")?;
        for line in String::from_utf8_lossy(&text).lines() {
            writeln!(out, "  {}", plain(line))?;
        }
    }
    Ok(Done::Clear)
}
