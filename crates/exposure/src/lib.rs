//! From findings to exposures: what to do, by when, and why.
//!
//! The scan of one host and the server of a fleet call the same functions, so both say the same of the same host.
//! Pure: tables, facts, measures and the time are arguments.
//!
//! ```text
//! matching ─► Finding ─┐
//! tables ───► Threat ──┼─► judge_all ─► (Exposure, Judgement) … ─► rank: most urgent first
//! facts, policy, now ──┤
//! measures in force ───┘   mitigation
//! ```

#![forbid(unsafe_code)]

mod judge;
pub mod mitigation;
mod order;
mod time;

pub use judge::{judge, judge_all};
pub use order::rank;
pub use time::plausible_now;
