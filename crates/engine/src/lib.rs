//! Carries a plan out on one host.
//!
//! What comes next is decided by [`Course`], a fold over the events of a run: no IO, no clock, the same events give the
//! same answer. [`drive`] asks it again and again, writes each event to the [`Ledger`] *before* it lets the [`Hands`] act
//! (R4), and asks the guard before each step begins. Called by `overlock apply` and the agent; a simulator calls it with
//! hands of its own.
//!
//! ```text
//! preflight ─► step ─► step ─► … ─► end: target
//!    │           │ failed or cut off while packages change
//!    ▼           ▼
//!  prior       look ─► target: go on      prior: again, or end
//!                │ broken ─► mend ─► look
//!                │ mixed ──► again, else revert ─► look ─► end: reverted, or a named repair state
//! ```

mod course;
mod drive;

pub use course::{CHANGES_MAX, Course, MENDS_MAX, Next, REVERTS_MAX};
pub use drive::{DriveError, Driven, Gate, Hands, Ledger, Report, drive};

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
