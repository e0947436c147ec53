//! Runs a command, follows all its descendants wherever they go, and asks at each event what is to happen.
//!
//! Called by every trial. Descendants cannot escape: `fork`, `vfork`, `clone` and `exec` are followed by the kernel
//! (`ptrace(2)`), new sessions and namespaces change nothing about that, and if this process dies they die with it. A
//! seccomp filter stops them at the calls of [`crate::call`] alone, *before* the call has any effect.
//!
//! ```text
//! thread with the filter ── starts ──► sh, waiting for a line ── exec ──► the command ──► …
//! this thread ── seizes sh, writes the line, then: stop → watch(event) → go on | kill all
//! ```
//! The filter is inherited from the thread that starts the command; that way nothing has to run between fork and exec.

use crate::call::{self, Call, Subject};
use anyhow::{Context, Result, anyhow};
use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A system call that is about to change a file system.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Event {
    /// Which one of all, over all processes, from 1.
    pub index: u64,
    /// Name of the program.
    pub process: String,
    /// Name of the call.
    pub call: &'static str,
    /// What it changes, where that is easy to know; inside the root that the command runs in.
    pub path: String,
}

/// What is to happen at an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The call is made.
    GoOn,
    /// The call is not made; every process ends now, by SIGKILL.
    Kill,
}

/// How it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traced {
    /// Exit code; none if it was killed.
    pub code: Option<i32>,
    /// Events, the last one included.
    pub events: u64,
}

/// Runs `arguments` to the end or to the first [`Order::Kill`]; when this returns, no descendant lives.
///
/// Both outputs go to `output`. `root` is taken off the paths of events.
///
/// # Errors
/// When it cannot be started or followed.
pub fn run<S: AsRef<OsStr> + Sync>(
    arguments: &[S],
    root: &Path,
    output: &File,
    watch: &mut dyn FnMut(&Event) -> Result<Order>,
) -> Result<Traced> {
    let mut child = start(arguments, output)?;
    let first = Pid::from_raw(i32::try_from(child.id())?);
    let options = Options::PTRACE_O_TRACEFORK
        | Options::PTRACE_O_TRACEVFORK
        | Options::PTRACE_O_TRACECLONE
        | Options::PTRACE_O_TRACEEXEC
        | Options::PTRACE_O_TRACESECCOMP
        | Options::PTRACE_O_EXITKILL;
    ptrace::seize(first, options).context("cannot follow the command")?;
    let mut go = child.stdin.take().context("the command has no input")?;
    go.write_all(b"\n")?;
    drop(go);
    let mut following = Following {
        root: root.to_string_lossy().into_owned(),
        alive: BTreeSet::from([first]),
        events: 0,
        killed: false,
        failed: None,
    };
    let code = following.follow(first, watch)?;
    match following.failed {
        Some(error) => Err(error),
        None => Ok(Traced {
            code: code.filter(|_| !following.killed),
            events: following.events,
        }),
    }
}

/// A shell that becomes the command when it is told to, already under the filter.
fn start<S: AsRef<OsStr> + Sync>(arguments: &[S], output: &File) -> Result<Child> {
    let filter = call::filter()?;
    let (out, err) = (output.try_clone()?, output.try_clone()?);
    std::thread::scope(|scope| {
        let thread = scope.spawn(move || {
            seccompiler::apply_filter(&filter)?;
            Command::new("/bin/sh")
                .args(["-c", "read -r _; exec \"$@\"", "sh"])
                .args(arguments)
                .env_clear()
                .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
                .env("LC_ALL", "C.UTF-8")
                .env("HOME", "/root")
                .stdin(Stdio::piped())
                .stdout(out)
                .stderr(err)
                .spawn()
                .context("cannot start a shell")
        });
        let joined = thread.join();
        joined.map_err(|_| anyhow!("the thread that starts the command ended badly"))?
    })
}

struct Following {
    root: String,
    alive: BTreeSet<Pid>,
    events: u64,
    killed: bool,
    failed: Option<anyhow::Error>,
}

