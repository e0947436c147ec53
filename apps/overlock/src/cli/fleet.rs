//! Words of the fleet: server, hosts, exposures, access.

use super::Plain;
use clap::{Args, Subcommand, ValueEnum};
use overlock_model::facts::{AssetRole, Criticality, HumanImpact, SystemExposure};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Which server is asked.
#[derive(Debug, Clone, Args)]
pub struct Remote {
    /// Address of the server [default: the one that `overlock up` or `overlock login` wrote down]
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,
}

/// Where the server keeps what it knows.
#[derive(Debug, Clone, Args)]
pub struct Database {
    /// PostgreSQL to use instead of the embedded SQLite: postgres://USER:PASSWORD@HOST/NAME; better given by the
    /// environment, where other users do not see it
    #[arg(
        long,
        env = "OVERLOCK_DATABASE",
        value_name = "URL",
        hide_env_values = true
    )]
    pub database: Option<String>,
}

#[derive(Debug, Args)]
pub struct Up {
    /// Where to listen
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7443")]
    pub listen: SocketAddr,
    /// Further names or addresses by which hosts reach this server
    #[arg(long, value_name = "NAME")]
    pub name: Vec<String>,
    #[command(flatten)]
    pub source: super::Source,
}

#[derive(Debug, Args)]
pub struct Serve {
    /// Where to listen
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "[::]:7443")]
    pub listen: SocketAddr,
    /// Names or addresses by which hosts and people reach this server; the first one stands in links
    #[arg(long, value_name = "NAME", required_unless_present = "tls_certificate")]
    pub name: Vec<String>,
    #[command(flatten)]
    pub database: Database,
    /// Certificate chain (PEM) for people and their browsers, instead of one that our own authority signs
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_certificate: Option<PathBuf>,
    /// Its key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub tls_key: Option<PathBuf>,
    /// Issuer for logins (OpenID Connect)
    #[arg(long, value_name = "URL", requires = "oidc_client")]
    pub oidc_issuer: Option<String>,
    /// Client id there; its secret is read from the environment: OVERLOCK_OIDC_SECRET
    #[arg(long, value_name = "ID", requires = "oidc_issuer")]
    pub oidc_client: Option<String>,
    /// Claim that holds a person's groups
    #[arg(long, value_name = "CLAIM", default_value = "groups")]
    pub oidc_groups: String,
    /// Program that new hosts download [default: `overlock-agent` beside this program]
    #[arg(long, value_name = "FILE")]
    pub agent_program: Option<PathBuf>,
    /// How often feeds are asked for news
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = super::duration)]
    pub feeds_every: std::time::Duration,
    #[command(flatten)]
    pub source: super::Source,
    /// Lines of the log on standard error
    #[arg(long, value_enum, default_value = "text")]
    pub log_format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// A line of JSON for each event.
    Json,
}

#[derive(Debug, Args)]
pub struct Setup {
    #[command(flatten)]
    pub database: Database,
    /// Print another one-time token although there is an administrator already
    #[arg(long)]
    pub again: bool,
}

