//! Programs that tests call, and the Debian packages that bring them.

use crate::command;
use anyhow::{Result, ensure};
use overlock_testkit::{find_tool, is_root};
use std::path::Path;
use std::process::Command;

/// A program that some test asks the testkit for.
struct Need {
    program: &'static str,
    /// Debian package.
    package: &'static str,
    purpose: &'static str,
}

/// The one list: a test that calls another program adds it here. Programs of the base system (tar, mount, openssl's
/// libraries, util-linux) are taken as given.
#[rustfmt::skip]
const NEEDS: [Need; 27] = [
    Need { program: "rpm", package: "rpm", purpose: "oracle of rpm's version order, databases to read" },
    Need { program: "dnf", package: "dnf", purpose: "oracle of candidates from rpm repositories" },
    Need { program: "zypper", package: "zypper", purpose: "the same for SUSE's" },
    Need { program: "createrepo_c", package: "createrepo-c", purpose: "rpm repositories" },
    Need { program: "rpmbuild", package: "rpm", purpose: "packages for rpm hosts of the lab" },
    Need { program: "rpmsign", package: "rpm", purpose: "their signatures" },
    Need { program: "vercmp", package: "pacman-package-manager", purpose: "oracle of pacman's version order" },
    Need { program: "mmdebstrap", package: "mmdebstrap", purpose: "a frozen Debian root" },
    Need { program: "systemd-nspawn", package: "systemd-container", purpose: "hosts of the lab" },
    Need { program: "ip", package: "iproute2", purpose: "the lab's network" },
    Need { program: "nsenter", package: "util-linux", purpose: "entering the lab's hosts" },
    Need { program: "apt-ftparchive", package: "apt-utils", purpose: "apt repositories" },
    Need { program: "gpg", package: "gpg", purpose: "signed repositories" },
    Need { program: "gpg-agent", package: "gpg-agent", purpose: "keys to sign them with" },
    Need { program: "qemu-system-x86_64", package: "qemu-system-x86", purpose: "machines with a kernel of their own" },
    Need { program: "mke2fs", package: "e2fsprogs", purpose: "their disks" },
    Need { program: "openssl", package: "openssl", purpose: "certificates of a local server" },
    Need { program: "gcc", package: "gcc", purpose: "a program to look into" },
    Need { program: "mkfs.btrfs", package: "btrfs-progs", purpose: "roots that snapshots are taken of" },
    Need { program: "g++", package: "g++", purpose: "oracle of apt's phased updates" },
    Need { program: "objcopy", package: "binutils", purpose: "sections of a program" },
    Need { program: "lz4", package: "lz4", purpose: "apt lists as apt compresses them" },
    Need { program: "zstd", package: "zstd", purpose: "compressed files from the original program" },
    Need { program: "ssh-keygen", package: "openssh-client", purpose: "signatures over plans from the original program" },
    // Debian keeps `initdb`, which is what is called, out of PATH; this one comes with it.
    Need { program: "pg_createcluster", package: "postgresql", purpose: "a private PostgreSQL cluster" },
    Need { program: "curl", package: "curl", purpose: "the line that installs an agent" },
    Need { program: "time", package: "time", purpose: "peak memory of benchmarks" },
];

/// Where apt keeps what the repositories offer; some tests read this machine's own.
const APT_LISTS: &str = "/var/lib/apt/lists";

/// Installs what is missing where that is ours to do: as root on a Debian system. Elsewhere it names it.
pub fn prepare(no_install: bool) -> Result<()> {
    let missing: Vec<&Need> = NEEDS
        .iter()
        .filter(|need| find_tool(need.program).is_none())
        .collect();
    for need in &missing {
        println!(
            "missing: {} (Debian package {}): {}",
            need.program, need.package, need.purpose
        );
    }
    let packages: Vec<&str> = missing.iter().map(|need| need.package).collect();
    let debian = Path::new("/etc/debian_version").exists() && find_tool("apt-get").is_some();
    // A fresh container has apt, but no lists.
    let listless = debian && !has_apt_lists();
    if packages.is_empty() && !listless {
        println!("all {} programs are here", NEEDS.len());
        return Ok(());
    }
    if no_install || !is_root() || !debian {
        println!(
            "tests that need them are skipped; on Debian, as root: apt-get update && apt-get install {}",
            packages.join(" ")
        );
        return Ok(());
    }
    if let Err(error) = install(&packages) {
        // Not the end: the tests say themselves what they lack, and with CI=true they fail by it.
        println!("warning: {error:#}; tests that need them are skipped");
    }
    Ok(())
}

fn has_apt_lists() -> bool {
    let names = std::fs::read_dir(APT_LISTS)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name());
    names
        .into_iter()
        .any(|name| name.to_string_lossy().ends_with("Release"))
}

/// Installs and never removes: packages that conflict with what this machine has (Debian's zypper and
/// dnf-plugins-core do) are left out, since the other one is there because somebody wanted it.
fn install(packages: &[&str]) -> Result<()> {
    command::succeed(&mut apt(&["-qq", "update"]))?;
    if packages.is_empty() || command::succeed(&mut apt_install(packages)).is_ok() {
        return Ok(());
    }
    let refused: Vec<&str> = packages
        .iter()
        .copied()
        .filter(|package| command::succeed(&mut apt_install(&[package])).is_err())
        .collect();
    ensure!(
        refused.is_empty(),
        "apt does not install {} without removing something, or at all",
        refused.join(", ")
    );
    Ok(())
}

fn apt_install(packages: &[&str]) -> Command {
    let mut install = apt(&[
        "-qq",
        "-y",
        "--no-install-recommends",
        "--no-remove",
        "install",
    ]);
    install.args(packages);
    install
}

fn apt(arguments: &[&str]) -> Command {
    let mut apt = command::command("apt-get", arguments);
    apt.env("DEBIAN_FRONTEND", "noninteractive")
        .env("LC_ALL", "C.UTF-8");
    apt
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn installing_never_removes() {
        let line = command::line(&apt_install(&["a", "b"]));
        assert!(line.contains(" --no-remove "), "{line}");
        assert!(line.ends_with(" install a b"), "{line}");
    }
}
