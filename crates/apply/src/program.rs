//! Starting a program: from a fixed list, by argv, with a clean environment, never through a shell (R2, P3).
//!
//! Everything that this crate executes passes through here. Output is bounded, time is bounded, and nobody who is started
//! has a terminal to ask questions at.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// Most bytes that are kept of what a program prints, for each of its two outputs.
const OUTPUT_BYTES_MAX: u64 = 16 << 20;

/// The list. Nothing else is ever started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// Simulates, fetches, installs.
    AptGet,
    /// Subvolumes: snapshots of the root, and putting one back.
    Btrfs,
    /// What repositories state of versions.
    AptCache,
    /// Marks of automatic installation.
    AptMark,
    /// Finishes what was cut off; audits.
    Dpkg,
    /// Resolves and fetches, where packages are rpm.
    Dnf,
    /// Installs, verifies and says what is installed, where packages are rpm.
    Rpm,
    /// Makes an artifact of an installed package.
    DpkgDeb,
    /// What is installed.
    DpkgQuery,
    /// What a kept configuration file and its new version differ in.
    Diff,
    /// Recent messages, for evidence.
    Journalctl,
    /// Unloads modules of the kernel.
    Modprobe,
    /// What snapd is doing.
    Snap,
    /// Units: what runs, what failed; restarts.
    Systemctl,
    /// When a calendar expression comes round.
    SystemdAnalyze,
    /// A transient unit that outlives us.
    SystemdRun,
    /// A network namespace with nothing in it, for the installation.
    Unshare,
}

/// All that is passed on to programs; whatever else our own environment holds stays out (T5).
const ENVIRONMENT: [(&str, &str); 9] = [
    ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
    ("HOME", "/root"),
    ("LC_ALL", "C.UTF-8"),
    ("DEBIAN_FRONTEND", "noninteractive"),
    ("DEBCONF_NONINTERACTIVE_SEEN", "true"),
    ("APT_LISTCHANGES_FRONTEND", "none"),
    // The restart pass is ours (REQ-16).
    ("NEEDRESTART_SUSPEND", "1"),
    ("UCF_FORCE_CONFFOLD", "1"),
    ("TERM", "dumb"),
];

/// How a program ended.
#[derive(Debug)]
pub struct Ran {
    /// Its status; `None` when its time was up and it was ended.
    pub status: Option<ExitStatus>,
    /// What it printed.
    pub stdout: Vec<u8>,
    /// What it complained.
    pub stderr: Vec<u8>,
}

/// A program could not be run.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// It is not there, or may not be started.
    #[error("cannot start `{program}`")]
    Start {
        /// Path.
        program: String,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// It ended badly.
    #[error("`{line}` {how}")]
    Failed {
        /// The command.
        line: String,
        /// Exit code or signal, and the last lines of what it said.
        how: String,
    },
}

impl Program {
    /// Where it is on every system that we patch.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::AptGet => "/usr/bin/apt-get",
            Self::Btrfs => btrfs(),
            Self::AptCache => "/usr/bin/apt-cache",
            Self::AptMark => "/usr/bin/apt-mark",
            Self::Dnf => "/usr/bin/dnf",
            Self::Rpm => "/usr/bin/rpm",
            Self::Dpkg => "/usr/bin/dpkg",
            Self::DpkgDeb => "/usr/bin/dpkg-deb",
            Self::DpkgQuery => "/usr/bin/dpkg-query",
            Self::Diff => "/usr/bin/diff",
            Self::Journalctl => "/usr/bin/journalctl",
            Self::Modprobe => "/usr/sbin/modprobe",
            Self::Snap => "/usr/bin/snap",
            Self::Systemctl => "/usr/bin/systemctl",
            Self::SystemdAnalyze => "/usr/bin/systemd-analyze",
            Self::SystemdRun => "/usr/bin/systemd-run",
            Self::Unshare => "/usr/bin/unshare",
        }
    }

    /// Whether it is installed.
    #[must_use]
    pub fn is_here(self) -> bool {
        Path::new(self.path()).is_file()
    }
}

