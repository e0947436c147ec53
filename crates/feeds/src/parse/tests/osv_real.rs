//! OSV: whole databases and the wire format of every ecosystem at hand.

use super::{data, read, samples};
use crate::FeedFormat::OsvZip;
use overlock_model::advisory::{Statement, VendorStatus};
use std::collections::BTreeSet;

/// Counts taken from the file by another program, in another language.
#[test]
fn almalinux_errata_give_a_resolution_for_each_cve() {
    let Some(bytes) = data(
        "almalinux_errata_give_a_resolution_for_each_cve",
        "almalinux-osv.jsonl.zst",
    ) else {
        return;
    };
    let read = read(OsvZip, &bytes).unwrap();
    assert_eq!(
        read.parsed.quarantined, 0,
        "{:?}",
        read.parsed.first_problems
    );
    assert_eq!(read.parsed.records + read.parsed.skipped, 5_680);
    assert_eq!((read.parsed.records, read.parsed.skipped), ALMA_RECORDS);
    assert_eq!(read.resolutions().count(), ALMA_RESOLUTIONS);
    assert_eq!(read.disclosures().count(), ALMA_DISCLOSURES);
    let modular: Vec<_> = read.resolutions().filter(|r| r.module.is_some()).collect();
    assert_eq!(modular.len(), ALMA_MODULAR);
    assert_eq!(
        modular
            .iter()
            .filter(|r| r.module.as_deref() == Some("?"))
            .count(),
        ALMA_UNKNOWN_STREAM
    );
    let cves: BTreeSet<_> = read
        .resolutions()
        .map(|r| &r.vulnerability)
        .filter(|v| v.starts_with("CVE-"))
        .collect();
    assert_eq!(cves.len(), ALMA_CVES);
    assert!(
        read.resolutions()
            .all(|r| r.advisory.as_ref().is_some_and(|id| id.starts_with("AL")))
    );
    assert!(
        read.disclosures().filter(|d| d.severity.is_some()).count() > ALMA_DISCLOSURES * 9 / 10
    );
}

const ALMA_RECORDS: (u64, u64) = (4_483, 1_197);
const ALMA_RESOLUTIONS: usize = 269_017;
const ALMA_DISCLOSURES: usize = 255_142;
const ALMA_MODULAR: usize = 66_124;
const ALMA_UNKNOWN_STREAM: usize = 323;
const ALMA_CVES: usize = 6_592;

#[test]
fn pypi_advisories_are_read_in_whole() {
    let Some(bytes) = data("pypi_advisories_are_read_in_whole", "pypa-osv.jsonl.zst") else {
        return;
    };
    let read = read(OsvZip, &bytes).unwrap();
    assert_eq!(
        (read.parsed.records, read.parsed.quarantined),
        (2_661, 0),
        "{:?}",
        read.parsed.first_problems
    );
    let withdrawn = read
        .statements
        .iter()
        .filter(|s| matches!(s, Statement::Withdrawn { .. }))
        .count();
    assert_eq!(withdrawn, 10);
    let airflow = read
        .disclosures()
        .find(|d| d.vulnerability == "CVE-2018-20245")
        .unwrap();
    assert_eq!(
        (airflow.ecosystem.as_str(), airflow.package.as_str()),
        ("pypi", "apache-airflow")
    );
    assert_eq!(airflow.aliases, ["PYSEC-2019-143", "GHSA-77rc-x84q-pv4f"]);
    assert!(
        read.lines()
            .contains(&"pypi apache-airflow CVE-2018-20245 ..<1.10.1".to_owned())
    );
    assert!(
        read.disclosures()
            .all(|d| d.package == d.package.to_lowercase() && !d.package.contains(['_', '.']))
    );
    let lists = read
        .resolutions()
        .filter(|r| matches!(r.status, VendorStatus::Versions(_)))
        .count();
    assert_eq!(lists, 1, "one record has versions and no range");
}

