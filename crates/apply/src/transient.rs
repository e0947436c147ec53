//! A package manager's transaction: without network, without terminal, in a transient unit of its own where systemd runs.
//!
//! The unit survives us and an upgrade of us (F26); whoever comes after us waits for it by [`adopt`].

use crate::program::{Call, Program, ProgramError};
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

/// What is to run.
#[derive(Debug)]
pub(crate) struct Transaction<'a> {
    pub program: Program,
    pub arguments: Vec<OsString>,
    /// Besides what every program gets.
    pub environment: &'a [(&'static str, &'static str)],
    /// After this it is ended.
    pub limit: Duration,
}

impl Transaction<'_> {
    /// Runs it to its end; both outputs are appended to `log`.
    ///
    /// # Errors
    /// When it cannot be started, did not end in time or ended badly.
    pub fn run(self, log: &Path, unit: &str) -> Result<(), ProgramError> {
        let inner = ["--net".into(), "--".into(), self.program.path().into()]
            .into_iter()
            .chain(self.arguments);
        if !Path::new("/run/systemd/system").is_dir() {
            let call = Call::new(Program::Unshare, inner);
            let call = call.limit(self.limit).log_to(log).with(self.environment);
            return call.output().map(drop);
        }
        let mut outer: Vec<OsString> = [
            "--quiet".to_owned(),
            "--collect".to_owned(),
            "--wait".to_owned(),
            format!("--unit={unit}"),
            "--service-type=exec".to_owned(),
            format!("--property=RuntimeMaxSec={}", self.limit.as_secs()),
            "--property=StandardInput=null".to_owned(),
            format!("--property=StandardOutput=append:{}", log.display()),
            format!("--property=StandardError=append:{}", log.display()),
            // The kernel ends others first when memory runs out (F7).
            "--property=OOMScoreAdjust=-500".to_owned(),
        ]
        .into_iter()
        .map(OsString::from)
        .collect();
        outer.extend(
            Call::environment()
                .chain(self.environment.iter().copied())
                .map(|(name, value)| format!("--setenv={name}={value}").into()),
        );
        outer.push("--".into());
        outer.push(Program::Unshare.path().into());
        outer.extend(inner);
        // systemd ends the unit at its limit; this one only guards against systemd-run itself.
        let call = Call::new(Program::SystemdRun, outer);
        let call = call.limit(self.limit + Duration::from_secs(120));
        call.output().map(drop)
    }
}

/// Waits for the unit of a transaction that outlived whoever started it.
///
/// # Errors
/// When systemd cannot be asked.
pub fn adopt(unit: &str) -> Result<(), ProgramError> {
    if !Path::new("/run/systemd/system").is_dir() {
        return Ok(());
    }
    // systemctl has no call that waits for a unit that others started, so this asks again and again, for an hour at
    // most; RuntimeMaxSec ends the unit itself long before.
    for _ in 0..36_000 {
        let state = Call::new(Program::Systemctl, ["is-active", "--", unit]).run()?;
        let word = String::from_utf8_lossy(&state.stdout).trim().to_owned();
        if !matches!(
            word.as_str(),
            "active" | "activating" | "deactivating" | "reloading"
        ) {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}