/// Debian and newer Fedoras have it with all others, SUSE with those for root only.
fn btrfs() -> &'static str {
    const ELSEWHERE: &str = "/usr/sbin/btrfs";
    if Path::new(ELSEWHERE).is_file() {
        ELSEWHERE
    } else {
        "/usr/bin/btrfs"
    }
}

/// A command to be.
#[derive(Debug, Clone)]
pub struct Call {
    program: Program,
    arguments: Vec<OsString>,
    folder: PathBuf,
    limit: Duration,
    log: Option<PathBuf>,
    environment: Vec<(String, String)>,
}

impl Call {
    /// A call that may take five minutes.
    pub fn new(program: Program, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        Self {
            program,
            arguments: arguments
                .into_iter()
                .map(|argument| argument.as_ref().to_owned())
                .collect(),
            folder: "/".into(),
            limit: Duration::from_secs(300),
            log: None,
            environment: Vec::new(),
        }
    }

    /// With this in its environment too.
    #[must_use]
    pub fn with(self, more: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self {
            environment: more.iter().map(owned).collect(),
            ..self
        }
    }

    /// In this folder instead of `/`.
    #[must_use]
    pub fn within(self, folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            ..self
        }
    }

    /// With another limit of time.
    #[must_use]
    pub fn limit(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// Both outputs are appended to a file instead of being kept.
    #[must_use]
    pub fn log_to(self, log: &Path) -> Self {
        Self {
            log: Some(log.to_owned()),
            ..self
        }
    }

    /// The environment of every call.
    pub fn environment() -> impl Iterator<Item = (&'static str, &'static str)> {
        ENVIRONMENT.into_iter()
    }

    /// The command as one types it.
    #[must_use]
    pub fn line(&self) -> String {
        std::iter::once(OsStr::new(self.program.path()))
            .chain(self.arguments.iter().map(OsString::as_os_str))
            .map(|word| word.to_string_lossy().into_owned())
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// The same, shortened, for messages.
    #[must_use]
    pub fn short_line(&self) -> String {
        shortened(&self.line(), 300)
    }

    /// Runs it to its end, or to the end of its time.
    ///
    /// # Errors
    /// When it cannot be started or its log cannot be written.
    pub fn run(&self) -> Result<Ran, ProgramError> {
        let start = |source| ProgramError::Start {
            program: self.program.path().to_owned(),
            source,
        };
        let mut command = command(self.program.path());
        command
            .args(&self.arguments)
            .current_dir(&self.folder)
            .envs(self.environment.iter().cloned());
        if let Some(log) = &self.log {
            let open = || {
                std::fs::OpenOptions::new()
                    .create(true)
                    .append(true)
                    .open(log)
            };
            command
                .stdout(open().map_err(start)?)
                .stderr(open().map_err(start)?);
        } else {
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
        }
        finish(command, self.limit).map_err(start)
    }

    /// Runs it; anything but exit code 0 is an error.
    ///
    /// # Errors
    /// When it cannot be started, does not end in time or ends badly.
    pub fn output(&self) -> Result<Vec<u8>, ProgramError> {
        let ran = self.run()?;
        if ran.is_success() {
            return Ok(ran.stdout);
        }
        Err(ProgramError::Failed {
            line: self.short_line(),
            how: ran.how(),
        })
    }
}

/// Runs the one kind of program that is not on the list: a health check that the host's own administrator configured.
///
/// # Errors
/// When it cannot be started.
pub(crate) fn run_argv(argv: &[String], limit: Duration) -> Result<Ran, ProgramError> {
    let (program, arguments) = argv
        .split_first()
        .unwrap_or((const { &String::new() }, &[]));
    let mut command = command(program);
    command
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    finish(command, limit).map_err(|source| ProgramError::Start {
        program: program.clone(),
        source,
    })
}

fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .envs(ENVIRONMENT)
        .current_dir("/")
        .stdin(Stdio::null())
        // A group of its own: a signal to us (^C) does not cut a transaction, and leftovers can be ended together.
        .process_group(0);
    command
}

