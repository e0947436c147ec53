//! `overlock-agent run`.

use super::{misconfigured, no_identity, runtime};
use crate::cli::{Places, Run};
use crate::exit::{Failure, say};
use overlock_agent::look::Eyes;
use overlock_agent::reporter::Pace;
use overlock_agent::{RunError, Settings};
use overlock_report::plain;
use std::ffi::OsString;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};

pub fn run(args: &Run, places: &Places) -> Result<(), Failure> {
    let settings = Settings {
        state: places.state.clone(),
        configuration: places.config.clone(),
        eyes: Eyes::Child(look_arguments(places)),
        root: places.root.clone(),
        helper: places.helper.clone(),
        pace: Pace::DEFAULT.hurried(args.hurry),
        tell: Arc::new(|told| say(&plain(&told.to_string()))),
    };
    runtime()?.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let shutdown = async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        overlock_agent::run(&settings, shutdown)
            .await
            .map_err(|error| match error {
                RunError::Identity(error) => no_identity(error),
                RunError::Configuration(error) => misconfigured(error),
                other @ (RunError::Tls(_) | RunError::State { .. }) => Failure::environment(other),
            })
    })
}

fn look_arguments(places: &Places) -> Vec<OsString> {
    vec![
        "look".into(),
        "--state".into(),
        places.state.clone().into(),
        "--config".into(),
        places.config.clone().into(),
        "--helper".into(),
        places.helper.clone().into(),
        "--root".into(),
        places.root.clone().into(),
    ]
}
