//! VEX: what somebody states about a vulnerability in a product, whatever the format it came in.

use jiff::Timestamp;

/// What is said about one vulnerability in some products.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VexStatement {
    /// `CVE-…` or another identifier, as written.
    pub vulnerability: String,
    /// The products it is about, never empty.
    pub products: Vec<VexProduct>,
    /// What is said.
    pub status: VexStatus,
    /// Why it is not affected, in the document's own words (`vulnerable_code_not_present` …).
    pub justification: Option<String>,
    /// When it was said.
    pub timestamp: Option<Timestamp>,
    /// Who says so.
    pub author: Option<String>,
}

/// A product that a statement is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct VexProduct {
    /// Its Package URL, if one is given.
    pub purl: Option<String>,
    /// Its name or identifier as written.
    pub name: String,
    /// The product that it is a part of here: the statement holds only inside it.
    pub within: Option<String>,
}

/// What is said of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum VexStatus {
    /// Nothing to do; a justification says why.
    NotAffected,
    /// Something is to be done.
    Affected,
    /// This version holds the fix.
    Fixed,
    /// Not known yet.
    UnderInvestigation,
}