fn finish(mut command: Command, limit: Duration) -> io::Result<Ran> {
    let mut child = command.spawn()?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    std::thread::scope(|scope| {
        let err = scope.spawn(move || err.map(bounded).unwrap_or_default());
        let out = scope.spawn(move || out.map(bounded).unwrap_or_default());
        let status = wait(&mut child, limit)?;
        Ok(Ran {
            status,
            stdout: out.join().unwrap_or_default(),
            stderr: err.join().unwrap_or_default(),
        })
    })
}

impl Ran {
    /// Exit code 0.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }

    /// How it ended and the last of what it said, for people.
    #[must_use]
    pub fn how(&self) -> String {
        let end = match self.status {
            None => "did not end in time and was ended".to_owned(),
            Some(status) => format!("ended with {status}"),
        };
        let said = [&self.stderr, &self.stdout]
            .into_iter()
            .map(|bytes| last_lines(bytes))
            .find(|said| !said.is_empty());
        match said {
            Some(said) => format!("{end}: {said}"),
            None => end,
        }
    }
}

/// The last lines of an output, joined and shortened.
fn last_lines(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let last = lines.len().saturating_sub(3);
    let joined = lines.get(last..).unwrap_or_default().join("; ");
    shortened(&joined, 600)
}

fn shortened(text: &str, length: usize) -> String {
    if text.chars().count() <= length {
        return text.to_owned();
    }
    text.chars().take(length).chain(['…']).collect()
}

/// Reads to the end and keeps what is in bounds, so that whoever prints is never blocked.
fn bounded(mut source: impl Read) -> Vec<u8> {
    let mut kept = Vec::new();
    if source
        .by_ref()
        .take(OUTPUT_BYTES_MAX)
        .read_to_end(&mut kept)
        .is_ok()
    {
        drop(io::copy(&mut source, &mut io::sink()));
    }
    kept
}

/// Waits for the end; past the limit the whole group is ended.
fn wait(child: &mut Child, limit: Duration) -> io::Result<Option<ExitStatus>> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let Some(pid) = pid else {
        return child.wait().map(Some);
    };
    let handle = pidfd_open(pid, PidfdFlags::empty())?;
    let mut watched = [PollFd::new(&handle, PollFlags::IN)];
    let limit = Timespec {
        tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(limit.subsec_nanos()),
    };
    let ended = loop {
        match poll(&mut watched, Some(&limit)) {
            Ok(count) => break count > 0,
            Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    };
    if ended {
        return child.wait().map(Some);
    }
    // Already gone is fine.
    let _ = kill_process_group(pid, Signal::KILL);
    child.wait()?;
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_our_environment_is_passed_on() {
        // `diff` of nothing with nothing is the smallest program on the list.
        let call = Call::new(Program::Diff, ["/dev/null", "/dev/null"]);
        assert!(call.run().unwrap().is_success());
        assert!(ENVIRONMENT.iter().all(|(name, _)| *name != "LD_PRELOAD"));
    }

    #[test]
    fn end_and_last_words_are_told() {
        let call = Call::new(Program::Diff, ["/nowhere", "/dev/null"]);
        let error = call.output().unwrap_err().to_string();
        assert!(error.contains("/usr/bin/diff /nowhere"), "{error}");
        assert!(error.contains("exit status: 2"), "{error}");
        assert!(error.contains("No such file"), "{error}");
    }

    #[test]
    fn program_without_an_end_is_ended() {
        // Reading from a named pipe that nobody writes to never ends.
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
            0,
        )
        .unwrap();
        let call = Call::new(Program::Diff, [pipe.as_os_str(), OsStr::new("/dev/null")]);
        let ran = call.limit(Duration::from_millis(50)).run().unwrap();
        assert_eq!(ran.status, None);
    }
}
