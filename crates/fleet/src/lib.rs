//! The fleet in memory: one truth about all hosts, judged once for all that are equal.
//!
//! Called by the server, which feeds it from its store at start and from agents' reports after that; pure, so that a
//! million hosts fit into a test. Nothing here is stored: what must outlive the process (hosts, inventories, episodes)
//! is the store's, and this is made from it.
//!
//! ```text
//! inventory ─► subjects ─► package set ─┐                       ┌─► hosts of a vulnerability, of a package
//!   (once for each distinct content)    ├─► cohort ─► numbers ──┤
//! facts, labels, release, kernel ───────┘   (equal hosts)       ├─► lists and counts, with what is not known
//! tables ─► claims ─► rows of each distinct subject ────────────┤
//! facts, policy, now ─► a decision for each claim and facts ────┘─► view of one host ─► episodes
//! ```

#![forbid(unsafe_code)]

pub mod answer;
mod claim;
mod cohort;
mod decided;
pub mod episode;
mod fleet;
mod freshness;
mod host;
mod interner;
mod knowledge;
mod matched;
mod query;
pub mod selection;
mod set;
mod size;
mod subject;
mod totals;
mod view;

pub use cohort::HostNumber;
pub use fleet::{Fleet, HostEntry};
pub use freshness::Freshness;
pub use host::{Host, HostDates, Running};
pub use knowledge::{Changed, Judging, Knowledge, changed_packages};
pub use matched::MatchCost;
pub use query::{Versions, VersionsError};
pub use selection::{Selection, SelectionError};
pub use set::{SetId, SetKey};
pub use size::Size;
pub use totals::Denominator;
pub use view::{CohortView, HostView, Seen, SourceSeen};
