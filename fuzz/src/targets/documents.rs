//! Documents that a user hands over: facts, inventories, bills of materials.

use crate::Target;
use crate::pack::packed;
use crate::parts::texts;
use overlock_model::facts::Facts;
use overlock_packages::{inventory, sbom, vex};
use overlock_risk::Policy;

const FACTS: &str = "criticality = 'high'\nexposure = 'open'\nenvironment = 'production'\nowner = 'x'\npci_scope = true\n[policy]\nkev_days = 2\n";
pub(super) const INVENTORY: &str = r#"{"schema":"overlock.inventory/1","host":"a","os":{"id":"debian","version_id":"12","codename":"bookworm"},"arch":"amd64",
"kernel":{"running":"6.1.0-28-amd64"},"packages":[{"type":"deb","name":"bash","version":"5.2.15-2","arch":"amd64","source":"bash","source_version":"5.2.15-2"},
{"type":"npm","name":"a","version":"1"}],"collected":"2024-01-02T03:04:05Z"}"#;
const CYCLONEDX: &str = r#"{"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{"component":{"type":"operating-system","name":"debian","version":"12"}},
"components":[{"type":"library","name":"bash","version":"5.2","purl":"pkg:deb/debian/bash@5.2.15-2%2Bb7?arch=amd64&distro=debian-12&upstream=bash%405.2.15-2",
"properties":[{"name":"syft:package:type","value":"deb"}],"components":[{"type":"library","name":"@a/b","purl":"pkg:npm/%40a/b@1.0.0"}]}]}"#;
const SPDX: &str = r#"{"spdxVersion":"SPDX-2.3","packages":[{"name":"bash","SPDXID":"SPDXRef-a","versionInfo":"5.1.8-9.el9","primaryPackagePurpose":"LIBRARY",
"externalRefs":[{"referenceCategory":"PACKAGE-MANAGER","referenceType":"purl","referenceLocator":"pkg:rpm/almalinux/bash@5.1.8-9.el9?epoch=1&arch=x86_64&distro=almalinux-9"}]}]}"#;
const OPENVEX: &str = r#"{"@context":"https://openvex.dev/ns/v0.2.0","@id":"x","author":"a","timestamp":"2024-01-02T03:04:05Z","version":1,"statements":[
{"vulnerability":{"name":"CVE-2024-0001"},"products":[{"@id":"pkg:deb/debian/bash@5.2.15-2","subcomponents":[{"@id":"pkg:npm/a@1"}]}],"status":"not_affected",
"justification":"vulnerable_code_not_present"}]}"#;
const CYCLONEDX_VEX: &str = r#"{"bomFormat":"CycloneDX","specVersion":"1.5","components":[{"bom-ref":"a","type":"library","name":"bash","version":"5","purl":"pkg:deb/debian/bash@5"}],
"vulnerabilities":[{"id":"CVE-2024-0001","analysis":{"state":"not_affected","justification":"code_not_reachable","detail":"d"},"affects":[{"ref":"a","versions":[{"range":"vers:deb/<5"}]}]}]}"#;
const CSAF: &str = r#"{"document":{"category":"csaf_vex","csaf_version":"2.0","title":"t","publisher":{"name":"p"},"tracking":{"id":"i","current_release_date":"2024-01-02T03:04:05Z"}},
"product_tree":{"branches":[{"category":"vendor","name":"v","branches":[{"category":"product_version","name":"bash-5","product":{"product_id":"b","name":"bash",
"product_identification_helper":{"purl":"pkg:rpm/redhat/bash@5?arch=src"}}}]}],"relationships":[{"category":"default_component_of","product_reference":"b",
"relates_to_product_reference":"os","full_product_name":{"product_id":"os:b","name":"n"}}]},"vulnerabilities":[{"cve":"CVE-2024-0001",
"product_status":{"known_not_affected":["os:b"],"fixed":["b"]},"flags":[{"label":"component_not_present","product_ids":["os:b"]}],"remediations":[{"category":"no_fix_planned","details":"d","product_ids":["b"]}]}]}"#;

pub const TARGETS: &[Target] = &[
    Target {
        name: "facts",
        seeds: || texts(&[FACTS]),
        run: |input| {
            if let Ok(mut table) = toml::from_str::<toml::Table>(&String::from_utf8_lossy(input)) {
                let policy = table.remove("policy").map(toml::Value::try_into::<Policy>);
                let _ = (policy, toml::Value::Table(table).try_into::<Facts>());
            }
        },
    },
    Target {
        name: "inventory",
        seeds: || packed(INVENTORY.as_bytes()),
        run: |input| {
            if let Ok(found) = inventory::parse(input) {
                let text = serde_json::to_vec(&found).expect("an inventory can be written");
                assert_eq!(
                    inventory::parse(&text).expect("what was written can be read"),
                    found
                );
            }
        },
    },
    Target {
        name: "sbom",
        seeds: || [packed(CYCLONEDX.as_bytes()), packed(SPDX.as_bytes())].concat(),
        run: |input| match sbom::read(input) {
            Ok(found) => {
                let text = serde_json::to_vec(&found).expect("an inventory can be written");
                let _ = inventory::parse(&text);
            }
            Err(error) => drop((error.to_string(), error.hint())),
        },
    },
    Target {
        name: "vex",
        seeds: || texts(&[OPENVEX, CYCLONEDX_VEX, CSAF]),
        run: |input| match vex::read(input) {
            Ok(found) => assert!(
                found
                    .statements
                    .iter()
                    .all(|statement| !statement.products.is_empty())
            ),
            Err(error) => drop((error.to_string(), error.hint())),
        },
    },
];
