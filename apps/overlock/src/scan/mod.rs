//! A scan from end to end: what is there, what the tables say of it, what to do.
//!
//! ```text
//! subject ─► inventory ─┐
//!                       ├─► judged (exposures, coverage) ─► planned ─► report
//! tables  ──────────────┘
//! ```

mod asked;
pub mod facts;
pub mod inventory;
pub mod judged;
pub mod mitigated;
pub mod still_running;
pub mod tables;
