//! The host's verifier: refuses a plan or a step that breaks what this host allows.
//!
//! Called with a plan's bytes before anything is planned on them, and again before every step. Nothing that a plan says
//! is believed: not its name, not its sums, not the order or the spelling of what it asks for. It is the last reader
//! before root acts, so it shares no code with the planner, only the plan's schema, and holds no clock and no file:
//!
//! ```text
//! bytes ─ read ─► PlanFile ─ examine(host, now) ─► Permit ─ before_step(at, now, floor) ─► &Step
//!                    │              │                                   │
//!                    └── Refusal ◄──┴───────────────────────────────────┘
//! ```
//!
//! A run that was cut off comes back through [`resume`] instead of [`examine`]: the same but for what is asked again before
//! each step. [`Refusal`] is one list, so that there is one place to read what can be refused; each names place and cause and has
//! a hint. The files follow the questions: is the plan whole (`binding`), did enough people sign it (`trust`),
//! is it the time and the turn for it (`validity`), are its steps an order we know (`steps`), are its
//! measures and changes ones this host allows (`mitigation`, `changes`), is every text just what its field may hold (`text`).

mod binding;
mod changes;
mod host;
mod limits;
mod mitigation;
mod permit;
mod refusal;
mod steps;
mod text;
mod trust;
mod validity;

pub use host::{Host, Protected};
pub use limits::Limits;
pub use mitigation::is_protected as is_protected_unit;
pub use permit::{Permit, artifact, examine, read, resume};
pub use refusal::{Refusal, Shown, TextFault};
pub use trust::{Approver, Approvers, Trust, TrustError};
