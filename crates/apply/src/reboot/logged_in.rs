//! Who would notice a boot: people who are logged in, and programs that asked the system to stay up.
//!
//! logind keeps both under `/run/systemd` as `KEY=value` lines. Its files are its own and may change; then nobody is
//! seen, and the host boots as `systemctl reboot` would.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::Path;

/// A file of logind's has ten lines.
const FILE_BYTES_MAX: u64 = 16 << 10;
/// More than a host has sessions.
const FILES_MAX: usize = 1000;

/// Somebody who asked the system not to go down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inhibitor {
    /// Who.
    pub who: String,
    /// Why.
    pub why: String,
}

impl std::fmt::Display for Inhibitor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} keeps the host up: {}", self.who, self.why)
    }
}

/// Users with a session on a terminal or over the network, each once, with where they come from.
#[must_use]
pub fn logged_in() -> Vec<String> {
    users(Path::new("/run/systemd/sessions"))
}

/// Those who block a reboot altogether. Who only delays it is given time by the system itself.
#[must_use]
pub fn inhibitors() -> Vec<Inhibitor> {
    blocking(Path::new("/run/systemd/inhibit"))
}

fn users(folder: &Path) -> Vec<String> {
    let sessions = files(folder).into_iter().filter_map(|text| {
        // A manager of user services, a cron job: nobody sits there.
        if field(&text, "CLASS") != Some("user") || field(&text, "STATE") == Some("closing") {
            return None;
        }
        let user = shown(field(&text, "USER")?);
        let place = field(&text, "REMOTE_HOST").or_else(|| field(&text, "TTY"));
        Some(match place {
            Some(place) => format!("{user} ({})", shown(place)),
            None => user,
        })
    });
    sessions.collect::<BTreeSet<_>>().into_iter().collect()
}

fn blocking(folder: &Path) -> Vec<Inhibitor> {
    let inhibitors = files(folder).into_iter().filter_map(|text| {
        let blocks = field(&text, "MODE")? == "block"
            && field(&text, "WHAT")?
                .split(':')
                .any(|what| what == "shutdown");
        blocks.then(|| Inhibitor {
            who: shown(field(&text, "WHO").unwrap_or("somebody")),
            why: shown(field(&text, "WHY").unwrap_or("no reason given")),
        })
    });
    inhibitors.collect()
}

fn field<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let value = |line: &'t str| line.strip_prefix(key)?.strip_prefix('=');
    text.lines()
        .find_map(value)
        .filter(|value| !value.is_empty())
}

/// What others wrote, for a note.
fn shown(text: &str) -> String {
    let plain = text.chars().filter(|c| !c.is_control());
    plain.take(100).collect()
}

/// Regular files of a folder by name; `NUMBER.ref` are pipes that logind watches.
fn files(folder: &Path) -> Vec<String> {
    let mut paths: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
        .map(|entry| entry.path())
        .take(FILES_MAX)
        .collect();
    paths.sort();
    let read = |path: &Path| {
        let mut text = String::new();
        let file = fs::File::open(path).ok()?;
        file.take(FILE_BYTES_MAX).read_to_string(&mut text).ok()?;
        Some(text)
    };
    paths.iter().filter_map(|path| read(path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_named_and_services_are_not() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [
            (
                "1",
                "UID=0\nUSER=root\nSTATE=active\nCLASS=user\nTTY=tty1\n",
            ),
            (
                "4",
                "USER=ada\nSTATE=online\nREMOTE=1\nREMOTE_HOST=192.0.2.7\nCLASS=user\n",
            ),
            (
                "5",
                "USER=ada\nSTATE=active\nREMOTE=1\nREMOTE_HOST=192.0.2.7\nCLASS=user\n",
            ),
            ("6", "USER=bob\nSTATE=closing\nCLASS=user\n"),
            ("7", "USER=ada\nSTATE=active\nCLASS=manager\n"),
            ("8", "not logind's\n"),
        ] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        assert_eq!(users(folder.path()), ["ada (192.0.2.7)", "root (tty1)"]);
        assert!(users(&folder.path().join("absent")).is_empty());
    }

    #[test]
    fn only_who_blocks_a_shutdown_holds_it_up() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [
            (
                "1",
                "WHAT=sleep:shutdown\nMODE=block\nWHO=backup\nWHY=a copy is being made\n",
            ),
            (
                "2",
                "WHAT=shutdown\nMODE=delay\nWHO=unattended-upgrades\nWHY=stop\n",
            ),
            (
                "3",
                "WHAT=handle-lid-switch\nMODE=block\nWHO=desk\nWHY=lid\n",
            ),
        ] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let found = blocking(folder.path());
        let told: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(told, ["backup keeps the host up: a copy is being made"]);
    }
}
