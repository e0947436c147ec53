//! `overlock-agent look`: the process that looks at the host and ends.

use super::options;
use crate::cli::Places;
use crate::exit::Failure;
use overlock_agent::look::look_and_keep;
use rustix::process::{Signal, nice, set_parent_process_death_signal};
use std::io::Write;

pub fn run(places: &Places) -> Result<(), Failure> {
    // It works for the one that started it, and what the host is there for goes first. Where the kernel refuses either,
    // it looks all the same: it ends by itself, and takes more of the processor while it runs.
    set_parent_process_death_signal(Some(Signal::KILL)).ok();
    nice(10).ok();
    let looked = look_and_keep(&options(places)?, &places.state, jiff::Timestamp::now())
        .map_err(Failure::environment)?;
    let line = serde_json::to_string(&looked).map_err(Failure::environment)?;
    writeln!(std::io::stdout(), "{line}")?;
    Ok(())
}
