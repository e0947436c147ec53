//! Worlds, real data and real tools for tests.
//!
//! A test that needs something from outside (the shared data, root, a Debian package) asks here for it. Where it is
//! missing the test is skipped *visibly*, and with `CI=true` a skip is a failure.

pub mod postgres;
pub mod report_fixture;
mod shared_data;
pub mod vuls;

use std::io::Write;
use std::path::{Path, PathBuf};

pub use shared_data::{dpkg_status, gzip_text, shared_folder, zstd_reader, zstd_text};

/// The folder with real feeds and inventories, or `None` after telling why the calling test is skipped.
///
/// It is `OVERLOCK_SHARED`, or `../shared` beside the project.
///
/// # Panics
/// With `CI=true`, where a skip is a failure.
#[must_use]
pub fn shared(test: &str) -> Option<PathBuf> {
    let folder = shared_folder();
    if folder.is_none() {
        skip(
            test,
            "the folder `../shared` (or OVERLOCK_SHARED) is not here",
        );
    }
    folder
}

/// The mirror of all publishers that `cargo xtask mirror` lays out from the shared data: `OVERLOCK_MIRROR`, or
/// `target/mirror` in the project; or `None` after telling that `test` is skipped without it.
///
/// # Panics
/// With `CI=true`, where a skip is a failure.
#[must_use]
pub fn mirror(test: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("OVERLOCK_MIRROR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/mirror"),
        PathBuf::from,
    );
    // Written last, so that half a mirror is none.
    let whole = folder.join(".mirror").is_file();
    if !whole {
        skip(test, "no mirror is laid out; `cargo xtask mirror` does it");
    }
    whole.then_some(folder)
}

/// Where `program` is, or `None` after telling that `test` is skipped without it.
///
/// # Panics
/// With `CI=true`, where a skip is a failure.
#[must_use]
pub fn tool(test: &str, program: &str) -> Option<PathBuf> {
    let found = find_tool(program);
    if found.is_none() {
        skip(test, &format!("the program `{program}` is not installed"));
    }
    found
}

/// Whether the test runs as root, after telling why it is skipped where it does not.
///
/// # Panics
/// With `CI=true`, where a skip is a failure.
#[must_use]
pub fn root(test: &str) -> bool {
    let root = is_root();
    if !root {
        skip(test, "it needs root");
    }
    root
}

/// Whether this process has the effective user id 0, as `/proc/self` belongs to it.
#[must_use]
pub fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|of| of.uid() == 0)
}

/// The first executable file of this name in `PATH` or the system's own folders, which a user's `PATH` often lacks.
#[must_use]
pub fn find_tool(program: &str) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|file| {
            std::fs::metadata(file)
                .is_ok_and(|of| of.is_file() && of.permissions().mode() & 0o111 != 0)
        })
}

/// Says that `test` was skipped and why.
///
/// The test runner hides what a passing test prints, so the line is also appended to the file that
/// `OVERLOCK_SKIP_LOG` names; `cargo xtask test` reads it there and prints it at the end.
///
/// # Panics
/// With `CI=true`, where a skip is a failure.
#[expect(clippy::print_stderr, reason = "it is the tests' own voice")]
pub fn skip(test: &str, why: &str) {
    let line = format!("overlock-skip: {test}: {why}\n");
    if let Some(log) = std::env::var_os("OVERLOCK_SKIP_LOG") {
        append(Path::new(&log), &line);
    }
    eprint!("{line}");
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "skipped with CI=true: {test}: {why}"
    );
}

/// One write in append mode, so that lines of tests that run at the same time do not mix.
fn append(log: &Path, line: &str) {
    let opened = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(log);
    // The line goes to standard error as well; a log that cannot be written must not fail a test that was to be skipped.
    drop(opened.and_then(|mut file| file.write_all(line.as_bytes())));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skip_line_is_appended_to_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("skips");
        append(&log, "overlock-skip: a: b\n");
        append(&log, "overlock-skip: c: d\n");
        assert_eq!(
            std::fs::read_to_string(log).unwrap(),
            "overlock-skip: a: b\noverlock-skip: c: d\n"
        );
    }

    #[test]
    fn tool_is_found_by_name_and_only_if_it_exists() {
        assert!(find_tool("sh").is_some());
        assert_eq!(find_tool("no-program-has-this-name"), None);
    }
}
