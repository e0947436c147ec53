//! What a plan and a run look like: lines for people, JSON lines for machines.

use super::live::Live;
use super::{rebuilding, rooting};
use crate::cli::Plain;
use anstyle::{AnsiColor, Style};
use overlock_model::mitigation::Mitigation;
use overlock_model::plan::{Change, Closure, HostEntry, OnFailure, PlanFile, Step, Verb};
use overlock_model::run::{EVENT_SCHEMA, End, Entry, Event, EventLine, Outcome, RunId};
use overlock_report::plain;
use std::io::{self, Write};
use std::path::Path;

/// Tells a run while it happens. On a terminal the phase under way has a line that moves; elsewhere there are plain
/// lines only.
pub struct Telling {
    format: Plain,
    live: Live,
    begun: Option<jiff::Timestamp>,
    /// What the target means for this plan.
    target: String,
}

impl Telling {
    pub fn new(
        format: Plain,
        run: RunId,
        entry: &HostEntry,
        closure: &Closure,
        log: &Path,
    ) -> Self {
        let (steps, packages) = (entry.steps.len(), closure.changes.len());
        let live = Live::new(format == Plain::Table, steps, packages, log);
        let telling = Self {
            format,
            live,
            begun: None,
            target: match (measures(entry), rooting::put_back_by(entry)) {
                (Some(_), _) => "every measure is as planned, and verified".to_owned(),
                (None, Some(of)) => format!("the root is as it was before run {of}, and verified"),
                (None, None) => "every package is as planned, and verified".to_owned(),
            },
        };
        let state_revert = |of: RunId| format!("state revert of run {of}");
        let what = measures(entry)
            .or_else(|| rooting::put_back_by(entry).map(state_revert))
            .unwrap_or_else(|| format!("{} packages", closure.changes.len()));
        telling.print(&format!("run {run}: {what}"));
        telling
    }

    /// A line about what is going on.
    pub fn line(&mut self, line: &str) {
        if self.live.is_hidden() {
            self.print(&format!("  {}", plain(line)));
        } else {
            self.live.say(plain(line).into_owned());
        }
    }

    /// An entry of the journal.
    pub fn entry(&mut self, entry: &Entry) {
        if self.format == Plain::Json {
            let mut out = io::stdout().lock();
            let line = EventLine {
                schema: EVENT_SCHEMA.to_owned(),
                entry: entry.clone(),
            };
            if let Ok(text) = serde_json::to_string(&line) {
                // A reader that went away does not stop the run.
                drop(writeln!(out, "{text}").and_then(|()| out.flush()));
            }
            return;
        }
        match &entry.event {
            Event::Begun { phase, .. } => {
                self.begun = Some(entry.at);
                self.live.begun(*phase);
            }
            event => {
                if let Event::Done { phase, .. } = event {
                    self.live.done(*phase);
                }
                for line in lines(entry, self.begun) {
                    self.print(&line);
                }
            }
        }
    }

    /// The last line.
    pub fn ended(&mut self, end: &End, log: &Path) -> io::Result<()> {
        self.live.over();
        if self.format == Plain::Json {
            return Ok(());
        }
        let mut out = anstream::stdout().lock();
        if matches!(end, End::Target) {
            let green = colour(AnsiColor::Green);
            writeln!(out, "{green}done{green:#}: {}", self.target)
        } else if log.is_file() {
            writeln!(out, "what the package manager said: {}", log.display())
        } else {
            Ok(())
        }
    }

    /// The last line of all before a boot.
    pub fn rebooting(&mut self, run: RunId) -> io::Result<()> {
        self.live.over();
        if self.format == Plain::Json {
            return Ok(());
        }
        let mut out = anstream::stdout().lock();
        writeln!(
            out,
            "the host reboots now, and the run goes on after it: `overlock history {run}` shows how it ends"
        )?;
        out.flush()
    }

    fn print(&self, line: &str) {
        if self.format == Plain::Table {
            self.live.beside(|| {
                drop(writeln!(anstream::stdout().lock(), "{line}"));
            });
        }
    }
}

fn colour(colour: AnsiColor) -> Style {
    Style::new().bold().fg_color(Some(colour.into()))
}

/// An entry for people; none for those that only matter to the engine.
pub fn lines(entry: &Entry, begun: Option<jiff::Timestamp>) -> Vec<String> {
    let (green, red, yellow) = (
        colour(AnsiColor::Green),
        colour(AnsiColor::Red),
        colour(AnsiColor::Yellow),
    );
    let took = begun.map_or(String::new(), |begun| {
        let span = entry.at.duration_since(begun).as_secs_f64();
        format!("{span:>7.1} s")
    });
    let (head, notes) = match &entry.event {
        Event::Done {
            phase,
            outcome,
            notes,
            attempt,
            ..
        } => {
            let again = if *attempt > 1 {
                format!(" (try {attempt})")
            } else {
                String::new()
            };
            let word = format!("{phase}{again}");
            let head = match outcome {
                Outcome::Done => format!("{green}✓{green:#} {word:<12}{took}"),
                Outcome::Deferred { why } => {
                    format!("{yellow}…{yellow:#} {word:<12}{took}  {}", plain(why))
                }
                Outcome::Refused { why } | Outcome::Failed { why } => {
                    format!("{red}✗{red:#} {word:<12}{took}  {}", plain(why))
                }
            };
            (head, notes)
        }
        Event::Found {
            standing, notes, ..
        } => {
            if *standing == overlock_model::run::Standing::Target {
                return Vec::new();
            }
            (format!("  packages are {}", standing.word()), notes)
        }
        _ => return Vec::new(),
    };
    std::iter::once(head)
        .chain(notes.iter().map(|note| format!("    {}", plain(note))))
        .collect()
}

