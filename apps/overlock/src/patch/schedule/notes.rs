//! What is written down about a schedule besides the journal: how its last time went, and what a run of it left out.

use crate::commands::read_input;
use crate::exit::Failure;
use crate::state::State;
use overlock_model::run::RunId;
use overlock_model::schedule::{LastTime, OutOfBounds};
use std::io;
use std::path::PathBuf;

/// What was written about the last time is small.
const LAST_BYTES_MAX: usize = 1 << 20;
/// A line for each package of a host, many times over.
const HELD_BYTES_MAX: u64 = 16 << 20;

fn held_path(run: RunId, state: &State) -> PathBuf {
    state
        .data
        .join("runs")
        .join(run.to_string())
        .join("held.json")
}

/// Writes down what a run left out, beside the run, for its history.
///
/// # Errors
/// When it cannot be written.
pub fn keep_held(run: RunId, held: &[OutOfBounds], state: &State) -> Result<(), Failure> {
    let path = held_path(run, state);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let text = serde_json::to_string_pretty(held).map_err(io::Error::from)?;
    std::fs::write(path, text)?;
    Ok(())
}

/// What a run of a schedule left out; nothing for other runs.
///
/// # Errors
/// When it is there and cannot be read: a note that is lost must not look like nothing held.
pub fn held_of(run: RunId, state: &State) -> Result<Vec<OutOfBounds>, Failure> {
    let path = held_path(run, state);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = read_input(&path, HELD_BYTES_MAX)?;
    serde_json::from_slice(&text).map_err(|error| {
        let place = format!("cannot read `{}`", path.display());
        Failure::environment(anyhow::Error::new(error).context(place))
    })
}

fn last_path(state: &State) -> PathBuf {
    state.data.join("schedule.json")
}

/// Writes down what became of a time.
///
/// # Errors
/// When it cannot be written.
pub fn write(last: &LastTime, state: &State) -> Result<(), Failure> {
    std::fs::create_dir_all(&state.data)?;
    let path = last_path(state);
    let new = path.with_extension("new");
    std::fs::write(
        &new,
        serde_json::to_string_pretty(last).map_err(io::Error::from)?,
    )?;
    std::fs::rename(new, path)?;
    Ok(())
}

/// What became of the last time, if there was one and its note can be read.
pub fn last(state: &State) -> Option<LastTime> {
    let bytes = std::fs::read(last_path(state)).ok()?;
    if bytes.len() > LAST_BYTES_MAX {
        return None;
    }
    serde_json::from_slice(&bytes).ok()
}

/// Forgets the last time.
///
/// # Errors
/// When its note cannot be removed.
pub fn forget(state: &State) -> io::Result<()> {
    match std::fs::remove_file(last_path(state)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}
