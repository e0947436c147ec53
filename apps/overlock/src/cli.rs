//! The command line: words, options, help. What they do is in `commands`.

mod fleet;
mod mitigate;
mod schedule;

pub use fleet::{
    Backup, Database, Exposure, Group, Host, Log, LogFormat, Login, Remote, Restore, Serve,
    SetFacts, Setup, Token, Up,
};
pub use mitigate::Mitigate;
pub use schedule::{RebootWord, RunNow, Schedule, Set as ScheduleSet};

use clap::{Args, Parser, Subcommand, ValueEnum};
use overlock_model::decision::Decision;
use std::path::PathBuf;

/// Patch management: what is wrong with this host, what to patch first, by when, and why.
#[derive(Debug, Parser)]
#[command(
    name = "overlock",
    version,
    max_term_width = 100,
    propagate_version = true
)]
#[command(
    after_help = "Exit codes: 0 done or nothing to do; 1 findings at or above --fail-on, or lines that do not \
hold; 2 wrong usage or input that cannot be parsed; 3 the environment failed (network, lock, disk); \
4 refused by guard or policy; 5 not applied, host as before (deferred, reverted); 6 repair needed; 70 our bug."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Where state lives [default: /var/lib/overlock as root, else the XDG data directory]
    #[arg(long, global = true, env = "OVERLOCK_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Judge as of this time instead of now (RFC 3339); for reproducible reports
    #[arg(
        long,
        global = true,
        env = "OVERLOCK_NOW",
        value_name = "TIME",
        hide_env = true
    )]
    pub now: Option<jiff::Timestamp>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say what is wrong with a host, what to patch first, by when, and why
    #[command(after_help = "Examples:
  overlock scan                                  this machine
  overlock scan --root /mnt/image --offline      a mounted image, without network
  overlock scan --format json --fail-on immediate
  overlock scan --format inventory > host.json   judge it elsewhere: overlock scan --inventory host.json")]
    Scan(Scan),
    /// Explain one vulnerability on a host, statement by statement
    #[command(after_help = "Examples:
  overlock explain CVE-2024-6387
  overlock explain DSA-5724-1 --root /mnt/image
  overlock explain CVE-2024-6387 --host web-1    a host of the fleet, as its server knows it")]
    Explain(Explain),
    /// Plan what to install on this host: exact versions and hashes, in one file
    #[command(after_help = "Examples:
  overlock plan                                  show what would be done
  overlock plan --out p.json                     write it, to be read, signed and applied
  overlock plan --only openssl --out p.json      only the update that holds this package
  overlock plan --capacity 5 --out p.json        the five updates that remove most risk")]
    Plan(Plan),
    /// Carry a plan out on this host, verify that it took effect, or leave the host as it was
    #[command(after_help = "Examples:
  overlock apply p.json
  overlock apply p.json --wait 10m               wait so long for other package managers
  overlock apply p.json --format json            a line of JSON for each event")]
    Apply(Apply),
    /// Confirm over a new login that the host can still be reached, so that a run that waits is kept
    Confirm(ConfirmRun),
    /// Show the runs of this host, or one of them
    History(History),
    /// Take a run back: the former versions of its packages, or with --state the root as it was
    #[command(after_help = "Examples:
  overlock revert 7                              package revert: the former versions of run 7
  overlock revert 7 --state                      state revert: the snapshot of before run 7, and a reboot")]
    Revert(Revert),
    /// Stand against a vulnerability that has no patch: disable a unit, set a parameter, block a module, hold a package
    #[command(after_help = "Examples:
  overlock mitigate --disable-unit cups-browsed.service --against CVE-2024-47176 \\
    --owner ada --reason 'nobody prints here' --expires 30d --out m.json
  overlock apply m.json                          put it in place
  overlock mitigate --list                       what is in force, who answers for it, until when
  overlock revert RUN                            take it away before its end")]
    Mitigate(Box<Mitigate>),
    /// Patch this host in a window, by a timer of systemd, within bounds that stand
    #[command(subcommand)]
    Schedule(Schedule),
    /// Explain and mend what a run that was cut off or failed left behind
    Repair(Repair),
    /// Fetch and keep what publishers say of vulnerabilities
    #[command(subcommand)]
    Feeds(Feeds),
    /// Start a server for a fleet, and manage this machine with it
    #[command(after_help = "Examples:
  overlock up                                    server and agent of this machine, nothing to set up
  overlock up --listen 0.0.0.0:7443 --name patch.example.org
  overlock host token                            then: the command that adds another host")]
    Up(Up),
    /// Run the server alone, as a service does
    #[command(after_help = "Examples:
  overlock serve --name patch.example.org
  OVERLOCK_DATABASE=postgres://overlock@db/overlock overlock serve --name patch.example.org")]
    Serve(Box<Serve>),
    /// Print a one-time token for the first administrator; only who owns the database can
    Setup(Setup),
    /// Let this command line speak to a server
    Login(Login),
    /// Hosts of the fleet: list, show, facts, tokens for new ones
    #[command(subcommand)]
    Host(Host),
    /// What the fleet is exposed to, and where
    #[command(subcommand)]
    Exposure(Exposure),
    /// Groups of hosts, and who may do what with them
    #[command(subcommand)]
    Group(Group),
    /// Tokens for people and programs
    #[command(subcommand)]
    Token(Token),
    /// The log of every decision and change: show it, check its chain
    #[command(subcommand)]
    Log(Log),
    /// Write all that the server knows into one checked file
    Backup(Backup),
    /// Take a backup into an empty database, SQLite or PostgreSQL
    Restore(Restore),
    /// Compare versions as package managers do
    #[command(subcommand)]
    Version(Version),
    /// Score CVSS vectors (v2, v3.0, v3.1, v4.0)
    #[command(
        after_help = "Prints a line each: overall score, severity, nomenclature, vector, separated by tabs.
