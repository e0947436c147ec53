//! Programs that are measured: built, pinned to a core, started, watched, and ended when their measurement is.

use crate::{command, workspace};
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// Cores, by number: the server's and the load's.
pub(super) const SERVER_CORE: &str = "0";
pub(super) const LOAD_CORE: &str = "1";

/// A server that does not say where it listens within this time is broken.
const START_MAX: Duration = Duration::from_secs(60);

/// A program of ours that runs until this is dropped.
pub(super) struct Running(pub(super) Child);

impl Running {
    /// Starts it and waits until it has written this file.
    pub(super) fn start(mut program: Command, says: &Path) -> Result<Self> {
        let mut running = Self(program.spawn().context("cannot start a program of ours")?);
        let start = Instant::now();
        while fs::metadata(says).map_or(true, |of| of.len() == 0) {
            if let Some(status) = running.0.try_wait()? {
                bail!("{program:?} ended: {status}");
            }
            ensure!(start.elapsed() < START_MAX, "{program:?} does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(running)
    }

    pub(super) fn status_mib(&self, field: &str) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))
            .with_context(|| format!("no {field}"))?;
        let kib: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kib / 1024.0)
    }

    pub(super) fn peak_mib(&self) -> Result<f64> {
        self.status_mib("VmHWM")
    }

    /// User and system time of it and of its ended children, in clock ticks (proc(5): fields 14 to 17).
    pub(super) fn cpu_ticks(&self) -> Result<u64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0.id()))?;
        let (_, rest) = stat.rsplit_once(')').context("no stat")?;
        Ok(rest
            .split_whitespace()
            .skip(11)
            .take(4)
            .filter_map(|field| field.parse::<u64>().ok())
            .sum())
    }

    /// The same, finer: what the scheduler counted for its threads, and the ticks of its children.
    pub(super) fn cpu_nanoseconds(&self) -> Result<f64> {
        let mut sum = 0.0;
        for task in fs::read_dir(format!("/proc/{}/task", self.0.id()))? {
            let schedstat = fs::read_to_string(task?.path().join("schedstat"))?;
            let ran: f64 = schedstat
                .split_whitespace()
                .next()
                .context("no schedstat")?
                .parse()?;
            sum += ran;
        }
        Ok(sum)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(super) fn pinned(core: &str, program: &Path, arguments: &[&str]) -> Command {
    let mut command = command::command("taskset", &["-c", core]);
    command.arg(program).args(arguments);
    command
}

pub(super) fn release(program: &str) -> PathBuf {
    workspace::target().join("release").join(program)
}

pub(super) fn fresh(name: &str) -> Result<PathBuf> {
    let folder = workspace::root().join("target/bench/fleet").join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

pub(super) fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path that is no UTF-8")
}
