//! The plan: what will be done to which host, exactly, immutable and named by its hash.
//!
//! Written by `overlock plan` (from the planner's choice and the package manager's own simulation), read by the guard and
//! the engine. Nothing is left to choose when it is carried out (R1).
//!
//! ```text
//! header ── root ──► Merkle tree over host entries ──► entry ── closure ──► closure (exact artifacts)
//!   │ SHA-256 of its canonical bytes
//!   ▼
//! PlanId, which is what is signed
//! ```
//!
//! All parts are canonical JSON (RFC 8785, integers only). A local plan is a [`PlanFile`] with one entry; a fleet's
//! host receives header, its entry, its closure and an inclusion proof, so that nobody has to read a million entries.

mod canonical;
mod closure;
mod digest;
mod file;
mod header;
mod host_id;
pub mod merkle;
mod step;

pub use canonical::{CanonicalError, INTEGER_MAX, canonical, to_canonical};
pub use closure::{Action, Artifact, Change, Closure};
pub use digest::{Digest, DigestError};
pub use file::{PlanFile, PlanFileError};
pub use header::{Counts, Header, PlanId};
pub use host_id::{HostId, HostIdError};
pub use step::{Ends, HostEntry, OnFailure, Step, Verb};

/// Schema of the header; a host refuses any other.
pub const PLAN_SCHEMA: &str = "overlock.plan/1";
/// Schema of a file that holds a whole plan.
pub const PLAN_FILE_SCHEMA: &str = "overlock.plan-file/1";
/// Namespace of signatures over a header (`ssh-keygen -Y sign -n`).
pub const SIGNATURE_NAMESPACE: &str = "overlock-plan-v1";

#[cfg(test)]
mod tests;
