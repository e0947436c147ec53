//! How much the fleet holds: what is shared, and how far.

use crate::fleet::Fleet;
use serde::Serialize;

/// Distinct values of each kind. Hosts grow with the fleet; all else grows with how different they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Size {
    /// Hosts.
    pub hosts: usize,
    /// Package sets.
    pub sets: usize,
    /// Subjects: names and versions that are judged.
    pub subjects: usize,
    /// Subjects with their binary packages.
    pub parts: usize,
    /// Cohorts of equal hosts.
    pub cohorts: usize,
    /// Claims of advisories that hold for some subject.
    pub claims: usize,
    /// Findings of all subjects.
    pub findings: usize,
    /// Vulnerabilities that some subject has.
    pub vulnerabilities: usize,
}

impl Fleet {
    /// How much the fleet holds.
    #[must_use]
    pub fn size(&self) -> Size {
        Size {
            hosts: self.len(),
            sets: self.sets.len(),
            subjects: self.sets.subjects.keys.len(),
            parts: self.sets.subjects.parts.len(),
            cohorts: self.cohorts.len(),
            claims: self.claims.len(),
            findings: self.claims.row_count(),
            vulnerabilities: self.claims.vulnerabilities().count(),
        }
    }

    /// Every vulnerability that some package of the fleet has, in no order.
    pub fn vulnerabilities(&self) -> impl Iterator<Item = &str> {
        self.claims
            .vulnerabilities()
            .map(|known| known.name.as_ref())
    }
}
