//! `cargo xtask crash`: cuts runs of `overlock apply` off, one at each event, and tells how the hosts ended.

use crate::{command, workspace};
use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};
use overlock_crash::{Campaign, Ending, Fault, News, Points, Recovery, Set, Trial};
use std::collections::BTreeMap;
use std::fs;
use std::time::Instant;

/// What to try.
#[derive(Args)]
pub struct Crash {
    /// Which packages: `a`, our own; `b`, real security updates.
    #[arg(long, value_enum, default_value = "a")]
    set: Which,
    /// What happens at the event.
    #[arg(long, value_enum, default_value = "kill")]
    fault: What,
    /// So many events, spread over processes, calls and paths, instead of every one.
    #[arg(long)]
    sample: Option<usize>,
    /// Only this event, with all that was said.
    #[arg(long, conflicts_with = "sample")]
    at: Option<u64>,
    /// Which sample.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Trials at the same time.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Only count the events of a run and say of which kind they are.
    #[arg(long)]
    count: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Which {
    A,
    B,
}

#[derive(Clone, Copy, ValueEnum)]
enum What {
    Kill,
    PowerCut,
    FullDisk,
}

/// Runs it; the last line is the tally.
///
/// # Errors
/// When an end is unexplained or an event did not come.
pub fn run(args: &Crash) -> Result<()> {
    command::succeed(&mut command::cargo(&[
        "build", "--locked", "-p", "overlock",
    ]))?;
    let folder = workspace::target().join("crash");
    let kept = folder.join("unexplained");
    fs::create_dir_all(&kept)?;
    let campaign = Campaign {
        set: match args.set {
            Which::A => Set::Own,
            Which::B => Set::Real,
        },
        fault: match args.fault {
            What::Kill => Fault::Kill,
            What::PowerCut => Fault::PowerCut,
            What::FullDisk => Fault::FullDisk,
        },
        points: match (args.at, args.sample) {
            _ if args.count => Points::Sample(0),
            (Some(at), _) => Points::At(at),
            (None, Some(count)) => Points::Sample(count),
            (None, None) => Points::Every,
        },
        seed: args.seed,
        recovery: Recovery::AsPromised,
        jobs: args.jobs,
        overlock: workspace::target().join("debug/overlock"),
        folder: folder.join(format!("work-{}", std::process::id())),
    };
    let begun = Instant::now();
    let mut done = 0;
    let tally = campaign.run(&mut |news| match news {
        News::Reference(template, reference) => {
            println!(
                "{} packages, {} changed files, {} events; {:.2} s alone, {:.2} s traced",
                template.packages,
                reference.changed_files(),
                reference.events.len(),
                reference.seconds,
                reference.seconds_traced,
            );
            let mut kinds: BTreeMap<(&str, &str), u64> = BTreeMap::new();
            for event in &reference.events {
                *kinds.entry((&event.process, event.call)).or_default() += 1;
            }
            for ((process, call), count) in kinds {
                println!("{count:>7} {process} {call}");
            }
        }
        News::Trial(at, trial) => {
            done += 1;
            if args.at.is_some() {
                println!("{}", trial.transcript);
            }
            tell(at, trial);
            if done % 50 == 0 {
                println!("{done} points after {:.0} s", begun.elapsed().as_secs_f64());
            }
            if let Ending::Unexplained(_) = trial.ending {
                let name = format!("{at}.txt");
                if let Err(error) = fs::write(kept.join(name), &trial.transcript) {
                    println!("what was said at {at} cannot be kept: {error}");
                }
            }
        }
    });
    // Empty: what was in it was mounted.
    drop(fs::remove_dir(&campaign.folder));
    let tally = tally?;
    println!(
        "{:.0} s, {} jobs, seed {}",
        begun.elapsed().as_secs_f64(),
        args.jobs,
        args.seed
    );
    println!("{tally}");
    ensure!(
        args.count || tally.holds(),
        "not every end is explained; what was said is in `{}`",
        kept.display()
    );
    Ok(())
}

fn tell(at: u64, trial: &Trial) {
    let place = trial.event.as_ref().map_or_else(
        || "did not come".to_owned(),
        |event| format!("{} {} {}", event.process, event.call, event.path),
    );
    match &trial.ending {
        Ending::Unexplained(why) => {
            println!("unexplained at {at} ({place})");
            for line in why.iter().take(12) {
                println!("    {line}");
            }
        }
        _ if trial.event.is_none() => println!("at {at}: {place}"),
        _ => {}
    }
}
