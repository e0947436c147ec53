//! CVSS, EPSS, KEV and SSVC turned into decisions and obligations.
//!
//! Called once per exposure, after matching has found it and before the planner ranks updates. Pure: the time, the
//! facts and the rules are arguments, so the same inputs give the same judgement on any machine.
//!
//! ```text
//! Threat ─► assess::preferred ─► cvss ─┐
//! Facts, vendor's rating ──────────────┴─► inputs ─┬─► decision ─► ranking
//!                                      (unknown ⇒  └─► obligation ─► earliest deadline binds
//!                                  careful default)      (ssvc tables, policy)
//! ```

pub mod assess;
pub mod cvss;
pub mod decision;
pub mod inputs;
pub mod obligation;
pub mod policy;
pub mod ranking;
pub mod severity;
pub mod ssvc;

pub use assess::{Case, Judgement, Setting, judge};
pub use obligation::Fix;
pub use policy::{Policy, Rules};
