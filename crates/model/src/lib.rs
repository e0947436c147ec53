//! The nouns of Overlock: what a host is, what advisories say, what follows from both.
//!
//! Every other crate speaks in these types; none of them does IO, reads a clock or draws a random number.
//! Types that leave the program (`Inventory`, `ScanReport`) are versioned by a `schema` field and published
//! as JSON Schema under `docs/schemas`.
//!
//! ```text
//! inventory ──► exposure ──► decision + obligations ──► update / held ──► scan report
//!     ▲             ▲                 ▲
//!  package,      advisory          threat, facts
//!  repository
//! ```

pub mod advisory;
pub mod asset;
pub mod coverage;
pub mod decision;
pub mod effective;
pub mod episode;
pub mod explanation;
pub mod exposure;
pub mod facts;
pub mod feed;
pub mod inventory;
pub mod mitigation;
pub mod one_line;
pub mod os;
pub mod package;
pub mod plan;
pub mod repository;
pub mod run;
pub mod scan;
pub mod schedule;
pub mod threat;
pub mod update;
pub mod vex;

pub use jiff::Timestamp;
pub use jiff::civil::Date;
