//! One file for each command.

mod apply;
mod backup;
mod confirm;
mod cvss;
mod explain;
mod exposure;
pub mod feeds;
mod group;
mod history;
pub mod host;
mod log;
mod login;
mod mitigate;
mod plan;
mod repair;
mod revert;
pub mod scan;
mod schedule;
pub mod serve;
mod setup;
mod token;
mod up;
mod version;

use crate::cli::{Cli, Command};
use crate::exit::{Done, Failure};
use crate::state::State;
use clap::CommandFactory;
use std::io::{BufRead, Read, Write};

pub fn run(cli: Cli) -> Result<Done, Failure> {
    match cli.command {
        Command::Scan(args) => scan::run(&args, &State::find(cli.data, cli.now)?),
        Command::Explain(args) => explain::run(&args, &State::find(cli.data, cli.now)?),
        Command::Feeds(args) => feeds::run(&args, &State::find(cli.data, cli.now)?),
        Command::Plan(args) => plan::run(&args, &State::find(cli.data, cli.now)?),
        Command::Apply(args) => apply::run(&args, &State::find(cli.data, cli.now)?),
        Command::Confirm(args) => confirm::run(&args, &State::find(cli.data, cli.now)?),
        Command::History(args) => history::run(&args, &State::find(cli.data, cli.now)?),
        Command::Revert(args) => revert::run(&args, &State::find(cli.data, cli.now)?),
        Command::Mitigate(args) => mitigate::run(&args, &State::find(cli.data, cli.now)?),
        Command::Repair(args) => repair::run(&args, &State::find(cli.data, cli.now)?),
        Command::Schedule(args) => schedule::run(&args, &State::find(cli.data, cli.now)?),
        Command::Up(args) => up::run(&args, &State::find(cli.data, cli.now)?),
        Command::Serve(args) => serve::run(&args, &State::find(cli.data, cli.now)?),
        Command::Setup(args) => setup::run(&args, &State::find(cli.data, cli.now)?),
        Command::Login(args) => login::run(&args),
        Command::Host(command) => host::run(&command),
        Command::Exposure(command) => exposure::run(&command),
        Command::Group(command) => group::run(&command),
        Command::Token(command) => token::run(&command),
        Command::Log(command) => log::run(&command, &State::find(cli.data, cli.now)?),
        Command::Backup(args) => backup::backup(&args, &State::find(cli.data, cli.now)?),
        Command::Restore(args) => backup::restore(&args, &State::find(cli.data, cli.now)?),
        Command::Version(args) => version::run(&args),
        Command::Cvss(args) => cvss::run(&args),
        Command::Completions { shell } => {
            // Into memory first: the generator itself panics where the output is closed or full.
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "overlock", &mut script);
            std::io::stdout().lock().write_all(&script)?;
            Ok(Done::Clear)
        }
    }
}

/// Reads a file given on the command line, or standard input for `-`, up to a limit.
pub fn read_input(path: &std::path::Path, limit: u64) -> Result<Vec<u8>, Failure> {
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

/// Longest line of standard input, in bytes: two versions or a vector have room in it many times over.
const LINE_BYTES_MAX: u64 = 64 << 10;

/// Lines of an input with their numbers from 1; a line that is too long or no UTF-8 is an error that names its place.
pub fn lines(mut input: impl BufRead) -> impl Iterator<Item = Result<(u64, String), Failure>> {
    let mut number = 0;
    std::iter::from_fn(move || {
        number += 1;
        let mut line = Vec::new();
        match (&mut input)
            .take(LINE_BYTES_MAX)
            .read_until(b'\n', &mut line)
        {
            Ok(0) => return None,
            Ok(_) => {}
            Err(error) => return Some(Err(error.into())),
        }
        let at = |error: anyhow::Error| {
            Failure::input(error.context(format!("line {number} cannot be read")))
        };
        if line.len() as u64 == LINE_BYTES_MAX {
            return Some(Err(at(anyhow::anyhow!(
                "it is longer than {LINE_BYTES_MAX} bytes"
            ))));
        }
        Some(match String::from_utf8(line) {
            Ok(text) => Ok((number, text.trim().to_owned())),
            Err(error) => Err(at(error.into())),
        })
    })
}
