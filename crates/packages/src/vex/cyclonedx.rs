//! CycloneDX vulnerabilities with an analysis (ECMA-424, `vulnerabilities`), in a document of their own or inside a
//! bill of materials.

use super::{Vex, VexProduct, VexStatement, VexStatus, product, time};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    components: Vec<Component>,
    #[serde(default)]
    vulnerabilities: Vec<Vulnerability>,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    timestamp: Option<String>,
    #[serde(default)]
    supplier: Option<Named>,
    #[serde(default)]
    authors: Vec<Named>,
    #[serde(default)]
    component: Option<Component>,
}

#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    name: Option<String>,
}

#[derive(Deserialize)]
struct Component {
    #[serde(default, rename = "bom-ref")]
    reference: Option<String>,
    #[serde(default)]
    purl: Option<String>,
    #[serde(default)]
    components: Vec<Component>,
}

#[derive(Deserialize)]
struct Vulnerability {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    analysis: Option<Analysis>,
    #[serde(default)]
    affects: Vec<Affected>,
}

#[derive(Deserialize)]
struct Analysis {
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    justification: Option<String>,
    #[serde(default, rename = "firstIssued")]
    first_issued: Option<String>,
    #[serde(default, rename = "lastUpdated")]
    last_updated: Option<String>,
}

#[derive(Deserialize)]
struct Affected {
    #[serde(default, rename = "ref")]
    reference: Option<String>,
}

pub(super) fn read(text: &str) -> serde_json::Result<Vex> {
    let document: Document = serde_json::from_str(text)?;
    let mut purls = BTreeMap::new();
    collect(document.metadata.component.as_slice(), &mut purls);
    collect(&document.components, &mut purls);
    let author = document
        .metadata
        .supplier
        .iter()
        .chain(&document.metadata.authors)
        .find_map(|own| own.name.clone());
    let mut vex = Vex::default();
    for entry in document.vulnerabilities {
        // Without an analysis the document only reports it: a finding, not a statement.
        let Some(analysis) = entry.analysis else {
            continue;
        };
        let status = match analysis.state.as_deref() {
            Some("not_affected" | "false_positive") => Some(VexStatus::NotAffected),
            Some("exploitable") => Some(VexStatus::Affected),
            Some("resolved" | "resolved_with_pedigree") => Some(VexStatus::Fixed),
            Some("in_triage") => Some(VexStatus::UnderInvestigation),
            _ => None,
        };
        let references = entry
            .affects
            .iter()
            .filter_map(|affected| affected.reference.as_deref());
        let products: Vec<VexProduct> = references
            .map(|reference| resolve(reference, &purls))
            .collect();
        let (Some(vulnerability), Some(status), false) = (entry.id, status, products.is_empty())
        else {
            vex.left_out += 1;
            continue;
        };
        let own = analysis
            .last_updated
            .as_deref()
            .or(analysis.first_issued.as_deref());
        vex.statements.push(VexStatement {
            vulnerability,
            products,
            status,
            justification: analysis.justification,
            timestamp: time(own.or(document.metadata.timestamp.as_deref())),
            author: author.clone(),
        });
    }
    Ok(vex)
}

fn collect<'a>(components: &'a [Component], purls: &mut BTreeMap<&'a str, &'a str>) {
    for component in components {
        if let (Some(reference), Some(purl)) = (&component.reference, &component.purl) {
            purls.insert(reference, purl);
        }
        collect(&component.components, purls);
    }
}

/// A reference to a component of the same document, or a BOM-Link `urn:cdx:SERIAL/VERSION#REFERENCE`, which points into
/// another one: there it holds only within that document.
fn resolve(reference: &str, purls: &BTreeMap<&str, &str>) -> VexProduct {
    if let Some(purl) = purls.get(reference) {
        return VexProduct {
            purl: Some((*purl).to_owned()),
            name: reference.to_owned(),
            within: None,
        };
    }
    match reference
        .split_once('#')
        .filter(|_| reference.starts_with("urn:cdx:"))
    {
        Some((document, part)) => VexProduct {
            within: Some(document.to_owned()),
            ..product(part)
        },
        None => product(reference),
    }
}
