//! The compiled tables, read to the end.

use super::feeds::compiled;
use crate::Target;
use overlock_index::{AdvisoryIndex, ResolutionRef, ThreatIndex};

/// Reads every row and every string of an advisory table.
pub fn read_advisories(bytes: &[u8]) {
    let Ok(index) = AdvisoryIndex::open(bytes) else {
        return;
    };
    let _ = (
        index.feeds().count(),
        index.package_count(),
        index.resolution_count(),
        index.package("bash").is_some(),
    );
    for package in index.packages().take(10_000) {
        let _ = package.name();
        package
            .fixed()
            .chain(package.other())
            .take(10_000)
            .for_each(|row| read(&row));
        for row in package.disclosures().take(10_000) {
            let _ = (
                row.vulnerability(),
                row.aliases().count(),
                row.severity(),
                row.summary(),
                row.cvss().count(),
                row.published_us(),
            );
        }
        let _ = package.disclosure("CVE-2024-0001");
    }
}

fn read(row: &ResolutionRef<'_>) {
    let _ = (
        row.vulnerability(),
        row.status(),
        row.bound(),
        row.bound_key(),
        row.introduced(),
        row.introduced_key(),
    );
    let _ = (
        row.channel(),
        row.is_overlay(),
        row.module(),
        row.arches().count(),
        row.words(),
        row.advisory(),
    );
    let _ = (row.feed(), row.issued_us());
}

/// Asks a threat table for some vulnerabilities.
pub fn read_threats(bytes: &[u8]) {
    if let Ok(index) = ThreatIndex::open(bytes) {
        let _ = (index.len(), index.feeds().count());
        for vulnerability in ["CVE-2024-0001", "CVE-2024-1111", "CVE-1999-0001", "x"] {
            let _ = index.threat(vulnerability);
        }
    }
}

pub const TARGETS: &[Target] = &[
    Target {
        name: "advisory_table",
        seeds: || vec![compiled().0],
        run: read_advisories,
    },
    Target {
        name: "threat_table",
        seeds: || vec![compiled().1],
        run: read_threats,
    },
];
