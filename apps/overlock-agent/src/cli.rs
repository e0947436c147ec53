//! The words of the command line.

use clap::{Args, Parser, Subcommand, ValueEnum};
use overlock_agent::ServerUrl;
use overlock_protocol::Section;
use overlock_protocol::enrol::EnrolToken;
use std::path::PathBuf;

/// Reports what is on this host to its Overlock server, and lets a small root helper patch it
#[derive(Debug, Parser)]
#[command(name = "overlock-agent", version, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    pub places: Places,
    #[command(subcommand)]
    pub command: Command,
}

/// Where things are.
#[derive(Debug, Clone, Args)]
pub struct Places {
    /// State directory: identity, and what was last reported
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        default_value = "/var/lib/overlock/agent"
    )]
    pub state: PathBuf,
    /// Configuration
    #[arg(long, global = true, value_name = "FILE", default_value = overlock_agent::config::PATH)]
    pub config: PathBuf,
    /// Socket of the root helper
    #[arg(long, global = true, value_name = "SOCKET", default_value = overlock_agent::helper::SOCKET)]
    pub helper: PathBuf,
    /// Root to look at, for tests
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        default_value = "/",
        hide = true
    )]
    pub root: PathBuf,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Join a server: makes a key, and has it signed
    Enrol(Enrol),
    /// Report to the server, and keep reporting
    Run(Run),
    /// Print what would be sent
    Report(Report),
    /// Print whether this host is enrolled and in touch
    Status(Status),
    /// Be the root helper: lend root's eyes, and begin runs of approved plans
    Helper,
    /// As root: make user, folders and units, copy this program, enrol and start
    Install(Install),
    /// As root: stop, and remove what `install` made
    Uninstall(Uninstall),
    /// Look at the host once, for `run`
    #[command(hide = true)]
    Look,
}

#[derive(Debug, Clone, Args)]
pub struct Enrol {
    /// The server: https://HOST[:PORT]
    #[arg(long, value_name = "URL", value_parser = server)]
    pub server: ServerUrl,
    /// The token that `overlock host token` printed; the environment shows it to fewer eyes than the command line
    #[arg(long, value_name = "TOKEN", env = "OVERLOCK_ENROL_TOKEN", hide_env_values = true, value_parser = token)]
    pub token: EnrolToken,
    /// Name of this host; else what it calls itself
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Do not ask, and replace an enrolment that is there
    #[arg(long)]
    pub yes: bool,
}

#[derive(Debug, Args)]
pub struct Run {
    /// Divide all waits by this, for measurements
    #[arg(long, hide = true, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub hurry: u32,
}

#[derive(Debug, Args)]
pub struct Report {
    /// The message itself, whole and as JSON
    #[arg(long)]
    pub json: bool,
    /// Only this section
    #[arg(long, value_name = "NAME", value_parser = section)]
    pub section: Option<Section>,
}

#[derive(Debug, Args)]
pub struct Status {
    /// How to print
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// For programs
    Json,
}

#[derive(Debug, Args)]
pub struct Install {
    #[command(flatten)]
    pub enrol: Enrol,
    /// Without the root helper: this host is only watched
    #[arg(long)]
    pub monitor_only: bool,
}

#[derive(Debug, Args)]
pub struct Uninstall {
    /// Also remove identity and configuration
    #[arg(long)]
    pub purge: bool,
}

fn server(text: &str) -> Result<ServerUrl, String> {
    ServerUrl::try_from(text.to_owned()).map_err(|error| error.to_string())
}

fn token(text: &str) -> Result<EnrolToken, String> {
    EnrolToken::try_from(text.trim().to_owned()).map_err(|error| error.to_string())
}

fn section(text: &str) -> Result<Section, String> {
    Section::from_word(text).ok_or_else(|| {
        let words: Vec<&str> = Section::ALL
            .iter()
            .map(|section| section.as_str())
            .collect();
        format!("the sections are {}", words.join(", "))
    })
}