Example: overlock cvss CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
    )]
    Cvss(Cvss),
    /// Print a completion script for a shell
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

/// What is looked at: the running machine unless one of these is given.
#[derive(Debug, Args)]
#[group(id = "subject", multiple = false)]
pub struct Subject {
    /// A root directory: a chroot, a container's file system, a mounted disk
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// A bill of materials (CycloneDX or SPDX JSON); `-` reads standard input
    #[arg(long, value_name = "FILE")]
    pub sbom: Option<PathBuf>,
    /// A saved or hand-written inventory (overlock.inventory/1); `-` reads standard input
    #[arg(long, value_name = "FILE")]
    pub inventory: Option<PathBuf>,
}

impl Subject {
    /// The running machine.
    pub const fn this_host() -> Self {
        Self {
            root: None,
            sbom: None,
            inventory: None,
        }
    }
}

/// Where advisories come from.
#[derive(Debug, Args)]
pub struct Source {
    /// Never use the network
    #[arg(long)]
    pub offline: bool,
    /// Fetch feeds from here (URL or folder), laid out like the publishers' own: HOST/PATH
    #[arg(long, env = "OVERLOCK_MIRROR", value_name = "URL|DIR")]
    pub mirror: Option<String>,
}

impl Source {
    /// What is at hand, without the network.
    pub const fn at_hand() -> Self {
        Self {
            offline: true,
            mirror: None,
        }
    }
}

#[derive(Debug, Args)]
pub struct Scan {
    #[command(flatten)]
    pub subject: Subject,
    #[command(flatten)]
    pub source: Source,
    /// Which packages: the operating system's, or language packages too
    #[arg(long, value_enum, default_value = "all")]
    pub packages: Packages,
    /// Facts about the asset (TOML): criticality, exposure, environment, owner, business_impact, [policy]
    #[arg(long, value_name = "FILE")]
    pub facts: Option<PathBuf>,
    /// VEX document (OpenVEX, CycloneDX, CSAF): what is stated not to be affected; may be repeated
    #[arg(long, value_name = "FILE")]
    pub vex: Vec<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
    /// Exit with 1 when an exposure has this decision or a more urgent one
    #[arg(long, value_enum, value_name = "DECISION")]
    pub fail_on: Option<FailOn>,
    /// Plan at most this many updates, those that remove most risk
    #[arg(long, value_name = "N")]
    pub capacity: Option<usize>,
    /// Print every row
    #[arg(long)]
    pub all: bool,
}

#[derive(Debug, Args)]
pub struct Explain {
    /// CVE or other identifier, or an advisory
    pub vulnerability: String,
    /// A host of the fleet, by its name or id: the server explains, by what it knows of it
    #[arg(long, value_name = "HOST", conflicts_with_all = ["subject", "packages", "offline", "facts", "vex"])]
    pub host: Option<String>,
    /// Address of the server [default: the one that `overlock up` or `overlock login` wrote down]
    #[arg(long, value_name = "URL", requires = "host")]
    pub server: Option<String>,
    #[command(flatten)]
    pub subject: Subject,
    #[command(flatten)]
    pub source: Source,
    /// Facts about the asset (TOML)
    #[arg(long, value_name = "FILE")]
    pub facts: Option<PathBuf>,
    /// VEX document (OpenVEX, CycloneDX, CSAF); may be repeated
    #[arg(long, value_name = "FILE")]
    pub vex: Vec<PathBuf>,
    /// Which packages
    #[arg(long, value_enum, default_value = "os")]
    pub packages: Packages,
    /// How to print
    #[arg(long, value_enum, default_value = "table")]
    pub format: Plain,
}

