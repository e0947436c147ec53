//! A server under faults and attacks: the real program, real TLS, hosts that speak the real protocol.
//!
//! One program; each story has a server of its own on loopback, in a folder that ends with it.

#![expect(
    clippy::unwrap_used,
    reason = "a test's helper may fail as its test does; clippy.toml's leave ends at #[test] functions"
)]

mod attacks;
mod backup;
mod faults;
mod people;
mod replicas;
mod server;
