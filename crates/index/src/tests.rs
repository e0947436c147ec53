use super::*;
use overlock_model::advisory::{Disclosure, Ecosystem, Resolution, ThreatPart, VendorStatus};
use overlock_model::threat::{Exploitation, Kev, Ssvc, TechnicalImpact};
use overlock_versions::Scheme;
use proptest::prelude::*;

fn resolution(package: &str, vulnerability: &str, status: VendorStatus) -> Resolution {
    Resolution {
        ecosystem: Ecosystem::release("debian", "12"),
        package: package.to_owned(),
        vulnerability: vulnerability.to_owned(),
        channel: "security".to_owned(),
        module: None,
        arches: vec![],
        introduced: None,
        status,
        advisory: Some("DSA-1-1".to_owned()),
        issued: Some(jiff::Timestamp::UNIX_EPOCH),
        feed: "debian-dsa".to_owned(),
    }
}

fn disclosure(package: &str, vulnerability: &str) -> Disclosure {
    Disclosure {
        ecosystem: Ecosystem::release("debian", "12"),
        package: package.to_owned(),
        vulnerability: vulnerability.to_owned(),
        aliases: vec![
            "GHSA-b".to_owned(),
            "GHSA-a".to_owned(),
            vulnerability.to_owned(),
        ],
        severity: Some("high".to_owned()),
        summary: None,
        cvss: vec![],
        published: None,
    }
}

fn fixed(version: &str) -> VendorStatus {
    VendorStatus::Fixed(version.to_owned())
}

fn key(version: &str) -> Vec<u8> {
    overlock_versions::key(Scheme::Dpkg, version)
        .unwrap()
        .as_bytes()
        .to_vec()
}

fn small_table() -> Vec<u8> {
    let mut builder = AdvisoryBuilder::new(Scheme::Dpkg);
    builder.add_feed("debian-dsa", true);
    for (package, vulnerability, version) in [
        ("openssl", "CVE-2024-0003", "3.0.15-1"),
        ("openssl", "CVE-2024-0001", "3.0.11-1"),
        ("openssl", "CVE-2024-0002", "3.0.13-1"),
        ("curl", "CVE-2024-0004", "7.88.1-10+deb12u5"),
    ] {
        builder.disclose(&disclosure(package, vulnerability));
        builder.resolve(&resolution(package, vulnerability, fixed(version)));
    }
    builder.resolve(&resolution(
        "openssl",
        "CVE-2024-0009",
        VendorStatus::Postponed("no-dsa".to_owned()),
    ));
    builder.finish().unwrap().bytes
}

#[test]
fn fixes_that_a_version_has_not_reached_are_found_lowest_first() {
    let bytes = small_table();
    let index = AdvisoryIndex::open(&bytes).unwrap();
    let unreached = |version: &str| -> Vec<&str> {
        index
            .package("openssl")
            .unwrap()
            .unreached(&key(version))
            .map(|row| row.vulnerability())
            .collect()
    };
    assert_eq!(
        unreached("3.0.1-1"),
        ["CVE-2024-0001", "CVE-2024-0002", "CVE-2024-0003"]
    );
    assert_eq!(unreached("3.0.13-1"), ["CVE-2024-0003"]);
    assert_eq!(unreached("3.0.15-1"), [""; 0]);
    assert_eq!(unreached("4"), [""; 0]);
    assert!(index.package("nginx").is_none());
    assert_eq!(index.package_count(), 2);
}

#[test]
fn statements_keep_every_fact() {
    let bytes = small_table();
    let index = AdvisoryIndex::open(&bytes).unwrap();
    let package = index.package("openssl").unwrap();
    let other: Vec<_> = package.other().collect();
    assert_eq!(other.len(), 1);
    assert_eq!(
        (other[0].status(), other[0].words()),
        (StatusWord::Postponed, Some("no-dsa"))
    );
    let first = package.fixed().next().unwrap();
    assert_eq!(first.bound(), Some("3.0.11-1"));
    assert_eq!(first.advisory(), Some("DSA-1-1"));
    assert_eq!(first.channel(), "security");
    assert_eq!(first.issued_us(), Some(0));
    let disclosed = package.disclosure("CVE-2024-0002").unwrap();
    assert_eq!(
        disclosed.aliases().collect::<Vec<_>>(),
        ["GHSA-a", "GHSA-b"]
    );
    assert_eq!(disclosed.severity(), Some("high"));
    assert!(index.fixed_only() && !index.has_overlays());
    assert_eq!(index.feeds().collect::<Vec<_>>(), ["debian-dsa"]);
}

#[test]
fn the_file_depends_on_the_statements_and_not_on_their_order() {
    let mut rows: Vec<(Disclosure, Resolution)> = (0..50)
        .map(|number| {
            let package = format!("package-{}", number % 7);
            let vulnerability = format!("CVE-2024-{number:04}");
            (
                disclosure(&package, &vulnerability),
                resolution(&package, &vulnerability, fixed(&format!("{number}-1"))),
            )
        })
        .collect();
    let build = |rows: &[(Disclosure, Resolution)]| {
        let mut builder = AdvisoryBuilder::new(Scheme::Dpkg);
        for (disclosure, resolution) in rows {
            builder.disclose(disclosure);
            builder.resolve(resolution);
        }
        builder.finish().unwrap().bytes
    };
    let forward = build(&rows);
    rows.reverse();
    assert_eq!(forward, build(&rows));
    rows.extend_from_within(..);
    assert_eq!(forward, build(&rows), "a statement made twice counts once");
}

