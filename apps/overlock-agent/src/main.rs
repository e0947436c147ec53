//! `overlock-agent`: the program on managed hosts.

mod cli;
mod commands;
mod exit;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    exit::of(commands::run(cli::Cli::parse()))
}
