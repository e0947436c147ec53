//! Words of `overlock schedule`.

use super::{Carry, FailOn, Plain, duration};
use clap::{Args, Subcommand, ValueEnum};
use std::time::Duration;

#[derive(Debug, Subcommand)]
pub enum Schedule {
    /// Set when this host patches itself, and within which bounds
    #[command(after_help = "Examples:
  overlock schedule set --at 'Sun 03:00' --window 2h
  overlock schedule set --at 'Mon..Fri 02:00' --window 90m --time-zone Europe/Berlin \\
    --packages-max 50 --without postgresql-15 --reboot if-required")]
    Set(Set),
    /// Show what is set, when it is next, and what became of it last time
    Show {
        /// How to print
        #[arg(long, value_enum, default_value = "table")]
        format: Plain,
    },
    /// Patch now, if the window is open; what the timer calls
    Run(RunNow),
    /// Remove the timer and what is set
    Off,
}

#[derive(Debug, Args)]
pub struct Set {
    /// When the window opens, in systemd's words for calendar events (man systemd.time)
    #[arg(long, value_name = "CALENDAR")]
    pub at: String,
    /// How long it is open; no step of a run begins after its end
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub window: Duration,
    /// Time zone of `--at`, by name [default: the host's own]
    #[arg(long, value_name = "ZONE")]
    pub time_zone: Option<String>,
    /// Spread hosts with the same schedule over this time [default: an eighth of the window, 15 minutes at most]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub spread: Option<Duration>,
    /// Do not renew what repositories offer before planning
    #[arg(long)]
    pub no_refresh: bool,
    /// Fetch feeds before planning
    #[arg(long)]
    pub sync: bool,
    /// Most packages in one run
    #[arg(long, value_name = "N", default_value_t = 500)]
    pub packages_max: usize,
    /// Only from these repositories, by the names of `overlock scan`; `*` at the end stands for any ending
    #[arg(long, value_name = "ORIGIN", value_delimiter = ',')]
    pub origin: Vec<String>,
    /// Never these packages
    #[arg(long, value_name = "PACKAGE", value_delimiter = ',')]
    pub without: Vec<String>,
    /// Also packages whose former version is nowhere to be had
    #[arg(long)]
    pub one_way: bool,
    /// Also packages of network, boot and identity where nothing confirms that the host can still be reached
    #[arg(long)]
    pub unconfirmed: bool,
    /// What about updates that take effect after a reboot
    #[arg(long, value_enum, default_value = "never")]
    pub reboot: RebootWord,
    /// Only updates with this decision or a more urgent one [default: every security update]
    #[arg(long, value_enum, value_name = "DECISION")]
    pub decision: Option<FailOn>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RebootWord {
    /// They are held.
    Hold,
    /// They are installed, and the reboot is left to others.
    Never,
    /// The host boots anew where one of them needs it.
    IfRequired,
}

#[derive(Debug, Args)]
pub struct RunNow {
    /// Only show what would be done; the window does not matter
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub carry: Carry,
}
