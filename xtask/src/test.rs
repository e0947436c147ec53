//! `cargo xtask test`: set up, run every test, say what was skipped and why.

mod needs;
mod tally;

use crate::command;
use crate::mirror;
use crate::workspace;
use anyhow::{Context, Result, ensure};
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use tally::Tally;

/// Installs what is missing unless `no_install`, lays the mirror out, then runs `cargo test` on the whole workspace or
/// with `arguments`; with `slow` also the tests marked `#[ignore]`.
///
/// # Errors
/// When a test fails, or with `CI=true` when one was skipped.
pub fn run(slow: bool, no_install: bool, arguments: &[String]) -> Result<()> {
    println!("== what the tests need");
    needs::prepare(no_install)?;
    println!("== mirror of the publishers");
    if overlock_testkit::shared_folder().is_some() {
        mirror::run(&workspace::root().join("target/mirror"))?;
    } else {
        println!(
            "no shared data here (`../shared` or OVERLOCK_SHARED): tests with real feeds are skipped"
        );
    }

    println!("== tests");
    let skip_log = workspace::target().join("skipped-tests.txt");
    fs::create_dir_all(workspace::target())?;
    fs::write(&skip_log, "").with_context(|| format!("cannot write `{}`", skip_log.display()))?;
    let (tally, passed) = run_tests(slow, arguments, &skip_log)?;

    println!("== result");
    println!("{tally}");
    let skipped = skipped(&fs::read_to_string(&skip_log)?);
    for line in &skipped {
        println!("skipped {line}");
    }
    ensure!(passed, "some tests failed");
    let ci = std::env::var("CI").is_ok_and(|value| value == "true");
    ensure!(
        !ci || skipped.is_empty(),
        "{} tests were skipped, which CI=true forbids",
        skipped.len()
    );
    Ok(())
}

/// Runs cargo with its output shown as it comes, and counts on the way.
fn run_tests(slow: bool, arguments: &[String], skip_log: &Path) -> Result<(Tally, bool)> {
    let mut cargo = command::cargo(&["test", "--locked", "--no-fail-fast"]);
    if arguments.is_empty() {
        cargo.arg("--workspace");
    }
    cargo.args(arguments).env("OVERLOCK_SKIP_LOG", skip_log);
    if slow {
        cargo.args(["--", "--include-ignored"]);
    }
    let mut child = cargo
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start cargo")?;
    let mut tally = Tally::default();
    let output = child.stdout.take().context("cargo's output is not piped")?;
    for line in BufReader::new(output).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        tally.count(&line);
    }
    Ok((tally, child.wait()?.success()))
}

/// `TEST: WHY` of each skip, sorted, once.
fn skipped(log: &str) -> BTreeSet<String> {
    log.lines()
        .filter_map(|line| line.strip_prefix("overlock-skip: "))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skips_are_told_once_and_in_order() {
        let log =
            "overlock-skip: b: no root\noverlock-skip: a: no rpm\noverlock-skip: b: no root\n";
        assert_eq!(
            skipped(log).into_iter().collect::<Vec<_>>(),
            ["a: no rpm", "b: no root"]
        );
    }
}
