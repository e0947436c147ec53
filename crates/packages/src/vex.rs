//! VEX: what a vendor says about a vulnerability in a product (OpenVEX 0.2, CycloneDX VEX, CSAF 2.0 and 2.1 profile VEX).
//!
//! `overlock scan --vex FILE` calls [`read`]; matching then weighs each statement against what an inventory holds. A
//! statement keeps the product *within* which it was made: "not affected" for a library inside one product says
//! nothing about the same library elsewhere.

mod csaf;
mod cyclonedx;
mod openvex;

pub use crate::document::DocumentError;
pub use overlock_model::vex::{VexProduct, VexStatement, VexStatus};

use crate::document;
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

fn time(text: Option<&str>) -> Option<jiff::Timestamp> {
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
