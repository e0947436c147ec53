//! Programs that tests call, and the Debian packages that bring them.

use crate::command;
use anyhow::Result;
use overlock_testkit::{find_tool, is_root};
use std::path::Path;

/// A program that some test asks the testkit for.
struct Need {
    program: &'static str,
    /// Debian package.
    package: &'static str,
    purpose: &'static str,
}

/// The one list: a test that calls another program adds it here.
const NEEDS: [Need; 9] = [
    Need {
        program: "rpm",
        package: "rpm",
        purpose: "oracle of rpm's version order, databases to read",
    },
    Need {
        program: "dnf",
        package: "dnf",
        purpose: "oracle of candidates from rpm repositories",
    },
    Need {
        program: "createrepo_c",
        package: "createrepo-c",
        purpose: "rpm repositories",
    },
    Need {
        program: "vercmp",
        package: "pacman-package-manager",
        purpose: "oracle of pacman's version order",
    },
    Need {
        program: "mmdebstrap",
        package: "mmdebstrap",
        purpose: "a frozen Debian root",
    },
    Need {
        program: "apt-ftparchive",
        package: "apt-utils",
        purpose: "apt repositories",
    },
    Need {
        program: "gpg",
        package: "gpg",
        purpose: "signed repositories",
    },
    Need {
        program: "lz4",
        package: "lz4",
        purpose: "apt lists as apt compresses them",
    },
    Need {
        program: "zstd",
        package: "zstd",
        purpose: "compressed files from the original program",
    },
];

/// Installs what is missing where that is ours to do: as root on a Debian system. Elsewhere it names it.
pub fn prepare(no_install: bool) -> Result<()> {
    let missing: Vec<&Need> = NEEDS
        .iter()
        .filter(|need| find_tool(need.program).is_none())
        .collect();
    if missing.is_empty() {
        println!("all {} programs are here", NEEDS.len());
        return Ok(());
    }
    for need in &missing {
        println!(
            "missing: {} (Debian package {}): {}",
            need.program, need.package, need.purpose
        );
    }
    let packages: Vec<&str> = missing.iter().map(|need| need.package).collect();
    let may_install = !no_install && is_root() && Path::new("/etc/debian_version").exists();
    if !may_install || find_tool("apt-get").is_none() {
        println!(
            "hint: tests that need them are skipped; install them, on Debian: apt-get install {}",
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

fn install(packages: &[&str]) -> Result<()> {
    let apt = |arguments: &[&str]| {
        let mut apt = command::command("apt-get", arguments);
        apt.env("DEBIAN_FRONTEND", "noninteractive")
            .env("LC_ALL", "C.UTF-8");
        apt
    };
    command::succeed(&mut apt(&["-qq", "update"]))?;
    let mut install = apt(&["-qq", "-y", "--no-install-recommends", "install"]);
    command::succeed(install.args(packages))
}
