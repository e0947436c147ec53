//! `cargo xtask fuzz`: runs the fuzz targets for longer than the test command does.

use crate::command;
use crate::workspace;
use anyhow::{Result, bail, ensure};
use std::fs;

/// Runs one target, or all one after another, `seconds` each.
///
/// A target is an example `fuzz/examples/NAME.rs` that reads its time from `OVERLOCK_FUZZ_SECONDS` and fails on the
/// first input that breaks its parser.
pub fn run(target: Option<&str>, seconds: u64) -> Result<()> {
    let folder = workspace::root().join("fuzz/examples");
    if !folder.is_dir() {
        bail!("there are no fuzz targets yet: the folder `fuzz/examples` does not exist");
    }
    let mut names: Vec<String> = fs::read_dir(folder)?
        .filter_map(|entry| entry.ok()?.path().file_stem()?.to_str().map(str::to_owned))
        .collect();
    names.sort();
    if let Some(target) = target {
        ensure!(
            names.iter().any(|name| name == target),
            "no fuzz target `{target}`; there are: {}",
            names.join(", ")
        );
        names = vec![target.to_owned()];
    }
    for name in names {
        println!("fuzz {name}: {seconds} s");
        let mut run = command::cargo(&[
            "run",
            "--quiet",
            "--release",
            "-p",
            "overlock-fuzz",
            "--example",
            &name,
        ]);
        command::succeed(run.env("OVERLOCK_FUZZ_SECONDS", seconds.to_string()))?;
    }
    Ok(())
}
