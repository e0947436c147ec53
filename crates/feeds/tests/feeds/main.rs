//! The sync against a real HTTP server on this machine, its store, and the archive; nothing leaves the machine.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helper may fail as its test does; clippy.toml's leave ends at #[test] functions"
)]

mod archive;
mod keeping;
mod network;
mod places;
mod real;
mod server;
mod tls;
mod world;
