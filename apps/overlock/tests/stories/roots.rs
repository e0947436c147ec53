//! `scan --root` on a Debian host: what is found, what is planned, what is held, what is explained.

use crate::debian::{self, PACKAGES};
use crate::world::{coverage_adds_up, texts, with};
use serde_json::{Value, json};

#[test]
fn host_has_just_the_exposures_its_publishers_state() {
    let world = debian::world();
    let report = world.scan();
    let mut found: Vec<(&str, &str, &str, &Value)> = report["exposures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|exposure| {
            let text = |field: &str| exposure[field].as_str().unwrap();
            (
                text("vulnerability"),
                text("package"),
                text("status"),
                &exposure["fixed"],
            )
        })
        .collect();
    found.sort_by_key(|row| row.0);
    // Not among them: the fix of the source that a rebuild has (expat), the first of two fixes (CVE-2026-2002), what
    // the tracker calls not affected (CVE-2026-2003), kernel headers, and a package that is removed.
    assert_eq!(
        found,
        [
            (
                "CVE-2026-1001",
                "linux-image-6.1.0-25-amd64",
                "fix_available",
                &json!("6.1.119-1")
            ),
            (
                "CVE-2026-2001",
                "openssl",
                "fix_available",
                &json!("3.0.15-1~deb12u1")
            ),
            (
                "CVE-2026-4001",
                "redis-server",
                "fix_available",
                &json!("5:7.0.15-1~deb12u2")
            ),
            ("CVE-2026-5001", "zlib1g", "will_not_fix", &Value::Null),
        ]
    );
    let openssl = with(&report["exposures"], "vulnerability", "CVE-2026-2001");
    assert_eq!(openssl["binaries"], json!(["libssl3", "openssl"]));
    assert_eq!(openssl["advisories"], json!(["DSA-6490-2"]));
    assert_eq!(openssl["kev"]["added"], "2026-11-19");
    assert_eq!(openssl["cvss"]["score"], 9.8);
    assert_eq!(openssl["epss"]["score"], 0.91);
    assert_eq!(openssl["ssvc"]["exploitation"], "active");
    assert_eq!(report["exposures"][0], *openssl, "the worst comes first");
    let redis = with(&report["exposures"], "vulnerability", "CVE-2026-4001");
    assert!(redis["cvss"].is_null(), "an absent score is unknown, not 0");
    assert_eq!(report["host"]["support"]["state"], "long_term");
}

