//! The figures of `bench fleet`: a real server under the load of simulated hosts, real protocol and real TLS.
//!
//! The server has one core, the load the other. A bare axum server over rustls, run on the server's core in turn with it,
//! says what the machine gives. Peak memory is the server's own (`VmHWM`).

mod agent;
mod checked;
mod million;
mod programs;
mod server;

use super::Figures;
use crate::command;
use agent::agent;
use anyhow::Result;
use million::in_memory;
use server::{on_postgres, under_load};

/// How many hosts each database is filled with.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// On SQLite.
    pub sqlite: usize,
    /// On PostgreSQL.
    pub postgres: usize,
    /// In memory only.
    pub million: usize,
}

impl Sizes {
    /// What the limits are stated for.
    pub const FULL: Self = Self {
        sqlite: 10_000,
        postgres: 100_000,
        million: 1_000_000,
    };
}

/// Measures everything; figures, and the limits that were broken.
pub fn measure(sizes: Sizes) -> Result<(Vec<Figures>, Vec<String>)> {
    // Together, so that what both use is built once.
    let build = [
        "build",
        "--release",
        "--locked",
        "-p",
        "overlock",
        "-p",
        "overlock-load",
    ];
    command::succeed(&mut command::cargo(&build))?;
    let mut all = vec![under_load(sizes.sqlite)?];
    all.extend(in_memory(sizes.million)?);
    all.push(agent()?);
    all.push(on_postgres(sizes.postgres)?);
    for checked in &all {
        println!("  {}", checked.figures.name);
        for (name, value) in &checked.figures.values {
            println!("    {name}: {value}");
        }
    }
    let broken = all
        .iter()
        .flat_map(|checked| checked.broken.clone())
        .collect();
    Ok((
        all.into_iter().map(|checked| checked.figures).collect(),
        broken,
    ))
}

#[expect(clippy::cast_precision_loss, reason = "a size for people")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
