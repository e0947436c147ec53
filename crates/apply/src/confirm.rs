//! Commit-confirm: a change that may cut the host off is kept only once somebody got through to it (P13).
//!
//! While a run waits, a timer of systemd stands behind it, outside of our process: if nobody confirms and we are gone, it
//! starts `overlock repair`, which finds the run open, sees that its time is up, and takes the packages back.

use crate::checks::connect;
use crate::program::{Call, Program};
use crate::restart::is_systemd;
use crate::timer::{TimerError, named};
use jiff::Timestamp;
use overlock_model::mitigation::{Measure, Mitigation};
use overlock_model::plan::Closure;
use overlock_model::run::RunId;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// After this the timer gives us up and acts itself.
const GRACE: Duration = Duration::from_secs(30);

/// Packages, or beginnings of their names with `*`, without which a host may be cut off: network, boot, identity.
const CUTTING: [&str; 44] = [
    "bind9*",
    "cloud-init*",
    "cryptsetup*",
    "dbus*",
    "dhcpcd*",
    "dracut*",
    "firewalld*",
    "grub*",
    "ifupdown*",
    "initramfs-tools*",
    "iproute2",
    "iptables*",
    "isc-dhcp-*",
    "kernel*",
    "krb5-*",
    "libc6",
    "glibc*",
    "libnetplan*",
    "libnss-*",
    "libpam*",
    "libsystemd*",
    "linux-image*",
    "lvm2",
    "login",
    "netbase",
    "netplan*",
    "network-manager*",
    "NetworkManager*",
    "nftables",
    "openssh*",
    "pam*",
    "passwd",
    "resolvconf",
    "shadow-utils",
    "shim*",
    "sssd*",
    "sudo",
    "systemd*",
    "udev",
    "ufw",
    "unbound*",
    "wicked*",
    "wireguard*",
    "wpasupplicant",
];

/// Packages of a closure that ask for a confirmation.
#[must_use]
pub fn cutting(closure: &Closure) -> Vec<&str> {
    closure
        .changes
        .iter()
        .map(|change| change.name.as_str())
        .filter(|name| {
            CUTTING
                .iter()
                .any(|pattern| match pattern.strip_suffix('*') {
                    Some(prefix) => name.starts_with(prefix),
                    None => name == pattern,
                })
        })
        .collect()
}

/// Units of network and logins, by the beginnings of their names: without them a host may be cut off.
const CUTTING_UNITS: [&str; 14] = [
    "NetworkManager",
    "connman",
    "dhcpcd",
    "firewalld",
    "ifup",
    "networking",
    "nftables",
    "nscd",
    "ssh",
    "sssd",
    "ufw",
    "wicked",
    "winbind",
    "wpa_supplicant",
];

/// Units of measures that ask for a confirmation.
#[must_use]
pub fn cutting_units(measures: &[Mitigation]) -> Vec<&str> {
    let units = measures.iter().filter_map(|one| match &one.measure {
        Measure::DisableUnit { unit } => Some(unit.as_str()),
        _ => None,
    });
    units
        .filter(|unit| CUTTING_UNITS.iter().any(|start| unit.starts_with(start)))
        .collect()
}

fn out_of_range(error: jiff::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, error.to_string())
}

/// The files of one run's confirmation.
#[derive(Debug, Clone)]
pub struct Confirmation {
    run: RunId,
    folder: PathBuf,
}

/// How a wait ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waited {
    /// By whom or by what.
    Confirmed(String),
    /// Nobody did.
    TimeUp,
}

impl Confirmation {
    /// In a run's own folder.
    #[must_use]
    pub fn new(run: RunId, folder: &Path) -> Self {
        Self {
            run,
            folder: folder.to_owned(),
        }
    }

    fn said(&self) -> PathBuf {
        self.folder.join("confirmed")
    }

    fn deadline_file(&self) -> PathBuf {
        self.folder.join("confirm-until")
    }

