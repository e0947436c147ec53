//! Working on a host from outside: running programs in its namespaces, reading and writing its files.
//!
//! Files too go through a program on the host, so that its own mounts are seen and its links lead where they lead
//! there, never into this machine.

use super::{Host, Power};
use crate::repository::Repository;
use anyhow::{Context, Result, bail, ensure};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::Ordering;

/// Most that is kept of what a program prints on one stream, in bytes.
const PRINTED_MAX: u64 = 16 << 20;

/// A program that takes longer is ended.
const RUN_MAX_S: u64 = 600;

/// What `timeout(1)` gives back when it ended the program.
const TIMED_OUT: i32 = 124;

/// What every program finds around it: as in a login of root, in no language.
pub const ENVIRONMENT: [(&str, &str); 5] = [
    (
        "PATH",
        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ),
    ("HOME", "/root"),
    ("USER", "root"),
    ("LANG", "C.UTF-8"),
    ("TERM", "dumb"),
];

/// How a program ended and what it printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// Its exit code; 128 and the signal's number where it was killed; 124 where it took too long.
    pub code: i32,
    /// What it printed, at most 16 MiB.
    pub stdout: String,
    /// The same of its messages.
    pub stderr: String,
}

impl Ran {
    /// Itself where the program succeeded.
    ///
    /// # Errors
    /// With both outputs where it did not.
    pub fn ok(self) -> Result<Self> {
        if self.code == TIMED_OUT {
            bail!(
                "ended since it took too long: {}{}",
                self.stdout,
                self.stderr
            );
        }
        ensure!(
            self.code == 0,
            "exit code {}: {}{}",
            self.code,
            self.stdout,
            self.stderr
        );
        Ok(self)
    }
}

impl Host {
    /// Runs a program to its end, for ten minutes at most; a name without `/` is looked for in the usual folders.
    ///
    /// It has no terminal and an empty standard input. On a host that is off, it runs in its root alone, with no
    /// systemd and no `/proc`.
    ///
    /// # Errors
    /// When it cannot be started. That it fails is an answer.
    pub fn run(&self, argv: &[&str]) -> Result<Ran> {
        self.run_within(RUN_MAX_S, argv)
    }

    /// The same with another limit, in seconds.
    ///
    /// # Errors
    /// As [`Host::run`].
    pub fn run_within(&self, seconds: u64, argv: &[&str]) -> Result<Ran> {
        self.finish(seconds, argv, Stdio::null())
    }

    /// Runs a program that must succeed and gives what it printed.
    ///
    /// # Errors
    /// When it fails.
    pub fn output(&self, argv: &[&str]) -> Result<String> {
        let ran = self.run(argv)?.ok();
        let ran = ran.with_context(|| format!("`{}` on `{}`", argv.join(" "), self.name))?;
        Ok(ran.stdout)
    }

    /// A command that runs this program on the host, not started: for a test that lets it run beside others, gives it
    /// a terminal, or watches what it prints. The program stays in the host's namespaces and ends with the host.
    #[must_use]
    pub fn command(&self, argv: &[&str]) -> Command {
        let mut command = match &self.power {
            Power::On { leader, .. } => {
                let mut command = self.group.below("payload").below("entered").command();
                command.arg("nsenter").args(into(&leader.to_string()));
                command
            }
            Power::Off => {
                let mut command = Command::new("chroot");
                command.arg(&self.root);
                command
            }
        };
        command.args(argv).env_clear().envs(ENVIRONMENT);
        command
    }

    /// Writes a file, with the folders above it. A file that is there keeps its owner and mode.
    ///
    /// # Errors
    /// When the path is not absolute or cannot be written.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) -> Result<()> {
        let mut input = tempfile(&self.folder, &self.commands)?;
        input.write_all(content.as_ref())?;
        std::io::Seek::rewind(&mut input)?;
        self.feed(r#"mkdir -p "${1%/*}/" && cat >"$1""#, path, input)
    }

    /// Reads a file whole.
    ///
    /// # Errors
    /// When it cannot be read, or is no UTF-8 and would be changed by being shown.
    pub fn read(&self, path: &str) -> Result<String> {
        self.output(&["cat", "--", path])
    }

