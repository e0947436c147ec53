//! `overlock-load`: load on a server, figures on standard output as lines `name value`.

#![allow(clippy::print_stdout, reason = "a program for developers")]

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use overlock_load::connection::Server;
use overlock_load::draw;
use overlock_load::run::{self, Phase};
use std::path::PathBuf;
use std::sync::Arc;

/// Load on a server of Overlock.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The bare server that ours is measured against
    Echo {
        /// Where it says its address and certificate.
        folder: PathBuf,
    },
    /// Enrol hosts, let them report and check in
    Run {
        /// Address of the server, such as 127.0.0.1:7443.
        #[arg(long)]
        address: std::net::SocketAddr,
        /// Certificate of its authority (PEM).
        #[arg(long)]
        authority: PathBuf,
        /// Token for enrolment that may be used often enough.
        #[arg(long)]
        token: String,
        /// Folder of a running `echo`, to be measured in turn with the server.
        #[arg(long)]
        echo: Option<PathBuf>,
        /// How many hosts.
        #[arg(long, default_value_t = 1000)]
        hosts: usize,
        /// How many distinct package sets.
        #[arg(long, default_value_t = 200)]
        sets: usize,
        /// Packages of each.
        #[arg(long, default_value_t = 700)]
        packages: usize,
        /// Connections of the check-ins.
        #[arg(long, default_value_t = 32)]
        connections: usize,
        /// Check-ins in a round.
        #[arg(long, default_value_t = 20_000)]
        requests: usize,
        /// Rounds of check-ins, each beside one of the echo.
        #[arg(long, default_value_t = 5)]
        rounds: usize,
        /// How many come back at the same moment in the end; all unless said.
        #[arg(long)]
        back: Option<usize>,
    },
}

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(act(Arguments::parse().command))
}

async fn act(command: Command) -> Result<()> {
    match command {
        Command::Echo { folder } => overlock_load::echo::serve(&folder).await,
        Command::Run {
            address,
            authority,
            token,
            echo,
            hosts,
            sets,
            packages,
            connections,
            requests,
            rounds,
            back,
        } => {
            let server = Arc::new(Server::new(address, &std::fs::read(authority)?)?);
            let secret = token.rsplit('.').next().context("a token has a secret")?;
            let shared = overlock_testkit::shared_folder().context("the shared data is missing")?;
            let sets = draw::package_sets(&shared, sets, packages, 1)?;
            let (guests, phase) = run::enrol(&server, secret, &sets, hosts, 64, 1).await;
            print("enrol", &phase);
            let (mut guests, phase) = run::report(&server, guests, 64).await;
            print("report", &phase);
            let echo = echo.map(|folder| echo_at(&folder)).transpose()?;
            let mut ratios = Vec::new();
            for _ in 0..rounds {
                let phase = run::check_in(&server, &mut guests, connections, requests).await?;
                print("check_in", &phase);
                if let (Some(echo), Some(guest)) = (&echo, guests.first_mut()) {
                    let body = guest.poll_bytes()?;
                    let bare = run::echo(echo, &body, connections, requests).await?;
                    print("echo", &bare);
                    ratios.push(phase.rate() / bare.rate());
                }
            }
            ratios.sort_by(f64::total_cmp);
            if let Some(median) = ratios.get(ratios.len() / 2) {
                println!("check_in_ratio {median:.3}");
            }
            let (_, phase) = run::come_back(&server, guests, back.unwrap_or(hosts)).await;
            print("come_back", &phase);
            Ok(())
        }
    }
}

fn echo_at(folder: &std::path::Path) -> Result<Arc<Server>> {
    let address = std::fs::read_to_string(folder.join("address"))?;
    let authority = std::fs::read(folder.join("authority.pem"))?;
    Ok(Arc::new(Server::new(address.parse()?, &authority)?))
}

fn print(name: &str, phase: &Phase) {
    println!("{name}_requests {}", phase.times.count());
    println!("{name}_failed {}", phase.failed);
    println!("{name}_rate {:.0}", phase.rate());
    for (word, share) in [("p50", 0.5), ("p99", 0.99), ("max", 1.0)] {
        println!("{name}_{word}_ms {:.2}", phase.times.quantile_ms(share));
    }
    println!("{name}_wall_s {:.1}", phase.wall.as_secs_f64());
    for reason in &phase.reasons {
        println!("{name}_reason {reason}");
    }
}
