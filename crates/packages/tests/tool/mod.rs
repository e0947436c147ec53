//! Running the real package tools in tests.

use std::path::Path;
use std::process::{Command, Output};

/// Whether all of these programs are here; else the test is skipped visibly.
pub fn all_here(test: &str, programs: &[&str]) -> bool {
    programs
        .iter()
        .all(|program| overlock_testkit::tool(test, program).is_some())
}

/// Runs a program that must succeed and gives what it printed.
pub fn run(home: &Path, program: &str, arguments: &[&str]) -> String {
    let output = output(home, program, arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a program that ends with an error because it is told not to act, and gives what it printed.
#[allow(dead_code, reason = "each test file takes what it needs")]
pub fn run_refused(home: &Path, program: &str, arguments: &[&str]) -> String {
    let output = output(home, program, arguments);
    assert!(!output.status.success(), "{program} {arguments:?} acted");
    String::from_utf8(output.stdout).unwrap()
}

fn output(home: &Path, program: &str, arguments: &[&str]) -> Output {
    Command::new(program)
        .args(arguments)
        .env("HOME", home)
        .env("LC_ALL", "C.UTF-8")
        .current_dir(home)
        .output()
        .unwrap()
}
