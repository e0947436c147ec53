use super::*;
use serde_json::{Value, json};

fn one(document: &Value) -> VexStatement {
    let vex = read(document.to_string().as_bytes()).unwrap();
    assert_eq!((vex.statements.len(), vex.left_out), (1, 0));
    vex.statements.into_iter().next().unwrap()
}

#[test]
fn openvex_keeps_the_product_around_a_subcomponent() {
    let statement = one(&json!({
        "@context": "https://openvex.dev/ns/v0.2.0", "author": "A", "timestamp": "2026-01-16T19:07:16Z", "version": 1,
        "statements": [{
            "vulnerability": {"name": "CVE-2024-0001"}, "status": "not_affected",
            "justification": "vulnerable_code_not_in_execute_path",
            "products": [{"@id": "pkg:oci/app", "subcomponents": [{"@id": "pkg:golang/example.org/lib@v4.0.0"}]}]
        }]
    }));
    assert_eq!(statement.vulnerability, "CVE-2024-0001");
    assert_eq!(statement.status, VexStatus::NotAffected);
    assert_eq!(statement.author.as_deref(), Some("A"));
    assert_eq!(
        statement.timestamp.unwrap().to_string(),
        "2026-01-16T19:07:16Z"
    );
    assert_eq!(
        statement.products,
        [VexProduct {
            purl: Some("pkg:golang/example.org/lib@v4.0.0".to_owned()),
            name: "pkg:golang/example.org/lib@v4.0.0".to_owned(),
            within: Some("pkg:oci/app".to_owned()),
        }]
    );
}

#[test]
fn cyclonedx_references_are_resolved_inside_and_bound_outside() {
    let statement = one(&json!({
        "bomFormat": "CycloneDX", "specVersion": "1.5",
        "components": [{"bom-ref": "r1", "name": "a", "purl": "pkg:pypi/a@1"}],
        "vulnerabilities": [
            {"id": "CVE-1", "analysis": {"state": "resolved"}, "affects": [{"ref": "r1"}, {"ref": "urn:cdx:x/1#pkg:npm/b@2"}]},
            {"id": "CVE-2", "affects": [{"ref": "r1"}]}
        ]
    }));
    assert_eq!(statement.status, VexStatus::Fixed);
    assert_eq!(statement.products[0].purl.as_deref(), Some("pkg:pypi/a@1"));
    assert_eq!(statement.products[1].purl.as_deref(), Some("pkg:npm/b@2"));
    assert_eq!(statement.products[1].within.as_deref(), Some("urn:cdx:x/1"));
}

#[test]
fn csaf_products_are_found_by_identifier_and_relationship() {
    let statement = one(&json!({
        "document": {"category": "csaf_vex", "publisher": {"name": "V"},
            "tracking": {"current_release_date": "2024-04-25T11:00:00.000Z"}},
        "product_tree": {
            "branches": [
                {"product": {"product_id": "os", "name": "OS 9"}},
                {"branches": [{"product": {"product_id": "p", "name": "bash",
                    "product_identification_helper": {"purl": "pkg:rpm/redhat/bash@5"}}}]}
            ],
            "relationships": [{"category": "default_component_of", "product_reference": "p",
                "relates_to_product_reference": "os", "full_product_name": {"product_id": "os:p", "name": "bash in OS 9"}}]
        },
        "vulnerabilities": [{"cve": "CVE-3", "flags": [{"label": "component_not_present", "product_ids": ["os:p"]}],
            "product_status": {"known_not_affected": ["os:p"], "recommended": ["p"]}}]
    }));
    assert_eq!(
        statement.justification.as_deref(),
        Some("component_not_present")
    );
    assert_eq!(
        statement.products[0].purl.as_deref(),
        Some("pkg:rpm/redhat/bash@5")
    );
    assert_eq!(statement.products[0].within.as_deref(), Some("OS 9"));
    assert_eq!(statement.author.as_deref(), Some("V"));
}

#[test]
fn other_documents_are_refused_and_odd_statements_counted() {
    assert!(matches!(read(b"{}"), Err(DocumentError::Other { .. })));
    assert!(matches!(read(b"{"), Err(DocumentError::Json { .. })));
    let vex = read(br#"{"@context":"https://openvex.dev/ns","statements":[{"status":"affected"},{"status":"new"}]}"#);
    assert_eq!(vex.unwrap().left_out, 2);
}

/// Every OpenVEX and CSAF document of the samples against counts that share no code with the reader.
#[test]
fn every_real_statement_is_read() {
    let Some(shared) = overlock_testkit::shared("every_real_statement_is_read") else {
        return;
    };
    let reader =
        overlock_testkit::zstd_reader(&shared.join("data/sbom-vex-samples.tar.zst")).unwrap();
    let mut tar = crate::archive::TarReader::new(reader);
    let (mut openvex, mut csaf, mut refused) = (0, 0, 0);
    while let Some(entry) = tar.next_file().unwrap() {
        let bytes = tar.read_file(64 << 20).unwrap();
        let Ok(value) = serde_json::from_slice::<Value>(&bytes) else {
            assert!(read(&bytes).is_err(), "{}", entry.name);
            continue;
        };
        match read(&bytes) {
            Ok(vex) if value["statements"].is_array() => {
                let statements = value["statements"].as_array().unwrap().len();
                assert_eq!(
                    vex.statements.len() + vex.left_out as usize,
                    statements,
                    "{}",
                    entry.name
                );
                openvex += statements;
            }
            Ok(vex) if value["document"].is_object() => {
                let expected: std::collections::BTreeSet<_> = claims(&value).collect();
                let read = vex
                    .statements
                    .iter()
                    .map(|statement| (statement.vulnerability.clone(), statement.status));
                assert_eq!(
                    read.collect::<std::collections::BTreeSet<_>>(),
                    expected,
                    "{}",
                    entry.name
                );
                csaf += 1;
            }
            Ok(_) => assert_eq!(value["bomFormat"], "CycloneDX", "{}", entry.name),
            Err(error) => {
                assert!(!error.to_string().is_empty());
                refused += 1;
            }
        }
    }
    assert!(
        openvex > 100 && csaf > 1000 && refused > 0,
        "{openvex} {csaf} {refused}"
    );
}

/// Pairs of vulnerability and status that a CSAF document states.
fn claims(document: &Value) -> impl Iterator<Item = (String, VexStatus)> + '_ {
    document["vulnerabilities"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|entry| {
            let id = entry["cve"]
                .as_str()
                .or_else(|| entry["ids"][0]["text"].as_str());
            let statuses = entry["product_status"].as_object().into_iter().flatten();
            statuses.filter_map(move |(word, ids)| {
                let status = match word.as_str() {
                    "known_not_affected" => VexStatus::NotAffected,
                    "fixed" | "first_fixed" => VexStatus::Fixed,
                    "known_affected" | "first_affected" | "last_affected" => VexStatus::Affected,
                    "under_investigation" | "unknown" => VexStatus::UnderInvestigation,
                    _ => return None,
                };
                (!ids.as_array()?.is_empty()).then_some((id?.to_owned(), status))
            })
        })
}

proptest::proptest! {
    #[test]
    fn no_noise_makes_it_panic(noise in "[ -~]{0,200}") {
        drop(read(noise.as_bytes()));
        for mark in [r#""@context":"openvex""#, r#""bomFormat":"CycloneDX""#, r#""document":{}"#] {
            drop(read(format!("{{{mark},{noise}}}").as_bytes()));
        }
    }
}
