//! SARIF 2.1.0 (OASIS) for code-scanning dashboards: a rule for each vulnerability, a result for each exposure.
//!
//! A dashboard follows a result by its fingerprint, which is made of what the exposure *is* (vulnerability, type,
//! source, release) and not of versions or dates, so that a finding keeps its history until it is fixed. What could
//! not be judged goes into the run's notifications: an empty list of results does not say that all is well.

use crate::links::link;
use crate::{Style, purl, verdict, view, words};
use overlock_model::decision::Decision;
use overlock_model::exposure::Exposure;
use overlock_model::package::{Package, PackageType};
use overlock_model::scan::ScanReport;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::io::{self, Write};

/// Writes one run.
///
/// # Errors
/// When `out` does.
pub fn write(report: &ScanReport, out: &mut dyn Write, style: &Style) -> io::Result<()> {
    crate::json::document(&log(report), out, style)
}

fn log(report: &ScanReport) -> Value {
    let mut rules: Vec<Value> = Vec::new();
    let mut index: HashMap<&str, usize> = HashMap::new();
    let mut results = Vec::with_capacity(report.exposures.len());
    for exposure in &report.exposures {
        let at = *index.entry(&exposure.vulnerability).or_insert_with(|| {
            rules.push(rule(exposure));
            rules.len() - 1
        });
        results.push(result(report, exposure, at));
    }
    let judged = verdict::verdict(report);
    let notifications: Vec<Value> = judged
        .doubts
        .iter()
        .map(|doubt| json!({ "level": "warning", "message": { "text": doubt } }))
        .collect();
    json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "Overlock",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "invocations": [{
                "executionSuccessful": true,
                "endTimeUtc": report.generated.to_string(),
                "toolExecutionNotifications": notifications,
            }],
            "automationDetails": { "id": format!("overlock/{}/", report.host.name.as_deref().unwrap_or("host")) },
            "columnKind": "unicodeCodePoints",
            "results": results,
            "properties": { "verdict": judged.word, "coverage": report.coverage },
        }],
    })
}

fn rule(exposure: &Exposure) -> Value {
    let title = exposure
        .summary
        .clone()
        .unwrap_or_else(|| format!("{} in {}", exposure.vulnerability, exposure.source));
    let mut properties = Map::new();
    let mut tags = vec!["security", "vulnerability"];
    if exposure.kev.is_some() {
        tags.push("known-exploited");
    }
    properties.insert("tags".to_owned(), json!(tags));
    if let Some(cvss) = &exposure.cvss {
        // The property by which code-scanning dashboards sort; left out where unknown, since 0 would mean harmless.
        properties.insert(
            "security-severity".to_owned(),
            json!(format!("{:.1}", cvss.score)),
        );
        properties.insert("cvss".to_owned(), json!(cvss.vector));
    }
    let mut rule = json!({
        "id": exposure.vulnerability,
        "name": exposure.vulnerability,
        "shortDescription": { "text": title },
        "fullDescription": { "text": title },
        "defaultConfiguration": { "level": level(exposure.decision) },
        "properties": properties,
    });
    if let (Some(page), Some(rule)) = (link(&exposure.vulnerability), rule.as_object_mut()) {
        rule.insert("helpUri".to_owned(), json!(page));
    }
    rule
}

fn result(report: &ScanReport, exposure: &Exposure, rule: usize) -> Value {
    let mut package = Package::new(
        exposure.kind.clone(),
        &exposure.package,
        &exposure.installed,
    );
    package.arch.clone_from(&report.host.arch);
    let purl = purl::purl(&package, &report.host.os);
    let mut location = json!({
        "logicalLocations": [{
            "name": exposure.package,
            "fullyQualifiedName": purl,
            "kind": "package",
        }],
    });
    if let (Some(uri), Some(location)) = (database(&exposure.kind), location.as_object_mut()) {
        let artifact = json!({ "artifactLocation": { "uri": uri, "uriBaseId": "ROOT" } });
        location.insert("physicalLocation".to_owned(), artifact);
    }
    json!({
        "ruleId": exposure.vulnerability,
        "ruleIndex": rule,
        "level": level(exposure.decision),
        "message": { "text": message(report, exposure) },
        "locations": [location],
        "partialFingerprints": { "overlockExposure/v1": format!(
            "{}/{}/{}/{}",
            exposure.vulnerability, exposure.kind, exposure.source, exposure.evidence.ecosystem
        ) },
        "properties": {
            "decision": exposure.decision,
            "deadline": exposure.deadline,
            "status": exposure.status,
            "state": exposure.state,
            "installed": exposure.installed,
            "fixed": exposure.fixed,
            "binaries": exposure.binaries,
            "advisories": exposure.advisories,
            "epss": exposure.epss,
            "kev": exposure.kev,
        },
    })
}

fn message(report: &ScanReport, exposure: &Exposure) -> String {
    let by = exposure.deadline.map_or_else(String::new, |deadline| {
        format!(
            " by {} ({})",
            words::date(deadline),
            words::until(deadline, report.generated)
        )
    });
    format!(
        "{} {} has {}: {}; {}{by}. {}",
        exposure.package,
        exposure.installed,
        exposure.vulnerability,
        words::remedy(exposure),
        words::decision(exposure.decision),
        view::reason(exposure),
    )
}

fn level(decision: Decision) -> &'static str {
    match decision {
        Decision::Immediate | Decision::OutOfCycle => "error",
        Decision::Scheduled => "warning",
        Decision::Defer => "note",
    }
}

/// Where the package manager wrote down that the package is installed.
fn database(kind: &PackageType) -> Option<&'static str> {
    match kind {
        PackageType::Deb => Some("var/lib/dpkg/status"),
        PackageType::Rpm => Some("var/lib/rpm"),
        PackageType::Apk => Some("lib/apk/db/installed"),
        PackageType::Alpm => Some("var/lib/pacman/local"),
        _ => None,
    }
}
