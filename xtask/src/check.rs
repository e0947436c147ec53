//! `cargo xtask check`: everything a change must hold before it is looked at by a person.
//!
//! Each check is a function that answers with its complaints, so that one run shows all of them.

mod dependencies;
mod layers;
mod licences;
mod links;
mod manifests;
mod metadata;
mod purity;
mod tidy;
mod words;

use crate::command;
use crate::generate;
use crate::workspace::{self, TextFile};
use anyhow::{Result, ensure};
use metadata::Metadata;
use std::time::Instant;

/// What a check found: each line is one complaint and fails the run.
pub type Complaints = Vec<String>;

/// What the checks look at, read once.
struct Project {
    metadata: Metadata,
    files: Vec<TextFile>,
}

struct Check {
    name: &'static str,
    promise: &'static str,
    run: fn(&Project) -> Result<Complaints>,
}

/// In the order of what is quick to learn from; the lints compile everything and come last.
const CHECKS: [Check; 11] = [
    Check {
        name: "format",
        promise: "rustfmt has nothing to change",
        run: |_| cargo(&["fmt", "--all", "--check"]),
    },
    Check {
        name: "layers",
        promise: "dependencies point down",
        run: |at| Ok(layers::complaints(&at.metadata)),
    },
    Check {
        name: "purity",
        promise: "the core reads no clock, file or network",
        run: |at| Ok(purity::complaints(&at.metadata, &at.files)),
    },
    Check {
        name: "banned",
        promise: "no banned crate is linked",
        run: |_| dependencies::complaints(),
    },
    Check {
        name: "manifests",
        promise: "every version stands once",
        run: |at| manifests::complaints(&at.metadata),
    },
    Check {
        name: "licences",
        promise: "every crate's licence is permissive",
        run: |at| Ok(licences::complaints(&at.metadata)),
    },
    Check {
        name: "tidy",
        promise: "names, sizes and unfinished code",
        run: |at| Ok(tidy::complaints(&at.files)),
    },
    Check {
        name: "words",
        promise: "no private path, no registry's host",
        run: |at| Ok(words::complaints(&at.files)),
    },
    Check {
        name: "links",
        promise: "every link between documents resolves",
        run: |at| Ok(links::complaints(&at.files)),
    },
    Check {
        name: "lints",
        promise: "clippy has nothing to say",
        run: |_| {
            cargo(&[
                "clippy",
                "--workspace",
                "--all-targets",
                "--locked",
                "--",
                "-D",
                "warnings",
            ])
        },
    },
    Check {
        name: "generated",
        promise: "generated files are current",
        run: |_| generated(),
    },
];

/// Runs the checks named in `only`, or all.
pub fn run(only: &[String]) -> Result<()> {
    let names = CHECKS.map(|check| check.name);
    if let Some(unknown) = only.iter().find(|name| !names.contains(&name.as_str())) {
        anyhow::bail!("no check `{unknown}`; there are: {}", names.join(", "));
    }
    let project = Project {
        metadata: metadata::read()?,
        files: workspace::text_files()?,
    };
    let mut failed = Vec::new();
    for check in CHECKS
        .iter()
        .filter(|check| only.is_empty() || only.iter().any(|name| name == check.name))
    {
        let start = Instant::now();
        let complaints = (check.run)(&project)?;
        let word = if complaints.is_empty() {
            "ok    "
        } else {
            "FAILED"
        };
        println!(
            "{word} {:<9} {} ({:.1} s)",
            check.name,
            check.promise,
            start.elapsed().as_secs_f32()
        );
        for complaint in &complaints {
            println!("       {complaint}");
        }
        if !complaints.is_empty() {
            failed.push(check.name);
        }
    }
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

fn cargo(arguments: &[&str]) -> Result<Complaints> {
    let mut cargo = command::cargo(arguments);
    let status = cargo.status()?;
    Ok(if status.success() {
        Vec::new()
    } else {
        vec![format!("`{}` failed, see above", command::line(&cargo))]
    })
}

fn generated() -> Result<Complaints> {
    let mut drift = generate::drift()?;
    if !drift.is_empty() {
        drift.push("hint: `cargo xtask generate` writes them".to_owned());
    }
    Ok(drift)
}