#[test]
fn archives_of_every_ecosystem_are_read() {
    let Some(files) = samples(
        "archives_of_every_ecosystem_are_read",
        "feed-samples-vuls.tar.zst",
        "osv/all.zip",
    ) else {
        return;
    };
    let mut seen = BTreeSet::new();
    for (name, bytes) in &files {
        let read = read(OsvZip, bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(
            read.parsed.quarantined, 0,
            "{name}: {:?}",
            read.parsed.first_problems
        );
        seen.extend(
            read.resolutions()
                .map(|r| format!("{}/{}", r.ecosystem, r.channel)),
        );
    }
    let seen: Vec<&str> = seen.iter().map(String::as_str).collect();
    assert_eq!(seen, ECOSYSTEMS);
}

const ECOSYSTEMS: &[&str] = &[
    "almalinux:8/",
    "almalinux:9/",
    "alpine:v3.18/",
    "alpine:v3.19/",
    "alpine:v3.20/",
    "alpine:v3.21/",
    "alpine:v3.22/",
    "cargo/",
    "chainguard/",
    "debian:11/",
    "debian:12/",
    "debian:13/",
    "debian:3.0/",
    "debian:4.0/",
    "debian:6.0/",
    "gem/",
    "golang/",
    "maven/",
    "npm/",
    "nuget/",
    "pypi/",
    "rhel:8/eus-8.8",
    "rhel:9/eus-9.2",
    "rocky:8/",
    "rocky:9/",
    "wolfi/",
];

#[test]
fn ubuntu_records_are_in_their_channels() {
    let test = "ubuntu_records_are_in_their_channels";
    let Some(files) = samples(
        test,
        "feed-samples-vunnel.tar.zst",
        "UBUNTU-CVE-2014-9913.json",
    ) else {
        return;
    };
    let esm = read(OsvZip, &files[0].1).unwrap();
    assert_eq!(
        esm.lines(),
        [
            "ubuntu:14.04/esm-infra unzip CVE-2014-9913 ..<6.0-9ubuntu1.6",
            "ubuntu:16.04 unzip CVE-2014-9913 ..<6.0-20ubuntu1.1",
        ]
    );
    assert!(
        esm.disclosures()
            .all(|d| d.severity.as_deref() == Some("negligible") && d.aliases.is_empty())
    );
    let withdrawn = samples(
        test,
        "feed-samples-vunnel.tar.zst",
        "UBUNTU-CVE-2013-2208.json",
    )
    .unwrap();
    let withdrawn = read(OsvZip, &withdrawn[0].1).unwrap();
    assert_eq!(
        withdrawn.statements,
        [Statement::Withdrawn {
            vulnerability: "UBUNTU-CVE-2013-2208".to_owned()
        }]
    );
    let notice = samples(test, "feed-samples-vunnel.tar.zst", "USN-5614-1.json").unwrap();
    let notice = read(OsvZip, &notice[0].1).unwrap();
    assert!(
        notice
            .lines()
            .contains(&"ubuntu:22.04 wayland CVE-2021-3782 ..<1.20.0-1ubuntu0.1".to_owned())
    );
    assert!(
        notice
            .resolutions()
            .all(|r| r.advisory.as_deref() == Some("USN-5614-1"))
    );
    let all = samples(
        test,
        "feed-samples-vuls.tar.zst",
        "ubuntu/osv/happy/osv-all.tar.xz",
    )
    .unwrap();
    let all = read(OsvZip, &all[0].1).unwrap();
    assert_eq!(
        (
            all.parsed.records,
            all.parsed.skipped,
            all.parsed.quarantined
        ),
        (2, 1, 0),
        "a livepatch is skipped"
    );
}

#[test]
fn suse_archive_is_read_and_its_broken_records_kept_out() {
    let test = "suse_archive_is_read_and_its_broken_records_kept_out";
    let Some(files) = samples(test, "feed-samples-vuls.tar.zst", "suse/osv/osv.tar.bz2") else {
        return;
    };
    let read = read(OsvZip, &files[0].1).unwrap();
    assert!(
        read.lines()
            .iter()
            .any(|line| line.starts_with("sles:12.1 ")),
        "{:?}",
        read.lines()
    );
    assert!(
        read.lines()
            .iter()
            .any(|line| line.starts_with("sles:12/software-development-kit "))
    );
}
