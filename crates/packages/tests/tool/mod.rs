//! Running the real package tools in tests.

use std::path::Path;
use std::process::Command;

/// Whether all of these programs are here; else the test is skipped visibly.
pub fn all_here(test: &str, programs: &[&str]) -> bool {
    programs
        .iter()
        .all(|program| overlock_testkit::tool(test, program).is_some())
}

/// Runs a program and gives what it printed.
pub fn run(home: &Path, program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .env("HOME", home)
        .env("LC_ALL", "C.UTF-8")
        .current_dir(home)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}
