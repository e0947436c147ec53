//! The project's own tasks: `cargo xtask check | test | generate | mirror | bench | fuzz | lab`.
//!
//! Developers and `.ci/run` call it; both run the same code, so that what passes here passes there.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that talks to developers"
)]

mod bench;
mod check;
mod command;
mod crash;
mod fuzz;
mod generate;
mod lab;
mod mirror;
mod test;
mod workspace;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// The project's own tasks.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Format, lints, dependency rules, licences, tidy rules, generated files.
    Check {
        /// Only these checks, by name; an unknown name lists them.
        only: Vec<String>,
    },
    /// Install what the tests need (as root on Debian), run every test, say what was skipped.
    Test {
        /// Run the tests marked `#[ignore]` too: those that take minutes.
        #[arg(long)]
        slow: bool,
        /// Do not install anything.
        #[arg(long)]
        no_install: bool,
        /// Given to `cargo test` instead of `--workspace`, for instance `-p overlock-model`.
        #[arg(last = true)]
        cargo: Vec<String>,
    },
    /// Write the files that are made from code: JSON Schemas, CLI reference.
    Generate,
    /// Lay the shared data out as the publishers do.
    Mirror {
        /// Folder to write.
        #[arg(long, default_value = "target/mirror")]
        to: PathBuf,
    },
    /// Measure side by side and write the table into `docs/benchmarks.md`.
    Bench {
        /// Which table: `scan`, or `apply` (needs root).
        table: String,
        /// Pairs of runs for each row [default: 15 of `scan`, 5 of `apply`].
        #[arg(long)]
        pairs: Option<usize>,
    },
    /// Cut `overlock apply` off at each event and see how the host ends (needs root).
    Crash(crash::Crash),
    /// Run fuzz targets: all or one.
    Fuzz {
        /// A target's name; without it all, one after another.
        target: Option<String>,
        /// How long each runs, in seconds.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
        /// Only run this input, one that was kept when the target broke.
        #[arg(long, requires = "target")]
        replay: Option<PathBuf>,
    },
    /// Real hosts to try things on: Debian systems with their own systemd and real pending security updates.
    #[command(subcommand)]
    Lab(lab::Task),
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            for cause in error.chain().skip(1) {
                eprintln!("  caused by: {cause}");
            }
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<()> {
    match task {
        Task::Check { only } => check::run(&only),
        Task::Test {
            slow,
            no_install,
            cargo,
        } => test::run(slow, no_install, &cargo),
        Task::Generate => generate::write(),
        Task::Mirror { to } => mirror::run(&to),
        Task::Bench { table, pairs } => bench::run(&table, pairs),
        Task::Crash(args) => crash::run(&args),
        Task::Fuzz {
            target,
            seconds,
            replay,
        } => fuzz::run(target.as_deref(), seconds, replay.as_deref()),
        Task::Lab(task) => lab::run(&task),
    }
}
