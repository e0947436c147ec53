//! How fast matching alone is, beside a hash map that answers the same keys.
//!
//! `cargo run --release -p overlock-matching --example matching_rate -- TABLE VERSIONS`: TABLE is a compiled advisory
//! table, VERSIONS a file of lines `name version` (each distinct source package of a release). Both sides answer every
//! key in turn, round by round, in one process; the map was filled with matching's own answers. Prints `name value`
//! lines for `cargo xtask bench`.

#![allow(clippy::print_stdout, reason = "a program for developers")]

use anyhow::{Context, Result, ensure};
use overlock_index::AdvisoryIndex;
use overlock_matching::{Subject, judge};
use overlock_model::advisory::Ecosystem;
use std::collections::HashMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

const ROUNDS: usize = 15;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let table = std::fs::read(arguments.next().context("TABLE is missing")?)?;
    let versions = std::fs::read_to_string(arguments.next().context("VERSIONS is missing")?)?;
    let index = AdvisoryIndex::open(&table)?;
    let subjects: Vec<Subject<'_>> = versions
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(name, version)| Subject {
            packages: Vec::new(),
            name: name.to_owned(),
            version: version.to_owned(),
            key: overlock_versions::key(index.scheme(), version).ok(),
            scheme: index.scheme(),
            ecosystem: Some(Ecosystem("debian:12".to_owned())),
            not_covered: None,
            kernel_image: None,
            steps: Vec::new(),
        })
        .collect();
    ensure!(
        !subjects.is_empty(),
        "VERSIONS holds no line `name version`"
    );
    let map: HashMap<(String, String), usize> = subjects
        .iter()
        .map(|subject| {
            (
                (subject.name.clone(), subject.version.clone()),
                judge(&index, subject).len(),
            )
        })
        .collect();
    let keys: Vec<(String, String)> = subjects
        .iter()
        .map(|subject| (subject.name.clone(), subject.version.clone()))
        .collect();

    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(timed(|| {
            subjects
                .iter()
                .map(|subject| judge(black_box(&index), black_box(subject)).len())
                .sum::<usize>()
        }));
        theirs.push(timed(|| {
            keys.iter()
                .filter_map(|key| map.get(black_box(key)))
                .sum::<usize>()
        }));
    }
    let (_, findings) = *ours.first().context("no round was run")?;
    ensure!(
        ours.iter()
            .chain(&theirs)
            .all(|(_, found)| *found == findings),
        "both must answer alike"
    );
    let ratios = ours
        .iter()
        .zip(&theirs)
        .map(|((a, _), (b, _))| b.as_secs_f64() / a.as_secs_f64())
        .collect();
    let per_key = |runs: &[(Duration, usize)]| {
        let times = runs.iter().map(|(time, _)| time.as_secs_f64()).collect();
        median(times) * 1e9 / subjects.len() as f64
    };
    println!("keys {}", subjects.len());
    println!("findings {}", findings);
    println!("matching_ns_per_key {:.1}", per_key(&ours));
    println!("hash_map_ns_per_key {:.1}", per_key(&theirs));
    println!("rate_ratio {:.3}", median(ratios));
    Ok(())
}

/// The middle value; 0 of none.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

fn timed(answer: impl FnOnce() -> usize) -> (Duration, usize) {
    let start = Instant::now();
    let found = answer();
    (start.elapsed(), found)
}
