//! Packages that behave well and ill, in two versions, for everything that can happen to a patch.
//!
//! Version 1.0 of each behaves; what is wrong with a package is wrong with its version 2.0, so that a host takes the
//! first and gets into trouble by the update.

pub mod rpm;
mod scripts;
mod services;

pub use scripts::{asks_debconf, cuts_network, fails, fills_disk, forks_daemon, hangs, prompts};
pub use services::{breaks_service, greeting, service};

use crate::deb::Deb;
use anyhow::Result;
use std::path::{Path, PathBuf};

/// Which of the two versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// 1.0
    First,
    /// 2.0
    Second,
}

impl Release {
    /// The version's text.
    #[must_use]
    pub fn version(self) -> &'static str {
        match self {
            Self::First => "1.0",
            Self::Second => "2.0",
        }
    }

    fn package(self, name: &str) -> Deb {
        Deb::new(name, self.version())
    }
}

/// `lab-plain`: one file, nothing else.
#[must_use]
pub fn plain(release: Release) -> Deb {
    release
        .package("lab-plain")
        .file("/usr/share/lab-plain/version", release.version())
}

/// `lab-pair` and `liblab-pair`: one source; each version of the program needs just that version of the library.
#[must_use]
pub fn pair(release: Release) -> [Deb; 2] {
    let version = release.version();
    let library = release
        .package("liblab-pair")
        .field("Source", "lab-pair")
        .file("/usr/lib/lab-pair/version", version);
    let program = release
        .package("lab-pair")
        .field("Depends", format!("liblab-pair (= {version})"))
        .program(
            "/usr/bin/lab-pair",
            format!("#!/bin/sh\nread -r library </usr/lib/lab-pair/version || :\ntest \"$library\" = {version}\n"),
        );
    [library, program]
}

/// `lab-conffile`: its configuration file changes between the versions; dpkg asks where it was changed locally.
#[must_use]
pub fn conffile(release: Release) -> Deb {
    let setting = match release {
        Release::First => "workers = 2\n",
        Release::Second => "workers = 4\nlimit = 100\n",
    };
    release
        .package("lab-conffile")
        .conffile("/etc/lab-conffile.conf", setting)
        .file("/usr/share/lab-conffile/version", release.version())
}

/// `lab-trigger` waits for files of others; `lab-triggering` brings some. When it is configured or triggered, the first
/// gathers them in `/var/lib/lab-trigger/seen`.
#[must_use]
pub fn trigger(release: Release) -> [Deb; 2] {
    let waiting = release
        .package("lab-trigger")
        .control("triggers", "interest /usr/share/lab-trigger\n")
        .script(
            "postinst",
            "mkdir -p /var/lib/lab-trigger\n\
             cat /usr/share/lab-trigger/* >/var/lib/lab-trigger/seen 2>/dev/null || :\n",
        )
        .script("postrm", "rm -rf /var/lib/lab-trigger\n");
    let triggering = release
        .package("lab-triggering")
        .file("/usr/share/lab-trigger/lab-triggering", release.version());
    [waiting, triggering]
}

/// `lab-diversion`: moves the file of [`plain`] aside and puts its own there.
#[must_use]
pub fn diversion(release: Release) -> Deb {
    const DIVERT: &str = "dpkg-divert --quiet --package lab-diversion --divert \
                          /usr/share/lab-plain/version.diverted --rename";
    const FILE: &str = "/usr/share/lab-plain/version";
    release
        .package("lab-diversion")
        .file(FILE, format!("diverted {}", release.version()))
        .script("preinst", &format!("{DIVERT} --add {FILE}\n"))
        .script(
            "postrm",
            &format!("if [ \"$1\" = remove ]; then {DIVERT} --remove {FILE}; fi\n"),
        )
}

/// `lab-rival`: its second version takes [`plain`] away.
#[must_use]
pub fn rival(release: Release) -> Deb {
    let rival = release
        .package("lab-rival")
        .file("/usr/share/lab-rival/version", release.version());
    match release {
        Release::First => rival,
        Release::Second => rival.field("Conflicts", "lab-plain"),
    }
}

/// All of one version, built into `folder`, by name.
///
/// # Errors
/// When a package cannot be built.
pub fn all(release: Release, folder: &Path) -> Result<Vec<PathBuf>> {
    let mut debs = vec![
        plain(release),
        conffile(release),
        diversion(release),
        rival(release),
        service(release),
        breaks_service(release),
        fails(release),
        hangs(release),
        prompts(release),
        asks_debconf(release),
        forks_daemon(release),
        fills_disk(release),
        cuts_network(release),
    ];
    debs.extend(pair(release));
    debs.extend(trigger(release));
    debs.extend(greeting(release, folder)?);
    debs.sort_by(|one, other| one.name().cmp(other.name()));
    debs.iter().map(|deb| deb.build(folder)).collect()
}
