//! VEX: what a vendor says about a vulnerability in a product (OpenVEX 0.2, CycloneDX VEX, CSAF 2.0 and 2.1 profile VEX).
//!
//! `overlock scan --vex FILE` calls [`read`]; matching then weighs each statement against what an inventory holds. A
//! statement keeps the product *within* which it was made: "not affected" for a library inside one product says
//! nothing about the same library elsewhere.

mod csaf;
mod cyclonedx;
mod openvex;

pub use crate::document::DocumentError;

use crate::document;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

const WANTED: &str = "a VEX document";
/// Most objects in a document; the largest of Red Hat's has some 200,000.
const OBJECTS_MAX: usize = 2_000_000;

/// The statements of one document.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Vex {
    /// In the document's order.
    pub statements: Vec<VexStatement>,
    /// Statements left out because they name no vulnerability, no product or no status that we know.
    pub left_out: u64,
}

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

#[derive(Deserialize)]
#[serde(expecting = "a JSON object")]
struct Head {
    #[serde(default, rename = "bomFormat")]
    bom_format: Option<String>,
    #[serde(default, rename = "@context")]
    context: Option<Context>,
    #[serde(default)]
    document: Option<IgnoredAny>,
}

/// `@context` may also be a list in JSON-LD; OpenVEX writes one address.
#[derive(Deserialize)]
#[serde(untagged)]
enum Context {
    Address(String),
    Other(IgnoredAny),
}

/// Reads a VEX document of any of the three formats.
///
/// # Errors
/// When it is no JSON, another kind of document, not what its format says, or breaks a bound.
pub fn read(bytes: &[u8]) -> Result<Vex, DocumentError> {
    let text = document::text(bytes)?;
    let json = |error| DocumentError::json(&error);
    let head: Head = serde_json::from_str(&text).map_err(json)?;
    if memchr::memchr_iter(b'{', text.as_bytes())
        .nth(OBJECTS_MAX)
        .is_some()
    {
        return Err(DocumentError::Value {
            place: "the document".to_owned(),
            why: format!("it holds more than {OBJECTS_MAX} objects"),
        });
    }
    if matches!(&head.context, Some(Context::Address(address)) if address.contains("openvex")) {
        openvex::read(&text).map_err(json)
    } else if head.bom_format.as_deref() == Some("CycloneDX") {
        cyclonedx::read(&text).map_err(json)
    } else if head.document.is_some() {
        csaf::read(&text).map_err(json)
    } else {
        Err(DocumentError::Other {
            what: "another JSON document",
            wanted: WANTED,
            hint: "OpenVEX states `@context`, CycloneDX `bomFormat`, CSAF `document`",
        })
    }
}

fn time(text: Option<&str>) -> Option<Timestamp> {
    text.and_then(|text| text.parse().ok())
}

/// An identifier that may be a Package URL.
fn product(id: &str) -> VexProduct {
    let purl = id.starts_with("pkg:").then(|| id.to_owned());
    VexProduct {
        purl,
        name: id.to_owned(),
        within: None,
    }
}

#[cfg(test)]
mod tests;
