//! Installing: user, folders, units and the program itself, so that a server's one line of script needs nothing else.
//!
//! Every step looks first and changes only what differs, so that it may be run again, after a failure or with a newer
//! program. Programs are started by argv from [`Tool`], never through a shell.

use crate::durable;
use crate::helper::accounts::{self, GROUP, USER};
use std::io;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where the program goes; `/usr/bin` belongs to package managers.
const PROGRAM: &str = "/usr/local/bin/overlock-agent";
const UNITS: &str = "/etc/systemd/system";
const CONFIGURATION: &str = "/etc/overlock/agent.toml";
const DATA: &str = "/var/lib/overlock";
const STATE: &str = "/var/lib/overlock/agent";
/// Larger than any build of ours.
const PROGRAM_BYTES_MAX: u64 = 256 << 20;

const REPORTER: Unit = Unit {
    name: "overlock-agent.service",
    text: include_str!("../../../apps/overlock-agent/systemd/overlock-agent.service"),
};
const HELPER: Unit = Unit {
    name: "overlock-agent-helper.service",
    text: include_str!("../../../apps/overlock-agent/systemd/overlock-agent-helper.service"),
};
const SOCKET: Unit = Unit {
    name: "overlock-agent-helper.socket",
    text: include_str!("../../../apps/overlock-agent/systemd/overlock-agent-helper.socket"),
};

/// A new host's configuration: everything is sent.
const SAMPLE: &str = "\
# What this host's agent sends. Everything is on unless it is switched off here;
# `overlock-agent report` shows what that is. Changes are taken up within a minute.

[sections]
# packages = true
# languages = true
# repositories = true
# offers = true
# processes = true
# labels = true
# unseen = true

[labels]
# site = \"north\"
";

struct Unit {
    name: &'static str,
    text: &'static str,
}

/// What is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parts {
    /// The reporter alone: the host is only watched.
    Reporter,
    /// With the root helper.
    ReporterAndHelper,
}

/// Programs that are started here.
#[derive(Debug, Clone, Copy)]
enum Tool {
    Groupadd,
    Useradd,
    Userdel,
    Systemctl,
}

impl Tool {
    fn path(self) -> &'static str {
        match self {
            Self::Groupadd => "/usr/sbin/groupadd",
            Self::Useradd => "/usr/sbin/useradd",
            Self::Userdel => "/usr/sbin/userdel",
            Self::Systemctl => "/usr/bin/systemctl",
        }
    }

    fn run(self, arguments: &[&str]) -> Result<(), InstallError> {
        let failed = |how| InstallError::Program {
            line: format!("{} {}", self.path(), arguments.join(" ")),
            how,
        };
        let ended = Command::new(self.path())
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::null())
            .output()
            .map_err(|error| failed(error.to_string()))?;
        if ended.status.success() {
            return Ok(());
        }
        let words: String = String::from_utf8_lossy(&ended.stderr)
            .chars()
            .take(500)
            .collect();
        Err(failed(format!("{}: {}", ended.status, words.trim())))
    }
}

/// Why it was not installed.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// Only root can.
    #[error("only root can install")]
    NotRoot,
    /// Units need it.
    #[error("systemd does not run here")]
    NoSystemd,
    /// A file.
    #[error("cannot {doing} `{}`", path.display())]
    File {
        /// What was tried.
        doing: &'static str,
        /// Which.
        path: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// A program ended badly.
    #[error("`{line}` failed: {how}")]
    Program {
        /// The command.
        line: String,
        /// How.
        how: String,
    },
    /// The user is not there after it was made.
    #[error("there is no user `{USER}` in group `{GROUP}`, and none could be made")]
    NoUser,
}

impl InstallError {
    /// What to do.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotRoot => Some("run it with sudo"),
            Self::NoSystemd => Some(
                "enrol with `overlock-agent enrol`, and have your service manager run `overlock-agent run` as a user of its own",
            ),
            Self::File { .. } | Self::Program { .. } | Self::NoUser => {
                Some("what was done so far stays; run it again once the cause is gone")
            }
        }
    }
}