#[derive(Debug, Args)]
pub struct Plan {
    #[command(flatten)]
    pub source: Source,
    /// Write the plan here; without it the plan is only shown
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Every newer version on offer, not just security updates
    #[arg(long)]
    pub all: bool,
    /// Only updates that hold one of these packages, security updates or not
    #[arg(long, value_name = "PACKAGE", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Leave out updates that hold one of these packages
    #[arg(long, value_name = "PACKAGE", value_delimiter = ',')]
    pub without: Vec<String>,
    /// At most this many updates, those that remove most risk
    #[arg(long, value_name = "N")]
    pub capacity: Option<usize>,
    /// How long it may be applied
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = duration)]
    pub valid: std::time::Duration,
    /// When something fails after packages were changed: put the former ones back (package revert), put the root back
    /// from its snapshot and reboot (state revert), or leave the host as it is
    #[arg(long, value_enum, default_value = "revert")]
    pub on_failure: OnFailure,
    /// Leave a package one-way whose former artifact is nowhere to be had, instead of rebuilding it from its installed
    /// files
    #[arg(long)]
    pub no_rebuild: bool,
    /// Whether the root file system is kept as a snapshot before packages are changed: where it is a btrfs, or never
    #[arg(long, value_enum, default_value = "auto")]
    pub snapshot: Snapshot,
    /// Whether the run must be confirmed over a new connection, else it is taken back: auto asks for it where packages
    /// of network, boot or identity change
    #[arg(long, value_enum, default_value = "auto")]
    pub confirm: Confirm,
    /// Whether the host boots anew within the run: never (what needs it is told), where an update needs it, or in any case
    #[arg(long, value_enum, default_value = "never")]
    pub reboot: Reboot,
    /// How long a confirmation is waited for
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
    pub confirm_within: std::time::Duration,
    /// Facts about the asset (TOML)
    #[arg(long, value_name = "FILE")]
    pub facts: Option<PathBuf>,
    /// VEX document (OpenVEX, CycloneDX, CSAF); may be repeated
    #[arg(long, value_name = "FILE")]
    pub vex: Vec<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value = "table")]
    pub format: Plain,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Reboot {
    /// It is left to others.
    Never,
    /// Where an update needs it: kernel, C library, dbus and the like.
    IfRequired,
    /// In any case.
    Always,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Confirm {
    /// Where packages of network, boot or identity change.
    Auto,
    /// In any case.
    Always,
    /// Never.
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Snapshot {
    /// Where the root is a btrfs subvolume.
    Auto,
    /// Never.
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnFailure {
    /// Put the former packages back.
    Revert,
    /// Put the root file system back as a whole, and reboot.
    StateRevert,
    /// Leave the host as it is and say so.
    Stop,
}

#[derive(Debug, Args)]
pub struct Carry {
    /// How long to wait for other package managers before the run is deferred
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = duration)]
    pub wait: std::time::Duration,
    /// How long one transaction of the package manager may take
    #[arg(long, value_name = "TIME", default_value = "30m", value_parser = duration)]
    pub limit: std::time::Duration,
    /// How to print: lines for people, or a line of JSON for each event
    #[arg(long, value_enum, default_value = "table")]
    pub format: Plain,
}

#[derive(Debug, Args)]
pub struct Apply {
    /// The plan; `-` reads standard input.
    pub plan: PathBuf,
    #[command(flatten)]
    pub carry: Carry,
}

#[derive(Debug, Args)]
pub struct ConfirmRun {
    /// The run that waits.
    pub run: u64,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct History {
    #[command(subcommand)]
    command: Option<HistoryCommand>,
    /// One run, in full.
    run: Option<u64>,
    /// How to print
    #[arg(long, value_enum, default_value = "table", global = true)]
    pub format: Plain,
}

#[derive(Debug, Subcommand)]
enum HistoryCommand {
    /// One run, in full
    Show {
        /// Its number.
        run: u64,
    },
}

impl History {
    /// The run that was asked for, by either way.
    pub fn run(&self) -> Option<u64> {
        match self.command {
            Some(HistoryCommand::Show { run }) => Some(run),
            None => self.run,
        }
    }
}

#[derive(Debug, Args)]
pub struct Revert {
    /// The run to take back.
    pub run: u64,
    /// State revert: put the root file system back as a whole, as it was before the run, and reboot
    #[arg(long)]
    pub state: bool,
    #[command(flatten)]
    pub carry: Carry,
}

#[derive(Debug, Args)]
pub struct Repair {
    /// Only say what is wrong and what would be done
    #[arg(long)]
    pub explain: bool,
    /// Only go on with a run that was cut off, as after a boot; nothing else is mended
    #[arg(long, conflicts_with = "explain")]
    pub resume: bool,
    #[command(flatten)]
    pub carry: Carry,
}

/// `90s`, `10m`, `2h`, `7d`: a span of time in the words of jiff, days counted as 24 hours.
fn duration(text: &str) -> Result<std::time::Duration, String> {
    let span: jiff::SignedDuration = text
        .parse::<jiff::Span>()
        .and_then(|span| span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()))
        .map_err(|error| error.to_string())?;
    std::time::Duration::try_from(span).map_err(|_| "it is negative".to_owned())
}

#[derive(Debug, Subcommand)]
pub enum Feeds {
    /// Fetch feeds and compile them
    Sync {
        /// Fetch from here (URL or folder), laid out like the publishers' own: HOST/PATH
        #[arg(long, env = "OVERLOCK_MIRROR", value_name = "URL|DIR")]
        mirror: Option<String>,
        /// Every feed of the table, not just those that this host needs
        #[arg(long)]
        all: bool,
        /// Only these feeds
        #[arg(long, value_name = "FEED", value_delimiter = ',')]
        only: Vec<String>,
        /// Take a feed even if it shrank to less than a quarter
        #[arg(long)]
        accept_shrink: bool,
        /// How to print
        #[arg(long, value_enum, default_value = "table")]
        format: Plain,
    },
    /// Show date, age, records and quarantined records of each feed
    Status {
        /// How to print
        #[arg(long, value_enum, default_value = "table")]
        format: Plain,
    },
    /// Make the tables anew from the feeds at hand
    Compile,
    /// Write all feeds into one checked file, for a host without network
    Export {
        /// File to write.
        file: PathBuf,
    },
    /// Take feeds from a file that `export` wrote
    Import {
        /// File to read.
        file: PathBuf,
        /// Take a feed even if it shrank to less than a quarter
        #[arg(long)]
        accept_shrink: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum Version {
    /// Print `<`, `=` or `>`; with `-` check lines `A OP B` from standard input
    #[command(after_help = "Examples:
  overlock version compare dpkg 1.0~rc1-1 1.0-1      prints <
  echo '1.0~rc1-1 < 1.0-1' | overlock version compare dpkg -")]
    Compare {
        /// dpkg, rpm, apk, alpm, semver, pep440, npm, maven, rubygems or nuget.
        scheme: String,
        /// The first version, or `-`.
        #[arg(allow_hyphen_values = true)]
        a: String,
        /// The second version.
        #[arg(allow_hyphen_values = true)]
        b: Option<String>,
    },
}

#[derive(Debug, Args)]
pub struct Cvss {
    /// Vectors; `-` reads one a line from standard input.
    #[arg(required = true, allow_hyphen_values = true)]
    pub vectors: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Packages {
    /// The operating system's own.
    Os,
    /// Language packages too.
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// The report, overlock.scan/1.
    Json,
    /// A row for each exposure.
    Csv,
    /// SARIF 2.1.0.
    Sarif,
    /// CycloneDX 1.6 with vulnerabilities.
    Cyclonedx,
    /// One self-contained page.
    Html,
    /// What was seen, unjudged: overlock.inventory/1.
    Inventory,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Plain {
    /// For people.
    Table,
    /// For machines.
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum FailOn {
    Immediate,
    #[value(alias = "out-of-cycle")]
    OutOfCycle,
    Scheduled,
    Defer,
}

impl FailOn {
    pub fn decision(self) -> Decision {
        match self {
            Self::Immediate => Decision::Immediate,
            Self::OutOfCycle => Decision::OutOfCycle,
            Self::Scheduled => Decision::Scheduled,
            Self::Defer => Decision::Defer,
        }
    }
}