#[test]
fn plan_has_the_update_and_every_hold_its_reason() {
    let report = debian::world().scan();
    assert_eq!(texts(&report["updates"], "package"), ["openssl"]);
    let update = &report["updates"][0];
    assert_eq!(update["from"], "3.0.14-1~deb12u1");
    assert_eq!(update["to"], "3.0.15-1~deb12u1");
    assert_eq!(update["resolves"], json!(["CVE-2026-2001"]));
    assert!(
        update["origin"]
            .as_str()
            .unwrap()
            .starts_with("bookworm-security")
    );
    let why = |package: &str| {
        with(&report["held"], "package", package)["reason"]["why"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(why("redis-server"), "blocked");
    assert_eq!(why("zlib1g"), "no_fix");
    assert_eq!(why("linux-image-6.1.0-25-amd64"), "no_candidate");
    assert_eq!(report["held"].as_array().unwrap().len(), 3);
}

#[test]
fn coverage_names_third_parties_and_unparsable_versions() {
    let report = debian::world().scan();
    coverage_adds_up(&report, PACKAGES);
    let gaps = &report["coverage"]["gaps"];
    let third = with(gaps, "reason", "third_party");
    assert!(texts_of(third).contains(&"docker-ce"));
    assert_eq!(
        texts_of(with(gaps, "reason", "unparsable_version")),
        ["broken"]
    );
    let unseen = texts(&report["host"]["unseen"], "what");
    assert!(unseen.contains(&"package ghost"), "{unseen:?}");
}

fn texts_of(gap: &Value) -> Vec<&str> {
    gap["names"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect()
}

#[test]
fn every_machine_output_holds_to_its_published_schema() {
    let world = debian::world();
    let root = world.arg("root");
    for (file, schema) in overlock_report::schemas() {
        let validator = jsonschema::validator_for(&schema).unwrap();
        let arguments = match file {
            "overlock.scan-1.json" => vec!["scan", "--root", &root, "--format", "json"],
            "overlock.inventory-1.json" => vec!["scan", "--root", &root, "--format", "inventory"],
            "overlock.explain-1.json" => {
                vec![
                    "explain",
                    "CVE-2026-2001",
                    "--root",
                    &root,
                    "--format",
                    "json",
                ]
            }
            "overlock.feed-status-1.json" => vec!["feeds", "status", "--format", "json"],
            "overlock.feed-sync-1.json" => {
                vec!["feeds", "sync", "--only", "debian-dsa", "--format", "json"]
            }
            // Made on real hosts only: stories in `tests/lab` hold them to their schemas.
            "overlock.plan-file-1.json"
            | "overlock.history-1.json"
            | "overlock.event-1.json"
            | "overlock.mitigations-1.json"
            | "overlock.schedule-1.json" => continue,
            other => panic!("no story for schema {other}"),
        };
        let document = world.run(&arguments).clear().json();
        let errors: Vec<String> = validator
            .iter_errors(&document)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{file}: {errors:#?}");
        assert!(!validator.is_valid(&json!({"schema": "overlock.other/1"})));
    }
}

#[test]
fn second_scan_needs_no_publisher_and_says_the_same() {
    let mut world = debian::world();
    let first = world.scan();
    world.mirror = Some(world.path("nowhere"));
    assert_eq!(world.scan(), first);
    let offline = world
        .run(&[
            "scan",
            "--offline",
            "--root",
            &world.arg("root"),
            "--format",
            "json",
        ])
        .clear();
    assert_eq!(offline.json(), first);
    assert_eq!(offline.stderr, "");
}

#[test]
fn saved_inventory_is_judged_like_its_root() {
    let world = debian::world();
    let report = world.scan();
    let saved = world
        .run(&[
            "scan",
            "--root",
            &world.arg("root"),
            "--format",
            "inventory",
        ])
        .clear();
    let file = world.write("host.json", &saved.stdout);
    let again = world
        .run(&["scan", "--inventory", &file, "--format", "json"])
        .clear()
        .json();
    assert_eq!(again, report);
    let piped = world.run_with(
        &saved.stdout,
        &["scan", "--inventory", "-", "--format", "json"],
    );
    assert_eq!(piped.clear().json(), report);
}

#[test]
fn hand_written_inventory_needs_five_words() {
    let world = debian::world();
    let file = world.write(
        "host.json",
        r#"{"os": {"id": "debian", "version_id": "12"},
            "packages": [{"type": "deb", "name": "openssl", "version": "3.0.14-1~deb12u1"}]}"#,
    );
    let report = world
        .run(&["scan", "--inventory", &file, "--format", "json"])
        .clear()
        .json();
    assert_eq!(
        texts(&report["exposures"], "vulnerability"),
        ["CVE-2026-2001"]
    );
    coverage_adds_up(&report, 1);
}

#[test]
fn explain_walks_to_affected_not_affected_and_unknown() {
    let world = debian::world();
    let root = world.arg("root");
    let explained = |id: &str| {
        world
            .run(&["explain", id, "--root", &root, "--format", "json"])
            .clear()
            .json()
    };
    let affected = explained("cve-2026-2001");
    assert_eq!(affected["packages"][0]["outcome"], "affected");
    assert_eq!(affected["vulnerability"], "CVE-2026-2001");
    let statements = affected["packages"][0]["statements"].as_array().unwrap();
    assert_eq!(
        statements.len(),
        3,
        "two advisories and the tracker: {statements:#?}"
    );
    assert_eq!(affected["exposures"][0]["decision"], "out_of_cycle");
    assert!(!affected["decision_inputs"].as_array().unwrap().is_empty());

    let fixed = explained("CVE-2026-3001");
    assert_eq!(fixed["packages"][0]["outcome"], "not_affected");
    let steps = fixed["packages"][0]["steps"].to_string();
    assert!(
        steps.contains("2.5.0-1+deb12u1 for binary version"),
        "{steps}"
    );
    assert!(fixed["exposures"].as_array().unwrap().is_empty());

    let unnamed = explained("CVE-2026-9999");
    assert!(unnamed["packages"].as_array().unwrap().is_empty());
    let text = world
        .run(&["explain", "CVE-2026-9999", "--root", &root])
        .clear();
    assert!(
        text.text()
            .contains("no statement at hand names an installed package"),
        "{}",
        text.text()
    );

    let advisory = explained("DSA-6490-2");
    assert_eq!(
        texts(&advisory["exposures"], "vulnerability"),
        ["CVE-2026-2001"]
    );
    assert_eq!(advisory["packages"][0]["outcome"], "affected");
}

#[test]
fn explain_without_advisories_says_that_it_does_not_know() {
    let mut world = debian::world();
    world.mirror = Some(world.path("nowhere"));
    let ran = world.run(&[
        "explain",
        "CVE-2026-2001",
        "--offline",
        "--root",
        &world.arg("root"),
    ]);
    let ran = ran.clear();
    assert!(
        ran.text().contains("not known: no advisories are at hand"),
        "{}",
        ran.text()
    );
}

#[test]
fn explain_finds_a_vulnerability_by_any_of_its_names() {
    let world = debian::world();
    let record = br#"{"id": "PYSEC-2026-7", "modified": "2026-11-01T00:00:00Z", "published": "2026-11-01T00:00:00Z",
        "aliases": ["CVE-2026-7001", "GHSA-2222-3333-4444"], "summary": "made up",
        "affected": [{"package": {"ecosystem": "PyPI", "name": "jinja2"},
          "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "3.1.5"}]}]}]}"#;
    world.feed("osv-pypi", debian::zip(&[("PYSEC-2026-7.json", record)]));
    let file = world.write(
        "host.json",
        r#"{"os": {"id": "debian", "version_id": "12"},
            "packages": [{"type": "pypi", "name": "Jinja2", "version": "3.1.4"}]}"#,
    );
    for name in [
        "CVE-2026-7001",
        "GHSA-2222-3333-4444",
        "ghsa-2222-3333-4444",
        "PYSEC-2026-7",
    ] {
        let ran = world
            .run(&["explain", name, "--inventory", &file, "--format", "json"])
            .clear();
        let report = ran.json();
        assert_eq!(
            report["packages"][0]["outcome"], "affected",
            "{name}: {report:#}"
        );
        assert_eq!(report["exposures"].as_array().unwrap().len(), 1, "{name}");
    }
}

#[test]
fn explain_refuses_what_is_no_identifier() {
    let world = debian::world();
    for hostile in ["", "CVE 2026", "CVE-\u{1b}[31m", &"A".repeat(101)] {
        world
            .run(&["explain", hostile, "--root", &world.arg("root")])
            .refuses(2, &["is no identifier", "hint: give one like CVE-"]);
    }
}

#[test]
fn fail_on_is_a_gate() {
    let world = debian::world();
    let root = world.arg("root");
    let gate = |decision: &str| {
        world.run(&[
            "scan",
            "--root",
            &root,
            "--format",
            "csv",
            "--fail-on",
            decision,
        ])
    };
    assert!(
        !gate("scheduled").exits(1).stdout.is_empty(),
        "the report is printed all the same"
    );
    gate("out_of_cycle").exits(1);
    gate("out-of-cycle").exits(1);
    gate("immediate").exits(0);
    gate("tomorrow").refuses(2, &["tomorrow"]);
}

#[test]
fn gate_stays_shut_when_nothing_is_known() {
    let world = debian::world();
    let ran = world.run(&[
        "scan",
        "--root",
        &world.arg("root"),
        "--offline",
        "--fail-on",
        "immediate",
    ]);
    ran.exits(3)
        .says(&["cannot be decided", "overlock feeds sync"]);
}

#[test]
fn capacity_holds_the_rest_back() {
    let world = debian::world();
    let root = world.arg("root");
    let planned = |capacity: &str| {
        world
            .run(&[
                "scan",
                "--root",
                &root,
                "--format",
                "json",
                "--capacity",
                capacity,
            ])
            .clear()
            .json()
    };
    assert_eq!(planned("1")["updates"].as_array().unwrap().len(), 1);
    let none = planned("0");
    assert!(none["updates"].as_array().unwrap().is_empty());
    assert_eq!(
        with(&none["held"], "package", "openssl")["reason"]["why"],
        "capacity"
    );
    world.run(&["scan", "--capacity", "-1"]).refuses(2, &["-1"]);
}

#[test]
fn facts_change_decisions_and_are_shown() {
    let world = debian::world();
    let root = world.arg("root");
    let facts = world.write(
        "facts.toml",
        "criticality = 'low'\nexposure = 'small'\nenvironment = 'test'\nowner = 'somebody'\n\
         business_impact = 'low'\npci_scope = false\nrules = ['ssvc', 'policy']\n\
         [policy]\nkev_days = 1\n",
    );
    let report = world
        .run(&[
            "scan", "--root", &root, "--format", "json", "--facts", &facts,
        ])
        .clear()
        .json();
    assert_eq!(report["host"]["facts"]["owner"], "somebody");
    let openssl = with(&report["exposures"], "vulnerability", "CVE-2026-2001");
    let rules = texts(&openssl["obligations"], "rule");
    assert!(
        rules.contains(&"policy") && !rules.contains(&"bod_26_04"),
        "{rules:?}"
    );
    assert_ne!(openssl["decision"], "immediate");
    let open = world.write(
        "open.toml",
        "criticality = 'very_high'\nexposure = 'open'\nbusiness_impact = 'very_high'\n",
    );
    let report = world
        .run(&[
            "scan", "--root", &root, "--format", "json", "--facts", &open,
        ])
        .clear()
        .json();
    let openssl = with(&report["exposures"], "vulnerability", "CVE-2026-2001");
    assert_eq!(openssl["decision"], "immediate");
}