/// User, folders, program and units; nothing is started.
///
/// # Errors
/// At the first step that fails.
pub fn lay_out(parts: Parts, mut tell: impl FnMut(&str)) -> Result<(), InstallError> {
    checked()?;
    if accounts::group().is_none() {
        Tool::Groupadd.run(&["--system", GROUP])?;
        tell("made the group overlock");
    }
    if accounts::user().is_none() {
        let arguments = [
            "--system",
            "--gid",
            GROUP,
            "--no-create-home",
            "--home-dir",
            STATE,
            "--shell",
            "/usr/sbin/nologin",
            USER,
        ];
        Tool::Useradd.run(&arguments)?;
        tell("made the user overlock-agent");
    }
    let (Some(user), Some(group)) = (accounts::user(), accounts::group()) else {
        return Err(InstallError::NoUser);
    };
    for folder in ["/etc/overlock", DATA] {
        let path = Path::new(folder);
        std::fs::create_dir_all(path).map_err(file("make", path))?;
    }
    let state = Path::new(STATE);
    durable::make_folder(state).map_err(file("make", state))?;
    chown(state, Some(user), Some(group)).map_err(file("give away", state))?;
    let configuration = Path::new(CONFIGURATION);
    if !configuration.exists() {
        put(configuration, SAMPLE.as_bytes(), 0o644)?;
        tell("wrote /etc/overlock/agent.toml");
    }
    let own = Path::new("/proc/self/exe");
    let program = durable::read(own, PROGRAM_BYTES_MAX)
        .and_then(|program| program.ok_or_else(|| io::ErrorKind::NotFound.into()))
        .map_err(file("read", own))?;
    if put(Path::new(PROGRAM), &program, 0o755)? {
        tell("copied this program to /usr/local/bin/overlock-agent");
    }
    for unit in units(parts) {
        let text = unit.text.replace("/usr/bin/overlock-agent", PROGRAM);
        if put(&Path::new(UNITS).join(unit.name), text.as_bytes(), 0o644)? {
            tell(&format!("wrote the unit {}", unit.name));
        }
    }
    Tool::Systemctl.run(&["daemon-reload"])
}

/// Has systemd start what was laid out, now and at every boot.
///
/// # Errors
/// When systemd refuses.
pub fn start(parts: Parts, mut tell: impl FnMut(&str)) -> Result<(), InstallError> {
    checked()?;
    if parts == Parts::ReporterAndHelper {
        Tool::Systemctl.run(&["enable", "--now", "--quiet", SOCKET.name])?;
    }
    Tool::Systemctl.run(&["enable", "--quiet", REPORTER.name])?;
    // It may run already, with the program or the identity from before.
    Tool::Systemctl.run(&["restart", REPORTER.name])?;
    tell("the agent runs; `overlock-agent status` shows how it gets on");
    Ok(())
}

/// Stops and removes what was laid out; with `purge` identity, configuration and user too.
///
/// # Errors
/// At the first step that fails.
pub fn remove(purge: bool, mut tell: impl FnMut(&str)) -> Result<(), InstallError> {
    checked()?;
    for unit in [REPORTER, SOCKET, HELPER] {
        let path = Path::new(UNITS).join(unit.name);
        if path.exists() {
            if unit.name != HELPER.name {
                Tool::Systemctl.run(&["disable", "--now", "--quiet", unit.name])?;
            } else {
                Tool::Systemctl.run(&["stop", unit.name])?;
            }
            take_away(&path)?;
            tell(&format!("removed {}", unit.name));
        }
    }
    Tool::Systemctl.run(&["daemon-reload"])?;
    take_away(Path::new(PROGRAM))?;
    if purge {
        take_away(Path::new(CONFIGURATION))?;
        let state = Path::new(STATE);
        match std::fs::remove_dir_all(state) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(file("remove", state)(error));
            }
            _ => {}
        }
        if accounts::user().is_some() {
            Tool::Userdel.run(&[USER])?;
        }
        tell("removed identity, configuration and user; the host's journal stays");
    }
    Ok(())
}

fn units(parts: Parts) -> Vec<Unit> {
    match parts {
        Parts::Reporter => vec![REPORTER],
        Parts::ReporterAndHelper => vec![REPORTER, SOCKET, HELPER],
    }
}

fn checked() -> Result<(), InstallError> {
    if !rustix::process::geteuid().is_root() {
        return Err(InstallError::NotRoot);
    }
    if !Path::new("/run/systemd/system").is_dir() {
        return Err(InstallError::NoSystemd);
    }
    Ok(())
}

/// Writes a file where it differs; whether it did.
fn put(path: &Path, bytes: &[u8], mode: u32) -> Result<bool, InstallError> {
    let there = durable::read(path, PROGRAM_BYTES_MAX).map_err(file("read", path))?;
    if there.as_deref() == Some(bytes) {
        return Ok(false);
    }
    let new = path.with_extension("overlock-new");
    durable::write(&new, bytes).map_err(file("write", &new))?;
    std::fs::set_permissions(&new, std::fs::Permissions::from_mode(mode))
        .map_err(file("write", &new))?;
    std::fs::rename(&new, path).map_err(file("write", path))?;
    Ok(true)
}

fn take_away(path: &Path) -> Result<(), InstallError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file("remove", path)(error)),
        _ => Ok(()),
    }
}

fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> InstallError {
    let path = path.to_owned();
    move |source| InstallError::File {
        doing,
        path,
        source,
    }
}
