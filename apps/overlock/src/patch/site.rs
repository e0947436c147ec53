//! This host as guard and journal know it.

use crate::exit::{Failure, Kind};
use crate::state::State;
use anyhow::anyhow;
use overlock_apply::PackageManager;
use overlock_guard::{Host, Refusal, Trust};
use overlock_journal::{Journal, JournalError};
use overlock_model::plan::{Closure, HostId, PlanFile, PlanId};
use overlock_model::run::RunId;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Larger than any configuration.
const CONFIGURATION_BYTES_MAX: u64 = 1 << 20;

/// The host's own configuration.
const CONFIGURATION: &str = "/etc/overlock/overlock.toml";

/// What the administrator of this host wants of runs.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Configuration {
    /// Health checks.
    #[serde(default, rename = "check")]
    pub checks: Vec<overlock_apply::checks::Check>,
    /// How a run that waits is confirmed.
    #[serde(default)]
    pub confirm: Confirm,
}

/// How a run that waits is confirmed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirm {
    /// `HOST:PORT`; a fresh connection to one of them confirms.
    #[serde(default)]
    pub connect: Vec<String>,
}

/// Reads the configuration; without a file there is none.
///
/// # Errors
/// When it is there and cannot be used: a check that is misspelt must not be a check that passes.
pub fn configuration() -> Result<Configuration, Failure> {
    let failed = |error: anyhow::Error| {
        Failure::input(error.context(format!("cannot use `{CONFIGURATION}`")))
    };
    match std::fs::metadata(CONFIGURATION) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Configuration::default());
        }
        Err(error) => return Err(failed(error.into())),
        Ok(of) if of.len() > CONFIGURATION_BYTES_MAX => {
            return Err(failed(anyhow::anyhow!("it is too large")));
        }
        Ok(_) => {}
    }
    let text = std::fs::read_to_string(CONFIGURATION).map_err(|error| failed(error.into()))?;
    toml::from_str(&text).map_err(|error| failed(error.into()))
}

/// Reads who may approve.
///
/// # Errors
/// When the file is there and cannot be used: then nothing is trusted, which is not the same as no file.
pub fn trust() -> Result<Trust, Failure> {
    overlock_apply::trust::read(Path::new(overlock_apply::trust::PATH)).map_err(|error| {
        Failure::of(Kind::Refused, error).hint("nothing is applied until this file can be read")
    })
}

/// Only root goes on.
///
/// # Errors
/// For anybody else.
pub fn as_root() -> Result<(), Failure> {
    if rustix::process::geteuid().is_root() {
        return Ok(());
    }
    Err(
        Failure::environment(anyhow::anyhow!("only root can plan and change this host"))
            .hint("run it with sudo"),
    )
}

/// Opens the journal as its owner.
///
/// # Errors
/// When somebody else has it, it is damaged, or it cannot be written.
pub fn journal(state: &State) -> Result<Journal, Failure> {
    as_root()?;
    let new_host = || {
        let mut bytes = [0; 16];
        // Without randomness there is no id; zeros would be everybody's.
        let filled = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
        debug_assert!(filled.is_ok());
        HostId::from_random(bytes)
    };
    Journal::open(&folder(state), new_host, state.clock()).map_err(journal_failure)
}

/// This host's package manager.
///
/// # Errors
/// When there is none that we know.
pub fn manager(limit: Duration) -> Result<Box<dyn PackageManager>, Failure> {
    overlock_apply::manager::of_this_host(limit).map_err(Failure::environment)
}

/// Where the journal is.
pub fn folder(state: &State) -> PathBuf {
    state.data.join("journal")
}

/// A journal's error as a failure.
pub fn journal_failure(error: JournalError) -> Failure {
    let hint = error.hint().map(str::to_owned);
    let kind = match error.exit_code() {
        2 => Kind::Input,
        4 => Kind::Refused,
        6 => Kind::Repair,
        _ => Kind::Environment,
    };
    Failure {
        hint,
        ..Failure::of(kind, error)
    }
}

/// A guard's refusal as a failure: what cannot be parsed is bad input, the rest is refused.
pub fn refusal(refusal: Refusal) -> Failure {
    let hint = refusal.hint().to_owned();
    let kind = if refusal.is_unparsable() {
        Kind::Input
    } else {
        Kind::Refused
    };
    Failure::of(kind, refusal).hint(hint)
}

/// This host for the guard.
pub fn host(journal: &Journal, os: &str, arch: &str, trust: Trust) -> Host {
    let started = |id: &PlanId| {
        journal.entries().iter().any(|entry| {
            matches!(&entry.event, overlock_model::run::Event::Started { plan, .. } if plan == id)
        })
    };
    let newest = journal
        .entries()
        .iter()
        .rev()
        .find_map(|entry| match &entry.event {
            overlock_model::run::Event::Started { plan, .. } => Some(*plan),
            _ => None,
        });
    Host {
        generation_floor: journal.generation_floor(),
        seen_plan: newest.filter(started),
        time_floor: journal.entries().last().map(|entry| entry.at),
        ..Host::new(journal.host().clone(), os, arch, trust)
    }
}

/// Where the bytes of a plan are kept once a run of it began.
pub fn plan_path(data: &Path, id: &PlanId) -> PathBuf {
    data.join("plans").join(format!("{id}.json"))
}

/// Reads a kept plan.
///
/// # Errors
/// When it is gone or is not what its name says.
pub fn kept_plan(data: &Path, id: &PlanId) -> Result<PlanFile, Failure> {
    let path = plan_path(data, id);
    let bytes = std::fs::read(&path).map_err(|error| {
        Failure::environment(
            anyhow::Error::new(error).context(format!("cannot read `{}`", path.display())),
        )
    })?;
    let plan = overlock_guard::read(&bytes, &overlock_guard::Limits::default()).map_err(refusal)?;
    if plan.id != *id {
        return Err(Failure::environment(anyhow::anyhow!(
            "`{}` is not the plan that its name says",
            path.display()
        )));
    }
    Ok(plan)
}

/// The closure that a run carried out on this host; empty where its plan had none for it.
///
/// # Errors
/// When there is no such run, or its plan is gone.
pub fn closure_of(journal: &Journal, run: RunId, state: &State) -> Result<Closure, Failure> {
    let plan = journal
        .runs()
        .into_iter()
        .find(|one| one.id == run)
        .map(|one| *one.plan)
        .ok_or_else(|| Failure::environment(anyhow!("there is no run {run}")))?;
    let plan = kept_plan(&state.data, &plan)?;
    let own = plan
        .entries
        .iter()
        .find(|entry| entry.host == *journal.host());
    Ok(own
        .and_then(|entry| {
            plan.closures
                .iter()
                .find(|closure| closure.digest().is_ok_and(|digest| digest == entry.closure))
        })
        .cloned()
        .unwrap_or_default())
}
