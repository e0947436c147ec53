//! `cargo xtask bench`: measures ours and theirs side by side and writes the table into `docs/benchmarks.md`.
//!
//! Machines differ, ratios last: both are run in turn, pair by pair, and each pair gives one ratio. A row is a name, two
//! programs and the limits that it must keep; see `scan` for how to add one, and `apply` for one that needs hosts of its
//! own.

mod apply;
mod fleet;
mod measure;
mod scan;
mod table;

use crate::workspace;
use anyhow::{Context, Result, bail, ensure};
use measure::Program;
use std::fs;
use table::Measured;

/// One comparison.
pub struct Row {
    /// What is measured, for the reader of the table.
    pub name: &'static str,
    pub ours: Program,
    pub theirs: Program,
    /// What must hold; shown in the table, and a broken one fails the run after the table is written.
    pub limits: Vec<Limit>,
    /// Run before each run of ours, not timed: drops a cache for a cold row.
    pub before_ours: Option<fn() -> Result<()>>,
}

/// What a program measures inside itself and prints as lines `name value`.
pub struct Figures {
    /// What is measured, for the reader.
    pub name: &'static str,
    /// Names and values, in the order printed.
    pub values: Vec<(String, String)>,
}

impl Figures {
    /// Runs a program and keeps what it prints.
    pub fn of(name: &'static str, program: Program) -> Result<Self> {
        let text = program.output()?;
        let values = text
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Ok(Self { name, values })
    }
}

/// A bound on ours.
#[derive(Debug, Clone, Copy)]
pub enum Limit {
    /// Median of ours / theirs in wall time, pair by pair.
    Wall(f64),
    /// Peak memory of ours / theirs.
    Peak(f64),
    /// Peak memory of ours in MiB.
    PeakMib(f64),
}

/// Measures every row of a table, each with `pairs` pairs of runs, or as many as are usual for it.
pub fn run(table: &str, pairs: Option<usize>) -> Result<()> {
    let usual = match table {
        "scan" => 15,
        // A run takes seconds, and so does the host before it.
        "apply" => 5,
        // Rounds of check-ins are paired inside of it.
        "fleet" => 1,
        _ => bail!("no table `{table}`; there are: scan, apply, fleet"),
    };
    let pairs = pairs.unwrap_or(usual);
    ensure!(pairs > 0, "at least one pair of runs is needed");
    println!("measuring {table} ({pairs} pairs)");
    let mut broken: Vec<String> = Vec::new();
    let (measured, figures) = match table {
        "apply" => apply::measure(pairs)?,
        "fleet" => {
            let (figures, over) = fleet::measure(fleet::Sizes::FULL)?;
            broken = over;
            (Vec::new(), figures)
        }
        _ => (measure_rows(scan::rows()?, pairs)?, scan::figures()?),
    };
    for row in &measured {
        println!("{}: {}", row.row.name, row.summary());
    }
    let page = workspace::root().join("docs/benchmarks.md");
    let old = fs::read_to_string(&page).unwrap_or_else(|_| "# Benchmarks\n".to_owned());
    let new = table::put_section(
        &old,
        table,
        &table::section(&measured, &figures, pairs, &table::machine()),
    );
    fs::write(&page, new).with_context(|| format!("cannot write `{}`", page.display()))?;
    broken.extend(
        measured
            .iter()
            .filter(|row| !row.holds())
            .map(|row| row.row.name.to_owned()),
    );
    ensure!(broken.is_empty(), "over the limit: {}", broken.join("; "));
    Ok(())
}

fn measure_rows(rows: Vec<Row>, pairs: usize) -> Result<Vec<Measured>> {
    rows.into_iter()
        .map(|row| {
            println!("  {}", row.name);
            Measured::of(row, pairs)
        })
        .collect()
}
