//! OpenVEX 0.2.0 (and the 0.0.1 form, where vulnerability and products are plain texts).

use super::{Vex, VexProduct, VexStatement, VexStatus, product, time};
use serde::Deserialize;

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    author: Option<String>,
    #[serde(default)]
    timestamp: Option<String>,
    #[serde(default)]
    statements: Vec<Statement>,
}

#[derive(Deserialize)]
struct Statement {
    #[serde(default)]
    vulnerability: Option<Vulnerability>,
    #[serde(default)]
    products: Vec<Product>,
    #[serde(default)]
    status: String,
    #[serde(default)]
    justification: Option<String>,
    #[serde(default)]
    timestamp: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Vulnerability {
    Name(String),
    Entry {
        name: Option<String>,
        #[serde(rename = "@id")]
        id: Option<String>,
    },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Product {
    Name(String),
    Entry {
        #[serde(rename = "@id")]
        id: Option<String>,
        identifiers: Option<Identifiers>,
        #[serde(default)]
        subcomponents: Vec<Subcomponent>,
    },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Subcomponent {
    Name(String),
    Entry {
        #[serde(rename = "@id")]
        id: Option<String>,
        identifiers: Option<Identifiers>,
    },
}

#[derive(Deserialize)]
struct Identifiers {
    purl: Option<String>,
}

pub(super) fn read(text: &str) -> serde_json::Result<Vex> {
    let document: Document = serde_json::from_str(text)?;
    let mut vex = Vex::default();
    for statement in document.statements {
        let vulnerability = match statement.vulnerability {
            Some(Vulnerability::Name(name)) => Some(name),
            Some(Vulnerability::Entry { name, id }) => name.or(id),
            None => None,
        };
        let status = match statement.status.as_str() {
            "not_affected" => Some(VexStatus::NotAffected),
            "affected" => Some(VexStatus::Affected),
            "fixed" => Some(VexStatus::Fixed),
            "under_investigation" => Some(VexStatus::UnderInvestigation),
            _ => None,
        };
        let products: Vec<VexProduct> = statement.products.into_iter().flat_map(products).collect();
        let (Some(vulnerability), Some(status), false) =
            (vulnerability, status, products.is_empty())
        else {
            vex.left_out += 1;
            continue;
        };
        vex.statements.push(VexStatement {
            vulnerability,
            products,
            status,
            justification: statement.justification,
            // A statement without a time of its own has the document's ("Inheritance").
            timestamp: time(
                statement
                    .timestamp
                    .as_deref()
                    .or(document.timestamp.as_deref()),
            ),
            author: document.author.clone(),
        });
    }
    Ok(vex)
}

/// The product itself, or each of its subcomponents where the statement is about them.
fn products(entry: Product) -> Vec<VexProduct> {
    let (id, identifiers, parts) = match entry {
        Product::Name(name) => return vec![product(&name)],
        Product::Entry {
            id,
            identifiers,
            subcomponents,
        } => (id, identifiers, subcomponents),
    };
    let whole = one(id, identifiers);
    if parts.is_empty() {
        return whole.into_iter().collect();
    }
    let within = whole.map(|whole| whole.purl.unwrap_or(whole.name));
    let part = |part| match part {
        Subcomponent::Name(name) => Some(product(&name)),
        Subcomponent::Entry { id, identifiers } => one(id, identifiers),
    };
    let inside = |part: VexProduct| VexProduct {
        within: within.clone(),
        ..part
    };
    parts.into_iter().filter_map(part).map(inside).collect()
}

fn one(id: Option<String>, identifiers: Option<Identifiers>) -> Option<VexProduct> {
    let purl = identifiers.and_then(|identifiers| identifiers.purl);
    let named = product(&id.or_else(|| purl.clone())?);
    Some(VexProduct {
        purl: purl.or(named.purl),
        ..named
    })
}
