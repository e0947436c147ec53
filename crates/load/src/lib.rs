//! Simulated hosts that speak the real protocol over real TLS: what load and fault tests of the server are made with.
//!
//! `cargo xtask bench fleet` and the fault tests call it; nothing that ships does. A simulated host has a real key and
//! certificate, real packages drawn from inventories of real hosts, and sends the bytes that an agent would send. What
//! is left out is only the looking at a host.
//!
//! ```text
//! draw (package sets) ─► Guest (identity, sections) ─► connection (TLS, HTTP/1.1) ─► server
//!                              └── enrol, hello, report, poll ── latency ─► Times
//! ```

pub mod connection;
pub mod draw;
pub mod echo;
pub mod guest;
pub mod run;
pub mod times;
