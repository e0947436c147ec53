//! A whole plan in one file: what `overlock plan --out` writes and `overlock apply` reads.

use super::{
    Closure, Counts, Header, HostEntry, PLAN_FILE_SCHEMA, PLAN_SCHEMA, PlanId, canonical, merkle,
    to_canonical,
};
use crate::plan::CanonicalError;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Header, entries and closures together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanFile {
    /// [`PLAN_FILE_SCHEMA`].
    pub schema: String,
    /// Hash of the header; a header that was changed no longer fits it.
    pub id: PlanId,
    /// What is signed.
    pub header: Header,
    /// One for each host.
    pub entries: Vec<HostEntry>,
    /// Each closure once, in the order of the entries that first name it.
    pub closures: Vec<Closure>,
    /// Signatures over the header's canonical bytes, as `ssh-keygen -Y sign -n overlock-plan-v1` writes them.
    pub signatures: Vec<String>,
}

/// The bytes are no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanFileError {
    /// No JSON at all.
    #[error("it is no JSON")]
    Json(#[source] serde_json::Error),
    /// JSON, but not of this shape: an unknown verb or field, a wrong type.
    #[error("it is not of the form `{PLAN_FILE_SCHEMA}`")]
    Shape(#[source] serde_json::Error),
    /// The right shape in other bytes than the canonical ones.
    #[error("its bytes are not canonical JSON (RFC 8785), so its hash would not be its name")]
    NotCanonical,
    /// A number that has no canonical form.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
}

impl PlanFile {
    /// A plan for one host, made on that host.
    ///
    /// # Errors
    /// When a number is too large for canonical JSON.
    pub fn local(
        entry: HostEntry,
        closure: Closure,
        generation: u64,
        parent: Option<PlanId>,
        policy: &[u8],
        created: Timestamp,
        expires: Timestamp,
    ) -> Result<Self, CanonicalError> {
        let removals = closure
            .changes
            .iter()
            .filter(|change| change.to().is_none());
        let removals = u64::try_from(removals.count()).unwrap_or(u64::MAX);
        let header = Header {
            schema: PLAN_SCHEMA.to_owned(),
            parent,
            fleet: "local".to_owned(),
            generation,
            created,
            expires,
            policy: super::Digest::of(policy),
            root: merkle::root(&[merkle::leaf(&entry.bytes()?)]),
            counts: Counts {
                hosts: 1,
                changes: u64::try_from(closure.changes.len()).unwrap_or(u64::MAX) - removals,
                removals,
                reboots: entry.reboots().into(),
                bytes: closure.artifacts().map(|(_, artifact)| artifact.size).sum(),
            },
        };
        Ok(Self {
            schema: PLAN_FILE_SCHEMA.to_owned(),
            id: header.id()?,
            header,
            entries: vec![entry],
            closures: vec![closure],
            signatures: Vec::new(),
        })
    }

    /// Reads a plan; the bytes must be the canonical ones, one newline at the end allowed.
    ///
    /// Shape only: whether hashes, times and hosts fit is the guard's to say.
    ///
    /// # Errors
    /// When the bytes are no JSON, of another shape, or not canonical.
    pub fn read(bytes: &[u8]) -> Result<Self, PlanFileError> {
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let value: serde_json::Value =
            serde_json::from_slice(bytes).map_err(PlanFileError::Json)?;
        if canonical(&value)? != bytes {
            return Err(PlanFileError::NotCanonical);
        }
        let plan: Self = serde_json::from_value(value).map_err(PlanFileError::Shape)?;
        // A value can have several spellings (times, absent fields): the one that we write is the only one.
        if to_canonical(&plan)? != bytes {
            return Err(PlanFileError::NotCanonical);
        }
        Ok(plan)
    }

    /// The file's bytes.
    ///
    /// # Errors
    /// When a number is too large for canonical JSON.
    pub fn bytes(&self) -> Result<Vec<u8>, CanonicalError> {
        let mut bytes = to_canonical(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}
