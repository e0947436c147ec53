//! What the server remembers, in SQLite or PostgreSQL: hosts, sections, episodes, access, and the hash-chained log.
//!
//! Called by the server only. One [`Store`] is one database, which is one fleet. Every operation is one transaction; one
//! that changes a state writes its row of the log in the same transaction (R12) and is answered after the commit. Times,
//! ids and secrets are arguments: nothing here reads a clock or draws a random number.
//!
//! ```text
//!  reports ──► Writer ──► accept ──► contents (each text once) ◄── host_sections (history)
//!                           │
//!  judging ──► judged ──────┤──► open_episodes, ended_episodes     one packed blob each
//!                           ▼
//!  people ──► hosts,      log_head (locked first) ──► log          hash-chained
//!             access, …
//!  beside, without the log: presence, sessions, idempotency, leases
//! ```
//!
//! The SQL is the same text for both engines, with `$1`, integers, text, blobs and null only; what differs is in
//! [`database`](Engine) alone. Versions are compared and hosts matched in Rust, never in SQL. The database holds the key
//! of the server's authority, so its file is readable by its owner only; it is not encrypted.

mod accept;
mod access;
mod backup;
mod batch;
mod certificates;
mod columns;
mod contents;
mod database;
mod enrolment;
mod episodes;
mod error;
mod hosts;
mod idempotency;
mod leases;
mod log;
mod presence;
mod sections;
mod sessions;
mod settings;
mod writer;

pub use accept::{Accepted, Outcome};
pub use access::{
    ApiToken, FirstAdmin, Grant, HostGroup, KnownApiToken, KnownGrant, Role, Scope, Subject, User,
};
pub use backup::{Backup, check_backup};
pub use certificates::{Certificate, CertificateStanding, KnownCertificate};
pub use contents::Content;
pub use database::{Database, Engine, Store};
pub use enrolment::{Enrolment, EnrolmentRefusal, EnrolmentToken, KnownToken, NewHost, Past, Uses};
pub use episodes::{Judged, JudgedOutcome, OpenEpisodes, Transition};
pub use error::StoreError;
pub use hosts::{Greeted, Host, JudgedWith, LOOK, StandingChange, StandingSet};
pub use idempotency::{Begun, Kept};
pub use leases::Lease;
pub use log::{Actor, By, Head, LogBreak, LogRow, LogVerdict};
pub use presence::{InstanceSeen, Presence, Seen};
pub use sections::{Pruned, SectionSpan};
pub use writer::Writer;
