//! The server: TLS, agents, API, access.
//!
//! Started by `overlock serve` and `overlock up` through [`Server`]; it owns the sockets, the clock and the background
//! tasks, and asks `overlock-store` for what is remembered and `overlock-fleet` for what is true of all hosts.
//!
//! ```text
//!  listen ── TLS, limits ──► routes ── path, access, body ──► agents/*   enrol, hello, report, poll, renew
//!    │                         │                              api/*      people and programs
//!  authority                 access ◄── tokens, sessions         │
//!  (our CA)                                                      ▼
//!                            directory (hosts in memory)   judging ──► fleet, store
//! ```
//!
//! Every route states its access ([`access::Access`]) when it is added, and its handler takes the proof that this access
//! gives: a handler for agents cannot be reached by a person, nor one for people without a permission.

#![forbid(unsafe_code)]

pub mod access;
pub mod agents;
pub mod api;
pub mod attempts;
pub mod authority;
mod base64;
pub mod clock;
pub mod clone_alarm;
pub mod directory;
mod follow;
pub mod install;
pub mod judging;
pub mod limits;
pub mod listen;
pub mod login;
mod people;
pub mod problem;
pub mod routes;
mod server;
pub mod shared;
mod tasks;
#[cfg(test)]
mod testing;
pub mod truth;

pub use limits::Limits;
pub use server::{LoginError, Options, Server, ServerError};
