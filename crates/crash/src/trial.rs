//! One trial: a run that is cut at an event, a recovery as an administrator does it, and what came of it.

use crate::facts::Facts;
use crate::scene::Scene;
use crate::template::{OVERLOCK, PLAN, Template};
use crate::trace::{self, Event, Order};
use anyhow::{Context, Result, ensure};
use overlock_journal::{Journal, runs};
use overlock_model::run::End;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::Path;

/// How often an administrator calls `overlock repair`.
const REPAIRS_MAX: u32 = 2;

/// What happens at the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Every process is killed; what was written stays.
    Kill,
    /// The disk is cut off and every process is killed; what was not synced is lost. Then the host boots.
    PowerCut,
    /// The disk is full from here on; after the end of the run there is room again.
    FullDisk,
}

/// What is done after the cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// `overlock repair`, and `overlock apply` where the run had not begun.
    AsPromised,
    /// Nothing: the control, which must be seen.
    None,
}

/// How a host ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// As after a run that nobody cut.
    Target,
    /// As before the run.
    Prior,
    /// Target or prior, after a named repair state (exit code 6) that a further `overlock repair` mended.
    Repair,
    /// Anything else, and what differs.
    Unexplained(Vec<String>),
}

/// A host before the run, and after one that nobody cut.
#[derive(Debug, Clone)]
pub struct Reference {
    prior: Facts,
    target: Facts,
    /// All events of the run.
    pub events: Vec<Event>,
    /// Of the run alone, without tracing.
    pub seconds: f64,
    /// The same, traced.
    pub seconds_traced: f64,
}

/// What came of one.
#[derive(Debug, Clone)]
pub struct Trial {
    /// The event it was cut at; none if it never came.
    pub event: Option<Event>,
    /// The end.
    pub ending: Ending,
    /// What was run and said after the cut, for people.
    pub transcript: String,
}

impl Reference {
    /// Runs the plan to its end: once alone, once traced on the disk of a fault, as programs make other calls on other file
    /// systems. Both must come to the same.
    ///
    /// # Errors
    /// When the run does not reach its target, or tracing changes what comes of it.
    pub fn of(template: &Template, fault: Fault, folder: &Path) -> Result<Self> {
        let scene = Scene::new(folder, &template.layers, template.disk(Fault::Kill)?)?;
        let prior = Facts::of(&scene)?;
        let begun = std::time::Instant::now();
        let ran = scene.run(&[OVERLOCK, "apply", PLAN])?;
        let seconds = begun.elapsed().as_secs_f64();
        ensure!(
            ran.code == 0,
            "without a cut, apply ended with {}: {}",
            ran.code,
            ran.said
        );
        let target = Facts::of(&scene)?;
        drop(scene);
        let scene = Scene::new(folder, &template.layers, template.disk(fault)?)?;
        let mut events = Vec::new();
        let begun = std::time::Instant::now();
        let (_, said) = apply(&scene, folder, &mut |event| {
            events.push(event.clone());
            Ok(Order::GoOn)
        })?;
        let seconds_traced = begun.elapsed().as_secs_f64();
        let difference = target.difference(&Facts::of(&scene)?);
        ensure!(
            difference.is_empty(),
            "two runs without a cut differ: {}: {said}",
            difference.join("; ")
        );
        ensure!(
            target.is_whole() && prior.is_whole(),
            "packages are not whole without a cut"
        );
        ensure!(
            !target.difference(&prior).is_empty(),
            "the run changes nothing"
        );
        Ok(Self {
            prior,
            target,
            events,
            seconds,
            seconds_traced,
        })
    }

    /// Names of what the run changes, for a report.
    #[must_use]
    pub fn changed_files(&self) -> usize {
        self.target.changed_files()
    }
}

