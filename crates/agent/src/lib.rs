//! The agent: reports what is on this host, keeps its identity, and lets a small root helper act.
//!
//! `overlock-agent` is a thin program over this; `overlock up` embeds [`run()`] to manage its own machine. It only dials out.
//!
//! ```text
//!             ┌──────────────── unprivileged ───────────────┐        ┌──── root ────┐
//!  server ◄───┤ run ◄─► reporter (what next? no IO)         │        │              │
//!   mTLS      │  └─► look, in a process of its own ─────────┼─► ask ─┼► helper ─────┼─► overlock apply
//!             │  └─► identity, contents: the state directory│ socket │  (guard)     │
//!             └─────────────────────────────────────────────┘        └──────────────┘
//! ```

#![forbid(unsafe_code)]

mod authority;
mod clock;
pub mod config;
mod connection;
pub mod contact;
mod contents;
mod durable;
pub mod enrol;
pub mod helper;
pub mod host_id;
pub mod identity;
pub mod install;
pub mod look;
mod packing;
pub mod reporter;
pub mod run;
mod server_url;
pub mod status;
mod tls;

pub use authority::authority_shown;
pub use connection::{CallError, path};
pub use contents::Contents;
pub use reporter::Reporter;
pub use run::{RunError, Settings, Told, run};
pub use server_url::{ServerUrl, ServerUrlError};
pub use tls::TlsError;

/// Version of the agent.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
