//! `overlock`: patch management for one machine or many.

mod cli;
mod commands;
mod exit;
mod fleet;
mod patch;
mod progress;
mod scan;
mod state;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    exit::of(commands::run(cli::Cli::parse()))
}