/// Cuts a run at event `at`, recovers, looks.
///
/// # Errors
/// When the harness itself fails; whatever the host does is an ending.
pub fn trial(
    template: &Template,
    reference: &Reference,
    folder: &Path,
    fault: Fault,
    at: u64,
    recovery: Recovery,
) -> Result<Trial> {
    let scene = Scene::new(folder, &template.layers, template.disk(fault)?)?;
    let mut event = None;
    let (traced, said) = apply(&scene, folder, &mut |now| {
        if now.index != at {
            return Ok(Order::GoOn);
        }
        event = Some(now.clone());
        match fault {
            Fault::Kill => Ok(Order::Kill),
            Fault::PowerCut => scene.cut_power().map(|()| Order::Kill),
            Fault::FullDisk => scene.fill().map(|()| Order::GoOn),
        }
    })?;
    let mut transcript = String::new();
    if let Some(code) = traced.code {
        writeln!(transcript, "apply ended with {code}")?;
    }
    transcript.push_str(&said);
    match fault {
        _ if event.is_none() => {}
        Fault::Kill => {}
        Fault::PowerCut => scene
            .boot()
            .context("the disk that lost its power cannot be taken up")?,
        Fault::FullDisk => scene.relieve()?,
    }
    let named = match recovery {
        Recovery::AsPromised => recover(&scene, traced.code, &mut transcript)?,
        Recovery::None => false,
    };
    let facts = Facts::of(&scene)?;
    let journal = journal(&scene);
    let ending = judge(
        reference,
        &facts,
        journal.as_ref().map_err(|error| format!("{error:#}")),
        named,
    );
    if let Ending::Unexplained(why) = &ending {
        writeln!(transcript, "-- what differs\n{}", why.join("\n"))?;
        writeln!(transcript, "-- journal\n{}", history(&scene))?;
        let log =
            fs::read(scene.root().join("var/lib/overlock/runs/1/packages.log")).unwrap_or_default();
        writeln!(
            transcript,
            "-- packages.log\n{}",
            String::from_utf8_lossy(&log)
        )?;
    }
    Ok(Trial {
        event,
        ending,
        transcript,
    })
}

fn apply(
    scene: &Scene,
    folder: &Path,
    watch: &mut dyn FnMut(&Event) -> Result<Order>,
) -> Result<(trace::Traced, String)> {
    let path = folder.join("output");
    let output = File::create(&path)?;
    let command = scene.command(&[OVERLOCK, "apply", PLAN]);
    let traced = trace::run(&command, &scene.root(), &output, watch)?;
    let said = fs::read(path)?;
    Ok((traced, String::from_utf8_lossy(&said).into_owned()))
}

/// As an administrator does it; whether a repair state was named on the way.
fn recover(scene: &Scene, applied: Option<i32>, transcript: &mut String) -> Result<bool> {
    let mut named = applied == Some(6);
    let mut run = |arguments: &[&str]| -> Result<i32> {
        let ran = scene.run(&[&[OVERLOCK], arguments].concat())?;
        writeln!(
            transcript,
            "-- overlock {}: {}\n{}",
            arguments.join(" "),
            ran.code,
            ran.said
        )?;
        Ok(ran.code)
    };
    let began = matches!(journal(scene), Ok(Some(_)));
    for _ in 0..REPAIRS_MAX {
        let code = run(&["repair"])?;
        named |= code == 6;
        // Mended, or told that the host is as it was.
        if matches!(code, 0 | 5) {
            break;
        }
    }
    if !began {
        run(&["apply", PLAN])?;
    }
    Ok(named)
}

/// How the last run ended; `None` if none has begun. An error if the journal cannot be read or a run is still open.
fn journal(scene: &Scene) -> Result<Option<Option<End>>> {
    let entries =
        Journal::read(&scene.root().join("var/lib/overlock/journal"))?.unwrap_or_default();
    Ok(runs::runs(&entries)
        .last()
        .map(|run| run.ended.map(|(_, end)| end.clone())))
}

fn history(scene: &Scene) -> String {
    let ran = scene.run(&[OVERLOCK, "history", "1"]);
    ran.map_or_else(|error| error.to_string(), |ran| ran.said)
}

fn judge(
    reference: &Reference,
    facts: &Facts,
    journal: Result<&Option<Option<End>>, String>,
    named: bool,
) -> Ending {
    let from_target = reference.target.difference(facts);
    let from_prior = reference.prior.difference(facts);
    // What the journal says must be what is.
    let wrong = match journal {
        Err(why) => Some(format!("the journal cannot be read: {why}")),
        Ok(None) => Some("no run is in the journal".to_owned()),
        Ok(Some(None)) => Some("the run has no end".to_owned()),
        Ok(Some(Some(End::Target))) if !from_target.is_empty() => {
            Some("the journal says target".to_owned())
        }
        Ok(Some(Some(End::Prior { .. } | End::Reverted { .. }))) if !from_prior.is_empty() => {
            Some("the journal says prior".to_owned())
        }
        // Versions are kept away where they were taken back, and nowhere else.
        Ok(Some(Some(end))) if facts.is_pinned() != matches!(end, End::Reverted { .. }) => {
            Some("versions are kept away, or not, as they should not be".to_owned())
        }
        Ok(Some(Some(_))) => None,
    };
    let nearer = if from_target.len() <= from_prior.len() {
        &from_target
    } else {
        &from_prior
    };
    match wrong {
        Some(wrong) => Ending::Unexplained([vec![wrong], nearer.clone()].concat()),
        None if from_target.is_empty() && named => Ending::Repair,
        None if from_prior.is_empty() && named => Ending::Repair,
        None if from_target.is_empty() => Ending::Target,
        None if from_prior.is_empty() => Ending::Prior,
        None => Ending::Unexplained(nearer.clone()),
    }
}