    /// Puts a program of this machine there, executable; one that runs under that path goes on as it was.
    ///
    /// # Errors
    /// When it cannot be read here or written there.
    pub fn copy_in(&self, program: &Path, path: &str) -> Result<()> {
        let input = File::open(program)
            .with_context(|| format!("cannot read the program `{}`", program.display()))?;
        let script =
            r#"mkdir -p "${1%/*}/" && cat >"$1.new" && chmod 755 "$1.new" && mv "$1.new" "$1""#;
        self.feed(script, path, input)
    }

    /// Makes apt take packages from a repository, with its key, and updates its lists.
    ///
    /// # Errors
    /// When a file cannot be written. That the update fails is an answer.
    pub fn use_repository(&self, repository: &Repository) -> Result<Ran> {
        self.use_repository_signed_by(repository, repository.key())
    }

    /// The same with another key, which need not be the right one. `key` is a file on this machine.
    ///
    /// # Errors
    /// As [`Host::use_repository`].
    pub fn use_repository_signed_by(&self, repository: &Repository, key: &Path) -> Result<Ran> {
        let name = repository.name();
        let ring = format!("/etc/apt/keyrings/{name}.gpg");
        self.write(&ring, fs::read(key)?)?;
        self.write(
            &format!("/etc/apt/sources.list.d/{name}.sources"),
            repository.source(&ring),
        )?;
        self.run(&["apt-get", "-q", "update"])
    }

    fn feed(&self, script: &str, path: &str, input: File) -> Result<()> {
        ensure!(path.starts_with('/'), "`{path}` is no absolute path");
        let argv = ["/bin/sh", "-c", script, "sh", path];
        let ran = self.finish(RUN_MAX_S, &argv, input.into())?;
        ran.ok()
            .with_context(|| format!("cannot write `{path}` on `{}`", self.name))?;
        Ok(())
    }

    /// The outputs go to files and not through pipes: a daemon that a program leaves behind may keep its outputs open
    /// for ever, and only the program's own end counts.
    fn finish(&self, seconds: u64, argv: &[&str], input: Stdio) -> Result<Ran> {
        let mut out = tempfile(&self.folder, &self.commands)?;
        let mut messages = tempfile(&self.folder, &self.commands)?;
        let limit = seconds.to_string();
        let mut whole = vec!["timeout", "--kill-after=5", limit.as_str()];
        whole.extend(argv);
        let child = self
            .command(&whole)
            .stdin(input)
            .stdout(out.try_clone()?)
            .stderr(messages.try_clone()?)
            .spawn()
            .with_context(|| format!("cannot enter `{}`", self.name))?;
        let status = await_end(&child)?;
        Ok(Ran {
            code: code(status),
            stdout: text(&mut out)?,
            stderr: text(&mut messages)?,
        })
    }
}

/// What makes `nsenter(1)` run a program beside that process.
pub fn into(leader: &str) -> [&str; 9] {
    [
        "--target", leader, "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--",
    ]
}

/// Waits, and wakes nsenter where it sleeps: a host that goes down stops every process before it ends them, nsenter stops
/// itself when its program stops, and nobody outside would let it go on.
fn await_end(child: &Child) -> Result<ExitStatus> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let pid = pid.context("a process has no number")?;
    loop {
        match waitpid(Some(pid), WaitOptions::UNTRACED) {
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno).context("cannot wait for what runs on a host"),
            Ok(Some((_, status))) if !status.stopped() => {
                return Ok(ExitStatus::from_raw(status.as_raw()));
            }
            Ok(_) => {
                // Gone meanwhile is fine.
                let _ = kill_process(pid, Signal::CONT);
            }
        }
    }
}

fn code(status: ExitStatus) -> i32 {
    status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}

/// A file without a name in the host's folder.
fn tempfile(folder: &Path, count: &std::sync::atomic::AtomicU32) -> Result<File> {
    let number = count.fetch_add(1, Ordering::Relaxed);
    let path = folder.join(format!("stream-{number}"));
    let file = File::options()
        .create_new(true)
        .read(true)
        .write(true)
        .open(&path)?;
    fs::remove_file(&path)?;
    Ok(file)
}

fn text(file: &mut File) -> Result<String> {
    std::io::Seek::rewind(file)?;
    let mut bytes = Vec::new();
    file.take(PRINTED_MAX).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
