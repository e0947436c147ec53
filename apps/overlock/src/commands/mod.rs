//! One file for each command.

mod cvss;
mod explain;
mod feeds;
mod scan;
mod version;

use crate::cli::{Cli, Command};
use crate::exit::{Done, Failure};
use crate::state::State;
use clap::CommandFactory;

pub fn run(cli: Cli) -> Result<Done, Failure> {
    match cli.command {
        Command::Scan(args) => scan::run(&args, &State::find(cli.data, cli.now)?),
        Command::Explain(args) => explain::run(&args, &State::find(cli.data, cli.now)?),
        Command::Feeds(args) => feeds::run(&args, &State::find(cli.data, cli.now)?),
        Command::Version(args) => version::run(&args),
        Command::Cvss(args) => cvss::run(&args),
        Command::Completions { shell } => {
            clap_complete::generate(
                shell,
                &mut Cli::command(),
                "overlock",
                &mut std::io::stdout(),
            );
            Ok(Done::Clear)
        }
    }
}

/// Reads a file given on the command line, or standard input for `-`, up to a limit.
pub fn read_input(path: &std::path::Path, limit: u64) -> Result<Vec<u8>, Failure> {
    use std::io::Read;
    let name = path.display().to_string();
    let failed = |error: std::io::Error| {
        Failure::input(anyhow::Error::new(error).context(format!("cannot read `{name}`")))
    };
    let source: Box<dyn Read> = if name == "-" {
        Box::new(std::io::stdin())
    } else {
        Box::new(std::fs::File::open(path).map_err(failed)?)
    };
    let mut bytes = Vec::new();
    source
        .take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > limit {
        return Err(Failure::input(anyhow::anyhow!(
            "`{name}` is larger than {} MiB",
            limit >> 20
        )));
    }
    Ok(bytes)
}
