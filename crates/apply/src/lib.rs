//! Patches one host: the engine's hands on a real machine.
//!
//! `overlock apply` (and later the agent) makes a [`LocalHost`] and lets the engine drive it. All that is started is in
//! [`program`]; what package managers do differently is behind [`PackageManager`]; hashes are checked by us, in
//! [`artifacts`], before anything is installed (R3).
//!
//! ```text
//! engine ──► LocalHost ──► preflight   locks, audit, space, simulation equal to the plan
//!               │     ──► artifacts   content-addressed, new and old
//!               │     ──► manager     simulate, fetch, install, mend: apt, dnf
//!               │     ──► snapshot    the root as it was; put back by a boot into it
//!               │     ──► restart     units that asked for it or run old code, once each
//!               │     ──► verify      versions, units, what else changed
//! ```

#![forbid(unsafe_code)]

pub mod apt;
pub mod artifacts;
mod asked;
pub mod calendar;
pub mod checks;
mod complaints;
mod configuration;
pub mod confirm;
pub mod dnf;
mod durable;
pub mod evidence;
mod host;
pub mod lock;
pub mod manager;
pub mod mitigate;
pub mod pins;
mod preflight;
pub mod probe;
pub mod program;
pub mod reboot;
pub mod restart;
mod settings;
pub mod snapshot;
pub mod space;
pub mod timer;
pub mod transient;
pub mod trust;
mod underway;
mod verify;

pub use asked::forget;
pub use host::{LocalHost, Mitigates, Observer, Roots, Settings, does_not_undo, log};
pub use manager::{Listed, PackageManager, Simulated};
pub use preflight::{difference, edited};
