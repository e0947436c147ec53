//! Base roots: built once with mmdebstrap from where this machine gets its own packages, then only copied over.
//!
//! ```text
//! target/lab/roots/NAME-DIGEST        whole, or not there: built beside and renamed
//! target/lab/roots/NAME-DIGEST.lock   two processes do not build the same root
//! ```

use crate::apt_sources::AptSources;
use crate::tool;
use anyhow::{Context, Result};
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// Changes when the finishing touches of a root change, so that older ones are not used.
const FINISH: u32 = 1;

/// What every host needs to boot, to have a network and to take packages.
const BASE: [&str; 8] = [
    "systemd",
    "systemd-sysv",
    "dbus",
    "libpam-systemd",
    "apt",
    "iproute2",
    "iputils-ping",
    "procps",
];

/// What a small server has besides; most of it gets security updates every year.
const SERVER: [&str; 22] = [
    "openssh-server",
    "ca-certificates",
    "debconf",
    "sudo",
    "cron",
    "less",
    "vim-tiny",
    "curl",
    "wget",
    "rsync",
    "git",
    "gnupg",
    "openssl",
    "nginx-light",
    "perl",
    "python3",
    "bind9-dnsutils",
    "libxml2",
    "libexpat1",
    "libssl3",
    "tzdata",
    "logrotate",
];

/// Whether apt's own daily timers run on hosts of a root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Timers {
    /// They never start: nothing but the test changes packages.
    Masked,
    /// As Debian has them.
    Left,
}

/// What goes into a base root.
#[derive(Debug, Clone, Hash)]
pub struct Recipe {
    name: String,
    packages: Vec<String>,
    timers: Timers,
}

impl Recipe {
    /// A small Debian server: the release as published, no security updates, apt's timers masked.
    #[must_use]
    pub fn server() -> Self {
        Self::named("server", BASE.into_iter().chain(SERVER))
    }

    /// The least that boots, has a network and takes packages.
    #[must_use]
    pub fn small() -> Self {
        Self::named("small", BASE)
    }

    /// What boots by itself: the smallest kernel that Debian has, and a boot loader for a BIOS.
    #[must_use]
    pub fn machine() -> Self {
        let packages = [
            "udev",
            "grub2-common",
            "grub-pc-bin",
            "linux-image-cloud-amd64",
        ];
        Self::named("machine", BASE.into_iter().chain(packages))
    }

    fn named(name: &str, packages: impl IntoIterator<Item = &'static str>) -> Self {
        Self {
            name: name.to_owned(),
            packages: packages.into_iter().map(str::to_owned).collect(),
            timers: Timers::Masked,
        }
    }

    /// With these packages too.
    #[must_use]
    pub fn with(mut self, packages: &[&str]) -> Self {
        self.packages
            .extend(packages.iter().map(|&name| name.to_owned()));
        self
    }

    /// With apt's daily timers so.
    #[must_use]
    pub fn timers(mut self, timers: Timers) -> Self {
        self.timers = timers;
        self
    }

    fn folder_name(&self, sources: &AptSources) -> String {
        let mut digest = DefaultHasher::new();
        (FINISH, self, &sources.main).hash(&mut digest);
        format!(
            "{}-{}-{:016x}",
            self.name,
            sources.codename,
            digest.finish()
        )
    }
}

/// A base root on disk. It is never changed: hosts are copies over it.
#[derive(Debug, Clone)]
pub struct Root {
    path: PathBuf,
    codename: String,
}

impl Root {
    /// The root of a recipe, built now unless it was before.
    ///
    /// # Errors
    /// When apt has no Debian suite configured, or mmdebstrap fails.
    pub fn of(recipe: &Recipe) -> Result<Self> {
        let sources = AptSources::of_this_machine()?;
        let roots = crate::folder().join("roots");
        fs::create_dir_all(&roots).with_context(|| format!("cannot make `{}`", roots.display()))?;
        let name = recipe.folder_name(&sources);
        let path = roots.join(&name);
        let lock = File::create(roots.join(format!("{name}.lock")))?;
        lock.lock()?;
        if !path.is_dir() {
            build(recipe, &sources, &path)
                .with_context(|| format!("cannot build the root `{name}`"))?;
        }
        Ok(Self {
            path,
            codename: sources.codename,
        })
    }

    /// Code name of its release: `bookworm`.
    #[must_use]
    pub fn codename(&self) -> &str {
        &self.codename
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn build(recipe: &Recipe, sources: &AptSources, path: &Path) -> Result<()> {
    let fresh = path.with_extension("new");
    if fresh.exists() {
        fs::remove_dir_all(&fresh)?;
    }
    tool::succeed(&mut tool::command(
        "mmdebstrap",
        &[
            "--quiet",
            "--variant=apt",
            &format!("--include={}", recipe.packages.join(",")),
            &sources.codename,
            &fresh.to_string_lossy(),
            &sources.main,
        ],
    ))?;
    finish(recipe, &fresh)?;
    fs::rename(&fresh, path)?;
    Ok(())
}

/// What makes a Debian tree a host of the lab.
fn finish(recipe: &Recipe, root: &Path) -> Result<()> {
    // Hosts reach no mirror: their sources are the lab's repositories.
    fs::write(root.join("etc/apt/sources.list"), "")?;
    // Each copy gets its own; an empty one would make systemd think of a first boot.
    fs::write(root.join("etc/machine-id"), "")?;
    fs::write(root.join("etc/fstab"), "")?;
    let units = root.join("etc/systemd/system");
    if recipe.timers == Timers::Masked {
        for unit in [
            "apt-daily.timer",
            "apt-daily-upgrade.timer",
            "apt-daily.service",
            "apt-daily-upgrade.service",
        ] {
            link("/dev/null", &units.join(unit))?;
        }
    }
    // The address is set by the host itself, so that a package can break it and a reboot can mend it.
    let vendor = "/lib/systemd/system";
    for (unit, target) in [
        ("systemd-networkd.service", "multi-user.target.wants"),
        (
            "systemd-networkd-wait-online.service",
            "network-online.target.wants",
        ),
        ("network-online.target", "multi-user.target.wants"),
    ] {
        link(&format!("{vendor}/{unit}"), &units.join(target).join(unit))?;
    }
    // A host whose network is broken still boots, and soon: the unit fails and the system is degraded.
    let patience = units.join("systemd-networkd-wait-online.service.d");
    fs::create_dir_all(&patience)?;
    fs::write(
        patience.join("lab.conf"),
        "[Service]\nExecStart=\nExecStart=/lib/systemd/systemd-networkd-wait-online --interface=host0 --timeout=10\n",
    )?;
    Ok(())
}

fn link(target: &str, at: &Path) -> Result<()> {
    if let Some(folder) = at.parent() {
        fs::create_dir_all(folder)?;
    }
    if at.symlink_metadata().is_ok() {
        fs::remove_file(at)?;
    }
    symlink(target, at).with_context(|| format!("cannot make the link `{}`", at.display()))
}
