//! Packages whose maintainer script of version 2.0 does what it should not.

use super::Release;
use crate::deb::Deb;

/// Version 1.0 has no script.
fn ill(name: &str, release: Release, postinst: &str) -> Deb {
    let file = format!("/usr/share/{name}/version");
    let deb = release.package(name).file(&file, release.version());
    match release {
        Release::First => deb,
        Release::Second => deb.script("postinst", postinst),
    }
}

/// `lab-fails`: `postinst configure` exits with 1.
#[must_use]
pub fn fails(release: Release) -> Deb {
    ill(
        "lab-fails",
        release,
        "echo 'lab-fails: cannot go on' >&2\nexit 1\n",
    )
}

/// `lab-hangs`: `postinst` never ends.
#[must_use]
pub fn hangs(release: Release) -> Deb {
    ill("lab-hangs", release, "exec sleep infinity\n")
}

/// `lab-prompts`: `postinst` asks on its standard input and fails without an answer.
#[must_use]
pub fn prompts(release: Release) -> Deb {
    ill(
        "lab-prompts",
        release,
        "printf 'lab-prompts: go on? [y/N] '\nread -r answer || exit 1\ntest \"$answer\" = y\n",
    )
}

/// `lab-asks-debconf`: asks by debconf with the highest priority; the answer is in `/var/lib/lab-asks-debconf`.
#[must_use]
pub fn asks_debconf(release: Release) -> Deb {
    let deb = ill(
        "lab-asks-debconf",
        release,
        ". /usr/share/debconf/confmodule\n\
         db_get lab-asks-debconf/colour\n\
         echo \"$RET\" >/var/lib/lab-asks-debconf\n",
    )
    .field("Depends", "debconf");
    match release {
        Release::First => deb,
        Release::Second => deb
            .control(
                "templates",
                "Template: lab-asks-debconf/colour\nType: select\nChoices: red, blue\nDefault: blue\n\
                 Description: Which colour?\n There is no right answer.\n",
            )
            .script(
                "config",
                ". /usr/share/debconf/confmodule\n\
                 db_input critical lab-asks-debconf/colour || true\n\
                 db_go || true\n",
            )
            .script(
                "postrm",
                "if [ \"$1\" = purge ]; then . /usr/share/debconf/confmodule; db_purge; fi\n\
                 if [ \"$1\" != upgrade ]; then rm -f /var/lib/lab-asks-debconf; fi\n",
            ),
    }
}

/// `lab-forks-daemon`: `postinst` leaves a process behind that keeps all its outputs open and says its number in
/// `/run/lab-forks-daemon.pid`.
#[must_use]
pub fn forks_daemon(release: Release) -> Deb {
    ill(
        "lab-forks-daemon",
        release,
        "sleep infinity &\necho $! >/run/lab-forks-daemon.pid\n",
    )
}

/// `lab-fills-disk`: `postinst` writes until the disk is full, 512 MiB at most: use it on a host with
/// [`crate::Disk::Limited`]. dpkg then cannot write down either how it ended.
#[must_use]
pub fn fills_disk(release: Release) -> Deb {
    ill(
        "lab-fills-disk",
        release,
        "head --bytes 512M /dev/zero >/var/cache/lab-fills-disk\n",
    )
    .script("postrm", "rm -f /var/cache/lab-fills-disk\n")
}

/// `lab-cuts-network`: `postinst` takes the network's configuration and the interface down; through systemd where it runs
/// itself without the host's network.
#[must_use]
pub fn cuts_network(release: Release) -> Deb {
    ill(
        "lab-cuts-network",
        release,
        "mv /etc/systemd/network/10-lab.network /etc/systemd/network/10-lab.network.cut\n\
         ip link set host0 down 2>/dev/null || systemd-run --quiet --wait ip link set host0 down\n",
    )
    .script(
        "prerm",
        "if [ -e /etc/systemd/network/10-lab.network.cut ]; then\n\
         mv /etc/systemd/network/10-lab.network.cut /etc/systemd/network/10-lab.network\n\
         systemctl restart systemd-networkd\n\
         fi\n",
    )
}
