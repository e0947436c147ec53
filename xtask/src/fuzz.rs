//! `cargo xtask fuzz`: the long run of the fuzz targets, guided by coverage.
//!
//! libFuzzer works with the stable compiler: the flags below make LLVM count edges and comparisons, and nothing else of
//! the sanitizers is needed in code without `unsafe`. The build has its own folder, so that the flags do not disturb
//! other builds; it needs a C++ compiler.

use crate::command;
use crate::workspace;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What makes LLVM count for libFuzzer.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";
/// An input that takes longer is a find, in seconds. Most take microseconds.
const INPUT_SECONDS_MAX: u64 = 5;
/// Largest input in bytes.
const INPUT_BYTES_MAX: u64 = 64 << 10;
/// Memory of the whole process, in MiB; what one input may take is checked by the targets.
const PROCESS_MIB_MAX: u64 = 2048;

/// Runs one target, or all one after another, `seconds` each; with `replay` only that input.
///
/// # Errors
/// When the build fails, or a target broke: its input is kept and the command that replays it is printed.
pub fn run(target: Option<&str>, seconds: u64, replay: Option<&Path>) -> Result<()> {
    let program = build()?;
    let corpus = workspace::target().join("fuzz-corpus");
    // The program writes the seeds of all targets, a folder each: that is also the list of their names.
    let seeds = workspace::target().join("fuzz/seeds");
    if seeds.is_dir() {
        fs::remove_dir_all(&seeds)?;
    }
    command::succeed(Command::new(&program).env("OVERLOCK_FUZZ_SEEDS", &seeds))?;
    let mut names = Vec::new();
    for entry in fs::read_dir(&seeds)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    if let Some(target) = target {
        ensure!(
            names.iter().any(|name| name == target),
            "no fuzz target `{target}`; there are: {}",
            names.join(", ")
        );
        names = vec![target.to_owned()];
    }
    // Targets that read trees of files write them anew for each input: memory is ten times as fast as a disk.
    let memory = Path::new("/dev/shm");
    let scratch = if memory.is_dir() {
        memory.to_owned()
    } else {
        std::env::temp_dir()
    };
    let scratch = scratch.join(format!("overlock-fuzz-{}", std::process::id()));
    let mut broken = Vec::new();
    for name in &names {
        println!("== {name}");
        let found = workspace::target().join("fuzz-finds").join(name);
        let corpus = corpus.join(name);
        fs::create_dir_all(&found)?;
        fs::create_dir_all(&corpus)?;
        fs::create_dir_all(&scratch)?;
        let mut fuzz = Command::new(&program);
        fuzz.env("OVERLOCK_FUZZ_TARGET", name)
            .env("TMPDIR", &scratch)
            .current_dir(workspace::root())
            .arg(format!("-timeout={INPUT_SECONDS_MAX}"))
            .arg(format!("-rss_limit_mb={PROCESS_MIB_MAX}"));
        match replay {
            Some(input) => fuzz.arg(std::path::absolute(input)?),
            None => fuzz
                .arg(format!("-artifact_prefix={}/", found.display()))
                .arg(format!("-max_total_time={seconds}"))
                .arg(format!("-max_len={INPUT_BYTES_MAX}"))
                .args(["-print_final_stats=1", "-verbosity=0"])
                .args([&corpus, &seeds.join(name)]),
        };
        let status = fuzz
            .status()
            .with_context(|| format!("cannot start `{}`", program.display()))?;
        fs::remove_dir_all(&scratch)?;
        if !status.success() {
            println!("{name} broke; its inputs are kept, replay one with");
            println!(
                "  cargo xtask fuzz {name} --replay {}/FILE",
                found.display()
            );
            broken.push(name.as_str());
        }
    }
    ensure!(
        broken.is_empty(),
        "these targets broke: {}",
        broken.join(", ")
    );
    Ok(())
}

/// Builds the fuzz program with coverage and says where it is.
fn build() -> Result<PathBuf> {
    let host = command::output(&mut command::command("rustc", &["--print", "host-tuple"]))?;
    let host = host.trim();
    let folder = workspace::target().join("fuzz");
    // With `--target` the flags are not given to build scripts and macros, which run in the compiler.
    let mut cargo = command::cargo(&[
        "build",
        "--locked",
        "--profile",
        "fuzz",
        "--package",
        "overlock-fuzz",
    ]);
    cargo
        .args([
            "--bin",
            "overlock-fuzz",
            "--features",
            "libfuzzer",
            "--target",
            host,
            "--target-dir",
        ])
        .arg(&folder)
        .env("RUSTFLAGS", COVERAGE);
    command::succeed(&mut cargo).context(
        "the fuzz targets do not build; they need a C++ compiler (c++), on Debian: apt-get install g++",
    )?;
    Ok(folder.join(host).join("fuzz/overlock-fuzz"))
}
