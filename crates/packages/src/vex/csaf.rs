//! CSAF 2.0 and 2.1 (OASIS): product identifiers, their Package URLs, and `product_status` of each vulnerability.

use super::{Vex, VexProduct, VexStatement, VexStatus, time};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Csaf {
    document: Document,
    #[serde(default)]
    product_tree: Tree,
    #[serde(default)]
    vulnerabilities: Vec<Vulnerability>,
}

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    publisher: Option<Publisher>,
    #[serde(default)]
    tracking: Option<Tracking>,
}

#[derive(Deserialize)]
struct Publisher {
    #[serde(default)]
    name: Option<String>,
}

#[derive(Deserialize)]
struct Tracking {
    #[serde(default)]
    current_release_date: Option<String>,
}

#[derive(Default, Deserialize)]
struct Tree {
    #[serde(default)]
    branches: Vec<Branch>,
    #[serde(default)]
    full_product_names: Vec<Product>,
    #[serde(default)]
    relationships: Vec<Relationship>,
}

#[derive(Deserialize)]
struct Branch {
    #[serde(default)]
    branches: Vec<Branch>,
    #[serde(default)]
    product: Option<Product>,
}

#[derive(Deserialize)]
struct Product {
    #[serde(default)]
    name: String,
    #[serde(default)]
    product_id: String,
    #[serde(default)]
    product_identification_helper: Option<Helper>,
}

#[derive(Deserialize)]
struct Helper {
    /// 2.0
    #[serde(default)]
    purl: Option<String>,
    /// 2.1
    #[serde(default)]
    purls: Vec<String>,
}

#[derive(Deserialize)]
struct Relationship {
    full_product_name: Product,
    #[serde(default)]
    product_reference: String,
    #[serde(default)]
    relates_to_product_reference: String,
}

#[derive(Deserialize)]
struct Vulnerability {
    #[serde(default)]
    cve: Option<String>,
    #[serde(default)]
    ids: Vec<Id>,
    #[serde(default)]
    flags: Vec<Flag>,
    #[serde(default)]
    product_status: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
struct Id {
    #[serde(default)]
    text: Option<String>,
}

#[derive(Deserialize)]
struct Flag {
    #[serde(default)]
    label: Option<String>,
    #[serde(default)]
    product_ids: Vec<String>,
}

pub(super) fn read(text: &str) -> serde_json::Result<Vex> {
    let csaf: Csaf = serde_json::from_str(text)?;
    let products = products(&csaf.product_tree);
    let author = csaf.document.publisher.and_then(|publisher| publisher.name);
    let timestamp = time(
        csaf.document
            .tracking
            .and_then(|tracking| tracking.current_release_date)
            .as_deref(),
    );
    let mut vex = Vex::default();
    for entry in csaf.vulnerabilities {
        let Some(vulnerability) = entry
            .cve
            .or_else(|| entry.ids.into_iter().find_map(|id| id.text))
        else {
            vex.left_out += 1;
            continue;
        };
        let mut why: BTreeMap<&str, &str> = BTreeMap::new();
        for flag in &entry.flags {
            if let Some(label) = &flag.label {
                why.extend(
                    flag.product_ids
                        .iter()
                        .map(|id| (id.as_str(), label.as_str())),
                );
            }
        }
        for (word, ids) in &entry.product_status {
            let Some(status) = status(word) else { continue };
            // One statement for each justification, as a flag may name some of the products only.
            let mut groups: BTreeMap<Option<&str>, Vec<VexProduct>> = BTreeMap::new();
            for id in ids {
                let justification = why
                    .get(id.as_str())
                    .copied()
                    .filter(|_| status == VexStatus::NotAffected);
                let unknown = || {
                    vec![VexProduct {
                        purl: None,
                        name: id.clone(),
                        within: None,
                    }]
                };
                groups
                    .entry(justification)
                    .or_default()
                    .extend(products.get(id).cloned().unwrap_or_else(unknown));
            }
            for (justification, products) in groups {
                vex.statements.push(VexStatement {
                    vulnerability: vulnerability.clone(),
                    products,
                    status,
                    justification: justification.map(ToOwned::to_owned),
                    timestamp,
                    author: author.clone(),
                });
            }
        }
    }
    Ok(vex)
}

/// CSAF 2.0, 3.2.3.9; `recommended` says what to install, not what is affected.
fn status(word: &str) -> Option<VexStatus> {
    match word {
        "known_not_affected" => Some(VexStatus::NotAffected),
        "known_affected" | "first_affected" | "last_affected" => Some(VexStatus::Affected),
        "fixed" | "first_fixed" => Some(VexStatus::Fixed),
        "under_investigation" | "unknown" => Some(VexStatus::UnderInvestigation),
        _ => None,
    }
}

/// Each product identifier with what it stands for: one entry for each Package URL, or one with the name alone.
fn products(tree: &Tree) -> BTreeMap<String, Vec<VexProduct>> {
    let mut products = BTreeMap::new();
    in_branches(&tree.branches, &mut products);
    for product in &tree.full_product_names {
        products.insert(product.product_id.clone(), of_product(product));
    }
    // A relationship may build on another one; documents list them in that order.
    for relationship in &tree.relationships {
        let name = |id: &str, products: &BTreeMap<String, Vec<VexProduct>>| {
            products
                .get(id)
                .and_then(|of| of.first())
                .map_or_else(|| id.to_owned(), |of| of.name.clone())
        };
        let within = name(&relationship.relates_to_product_reference, &products);
        let parts = products.get(&relationship.product_reference).cloned();
        let parts = parts.unwrap_or_else(|| of_product(&relationship.full_product_name));
        let inside = |part| VexProduct {
            within: Some(within.clone()),
            ..part
        };
        let id = relationship.full_product_name.product_id.clone();
        products.insert(id, parts.into_iter().map(inside).collect());
    }
    products
}

fn in_branches(branches: &[Branch], products: &mut BTreeMap<String, Vec<VexProduct>>) {
    for branch in branches {
        if let Some(product) = &branch.product {
            products.insert(product.product_id.clone(), of_product(product));
        }
        in_branches(&branch.branches, products);
    }
}

fn of_product(product: &Product) -> Vec<VexProduct> {
    let named = |purl: Option<&String>| VexProduct {
        purl: purl.cloned(),
        name: product.name.clone(),
        within: None,
    };
    let helper = product.product_identification_helper.as_ref();
    let purls: Vec<VexProduct> = helper
        .into_iter()
        .flat_map(|helper| helper.purl.iter().chain(&helper.purls))
        .map(|purl| named(Some(purl)))
        .collect();
    if purls.is_empty() {
        vec![named(None)]
    } else {
        purls
    }
}
