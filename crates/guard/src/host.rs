//! What the guard knows of the host that it guards; the caller reads it from the system and the journal.

use crate::{Limits, Trust};
use jiff::Timestamp;
use overlock_model::mitigation::Mitigation;
use overlock_model::plan::{Change, Closure, HostId, PlanId};

/// This host, and what it allows.
#[derive(Debug, Clone)]
pub struct Host {
    /// Its id.
    pub id: HostId,
    /// Its release as plans name it: `debian:12`.
    pub os: String,
    /// Its architecture in the package manager's word: `amd64`, `x86_64`.
    pub arch: String,
    /// Other architectures whose packages it takes (`dpkg --print-foreign-architectures`; `i686` on `x86_64`).
    pub foreign: Vec<String>,
    /// The fleet that it belongs to, besides `local`, which every host does.
    pub fleet: Option<String>,
    /// The highest generation in its journal; 0 in a new one.
    pub generation_floor: u64,
    /// The plan that had that generation. It alone may come with it again: that is a run that goes on.
    pub seen_plan: Option<PlanId>,
    /// The latest time in its journal. A clock that is behind it cannot tell whether a plan has expired.
    pub time_floor: Option<Timestamp>,
    /// What must stay installed.
    pub protected: Protected,
    /// The closure of the run that this plan is to take back, when the operator asked for that: only its changes may be
    /// undone by an older version or a removal.
    pub reverts: Option<Closure>,
    /// Measures in force here whose time is over. That they end then was agreed to with the plan that brought them, so
    /// taking just these away needs no new approval.
    pub expired: Vec<Mitigation>,
    /// Whose signatures count.
    pub trust: Trust,
    /// Its bounds.
    pub limits: Limits,
}

impl Host {
    /// A host that has seen no plan, with the default bounds.
    #[must_use]
    pub fn new(id: HostId, os: impl Into<String>, arch: impl Into<String>, trust: Trust) -> Self {
        Self {
            id,
            os: os.into(),
            arch: arch.into(),
            foreign: Vec::new(),
            fleet: None,
            generation_floor: 0,
            seen_plan: None,
            time_floor: None,
            protected: Protected::default(),
            reverts: None,
            expired: Vec::new(),
            trust,
            limits: Limits::default(),
        }
    }

    /// Whether packages of this architecture can be installed here.
    pub(crate) fn takes(&self, arch: &str) -> bool {
        matches!(arch, "all" | "noarch")
            || arch == self.arch
            || self.foreign.iter().any(|foreign| foreign == arch)
    }

    /// Whether this change is the exact opposite of one of the run that is taken back.
    pub(crate) fn is_undone_by(&self, change: &Change) -> bool {
        self.reverts.as_ref().is_some_and(|reverted| {
            reverted.changes.iter().any(|was| {
                (&was.name, &was.arch) == (&change.name, &change.arch)
                    && (was.from(), was.to()) == (change.to(), change.from())
            })
        })
    }
}

/// Packages that may be replaced but never removed: without them the host does not boot, cannot install, cannot be
/// reached, or has lost its guard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protected {
    names: Vec<String>,
}

/// dpkg's: every package that Debian 12 marks `Essential`, what `apt` and booting stand on, the way in.
const DEB: [&str; 39] = [
    "apt",
    "base-files",
    "base-passwd",
    "bash",
    "bsdutils",
    "coreutils",
    "dash",
    "debconf",
    "debian-archive-keyring",
    "debianutils",
    "diffutils",
    "dpkg",
    "findutils",
    "grep",
    "gzip",
    "hostname",
    "init",
    "init-system-helpers",
    "libc-bin",
    "libc6",
    "libpam-modules",
    "libpam-runtime",
    "login",
    "ncurses-base",
    "ncurses-bin",
    "openssh-server",
    "passwd",
    "perl-base",
    "sed",
    "sudo",
    "systemd",
    "systemd-sysv",
    "sysvinit-utils",
    "tar",
    "ubuntu-keyring",
    "udev",
    "util-linux",
    "overlock",
    "overlock-agent",
];
/// rpm's, where the names differ.
const RPM: [&str; 26] = [
    "almalinux-release",
    "basesystem",
    "centos-stream-release",
    "coreutils-single",
    "dnf",
    "dnf5",
    "fedora-release",
    "filesystem",
    "glibc",
    "glibc-common",
    "libdnf",
    "libdnf5",
    "librpm",
    "libzypp",
    "oraclelinux-release",
    "pam",
    "redhat-release",
    "rocky-release",
    "rpm",
    "rpm-libs",
    "setup",
    "shadow-utils",
    "systemd-libs",
    "systemd-udev",
    "yum",
    "zypper",
];
/// Boot loaders come in many parts, by firmware and architecture.
const PREFIXES: [&str; 3] = ["grub", "shim", "systemd-boot"];

impl Default for Protected {
    fn default() -> Self {
        let names = DEB.into_iter().chain(RPM).map(str::to_owned).collect();
        Self { names }
    }
}

impl Protected {
    /// Adds packages: the one that holds the running kernel, and those of the host's own configuration.
    #[must_use]
    pub fn and(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.names.extend(names.into_iter().map(Into::into));
        self
    }

    /// Whether the package must stay.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.names.iter().any(|protected| protected == name)
            || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
    }
}