impl Following {
    /// Until nobody is left.
    fn follow(
        &mut self,
        first: Pid,
        watch: &mut dyn FnMut(&Event) -> Result<Order>,
    ) -> Result<Option<i32>> {
        // Other threads have commands of their own under way.
        let flags = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
        let mut code = None;
        loop {
            let status = match waitpid(None, Some(flags)) {
                Ok(status) => status,
                Err(Errno::ECHILD) => return Ok(code),
                Err(Errno::EINTR) => continue,
                Err(errno) => return Err(errno).context("cannot wait for the command"),
            };
            match status {
                WaitStatus::Exited(pid, with) => {
                    self.alive.remove(&pid);
                    if pid == first {
                        code = Some(with);
                    }
                }
                WaitStatus::Signaled(pid, ..) => {
                    self.alive.remove(&pid);
                }
                WaitStatus::PtraceEvent(pid, _, event) => {
                    self.met(pid);
                    if event == libc::PTRACE_EVENT_SECCOMP && !self.killed {
                        self.event(pid, watch);
                    }
                    resume(pid, None);
                }
                WaitStatus::Stopped(pid, signal) => {
                    self.met(pid);
                    resume(pid, Some(signal));
                }
                _ => {}
            }
        }
    }

    /// Someone who was born while the others were killed goes too.
    fn met(&mut self, pid: Pid) {
        if self.alive.insert(pid) && self.killed {
            let _ = kill(pid, Signal::SIGKILL);
        }
    }

    fn event(&mut self, pid: Pid, watch: &mut dyn FnMut(&Event) -> Result<Order>) {
        let Some((call, path)) = self.changed(pid) else {
            return;
        };
        self.events += 1;
        let event = Event {
            index: self.events,
            process: fs::read_to_string(format!("/proc/{pid}/comm"))
                .unwrap_or_default()
                .trim()
                .to_owned(),
            call: call.name,
            path,
        };
        match watch(&event) {
            Ok(Order::GoOn) => {}
            Ok(Order::Kill) => self.kill_all(),
            Err(error) => {
                self.failed = Some(error);
                self.kill_all();
            }
        }
    }

    /// Parents first, so that none sees its child die and writes that down.
    fn kill_all(&mut self) {
        self.killed = true;
        for pid in &self.alive {
            let _ = kill(*pid, Signal::SIGKILL);
        }
    }

    /// Which call, and on what; `None` if it does not count.
    fn changed(&self, pid: Pid) -> Option<(&'static Call, String)> {
        // Number and six arguments, of a process that is stopped (`proc(5)`).
        let text = fs::read_to_string(format!("/proc/{pid}/syscall")).ok()?;
        let mut words = text.split_whitespace();
        let call = call::by_number(words.next()?.parse().ok()?)?;
        let arguments: Vec<u64> = words
            .filter_map(|word| u64::from_str_radix(word.trim_start_matches("0x"), 16).ok())
            .collect();
        let path = match call.subject {
            Subject::All => String::new(),
            Subject::Path(at) | Subject::Opening(at, _) => text_at(pid, *arguments.get(at)?),
            Subject::File(at) => {
                let link = format!("/proc/{pid}/fd/{}", arguments.get(at)?);
                let of = fs::metadata(&link).ok()?;
                if !of.is_file() && !of.is_dir() {
                    return None;
                }
                fs::read_link(&link).ok()?.to_string_lossy().into_owned()
            }
        };
        let path = path.strip_prefix(&self.root).unwrap_or(&path);
        let elsewhere = ["/dev/", "/proc/"].iter().any(|at| path.starts_with(at));
        (!elsewhere).then(|| (call, path.to_owned()))
    }
}

fn resume(pid: Pid, signal: Option<Signal>) {
    // Gone meanwhile: its end comes by the next wait.
    let _ = ptrace::cont(pid, signal);
}

/// A path in the memory of a process; empty if there is none.
fn text_at(pid: Pid, address: u64) -> String {
    let mut bytes = vec![0; 512];
    let read = File::open(format!("/proc/{pid}/mem"))
        .and_then(|memory| memory.read_at(&mut bytes, address))
        .unwrap_or(0);
    bytes.truncate(read);
    let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}
