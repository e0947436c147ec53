//! What programs read follows its published schema.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use jsonschema::Validator;
use overlock_model::scan::ScanReport;
use overlock_report::{Bill, Format, Serial, Style, schemas};
use overlock_testkit::report_fixture as fixture;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn reports() -> [ScanReport; 4] {
    [
        fixture::web_server(),
        fixture::uncovered(),
        fixture::judged_and_clear(),
        fixture::hostile("<\u{1b}[0m\"\u{202e}"),
    ]
}

fn written(format: Format, report: &ScanReport) -> Value {
    let packages = fixture::web_server_packages();
    let bill = Bill {
        packages: &packages,
        serial: Serial([7; 16]),
    };
    let mut out = Vec::new();
    overlock_report::write(format, report, bill, &mut out, &Style::default()).unwrap();
    serde_json::from_slice(&out).unwrap()
}

fn validator(file: &str) -> Validator {
    let (_, schema) = schemas()
        .into_iter()
        .find(|(name, _)| *name == file)
        .unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

fn assert_valid(validator: &Validator, value: &Value) {
    let errors: Vec<String> = validator
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

#[test]
fn every_json_report_follows_the_published_schema() {
    let validator = validator("overlock.scan-1.json");
    for report in reports() {
        assert_valid(&validator, &written(Format::Json, &report));
    }
}

#[test]
fn published_scan_schema_refuses_another_version_and_a_missing_part() {
    let validator = validator("overlock.scan-1.json");
    let good = written(Format::Json, &fixture::web_server());
    for key in [
        "schema",
        "generated",
        "host",
        "coverage",
        "feeds",
        "exposures",
        "updates",
        "held",
    ] {
        let mut bad = good.clone();
        bad.as_object_mut().unwrap().remove(key);
        assert!(!validator.is_valid(&bad), "without {key}");
    }
    let mut bad = good;
    bad["schema"] = json!("overlock.scan/2");
    assert!(!validator.is_valid(&bad));
}

#[test]
fn hand_written_inventory_needs_only_what_the_documentation_says() {
    let validator = validator("overlock.inventory-1.json");
    let least = json!({
        "os": {"id": "debian", "version_id": "12"},
        "packages": [{"type": "deb", "name": "openssl", "version": "3.0.14-1"}]
    });
    assert_valid(&validator, &least);
    for pointer in [
        "/os/id",
        "/os/version_id",
        "/packages/0/type",
        "/packages/0/name",
        "/packages/0/version",
    ] {
        let mut bad = least.clone();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        bad.pointer_mut(parent)
            .unwrap()
            .as_object_mut()
            .unwrap()
            .remove(key);
        assert!(!validator.is_valid(&bad), "without {pointer}");
    }
}

#[test]
fn sarif_follows_the_required_parts_of_its_schema() {
    let schema: Value =
        serde_json::from_str(include_str!("schemas/sarif-2.1.0-excerpt.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for report in reports() {
        let log = written(Format::Sarif, &report);
        assert_valid(&validator, &log);
        let run = &log["runs"][0];
        let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
        let distinct: BTreeSet<&str> = rules
            .iter()
            .map(|rule| rule["id"].as_str().unwrap())
            .collect();
        assert_eq!(distinct.len(), rules.len(), "a rule stands once");
        for result in run["results"].as_array().unwrap() {
            let at = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(rules[at]["id"], result["ruleId"]);
        }
    }
}

#[test]
fn sarif_of_an_unjudged_host_says_so() {
    let log = written(Format::Sarif, &fixture::uncovered());
    let notes = log["runs"][0]["invocations"][0]["toolExecutionNotifications"].to_string();
    assert!(notes.contains("412 of 412 packages not judged"), "{notes}");
}

#[test]
fn cyclonedx_follows_the_required_parts_of_its_schema_and_no_reference_dangles() {
    let schema: Value =
        serde_json::from_str(include_str!("schemas/cyclonedx-1.6-excerpt.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for report in reports() {
        let bom = written(Format::Cyclonedx, &report);
        assert_valid(&validator, &bom);
        let mut references: Vec<&str> = bom["components"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["bom-ref"].as_str().unwrap())
            .collect();
        let known: BTreeSet<&str> = references.iter().copied().collect();
        for vulnerability in bom["vulnerabilities"].as_array().unwrap() {
            references.push(vulnerability["bom-ref"].as_str().unwrap());
            for affected in vulnerability["affects"].as_array().unwrap() {
                assert!(
                    known.contains(affected["ref"].as_str().unwrap()),
                    "{affected}"
                );
            }
        }
        let distinct: BTreeSet<&str> = references.iter().copied().collect();
        assert_eq!(
            distinct.len(),
            references.len(),
            "references are unique in a document"
        );
    }
}

#[test]
fn cyclonedx_states_follow_the_exposures() {
    let bom = written(Format::Cyclonedx, &fixture::web_server());
    let state = |id: &str| {
        let all = bom["vulnerabilities"].as_array().unwrap();
        all.iter().find(|one| one["id"] == id).unwrap()["analysis"]["state"].clone()
    };
    assert_eq!(state("CVE-2024-6387"), "exploitable");
    assert_eq!(
        state("CVE-2024-53104"),
        "exploitable",
        "a pending reboot is still exposed"
    );
    assert_eq!(
        state("CVE-2024-26581"),
        "not_affected",
        "a kernel that does not run"
    );
    assert_eq!(state("CVE-2026-1001"), "in_triage");
}

#[test]
fn language_package_in_two_places_is_one_component_with_two_occurrences() {
    let bom = written(Format::Cyclonedx, &fixture::web_server());
    let components = bom["components"].as_array().unwrap();
    let tools: Vec<_> = components
        .iter()
        .filter(|one| one["name"] == "@scope/tool")
        .collect();
    assert_eq!(tools.len(), 1);
    assert_eq!(tools[0]["purl"], "pkg:npm/%40scope/tool@1.2.3");
    assert_eq!(
        tools[0]["evidence"]["occurrences"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn serial_number_is_a_random_uuid_of_version_4() {
    assert_eq!(
        Serial([0xff; 16]).to_string(),
        "urn:uuid:ffffffff-ffff-4fff-bfff-ffffffffffff"
    );
    assert_eq!(
        Serial([0; 16]).to_string(),
        "urn:uuid:00000000-0000-4000-8000-000000000000"
    );
}

#[test]
fn format_words_are_read_back_and_others_are_refused() {
    for format in Format::ALL {
        assert_eq!(format.to_string().parse(), Ok(format));
    }
    assert!(
        "HTML"
            .parse::<Format>()
            .unwrap_err()
            .to_string()
            .contains("`HTML`")
    );
}