/// A plan for people.
pub fn plan(plan: &PlanFile, held: usize, out: &mut dyn Write) -> io::Result<()> {
    let bold = Style::new().bold();
    let dim = Style::new().dimmed();
    let header = &plan.header;
    writeln!(
        out,
        "{bold}plan {}{bold:#} · generation {} · for {} · until {}",
        plan.id.short(),
        header.generation,
        plan.entries
            .iter()
            .map(|entry| plain(&entry.name))
            .collect::<Vec<_>>()
            .join(", "),
        header.expires.strftime("%Y-%m-%d %H:%M UTC")
    )?;
    let has = |verb| {
        let mut steps = plan.entries.iter().flat_map(|entry| &entry.steps);
        steps.any(|step| step.verb() == verb)
    };
    for closure in plan.closures.iter().filter(|one| !one.changes.is_empty()) {
        let width = closure
            .changes
            .iter()
            .map(|change| change.spec().chars().count())
            .max()
            .unwrap_or(0)
            .min(44);
        for change in &closure.changes {
            writeln!(out, "  {}", change_line(change, width))?;
        }
        let one_way = closure
            .changes
            .iter()
            .filter(|change| !change.is_reversible())
            .count();
        writeln!(
            out,
            "{} packages, {:.1} MiB to fetch{}",
            closure.changes.len(),
            header.counts.bytes as f64 / f64::from(1 << 20),
            if one_way == 0 {
                ", every one of them can be put back".to_owned()
            } else if has(Verb::Snapshot) {
                format!(", {one_way} of them one-way: they go back by a state revert only")
            } else {
                format!(", {one_way} of them one-way: their former version is nowhere to be had")
            }
        )?;
    }
    for entry in &plan.entries {
        for step in &entry.steps {
            match step {
                Step::Mitigate { measures, undo } => {
                    for one in measures {
                        measure(one, *undo, out)?;
                    }
                }
                Step::Snapshot {} => {
                    let then = match entry.on_failure {
                        OnFailure::StateRevert => {
                            "; a failed run puts it back and reboots: a state revert"
                        }
                        OnFailure::Revert | OnFailure::Stop => "",
                    };
                    writeln!(out, "keeps a snapshot of the root first{then}")?;
                }
                Step::Revert { run } => {
                    writeln!(
                        out,
                        "state revert: puts the root back as it was before run {run}, and reboots"
                    )?;
                }
                Step::Restart { units } if !units.is_empty() => {
                    writeln!(out, "restarts {}", units.join(", "))?;
                }
                Step::Reboot { kernel: None } => writeln!(out, "reboots")?,
                Step::Reboot {
                    kernel: Some(kernel),
                } => writeln!(out, "reboots into kernel {}", plain(kernel))?,
                Step::Evidence { reason } => {
                    writeln!(out, "takes evidence first: {}", plain(reason))?;
                }
                Step::Commit {
                    confirm_within: Some(seconds),
                } => {
                    let minutes = seconds.div_ceil(60);
                    let goes_back = entry.on_failure == OnFailure::StateRevert
                        || plan.closures.iter().all(Closure::is_reversible);
                    let else_what = if goes_back {
                        "else it is taken back"
                    } else {
                        "else the run ends as not effective: one-way packages cannot be taken back"
                    };
                    writeln!(
                        out,
                        "must be confirmed within {minutes} minutes over a new login, {else_what}"
                    )?;
                }
                Step::Verify { ends } if !ends.is_empty() => {
                    writeln!(out, "ends {} exposures", ends.len())?;
                }
                _ => {}
            }
        }
    }
    if held > 0 {
        writeln!(
            out,
            "{dim}{held} packages stay exposed: `overlock scan` says why{dim:#}"
        )?;
    }
    Ok(())
}

/// What a plan about measures is about; nothing for others.
fn measures(entry: &HostEntry) -> Option<String> {
    entry.steps.iter().find_map(|step| match step {
        Step::Mitigate { measures, undo } => {
            let way = if *undo { "takes away" } else { "puts in place" };
            let of = if measures.len() == 1 {
                "measure"
            } else {
                "measures"
            };
            Some(format!("{way} {} {of}", measures.len()))
        }
        _ => None,
    })
}

fn measure(of: &Mitigation, undo: bool, out: &mut dyn Write) -> io::Result<()> {
    let what = plain(&of.measure.to_string()).into_owned();
    if undo {
        return writeln!(out, "  no longer: {what}");
    }
    let until = of.expires.strftime("%Y-%m-%d %H:%M UTC");
    writeln!(out, "  {what} until {until}")?;
    let against = match of.against.is_empty() {
        true => String::new(),
        false => format!("against {}; ", of.against.join(", ")),
    };
    let (owner, reason) = (plain(&of.owner), plain(&of.reason));
    writeln!(out, "    {}{owner}: {reason}", plain(&against))?;
    match overlock_apply::mitigate::one_way(&of.measure) {
        Some(why) => writeln!(out, "    one-way: {why}"),
        None => Ok(()),
    }
}

fn change_line(change: &Change, width: usize) -> String {
    let yellow = colour(AnsiColor::Yellow);
    let spec = plain(&change.spec()).into_owned();
    let way = match change.back() {
        Some(back) if back.origin == rebuilding::ORIGIN => {
            "  back by a rebuilt artifact".to_owned()
        }
        _ if change.is_reversible() => String::new(),
        _ => format!("  {yellow}one-way{yellow:#}"),
    };
    format!(
        "{spec:width$}  {} → {}{way}",
        plain(change.from().unwrap_or("(new)")),
        plain(change.to().unwrap_or("(removed)")),
    )
}
