//! Real hosts for tests and for people: Debian roots booted with their own systemd, patched from real repositories.
//!
//! Tests of applying call it, and `cargo xtask lab`. Nothing here is simulated: apt, dpkg and systemd are Debian's own,
//! packages are built by `dpkg-deb` and `rpmbuild`, repositories are signed and served over HTTP. It needs root and a few
//! Debian packages ([`PROGRAMS`]); [`available`] skips a test visibly where they are missing.
//!
//! ```text
//! Recipe ──mmdebstrap──► Root (built once, never changed)
//!                          │ overlayfs copy + systemd-nspawn
//! Lab ── network namespace ┼──► Host, Host, … ◄── apt over HTTP ── Repository ◄── Deb, real updates
//!        with a bridge     └──► leftovers of killed runs are recognised by their owner and removed
//! ```
//!
//! Nothing listens or is named in the machine's main network namespace, and nothing of the lab reaches outside: what
//! hosts take from outside is fetched before, by [`real_security_updates`].

mod apt_sources;
mod cgroup;
pub mod corpus;
mod deb;
mod host;
mod key;
mod leftovers;
pub mod machine;
mod network;
mod present;
mod repository;
mod root;
mod rpm;
mod rpm_repository;
mod run;
mod server;
mod tool;
mod updates;

pub use deb::Deb;
pub use host::{Disk, Ended, Host, Ran};
pub use leftovers::{Sweep, sweep};
pub use machine::{Luggage, Machine};
pub use present::{PresentHost, PresentLab, login, present};
pub use repository::{Index, Repository, Suite};
pub use root::{Recipe, Root, Timers};
pub use rpm::Rpm;
pub use rpm_repository::RpmRepository;
pub use run::Lab;
pub use tool::await_answer;
pub use updates::{Update, Updates, real_security_updates};

use anyhow::{Result, ensure};
use overlock_testkit::{find_tool, is_root};
use std::path::{Path, PathBuf};

/// Programs that the lab calls, each with the Debian package that brings it.
pub const PROGRAMS: [(&str, &str); 13] = [
    ("systemd-nspawn", "systemd-container"),
    ("mmdebstrap", "mmdebstrap"),
    ("ip", "iproute2"),
    ("nsenter", "util-linux"),
    ("apt-ftparchive", "apt-utils"),
    ("gpg", "gpg"),
    ("gpg-agent", "gpg-agent"),
    ("gcc", "gcc"),
    ("mkfs.btrfs", "btrfs-progs"),
    ("btrfstune", "btrfs-progs"),
    ("rpmbuild", "rpm"),
    ("rpmsign", "rpm"),
    ("createrepo_c", "createrepo-c"),
];

/// Whether `test` can use the lab, after telling why it is skipped where it cannot.
///
/// # Panics
/// With `CI=true`, where a skip is a failure.
#[must_use]
pub fn available(test: &str) -> bool {
    overlock_testkit::root(test)
        && PROGRAMS
            .iter()
            .all(|(program, _)| overlock_testkit::tool(test, program).is_some())
}

/// The same for people: an error that says what to do.
///
/// # Errors
/// When not root, or when a program is missing.
pub fn require() -> Result<()> {
    ensure!(
        is_root(),
        "the lab mounts, makes namespaces and boots hosts: it needs root"
    );
    let missing: Vec<&str> = PROGRAMS
        .iter()
        .filter(|(program, _)| find_tool(program).is_none())
        .map(|(_, package)| *package)
        .collect();
    ensure!(
        missing.is_empty(),
        "programs are missing; install them with `apt-get install {}`",
        missing.join(" ")
    );
    Ok(())
}

/// Where roots, packages and running labs are kept: `OVERLOCK_LAB`, or `target/lab` in the project.
#[must_use]
pub fn folder() -> PathBuf {
    std::env::var_os("OVERLOCK_LAB").map_or_else(
        || {
            let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
            let project = manifest.ancestors().nth(2).unwrap_or(manifest);
            project.join("target/lab")
        },
        PathBuf::from,
    )
}
