//! `overlock feeds`: fetch, show, export and import what publishers say.

use crate::cli::{Feeds, Plain};
use crate::exit::{Done, Failure, Kind, warn};
use crate::progress::Bars;
use crate::scan::tables;
use crate::state::State;
use overlock_feeds::Shrink;
use overlock_feeds::archive;
use overlock_feeds::check::Parsers;
use overlock_feeds::compile::Remake;
use overlock_feeds::publishers::{self, Publisher};
use overlock_feeds::store::Store;
use overlock_feeds::sync::{FeedOutcome, Options, Outcome, SyncReport};
use overlock_host::release;
use overlock_model::feed::{
    FEED_STATUS_SCHEMA, FEED_SYNC_SCHEMA, FeedStatusReport, FeedSyncLine, FeedSyncOutcome,
    FeedSyncReport,
};
use overlock_model::one_line::in_one_line;
use overlock_report::plain;
use overlock_rootfs::Root;
use std::io::Write;
use std::path::Path;

pub fn run(args: &Feeds, state: &State) -> Result<Done, Failure> {
    match args {
        Feeds::Sync {
            mirror,
            all,
            only,
            accept_shrink,
            format,
        } => {
            let wanted = wanted(*all, only)?;
            let options = Options {
                shrink: shrink(*accept_shrink),
                ..Options::default()
            };
            let report = tables::fetch(&wanted, mirror.as_deref(), options, state)?;
            told(&report, *format)
        }
        Feeds::Status { format } => status(*format, state),
        Feeds::Compile => compile(state),
        Feeds::Export { file } => export(file, state),
        Feeds::Import {
            file,
            accept_shrink,
        } => import(file, shrink(*accept_shrink), state),
    }
}

fn shrink(accept: bool) -> Shrink {
    if accept {
        Shrink::Accept
    } else {
        Shrink::Refuse
    }
}

/// The feeds to fetch: those named, all of the table, or those that this host needs.
fn wanted(all: bool, only: &[String]) -> Result<Vec<Publisher>, Failure> {
    if !only.is_empty() {
        return only
            .iter()
            .map(|id| {
                publishers::find(id).ok_or_else(|| {
                    Failure::input(anyhow::anyhow!("no feed is called `{}`", plain(id)))
                        .hint("`overlock feeds status` lists the feeds")
                })
            })
            .collect();
    }
    if all {
        return Ok(publishers::all());
    }
    here()
}

/// The feeds that this machine needs, language packages included.
pub fn here() -> Result<Vec<Publisher>, Failure> {
    let root = Root::open("/").map_err(Failure::environment)?;
    let os = release::read(&root).map_err(Failure::input)?;
    // Only rpm repositories publish errata of their own.
    let repositories = overlock_packages::rpm::survey(&root, &mut []).repositories;
    Ok(publishers::needed(&os, true, &repositories))
}

fn told(report: &SyncReport, format: Plain) -> Result<Done, Failure> {
    let feeds: Vec<FeedSyncLine> = report.feeds.iter().map(line).collect();
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    match format {
        Plain::Json => {
            let report = FeedSyncReport {
                schema: FEED_SYNC_SCHEMA.to_owned(),
                feeds,
            };
            serde_json::to_writer_pretty(&mut out, &report).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
        Plain::Table => {
            for line in &feeds {
                let records = line
                    .records
                    .map(|records| format!("{records} records"))
                    .unwrap_or_default();
                let quarantined = match line.quarantined {
                    Some(quarantined) if quarantined > 0 => format!(", {quarantined} quarantined"),
                    _ => String::new(),
                };
                writeln!(
                    out,
                    "{:28} {:22} {records}{quarantined}",
                    line.feed,
                    word(line.outcome)
                )?;
                for text in line.why.iter().chain(&line.notes) {
                    writeln!(out, "{:28} {}", "", plain(text))?;
                }
            }
        }
    }
    out.flush()?;
    match report.exit_code() {
        0 => Ok(Done::Clear),
        code => {
            let failed = report.failures().count();
            let error =
                anyhow::anyhow!("{failed} of {} feeds were not taken in", report.feeds.len());
            let kind = if code == 2 {
                Kind::Input
            } else {
                Kind::Environment
            };
            let hint = report
                .failures()
                .next()
                .map(|(error, _)| error.hint().to_owned());
            Err(Failure { kind, error, hint })
        }
    }
}

fn line(feed: &FeedOutcome) -> FeedSyncLine {
    let (outcome, counts, why) = match &feed.outcome {
        Outcome::Updated {
            records,
            quarantined,
            ..
        } => (
            FeedSyncOutcome::Updated,
            Some((*records, *quarantined)),
            None,
        ),
        Outcome::Unchanged => (FeedSyncOutcome::Unchanged, None, None),
        Outcome::KeptNewer => (FeedSyncOutcome::KeptNewer, None, None),
        Outcome::NotOffered => (FeedSyncOutcome::NotOffered, None, None),
        Outcome::Failed { error, kept: true } => (
            FeedSyncOutcome::FailedLastGoodKept,
            None,
            Some(in_one_line(error)),
        ),
        Outcome::Failed { error, kept: false } => {
            (FeedSyncOutcome::Failed, None, Some(in_one_line(error)))
        }
    };
    FeedSyncLine {
        feed: feed.id.clone(),
        outcome,
        records: counts.map(|(records, _)| records),
        quarantined: counts.map(|(_, quarantined)| quarantined),
        why,
        notes: feed.notes.clone(),
    }
}

fn word(outcome: FeedSyncOutcome) -> &'static str {
    match outcome {
        FeedSyncOutcome::Updated => "updated",
        FeedSyncOutcome::Unchanged => "unchanged",
        FeedSyncOutcome::KeptNewer => "kept newer",
        FeedSyncOutcome::NotOffered => "not offered",
        FeedSyncOutcome::FailedLastGoodKept => "failed, last good kept",
        FeedSyncOutcome::Failed => "failed",
    }
}

