//! Bills of materials as inventories: CycloneDX JSON 1.2 to 1.7 and SPDX JSON 2.2 and 2.3.
//!
//! `overlock scan --sbom FILE` calls [`read`]. Both formats are lists of parts that name themselves by Package URL; a
//! reader for each feeds parts, one at a time, into one collector, so memory follows the number of packages and not
//! the size of the file. What is no package, cannot be named or was only guessed is counted and stated in
//! `Inventory::unseen`: coverage has to show it.
//!
//! ```text
//! bytes ─► document (size, UTF-8, depth) ─► cyclonedx │ spdx ─► Part ─► collector ─► Inventory
//!                                                                 purl ┘     └ distribution
//! ```

mod collector;
mod cyclonedx;
mod distribution;
mod json;
mod part;
mod purl;
mod spdx;

pub use crate::document::DocumentError;
pub use purl::{Purl, PurlForm};

use crate::document;
use collector::{Collector, Counts};
use json::Word;
use overlock_model::inventory::Inventory;
use serde::Deserialize;

const WANTED: &str = "a bill of materials in CycloneDX or SPDX JSON";

/// The fields by which documents are told apart.
#[derive(Deserialize)]
#[serde(expecting = "a JSON object")]
struct Head {
    #[serde(default, rename = "bomFormat")]
    bom_format: Word,
    #[serde(default, rename = "specVersion")]
    spec_version: Word,
    #[serde(default, rename = "spdxVersion")]
    spdx_version: Word,
    #[serde(default, rename = "@context")]
    context: Word,
    #[serde(default, rename = "@graph")]
    graph: Word,
    #[serde(default)]
    artifacts: Word,
    #[serde(default, rename = "payloadType")]
    payload_type: Word,
    #[serde(default)]
    predicate: Word,
    #[serde(default)]
    document: Word,
    #[serde(default)]
    sbom: Word,
    #[serde(default)]
    schema: Word,
}

enum Format {
    CycloneDx,
    Spdx,
}

/// Reads a bill of materials; gzip, xz, zstd and bzip2 are unpacked first.
///
/// # Errors
/// When it is no JSON, another kind of document, a version not read here, or breaks a bound; the error names the
/// place and says what to do.
pub fn read(bytes: &[u8]) -> Result<Inventory, DocumentError> {
    read_counted(bytes).map(|(inventory, _)| inventory)
}

fn read_counted(bytes: &[u8]) -> Result<(Inventory, Counts), DocumentError> {
    let text = document::text(bytes)?;
    if let Some(error) = not_json(&text) {
        return Err(error);
    }
    let json = |error| DocumentError::json(&error);
    let head: Head = serde_json::from_str(&text).map_err(json)?;
    let (format, name) = head.format()?;
    let mut collector = Collector::default();
    let mut parser = serde_json::Deserializer::from_str(&text);
    match format {
        Format::CycloneDx => cyclonedx::read(&mut parser, &mut collector),
        Format::Spdx => spdx::read(&mut parser, &mut collector),
    }
    .and_then(|()| parser.end())
    .map_err(json)?;
    Ok(collector.finish(name))
}

/// The other forms of both formats, told by their first characters.
fn not_json(text: &str) -> Option<DocumentError> {
    let start = text.trim_start();
    let other = |what, hint| {
        Some(DocumentError::Other {
            what,
            wanted: WANTED,
            hint,
        })
    };
    if start.starts_with('<') {
        return other(
            "XML",
            "convert it to JSON, for example with `cyclonedx convert --output-format json`",
        );
    }
    if start.starts_with("SPDXVersion:")
        || start.starts_with("# ") && start.contains("\nSPDXVersion:")
    {
        return other("an SPDX tag-value file", "write it as SPDX JSON");
    }
    if start.starts_with("spdxVersion:") || start.starts_with("SPDXID:") || start.starts_with("---")
    {
        return other("YAML", "write it as SPDX JSON");
    }
    None
}

impl Head {
    fn format(&self) -> Result<(Format, String), DocumentError> {
        if self.bom_format.text() == Some("CycloneDX") {
            let version = self.spec_version.text().unwrap_or_default();
            return match version {
                "1.2" | "1.3" | "1.4" | "1.5" | "1.6" | "1.7" => {
                    Ok((Format::CycloneDx, format!("CycloneDX {version}")))
                }
                _ => Err(DocumentError::Version {
                    format: "CycloneDX",
                    version: version.chars().take(40).collect(),
                    hint: "write it as CycloneDX 1.2 to 1.7; `specVersion` states the version",
                }),
            };
        }
        if let Some(version) = self.spdx_version.text() {
            return match version {
                "SPDX-2.2" | "SPDX-2.3" => Ok((Format::Spdx, version.replacen('-', " ", 1))),
                _ => Err(unsupported_spdx(version.chars().take(40).collect())),
            };
        }
        Err(self.stranger())
    }

    /// What a document without the marks of either format is.
    fn stranger(&self) -> DocumentError {
        let context = self.context.text().unwrap_or_default();
        let schema = self.schema.text().unwrap_or_default();
        let (what, hint) = if context.contains("spdx") || self.graph.is_there() {
            return unsupported_spdx("3".to_owned());
        } else if context.contains("openvex") {
            (
                "an OpenVEX document",
                "it states what is exploitable, not what is installed",
            )
        } else if schema.starts_with("overlock.inventory/") {
            ("an inventory", "read it with `--inventory FILE`")
        } else if self.artifacts.is_there() {
            ("syft's own JSON", "write it with `syft -o cyclonedx-json`")
        } else if self.payload_type.is_there() || self.predicate.is_there() {
            (
                "an attestation",
                "take the document out of its payload, where it is the `predicate`",
            )
        } else if self.sbom.is_there() {
            (
                "a document around another",
                "take the value of its field `sbom`",
            )
        } else if self.document.is_there() {
            (
                "a CSAF advisory",
                "it states what is exploitable, not what is installed",
            )
        } else {
            (
                "another JSON document",
                "CycloneDX states `bomFormat` and `specVersion`, SPDX states `spdxVersion`",
            )
        };
        DocumentError::Other {
            what,
            wanted: WANTED,
            hint,
        }
    }
}

fn unsupported_spdx(version: String) -> DocumentError {
    DocumentError::Version {
        format: "SPDX",
        version,
        hint: "write it as SPDX 2.3 JSON, or as CycloneDX JSON",
    }
}

#[cfg(test)]
mod tests;
