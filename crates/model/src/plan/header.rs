//! The header: small, and all that is signed.

use super::{Digest, to_canonical};
use crate::plan::CanonicalError;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A plan's name: the SHA-256 of its header's canonical bytes.
pub type PlanId = Digest;

/// What approvers sign, and what binds everything else by hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// [`PLAN_SCHEMA`](super::PLAN_SCHEMA).
    pub schema: String,
    /// The plan that this one follows; `null` for the first.
    pub parent: Option<PlanId>,
    /// The fleet it is for; `local` for a plan made on its own host.
    pub fleet: String,
    /// Grows with every plan of a host; a host refuses one below the highest that it has seen.
    pub generation: u64,
    /// When it was made.
    pub created: Timestamp,
    /// No step begins after this.
    pub expires: Timestamp,
    /// SHA-256 of the policy it was made under; of nothing where there was none.
    pub policy: Digest,
    /// Root of the Merkle tree over the canonical bytes of the host entries, in their order.
    pub root: Digest,
    /// Sums over all entries, for the reader of a signature request.
    pub counts: Counts,
}

/// Sums over a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Hosts.
    pub hosts: u64,
    /// Packages that are installed, upgraded or downgraded, over all hosts.
    pub changes: u64,
    /// Packages that are removed, over all hosts.
    pub removals: u64,
    /// Hosts that reboot.
    pub reboots: u64,
    /// Bytes of all artifacts that hosts fetch.
    pub bytes: u64,
}

impl Header {
    /// The bytes that are hashed and signed.
    ///
    /// # Errors
    /// When a number is too large for canonical JSON.
    pub fn bytes(&self) -> Result<Vec<u8>, CanonicalError> {
        to_canonical(self)
    }

    /// The plan's name.
    ///
    /// # Errors
    /// When a number is too large for canonical JSON.
    pub fn id(&self) -> Result<PlanId, CanonicalError> {
        Ok(Digest::of(&self.bytes()?))
    }
}
