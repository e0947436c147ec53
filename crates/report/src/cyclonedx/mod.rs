//! CycloneDX 1.6 (ECMA-424) JSON: the packages as components, the exposures as vulnerabilities with their analysis.
//!
//! Written from own types and not through a library, because the one at hand ends at specification 1.5. A component is
//! named by its Package URL, which also is its `bom-ref`; a vulnerability points at all installed binaries of its
//! source. `compositions` says whether the list of components is whole.

mod components;
mod vulnerability;

use crate::{Bill, Style};
use components::Components;
use overlock_model::scan::ScanReport;
use serde_json::{Value, json};
use std::fmt;
use std::io::{self, Write};

/// A document's serial number, made of 16 random bytes that the caller draws.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Serial(pub [u8; 16]);

impl fmt::Display for Serial {
    /// `urn:uuid:…` of version 4 and the variant of RFC 9562 §4.1.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let random = u128::from_be_bytes(self.0);
        let uuid = (random & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
        let part = |shift: u32, bits: u32| (uuid >> shift) & ((1 << bits) - 1);
        write!(
            f,
            "urn:uuid:{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            part(96, 32),
            part(80, 16),
            part(64, 16),
            part(48, 16),
            part(0, 48)
        )
    }
}

/// Writes the document.
///
/// # Errors
/// When `out` does.
pub fn write(
    report: &ScanReport,
    bill: Bill<'_>,
    out: &mut dyn Write,
    style: &Style,
) -> io::Result<()> {
    crate::json::document(&document(report, bill), out, style)
}

fn document(report: &ScanReport, bill: Bill<'_>) -> Value {
    let mut components = Components::new(bill.packages, &report.host.os);
    let mut references = std::collections::HashSet::new();
    let vulnerabilities: Vec<Value> = report
        .exposures
        .iter()
        .map(|exposure| {
            let affected = components.of(exposure, report.host.arch.as_deref());
            let mut vulnerability = vulnerability::vulnerability(exposure, &affected);
            // One vulnerability in two sources is two entries; their references must differ.
            let mut reference = format!("{}/{}", exposure.vulnerability, exposure.source);
            while !references.insert(reference.clone()) {
                reference.push('+');
            }
            if let Some(vulnerability) = vulnerability.as_object_mut() {
                vulnerability.insert("bom-ref".to_owned(), json!(reference));
            }
            vulnerability
        })
        .collect();
    json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": bill.serial.to_string(),
        "version": 1,
        "metadata": metadata(report),
        "components": components.into_json(),
        "compositions": [{
            "aggregate": if bill.packages.is_empty() || !report.host.unseen.is_empty() { "incomplete" } else { "complete" },
            "assemblies": [ROOT],
        }],
        "vulnerabilities": vulnerabilities,
    })
}

/// Reference of the host itself.
const ROOT: &str = "overlock:host";

fn metadata(report: &ScanReport) -> Value {
    let os = &report.host.os;
    let mut properties = vec![property(
        "overlock:coverage:packages",
        &report.coverage.packages.to_string(),
    )];
    properties.push(property(
        "overlock:coverage:not_covered",
        &report.coverage.not_covered.to_string(),
    ));
    for doubt in crate::verdict::verdict(report).doubts {
        properties.push(property("overlock:not_known", &doubt));
    }
    properties.extend(
        report
            .host
            .name
            .iter()
            .map(|name| property("overlock:host", name)),
    );
    json!({
        "timestamp": report.generated.to_string(),
        "tools": { "components": [{
            "type": "application",
            "name": "overlock",
            "version": env!("CARGO_PKG_VERSION"),
        }] },
        "component": {
            "type": "operating-system",
            "bom-ref": ROOT,
            "name": if os.id.is_empty() { "unknown" } else { &os.id },
            "version": os.version_id,
            "description": os.name.clone().unwrap_or_default(),
        },
        "properties": properties,
    })
}

fn property(name: &str, value: &str) -> Value {
    json!({ "name": name, "value": value })
}
