//! `overlock confirm RUN`: said over a new login, so it proves that the host can still be reached.

use crate::cli::ConfirmRun;
use crate::exit::{Done, Failure, Kind};
use crate::state::State;
use overlock_apply::confirm::Confirmation;
use overlock_model::run::RunId;
use std::io::Write;

pub fn run(args: &ConfirmRun, state: &State) -> Result<Done, Failure> {
    let run = RunId(args.run);
    let folder = state.data.join("runs").join(run.to_string());
    // The journal belongs to the waiting run, so this goes by a file beside it.
    let terminal = rustix::termios::ttyname(std::io::stdin(), Vec::new()).map_or_else(
        |_| "no terminal".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    );
    let by = format!("user {} at {terminal}", rustix::process::getuid().as_raw());
    Confirmation::new(run, &folder)
        .confirm(&by)
        .map_err(|error| {
            Failure::of(
                Kind::Refused,
                anyhow::Error::new(error).context(format!("run {run} cannot be confirmed")),
            )
        })?;
    writeln!(anstream::stdout().lock(), "run {run} is confirmed")?;
    Ok(Done::Clear)
}
