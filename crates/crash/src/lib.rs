//! Proof of rule R4: wherever a run is cut off, the host ends in the plan's target, as it was, or in a named repair
//! state that `overlock repair` mends.
//!
//! `cargo xtask crash` and the tests of `overlock` call it. Nothing is simulated but the cut: real apt and dpkg change a
//! real Debian root, a tracer counts the system calls that change a file system over all processes, and at the chosen
//! one everything is killed, the disk loses its power, or the disk is full. It needs root. See `docs/crash-safety.md`.
//!
//! ```text
//! Campaign ── Template (a host with a plan) ── Reference (a run that nobody cut)
//!     └─ for each point: Scene (a copy) ── trace::run (apply, cut) ── repair ── Facts ── Ending
//! ```

mod call;
mod campaign;
mod facts;
mod points;
mod scene;
mod template;
pub mod trace;
mod trial;

pub use campaign::{Campaign, News, Points, Tally};
pub use facts::Facts;
pub use scene::{Disk, Ran, Scene, image, in_own_mounts};
pub use template::{Set, Template};
pub use trial::{Ending, Fault, Recovery, Reference, Trial};
