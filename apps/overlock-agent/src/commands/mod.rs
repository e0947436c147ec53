//! One file for each command.

mod enrol;
mod helper;
mod install;
mod look;
mod report;
mod run;
mod status;

use crate::cli::{Cli, Command, Places};
use crate::exit::{Failure, Kind};
use overlock_agent::config::{Configuration, ConfigurationError};
use overlock_agent::identity::IdentityError;
use overlock_agent::look::Options;

pub fn run(cli: Cli) -> Result<(), Failure> {
    let places = &cli.places;
    match cli.command {
        Command::Enrol(args) => enrol::run(&args, places),
        Command::Run(args) => run::run(&args, places),
        Command::Report(args) => report::run(&args, places),
        Command::Status(args) => status::run(&args, places),
        Command::Helper => helper::run(places),
        Command::Install(args) => install::install(&args, places),
        Command::Uninstall(args) => install::uninstall(&args, places),
        Command::Look => look::run(places),
    }
}

fn configuration(places: &Places) -> Result<Configuration, Failure> {
    Configuration::read(&places.config).map_err(misconfigured)
}

fn misconfigured(error: ConfigurationError) -> Failure {
    Failure::of(Kind::Input, error)
}

fn no_identity(error: IdentityError) -> Failure {
    let hint = error.hint();
    Failure::environment(error).hint(hint)
}

/// What a look looks at here.
fn options(places: &Places) -> Result<Options, Failure> {
    let configuration = configuration(places)?;
    let cache = places.state.join("cache");
    Ok(Options {
        root: places.root.clone(),
        switches: configuration.sections,
        labels: configuration.labels,
        cache: std::fs::create_dir_all(&cache).is_ok().then_some(cache),
        helper: Some(places.helper.clone()),
    })
}

/// One thread: the agent waits, it does not compute.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(Failure::environment)
}