#[test]
fn a_version_no_parser_knows_is_counted_and_left_out() {
    let mut builder = AdvisoryBuilder::new(Scheme::Semver);
    builder.resolve(&resolution("a", "CVE-2024-0001", fixed("not a version")));
    builder.resolve(&resolution("a", "CVE-2024-0002", fixed("1.0.0")));
    let built = builder.finish().unwrap();
    assert_eq!(
        (built.unparsable.values().sum::<u64>(), built.resolutions),
        (1, 1)
    );
}

#[test]
fn threats_come_back_as_they_were_given() {
    let date = overlock_model::Date::constant(2024, 3, 29);
    let mut builder = ThreatBuilder::default();
    builder.add_feed("epss");
    builder.set_epss(Some("v2025.03.14".to_owned()), Some(date));
    assert!(builder.add(
        "CVE-2024-3094",
        &ThreatPart::Epss {
            score: 0.84215,
            percentile: 0.99287
        }
    ));
    assert!(builder.add(
        "CVE-2024-3094",
        &ThreatPart::Kev(Kev {
            added: date,
            due: None,
            ransomware: true
        })
    ));
    let ssvc = Ssvc {
        exploitation: Some(Exploitation::PublicPoc),
        automatable: Some(true),
        technical_impact: Some(TechnicalImpact::Total),
        date: Some(date),
        source: "CISA-ADP".to_owned(),
    };
    builder.add("CVE-2024-3094", &ThreatPart::Ssvc(ssvc.clone()));
    let vector = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H";
    builder.add(
        "CVE-2024-3094",
        &ThreatPart::Cvss {
            source: "redhat".to_owned(),
            vector: vector.to_owned(),
        },
    );
    builder.reject("CVE-2024-9999");
    assert!(!builder.add("GHSA-x", &ThreatPart::Published(date)));
    let bytes = builder.finish().unwrap();
    let index = ThreatIndex::open(&bytes).unwrap();
    let threat = index.threat("CVE-2024-3094").unwrap();
    let epss = threat.epss.unwrap();
    assert_eq!((epss.score, epss.percentile), (0.84215, 0.99287));
    assert_eq!(
        (epss.model.as_deref(), epss.date),
        (Some("v2025.03.14"), Some(date))
    );
    assert_eq!(
        threat.kev,
        Some(Kev {
            added: date,
            due: None,
            ransomware: true
        })
    );
    assert_eq!(threat.ssvc, Some(ssvc));
    assert_eq!(threat.cvss, [(vector.to_owned(), "redhat".to_owned())]);
    assert!(index.threat("CVE-2024-9999").unwrap().rejected);
    assert!(index.threat("CVE-2024-0001").is_none());
}

fn read_everything(bytes: &[u8]) {
    if let Ok(index) = AdvisoryIndex::open(bytes) {
        for package in index.packages() {
            let _ = index.package(package.name());
            for row in package.unreached(b"\x01\x02") {
                let _ = (row.bound(), row.bound_key(), row.introduced_key());
            }
            for row in package.other().chain(package.fixed()) {
                let _ = (
                    row.vulnerability(),
                    row.status(),
                    row.module(),
                    row.arches().count(),
                    row.issued_us(),
                );
                let _ = package.disclosure(row.vulnerability());
            }
        }
    }
    if let Ok(index) = ThreatIndex::open(bytes) {
        let _ = index.threat("CVE-2024-3094");
    }
}

proptest! {
    #[test]
    fn cve_numbers_print_back_and_sort(year in 1999_u16..2100, a in 0_u64..99_999_999, b in 0_u64..99_999_999) {
        let text = |number: u64| format!("CVE-{year}-{number:04}");
        let (first, second) = (CveKey::parse(&text(a)).unwrap(), CveKey::parse(&text(b)).unwrap());
        prop_assert_eq!(first.to_string(), text(a));
        prop_assert_eq!(first.cmp(&second), a.cmp(&b));
    }

    /// F-style damage: a flipped byte or a cut anywhere is an error or other answers, never a panic.
    #[test]
    fn a_damaged_table_never_panics(at in 0_usize..4000, byte: u8, cut in 0_usize..4000) {
        let mut bytes = small_table();
        let at = at % bytes.len();
        bytes[at] = byte;
        read_everything(&bytes);
        bytes.truncate(cut % bytes.len());
        read_everything(&bytes);
    }

    #[test]
    fn unreached_is_exactly_what_comparing_every_row_says(
        fixes in prop::collection::vec("[0-9]{1,2}(\\.[0-9]{1,3}){0,2}(-[0-9](\\+deb12u[0-9])?)?", 1..20),
        installed in "[0-9]{1,2}(\\.[0-9]{1,3}){0,2}(-[0-9](\\+deb12u[0-9])?)?",
    ) {
        let mut builder = AdvisoryBuilder::new(Scheme::Dpkg);
        for (number, version) in fixes.iter().enumerate() {
            builder.resolve(&resolution("p", &format!("CVE-2024-{number:04}"), fixed(version)));
        }
        let bytes = builder.finish().unwrap().bytes;
        let index = AdvisoryIndex::open(&bytes).unwrap();
        let mut found: Vec<&str> =
            index.package("p").unwrap().unreached(&key(&installed)).map(|row| row.vulnerability()).collect();
        found.sort_unstable();
        let mut expected: Vec<String> = (0..fixes.len())
            .filter(|number| {
                overlock_versions::compare(Scheme::Dpkg, &fixes[*number], &installed).unwrap().is_gt()
            })
            .map(|number| format!("CVE-2024-{number:04}"))
            .collect();
        expected.sort_unstable();
        prop_assert_eq!(found, expected);
    }
}