#[derive(Debug, Args)]
pub struct Login {
    /// Address of the server
    #[arg(long, value_name = "URL")]
    pub server: String,
    /// The server's authority: its certificate (PEM file), or the SHA-256 of its key as the server prints it. Without it
    /// the system's own authorities are trusted
    #[arg(long, value_name = "FILE|FINGERPRINT")]
    pub authority: Option<String>,
    /// The token; without it the token is read from standard input
    #[arg(long, env = "OVERLOCK_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Host {
    /// List hosts, with what is open on each
    #[command(after_help = "Examples:
  overlock host list --where 'host.os.id == \"debian\" && host.environment == \"production\"'
  overlock host list --where '\"web\" in host.tags' --format json")]
    List {
        /// Condition over host facts (CEL)
        #[arg(long = "where", value_name = "CEL")]
        selection: Option<String>,
        /// How to print
        #[arg(long, value_enum, default_value = "table")]
        format: Plain,
        #[command(flatten)]
        remote: Remote,
    },
    /// Show one host: standing, key, facts, what is open
    Show {
        /// Its name or id.
        host: String,
        /// How to print
        #[arg(long, value_enum, default_value = "table")]
        format: Plain,
        #[command(flatten)]
        remote: Remote,
    },
    /// Show what happened on a host, newest first
    Timeline {
        /// Its name or id.
        host: String,
        /// How to print
        #[arg(long, value_enum, default_value = "table")]
        format: Plain,
        #[command(flatten)]
        remote: Remote,
    },
    /// Print what was on a host, now or at a time, as an inventory
    Inventory {
        /// Its name or id.
        host: String,
        /// As of this time (RFC 3339)
        #[arg(long, value_name = "TIME")]
        at: Option<jiff::Timestamp>,
        #[command(flatten)]
        remote: Remote,
    },
    /// List what is open on a host, with decision, deadline and state
    Exposures {
        /// Its name or id.
        host: String,
        /// How to print
        #[arg(long, value_enum, default_value = "table")]
        format: Plain,
        #[command(flatten)]
        remote: Remote,
    },
    /// Ask a host's agent to look at it now
    Look {
        /// Its name or id.
        host: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// Say what people know of hosts: criticality, exposure, owner, tags, cluster
    #[command(after_help = "Examples:
  overlock host set web-1 --criticality high --exposure open --owner ada --tag web --cluster shop
  overlock host set --file facts.toml            [web-1] criticality = \"high\" …
  overlock host set web-1 --untag web")]
    Set(Box<SetFacts>),
    /// Confirm the key of a host that waits for it
    Confirm {
        /// Its name or id.
        host: String,
        /// The fingerprint that the agent printed
        #[arg(long)]
        fingerprint: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// Let a quarantined host speak again, after somebody has looked
    Release {
        /// Its name or id.
        host: String,
        /// What was found
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// Refuse a host's certificates from now on
    Revoke {
        /// Its name or id.
        host: String,
        /// Why
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// Make a token by which new hosts enrol, and print the one-line command
    #[command(after_help = "Examples:
  overlock host token                            one host, within 15 minutes
  overlock host token --uses 50 --tag web        fifty hosts, each gets the tag
  overlock host token --replace web-1            web-1 was installed anew and keeps its history")]
    Token {
        /// How many hosts may use it
        #[arg(long, default_value_t = 1, value_name = "N")]
        uses: u32,
        /// How long it may be used
        #[arg(long, value_name = "TIME", default_value = "15m", value_parser = super::duration)]
        valid: std::time::Duration,
        /// Tags that its hosts get
        #[arg(long, value_name = "TAG")]
        tag: Vec<String>,
        /// The host that was installed anew
        #[arg(long, value_name = "HOST", conflicts_with = "uses")]
        replace: Option<String>,
        /// Somebody must confirm the key before reports are taken
        #[arg(long)]
        confirm: bool,
        /// How to print
        #[arg(long, value_enum, default_value = "table")]
        format: Plain,
        #[command(flatten)]
        remote: Remote,
    },
    /// List tokens for enrolment, without their secrets
    Tokens {
        /// How to print
        #[arg(long, value_enum, default_value = "table")]
        format: Plain,
        #[command(flatten)]
        remote: Remote,
    },
    /// Withdraw a token for enrolment; hosts that came by it stay
    #[command(after_help = "Examples:
  overlock host tokens                           find its id
  overlock host withdraw 6f1d0c2a9b3e4d58")]
    Withdraw {
        /// Its id, as `overlock host tokens` prints it.
        id: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// Forget a host with its facts and history; its rows in the log stay
    #[command(after_help = "Examples:
  overlock host revoke web-1 --reason sold       turn its agent away, and keep what is known of it
  overlock host forget web-1 --yes               count it no longer, and forget what was known of it")]
    Forget {
        /// Its name or id.
        host: String,
        /// It cannot be taken back
        #[arg(long, required = true)]
        yes: bool,
        #[command(flatten)]
        remote: Remote,
    },
    /// Tell of hosts that have no agent, so that they are counted: a file with a name in each line
    Unmanaged {
        /// File with names; `-` reads standard input.
        file: PathBuf,
        #[command(flatten)]
        remote: Remote,
    },
}

#[derive(Debug, Args)]
pub struct SetFacts {
    /// Its name or id.
    #[arg(required_unless_present = "file", conflicts_with = "file")]
    pub host: Option<String>,
    /// A TOML file with a table for each host
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// How much the mission depends on it
    #[arg(long, value_parser = word::<Criticality>, value_name = "low|medium|high|very_high")]
    pub criticality: Option<Criticality>,
    /// How reachable it is
    #[arg(long, value_parser = word::<SystemExposure>, value_name = "small|controlled|open")]
    pub exposure: Option<SystemExposure>,
    /// production, staging, test …
    #[arg(long)]
    pub environment: Option<String>,
    /// Who answers for it
    #[arg(long)]
    pub owner: Option<String>,
    /// What an outage or compromise would mean
    #[arg(long, value_parser = word::<HumanImpact>, value_name = "low|medium|high|very_high")]
    pub business_impact: Option<HumanImpact>,
    /// Whether it holds or touches card data
    #[arg(long)]
    pub pci_scope: Option<bool>,
    /// What it is used as
    #[arg(long, value_parser = word::<AssetRole>, value_name = "server|workstation|network_device")]
    pub role: Option<AssetRole>,
    /// Add a tag
    #[arg(long, value_name = "TAG")]
    pub tag: Vec<String>,
    /// Take a tag away
    #[arg(long, value_name = "TAG")]
    pub untag: Vec<String>,
    /// Hosts that do one job together
    #[arg(long)]
    pub cluster: Option<String>,
    /// What fails together: rack, zone
    #[arg(long)]
    pub failure_domain: Option<String>,
    #[command(flatten)]
    pub remote: Remote,
}

/// A word of an enumeration, spelt as in JSON.
fn word<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(serde_json::Value::String(text.to_owned()))
        .map_err(|error| error.to_string())
}

#[derive(Debug, Subcommand)]
pub enum Exposure {
    /// List vulnerabilities that hosts are exposed to, most urgent first
    #[command(after_help = "Examples:
  overlock exposure list --decision immediate
  overlock exposure list --cve CVE-2024-6387 --where 'host.exposure == \"open\"'")]
    List {
        /// Only this vulnerability
        #[arg(long, value_name = "ID")]
        cve: Option<String>,
        /// Only with this decision or a more urgent one
        #[arg(long, value_enum)]
        decision: Option<super::FailOn>,
        /// Only in this source package
        #[arg(long)]
        package: Option<String>,
        /// Only on hosts of this group
        #[arg(long)]
        group: Option<String>,
        /// Only on hosts for which this holds (CEL)
        #[arg(long = "where", value_name = "CEL")]
        selection: Option<String>,
        /// How to print
        #[arg(long, value_enum, default_value = "table")]
        format: Plain,
        #[command(flatten)]
        remote: Remote,
    },
    /// List the hosts that are exposed to a vulnerability
    Hosts {
        /// The vulnerability.
        cve: String,
        /// How to print
        #[arg(long, value_enum, default_value = "table")]
        format: Plain,
        #[command(flatten)]
        remote: Remote,
    },
    /// List the hosts that have a package, all versions or those below one
    Package {
        /// Name of the package.
        package: String,
        /// Only below this version
        #[arg(long, value_name = "VERSION")]
        below: Option<String>,
        /// Kind of package, where the name is of several: deb, rpm, pypi …
        #[arg(long = "type", value_name = "TYPE")]
        kind: Option<String>,
        /// How to print
        #[arg(long, value_enum, default_value = "table")]
        format: Plain,
        #[command(flatten)]
        remote: Remote,
    },
    /// Show what upgrading one source package to a version would clear
    Clears {
        /// Source package.
        package: String,
        /// The version to upgrade to.
        #[arg(value_name = "VERSION")]
        to: String,
        /// Kind of package, where the name is of several: deb, rpm, pypi …
        #[arg(long = "type", value_name = "TYPE")]
        kind: Option<String>,
        /// How to print
        #[arg(long, value_enum, default_value = "table")]
        format: Plain,
        #[command(flatten)]
        remote: Remote,
    },
}

#[derive(Debug, Subcommand)]
pub enum Log {
    /// Check the chain of the log: every row, in order, unchanged
    Verify {
        /// How to print
        #[arg(long, value_enum, default_value = "table")]
        format: Plain,
        #[command(flatten)]
        database: Database,
        /// Let the server check it instead of reading its database here
        #[arg(long, value_name = "URL", conflicts_with = "database")]
        server: Option<String>,
    },
    /// Print rows of the log
    Show {
        /// From this row on
        #[arg(long, default_value_t = 0, value_name = "ROW")]
        since: u64,
        /// How to print
        #[arg(long, value_enum, default_value = "table")]
        format: Plain,
        #[command(flatten)]
        remote: Remote,
    },
}

#[derive(Debug, Subcommand)]
pub enum Token {
    /// Make a token for a program or a person
    Create {
        /// What it is for.
        name: String,
        /// What it may do
        #[arg(
            long,
            value_name = "viewer|operator|approver|author|admin",
            default_value = "viewer"
        )]
        role: String,
        /// Only for hosts of this group
        #[arg(long)]
        group: Option<String>,
        /// How long it is good for
        #[arg(long, value_name = "TIME", default_value = "90d", value_parser = super::duration)]
        valid: std::time::Duration,
        #[command(flatten)]
        remote: Remote,
    },
    /// List tokens, without their secrets
    List {
        /// How to print
        #[arg(long, value_enum, default_value = "table")]
        format: Plain,
        #[command(flatten)]
        remote: Remote,
    },
    /// End a token
    Revoke {
        /// Its id.
        id: String,
        #[command(flatten)]
        remote: Remote,
    },
}

#[derive(Debug, Subcommand)]
pub enum Group {
    /// List groups of hosts
    List {
        /// How to print
        #[arg(long, value_enum, default_value = "table")]
        format: Plain,
        #[command(flatten)]
        remote: Remote,
    },
    /// Make a group, or change what it holds
    Set {
        /// Its name.
        name: String,
        /// Which hosts it holds (CEL)
        #[arg(long = "where", value_name = "CEL")]
        selection: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// Remove a group
    Remove {
        /// Its name.
        name: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// Give a person or a group of the login provider a role
    Grant {
        /// `user:SUBJECT` or `oidc-group:NAME`.
        subject: String,
        /// Which role
        #[arg(long, value_name = "viewer|operator|approver|author|admin")]
        role: String,
        /// Only for hosts of this group
        #[arg(long)]
        group: Option<String>,
        #[command(flatten)]
        remote: Remote,
    },
    /// List the roles that people and groups of the login provider have
    Grants {
        /// How to print
        #[arg(long, value_enum, default_value = "table")]
        format: Plain,
        #[command(flatten)]
        remote: Remote,
    },
    /// Take a role back
    #[command(after_help = "Examples:
  overlock group grants                          find its id
  overlock group revoke 6f1d0c2a9b3e4d58")]
    Revoke {
        /// Id of the grant, as `overlock group grants` prints it.
        id: String,
        #[command(flatten)]
        remote: Remote,
    },
}

#[derive(Debug, Args)]
pub struct Backup {
    /// File to write.
    pub file: PathBuf,
    #[command(flatten)]
    pub database: Database,
}

#[derive(Debug, Args)]
pub struct Restore {
    /// File that `backup` wrote.
    pub file: PathBuf,
    #[command(flatten)]
    pub database: Database,
}
