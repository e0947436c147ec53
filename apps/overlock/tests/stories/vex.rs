//! `--vex FILE`: what a vendor says of a vulnerability in a package ends its exposure, visibly.

use crate::debian;
use crate::world::{World, coverage_adds_up, texts, with};
use serde_json::Value;

fn scan(world: &World, document: &str) -> Value {
    let root = world.arg("root");
    world
        .run(&[
            "scan", "--root", &root, "--format", "json", "--vex", document,
        ])
        .clear()
        .json()
}

fn openvex(status: &str, product: &str) -> String {
    format!(
        r#"{{"@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://vendor.example/vex/1", "author": "A Vendor",
 "timestamp": "2026-11-21T00:00:00Z", "version": 1, "statements": [{{"vulnerability": {{"name": "CVE-2026-4001"}},
 "products": [{{"@id": "{product}"}}], "status": "{status}",
 "justification": "vulnerable_code_not_in_execute_path"}}]}}"#
    )
}

#[test]
fn not_affected_ends_the_exposure_and_is_shown() {
    let world = debian::world();
    let before = world.scan();
    assert!(texts(&before["exposures"], "vulnerability").contains(&"CVE-2026-4001"));
    let document = world.write("vex.json", openvex("not_affected", "pkg:deb/debian/redis"));
    let after = scan(&world, &document);
    let exposure = with(&after["exposures"], "vulnerability", "CVE-2026-4001");
    assert_eq!(exposure["state"], "not_affected", "{exposure}");
    coverage_adds_up(&after, debian::PACKAGES);
    // The others stand as they stood.
    for exposure in before["exposures"].as_array().unwrap() {
        if exposure["vulnerability"] != "CVE-2026-4001" {
            let id = exposure["vulnerability"].as_str().unwrap();
            assert_eq!(
                with(&after["exposures"], "vulnerability", id)["state"],
                exposure["state"]
            );
        }
    }
    let root = world.arg("root");
    let explained = world
        .run(&[
            "explain",
            "CVE-2026-4001",
            "--root",
            &root,
            "--vex",
            &document,
        ])
        .clear();
    let text = explained.text().to_lowercase();
    assert!(text.contains("not affected"), "{text}");
}

#[test]
fn statement_of_another_product_or_status_ends_nothing() {
    let world = debian::world();
    let before = world.scan();
    for (status, product) in [
        ("not_affected", "pkg:deb/debian/openssl"),
        ("not_affected", "pkg:rpm/redhat/redis"),
        ("under_investigation", "pkg:deb/debian/redis"),
    ] {
        let document = world.write("vex.json", openvex(status, product));
        let after = scan(&world, &document);
        assert_eq!(
            with(&after["exposures"], "vulnerability", "CVE-2026-4001")["state"],
            with(&before["exposures"], "vulnerability", "CVE-2026-4001")["state"],
            "{status} {product}"
        );
    }
}

#[test]
fn unreadable_document_ends_the_scan_with_its_place() {
    let world = debian::world();
    let root = world.arg("root");
    for (text, words) in [
        ("{", &["vex.json"][..]),
        ("[]", &["vex.json"]),
        ("{}", &["vex.json", "VEX"]),
    ] {
        let document = world.write("vex.json", text);
        world
            .run(&["scan", "--root", &root, "--vex", &document])
            .refuses(2, words);
    }
}