    /// Writes the confirmation down; the waiting run sees it.
    ///
    /// # Errors
    /// When nobody waits, or the file cannot be written.
    pub fn confirm(&self, by: &str) -> io::Result<()> {
        if self.deadline().is_none() {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                "the run does not wait for a confirmation",
            ));
        }
        let new = self.folder.join("confirmed.new");
        fs::write(&new, by)?;
        fs::rename(new, self.said())
    }

    /// Until when the run waits; `None` when it does not.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        let text = fs::read_to_string(self.deadline_file()).ok()?;
        text.trim().parse().ok()
    }

    /// Begins to wait, or goes on with the deadline of a wait that was cut off: a crash must not lengthen it.
    ///
    /// # Errors
    /// When it cannot be written down.
    pub fn begin(&self, now: Timestamp, within: Duration) -> io::Result<Timestamp> {
        if let Some(deadline) = self.deadline() {
            return Ok(deadline);
        }
        let span = jiff::SignedDuration::try_from(within).map_err(out_of_range)?;
        let deadline = now.checked_add(span).map_err(out_of_range)?;
        let new = self.folder.join("confirm-until.new");
        fs::write(&new, deadline.to_string())?;
        fs::File::open(&new)?.sync_all()?;
        fs::rename(new, self.deadline_file())?;
        Ok(deadline)
    }

    /// Sets the timer that acts if we are gone.
    ///
    /// # Errors
    /// When a path cannot be named to systemd, or it does not take the timer. Where there is no systemd there is none, and
    /// nothing stands behind us.
    pub fn arm(&self, program: &Path, data: &Path, within: Duration) -> Result<bool, TimerError> {
        if !is_systemd() {
            return Ok(false);
        }
        let seconds = (within + GRACE).as_secs();
        let arguments = [
            "--quiet".to_owned(),
            "--collect".to_owned(),
            format!("--unit={}", self.unit()),
            format!("--on-active={seconds}s"),
            "--timer-property=AccuracySec=1s".to_owned(),
            "--".to_owned(),
            named(program)?.to_owned(),
            "--data".to_owned(),
            named(data)?.to_owned(),
            "repair".to_owned(),
        ];
        Call::new(Program::SystemdRun, arguments).output()?;
        Ok(true)
    }

    /// Takes the timer away again.
    pub fn disarm(&self) {
        if is_systemd() {
            let unit = format!("{}.timer", self.unit());
            // Gone already is fine.
            drop(Call::new(Program::Systemctl, ["stop", "--", unit.as_str()]).run());
        }
    }

    fn unit(&self) -> String {
        format!("overlock-run-{}-unconfirmed", self.run)
    }

    /// Waits for a confirmation: `overlock confirm`, or a fresh connection to one of these addresses.
    #[must_use]
    pub fn wait(
        &self,
        deadline: Timestamp,
        addresses: &[String],
        clock: &dyn Fn() -> Timestamp,
    ) -> Waited {
        loop {
            if let Ok(by) = fs::read_to_string(self.said()) {
                return Waited::Confirmed(by);
            }
            if let Some(address) = addresses.iter().find(|address| connect(address).is_ok()) {
                return Waited::Confirmed(format!("a fresh connection to {address}"));
            }
            if clock() >= deadline {
                return Waited::TimeUp;
            }
            std::thread::sleep(Duration::from_millis(500));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn crash_does_not_lengthen_the_wait() {
        let folder = tempfile::tempdir().unwrap();
        let confirmation = Confirmation::new(RunId(1), folder.path());
        assert!(confirmation.confirm("me").is_err(), "nobody waits yet");
        let within = Duration::from_secs(600);
        let first = confirmation
            .begin(at("2026-11-23T00:00:00Z"), within)
            .unwrap();
        let again = confirmation
            .begin(at("2026-11-23T00:09:00Z"), within)
            .unwrap();
        assert_eq!(first, again);
        let late = || at("2026-11-23T00:10:00Z");
        assert_eq!(confirmation.wait(first, &[], &late), Waited::TimeUp);
        confirmation.confirm("root").unwrap();
        assert_eq!(
            confirmation.wait(first, &[], &late),
            Waited::Confirmed("root".to_owned())
        );
    }

    #[test]
    fn fresh_connection_confirms() {
        let folder = tempfile::tempdir().unwrap();
        let confirmation = Confirmation::new(RunId(1), folder.path());
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let waited = confirmation.wait(at("2026-11-23T00:00:00Z"), &[address], &|| {
            at("2026-11-24T00:00:00Z")
        });
        assert!(matches!(waited, Waited::Confirmed(_)));
    }

    #[test]
    fn what_may_cut_a_host_off_is_known_by_name() {
        let closure = Closure {
            manager: "deb".to_owned(),
            changes: [
                "openssh-server",
                "jq",
                "linux-image-amd64",
                "libc6",
                "libc6-dev",
            ]
            .into_iter()
            .map(|name| overlock_model::plan::Change {
                name: name.to_owned(),
                arch: "amd64".to_owned(),
                action: overlock_model::plan::Action::Remove {
                    from: "1".to_owned(),
                    back: None,
                },
            })
            .collect(),
        };
        assert_eq!(
            cutting(&closure),
            ["openssh-server", "linux-image-amd64", "libc6"]
        );
    }
}
