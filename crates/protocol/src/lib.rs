//! The wire: what agent and server, reporter and helper say to each other.
//!
//! Called by the agent, which sends, and by the server, which answers; pure, so that both are tested against the same
//! bytes. Every message is JSON with a `schema` of its own; this version and the one before are understood, and a
//! message of another kind is refused, never guessed (DESIGN, Formats: Wire).
//!
//! ```text
//!  agent                                   server
//!    ── enrol (token, CSR) ──────────────►   signs, adopts the host id        once; no client certificate yet
//!    ── hello (who, which sections) ─────►   what it has: digest by section   at each start
//!    ── report (delta or full) ──────────►   accepted, or "send all"          when a section changed
//!    ── poll (state digest) ─────────────►   nothing, or what is wanted       held open; the whole of an idle hour
//!    ── renew (CSR) ─────────────────────►   a new certificate                long before the old one ends
//! ```
//!
//! A *section* is one part of an inventory, as a sorted set of lines of canonical JSON ([`section`]). That one form gives
//! its digest, its deltas and what the server stores, for packages as for processes.

pub mod check_in;
pub mod content;
pub mod delta;
pub mod enrol;

pub mod limits;
pub mod message;
pub mod report;
pub mod section;
pub mod socket;

pub use check_in::{Greeting, Hello, Poll, PollAnswer, Wanted};
pub use delta::Delta;
pub use enrol::{Enrol, Enrolled, Renew, Renewed};
pub use limits::Limits;
pub use message::{Kind, Message, MessageError, Refusal};
pub use report::{Report, ReportAnswer, SectionReport, Update, Verdict};
pub use section::{Section, SectionContent, SectionDigests, state_digest};