fn status(format: Plain, state: &State) -> Result<Done, Failure> {
    let store = Store::new(&state.data);
    let statuses = overlock_feeds::status::status(&store, &here()?, state.now)
        .map_err(Failure::environment)?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    match format {
        Plain::Json => {
            let feeds = statuses.into_iter().map(|feed| feed.status).collect();
            let report = FeedStatusReport {
                schema: FEED_STATUS_SCHEMA.to_owned(),
                feeds,
            };
            serde_json::to_writer_pretty(&mut out, &report).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
        Plain::Table => {
            writeln!(
                out,
                "{:28} {:10} {:>8} {:>9} {:>11}  fetched",
                "feed", "dated", "age", "records", "quarantined"
            )?;
            for feed in statuses.iter().map(|feed| &feed.status) {
                let dated = feed
                    .dated
                    .map_or("-".to_owned(), |time| time.strftime("%F").to_string());
                let fetched = feed.fetched.map_or("never".to_owned(), |time| {
                    time.strftime("%F %H:%MZ").to_string()
                });
                let age = feed
                    .dated
                    .or(feed.fetched)
                    .map_or("-".to_owned(), |time| age(state.now, time));
                writeln!(
                    out,
                    "{:28} {dated:10} {age:>8} {:>9} {:>11}  {fetched}",
                    feed.id, feed.records, feed.quarantined
                )?;
                if let Some(error) = &feed.last_error {
                    writeln!(out, "{:28} last attempt failed: {}", "", plain(error))?;
                }
            }
        }
    }
    out.flush()?;
    Ok(Done::Clear)
}

fn compile(state: &State) -> Result<Done, Failure> {
    let manifest = tables::recompile(&Store::new(&state.data), state, Remake::Always)?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for table in &manifest.tables {
        writeln!(
            out,
            "{:28} {:>7} packages {:>8} statements {:>6} KiB",
            table.ecosystem.as_str(),
            table.packages,
            table.resolutions,
            table.bytes.div_ceil(1024)
        )?;
    }
    writeln!(
        out,
        "{:28} {:>7} vulnerabilities {:>21} KiB",
        "threats",
        manifest.threats,
        manifest.threats_bytes.div_ceil(1024)
    )?;
    out.flush()?;
    Ok(Done::Clear)
}

fn age(now: jiff::Timestamp, then: jiff::Timestamp) -> String {
    let hours = now.duration_since(then).as_hours();
    match hours {
        ..0 => "future".to_owned(),
        0..48 => format!("{hours} h"),
        _ => format!("{} days", hours / 24),
    }
}

fn export(file: &Path, state: &State) -> Result<Done, Failure> {
    let store = Store::new(&state.data);
    let exported = archive::export(&store, file, state.now).map_err(failed)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{} feeds in {}", exported.feeds.len(), file.display())?;
    Ok(Done::Clear)
}

fn import(file: &Path, shrink: Shrink, state: &State) -> Result<Done, Failure> {
    let store = Store::new(&state.data);
    let report =
        archive::import(&store, file, shrink, &Parsers::default(), &Bars::new()).map_err(failed)?;
    if let Err(failure) = tables::recompile(&store, state, Remake::IfChanged) {
        warn("the feeds are in place, but could not be compiled");
        return Err(failure);
    }
    told(&report, Plain::Table)
}

fn failed(error: archive::ArchiveError) -> Failure {
    let hint = error.hint();
    let kind = error.kind();
    let failure = match kind {
        overlock_feeds::Kind::Environment => Failure::environment(error),
        overlock_feeds::Kind::Input => Failure::input(error),
    };
    failure.hint(hint)
}
