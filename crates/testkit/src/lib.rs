//! Worlds, real data and real tools for tests.
//!
//! A test that needs something from outside (the shared data, root, a Debian package) asks here for it. Where it is
//! missing the test is skipped *visibly*, and with `CI=true` a skip is a failure.

pub mod report_fixture;

use std::path::{Path, PathBuf};

/// The folder with real feeds and inventories, or `None` after telling why the calling test is skipped.
///
/// It is `OVERLOCK_SHARED`, or `../shared` beside the project.
///
/// # Panics
/// With `CI=true`, where a skip is a failure.
#[must_use]
pub fn shared(test: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("OVERLOCK_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    if folder.join("data/README.md").is_file() {
        return Some(folder);
    }
    skip(
        test,
        "the folder `../shared` (or OVERLOCK_SHARED) is not here",
    );
    None
}

/// Says that `test` was skipped and why; `cargo xtask test` collects these lines.
///
/// # Panics
/// With `CI=true`, where a skip is a failure.
#[expect(clippy::print_stderr, reason = "it is the tests' own voice")]
pub fn skip(test: &str, why: &str) {
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "skipped with CI=true: {test}: {why}"
    );
    eprintln!("overlock-skip: {test}: {why}");
}
