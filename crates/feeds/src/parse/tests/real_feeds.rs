//! The other feeds against whole real files and excerpts of the wire formats.

use super::{data, read, read_as, samples, unpacked, zip_of};
use crate::FeedFormat::{
    AlpineSecdb, Arch, CisaKev, DebianSupport, DistroInfo, Epss, NodejsZip, RustsecZip, Updateinfo,
    VulnrichmentZip,
};
use crate::parse::{ErrorKind, Limits, eol};
use overlock_model::advisory::{Ecosystem, Statement, ThreatPart};
use std::io::Cursor;

const VULS: &str = "feed-samples-vuls.tar.zst";
const VUNNEL: &str = "feed-samples-vunnel.tar.zst";

#[test]
fn kev_catalogue_is_read_in_whole() {
    let Some(bytes) = data("kev_catalogue_is_read_in_whole", "cisa-kev.json.gz") else {
        return;
    };
    let read = read(CisaKev, &bytes).unwrap();
    assert_eq!(
        (read.parsed.records, read.parsed.quarantined),
        (1_404, 0),
        "{:?}",
        read.parsed.first_problems
    );
    assert_eq!(
        read.parsed.facts.dated.unwrap().to_string(),
        "2025-08-25T17:04:19.9796Z"
    );
    let Statement::Threat {
        vulnerability,
        part: ThreatPart::Kev(kev),
    } = &read.statements[0]
    else {
        panic!()
    };
    assert_eq!(vulnerability, "CVE-2025-48384");
    assert_eq!(
        (
            kev.added.to_string(),
            kev.due.unwrap().to_string(),
            kev.ransomware
        ),
        ("2025-08-25".into(), "2025-09-15".into(), false)
    );
    let ransomware = read.statements.iter().filter(
        |s| matches!(s, Statement::Threat { part: ThreatPart::Kev(k), .. } if k.ransomware),
    );
    assert!(ransomware.count() > 200);
}

#[test]
fn epss_scores_are_read_in_whole() {
    let Some(bytes) = data(
        "epss_scores_are_read_in_whole",
        "epss_scores-2026-08-16.csv.gz",
    ) else {
        return;
    };
    let read = read(Epss, &bytes).unwrap();
    assert_eq!(
        (read.parsed.records, read.parsed.quarantined),
        (360_142, 0),
        "{:?}",
        read.parsed.first_problems
    );
    assert_eq!(
        read.parsed.facts.dated.unwrap().to_string(),
        "2026-08-16T00:00:00Z"
    );
    assert_eq!(
        read.statements[0],
        Statement::Threat {
            vulnerability: "CVE-1999-0001".into(),
            part: ThreatPart::Epss {
                score: 0.03351,
                percentile: 0.8765
            }
        }
    );
}

#[test]
fn epss_excerpts_name_their_model_or_are_refused() {
    let test = "epss_excerpts_name_their_model_or_are_refused";
    let Some(files) = samples(test, VULS, "epss_scores-2023-03-07.csv.gz") else {
        return;
    };
    let facts = read(Epss, &files[0].1).unwrap().parsed.facts;
    assert_eq!(facts.epss_model.as_deref(), Some("v2023.03.01"));
    let old = samples(test, VULS, "epss_scores-2021-04-14.csv.gz").unwrap();
    let error = read(Epss, &old[0].1).unwrap_err();
    assert_eq!(
        error.to_string(),
        "not the expected format, at line 1 column 1: the header is \"cve,epss\", not \"cve,epss,percentile\""
    );
    let other = samples(test, VUNNEL, "epss/invalid-header.csv").unwrap();
    assert_eq!(
        read(Epss, &other[0].1).unwrap_err().kind,
        ErrorKind::NotTheFormat
    );
    let undated = samples(test, VUNNEL, "epss/missing-date.csv").unwrap();
    assert_eq!(read(Epss, &undated[0].1).unwrap().parsed.facts.dated, None);
}

#[test]
fn vulnrichment_is_read_in_whole() {
    let Some(bytes) = data(
        "vulnrichment_is_read_in_whole",
        "vulnrichment-cve5.jsonl.zst",
    ) else {
        return;
    };
    let read = read(VulnrichmentZip, &bytes).unwrap();
    assert_eq!(
        (read.parsed.records, read.parsed.quarantined),
        (44_130, 0),
        "{:?}",
        read.parsed.first_problems
    );
    let count = |wanted: &dyn Fn(&ThreatPart) -> bool| {
        read.statements
            .iter()
            .filter(|s| matches!(s, Statement::Threat { part, .. } if wanted(part)))
            .count()
    };
    // One CNA states SSVC on its own.
    assert_eq!(
        count(&|part| matches!(part, ThreatPart::Ssvc(s) if s.source == "CISA-ADP")),
        44_026
    );
    assert_eq!(count(&|part| matches!(part, ThreatPart::Ssvc(_))), 44_027);
    assert_eq!(
        count(
            &|part| matches!(part, ThreatPart::Ssvc(s) if s.exploitation.is_none() || s.automatable.is_none() || s.technical_impact.is_none() || s.date.is_none())
        ),
        0
    );
    assert_eq!(
        read.statements
            .iter()
            .filter(|s| matches!(s, Statement::Withdrawn { .. }))
            .count(),
        104
    );
    // Metrics of CNA and ADP together, as counted in the file itself.
    let version = |prefix: &'static str| {
        count(
            &move |part| matches!(part, ThreatPart::Cvss { vector, .. } if vector.starts_with(prefix)),
        )
    };
    assert_eq!((version("CVSS:4.0/"), version("AV:")), VULNRICHMENT_V4_V2);
    assert_eq!(
        (version("CVSS:3.1/"), version("CVSS:3.0/")),
        VULNRICHMENT_V31_V30
    );
    assert_eq!(
        count(&|part| matches!(part, ThreatPart::Published(_))),
        43_530
    );
}

const VULNRICHMENT_V4_V2: (usize, usize) = (2_334, 2_424);
const VULNRICHMENT_V31_V30: (usize, usize) = (24_098 + 6_064, 4_520);

#[test]
fn rustsec_database_is_read_in_whole() {
    let Some(bytes) = data(
        "rustsec_database_is_read_in_whole",
        "rustsec-advisories.jsonl.zst",
    ) else {
        return;
    };
    let mut files = Vec::new();
    for line in String::from_utf8(unpacked(&bytes)).unwrap().lines() {
        let mut record: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(line).unwrap();
        let (path, body) = (
            record.remove("_path").unwrap(),
            record.remove("_markdown").unwrap(),
        );
        let front = toml::to_string(&record).unwrap();
        let text = format!("```toml\n{front}```\n\n{}", body.as_str().unwrap());
        files.push((
            format!("advisory-db-main/{}", path.as_str().unwrap()),
            text.into_bytes(),
        ));
    }
    let zip = zip_of(
        files
            .iter()
            .map(|(name, bytes)| (name.as_str(), bytes.as_slice())),
    );
    let read = read(RustsecZip, &zip).unwrap();
    assert_eq!(
        read.parsed.quarantined, 0,
        "{:?}",
        read.parsed.first_problems
    );
    assert_eq!(
        (read.parsed.records, read.parsed.skipped),
        (1_205, 20),
        "twenty are of the toolchain"
    );
    let lines = read.lines();
    for line in [
        "cargo abi_stable CVE-2020-36212 ..<0.9.1",
        "cargo abi_stable CVE-2020-36213 ..<0.9.1",
    ] {
        assert!(lines.contains(&line.to_owned()), "{line}");
    }
    assert!(
        read.disclosures()
            .any(|d| d.severity.as_deref() == Some("informational: unmaintained"))
    );
}

#[test]
fn node_databases_are_read_in_whole() {
    let test = "node_databases_are_read_in_whole";
    let Some(npm) = data(test, "nodejs-security-wg-npm.jsonl.zst") else {
        return;
    };
    // One line is the repository's index of the others, with the collector's mark in it.
    let npm = String::from_utf8(unpacked(&npm)).unwrap();
    let npm: Vec<&str> = npm
        .lines()
        .filter(|line| !line.contains("vuln/npm/index.json"))
        .collect();
    let read_npm = read(NodejsZip, npm.join("\n").as_bytes()).unwrap();
    assert_eq!(read_npm.parsed.records, 467);
    assert_eq!(
        read_npm.parsed.quarantined, 0,
        "{:?}",
        read_npm.parsed.first_problems
    );
    assert!(
        read_npm
            .lines()
            .contains(&"npm bassmaster CVE-2014-7205 ..<1.5.2".to_owned())
    );
    let core = read(NodejsZip, &data(test, "nodejs-core-vulns.json").unwrap()).unwrap();
    assert_eq!(
        (core.parsed.records, core.parsed.quarantined),
        (171, 0),
        "{:?}",
        core.parsed.first_problems
    );
    let of_first: Vec<_> = core
        .lines()
        .into_iter()
        .filter(|line| line.contains("CVE-2017-1000381 "))
        .collect();
    assert_eq!(
        of_first,
        [
            "nodejs node CVE-2017-1000381 4.0.0..<4.8.4",
            "nodejs node CVE-2017-1000381 5.0.0..<6.0.0-0",
            "nodejs node CVE-2017-1000381 6.0.0..<6.11.1",
            "nodejs node CVE-2017-1000381 7.0.0..<7.10.1",
            "nodejs node CVE-2017-1000381 8.0.0..<8.1.4",
        ]
    );
}

#[test]
fn secdb_excerpts_are_read() {
    let test = "secdb_excerpts_are_read";
    let limits = Limits::default();
    for (archive, suffix, ecosystem) in [
        (VULS, "alpine/secdb/v3.16/main.json", "alpine:v3.16"),
        (VULS, "alpine/secdb/v3.16/community.json", "alpine:v3.16"),
        (VULS, "alpine/secdb/edge/main.json", "alpine:edge"),
        (VULS, "wolfi/secdb/happy/security.json", "wolfi"),
        (VULS, "chainguard/secdb/happy/security.json", "chainguard"),
        (VUNNEL, "wolfi/input/secdb/security.json", "wolfi"),
    ] {
        let Some(files) = samples(test, archive, suffix) else {
            return;
        };
        let read = read_as(
            AlpineSecdb,
            &files[0].1,
            &Ecosystem(ecosystem.to_owned()),
            &limits,
        )
        .unwrap();
        assert_eq!(
            read.parsed.quarantined, 0,
            "{suffix}: {:?}",
            read.parsed.first_problems
        );
        assert!(
            read.parsed.records > 0
                && read
                    .resolutions()
                    .all(|r| r.ecosystem.as_str() == ecosystem),
            "{suffix}"
        );
    }
    let old = unpacked(&data(test, "alpine-secdb-2020.jsonl.zst").unwrap());
    let (mut files, mut packages) = (0, 0);
    for line in String::from_utf8(old).unwrap().lines() {
        let release = serde_json::from_str::<serde_json::Value>(line).unwrap()["distroversion"]
            .as_str()
            .unwrap()
            .to_owned();
        let read = read_as(
            AlpineSecdb,
            line.as_bytes(),
            &Ecosystem::release("alpine", &release),
            &limits,
        )
        .unwrap();
        files += 1;
        packages += read.parsed.records;
        assert_eq!(
            read.parsed.quarantined, 0,
            "{release}: {:?}",
            read.parsed.first_problems
        );
        let other = read_as(
            AlpineSecdb,
            line.as_bytes(),
            &Ecosystem::release("alpine", "v9"),
            &limits,
        )
        .unwrap_err();
        assert_eq!(other.kind, ErrorKind::NotTheFormat);
    }
    assert_eq!((files, packages), (18, 1_652));
}

#[test]
fn updateinfo_excerpts_are_read_or_refused_with_the_reason() {
    let test = "updateinfo_excerpts_are_read_or_refused_with_the_reason";
    let Some(files) = samples(test, VULS, "") else {
        return;
    };
    let mut read_ones = 0;
    for (name, bytes) in files
        .iter()
        .filter(|(name, _)| name.contains("updateinfo") && name.contains(".xml."))
    {
        let outcome = read(Updateinfo, bytes);
        // `invalid_gzip` is sound XML that is not packed at all.
        if name.contains("invalid_xml") || name.contains("corrupt") {
            let error = outcome.map(|read| read.parsed).unwrap_err();
            assert!(!error.cause.is_empty(), "{name}");
        } else {
            let read = outcome.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(
                read.parsed.quarantined, 0,
                "{name}: {:?}",
                read.parsed.first_problems
            );
            assert!(read.parsed.records + read.parsed.skipped > 0, "{name}");
            read_ones += 1;
        }
    }
    assert!(read_ones >= 14, "{read_ones}");
    let alma = files
        .iter()
        .find(|(name, _)| name.ends_with("b33ee5-updateinfo.xml.gz") || name.contains("cccc125de8"))
        .unwrap();
    let alma = read(Updateinfo, &alma.1).unwrap();
    assert_eq!(
        alma.lines(),
        ["test:1 nodejs CVE-2023-44487 ..<1:18.18.2-1.el9"]
    );
    let build = alma.resolutions().next().unwrap();
    assert_eq!(
        (build.arches.as_slice(), build.advisory.as_deref()),
        (["x86_64".to_owned()].as_slice(), Some("ALSA-2023:7549"))
    );
    assert_eq!(
        alma.disclosures().next().unwrap().severity.as_deref(),
        Some("moderate")
    );
}

#[test]
fn arch_excerpts_are_read() {
    let test = "arch_excerpts_are_read";
    let Some(files) = samples(test, VULS, "arch/advisory.json") else {
        return;
    };
    let real = read(Arch, &files[0].1).unwrap();
    assert_eq!(real.parsed.quarantined, 0);
    assert_eq!(
        real.lines()[0],
        "arch lib32-gdk-pixbuf2 CVE-2016-6352 ..<2.36.0+2+ga7c869a-1"
    );
    let more = samples(test, VUNNEL, "arch-advisories/all.json").unwrap();
    assert_eq!(read(Arch, &more[0].1).unwrap().parsed.quarantined, 0);
    let invalid = samples(test, VULS, "arch/invalid.json").unwrap();
    assert_eq!(
        read(Arch, &invalid[0].1).unwrap_err().kind,
        ErrorKind::NotTheFormat
    );
}

#[test]
fn dates_and_support_lists_are_read_in_whole() {
    let test = "dates_and_support_lists_are_read_in_whole";
    let Some(debian) = data(test, "eol/debian.csv") else {
        return;
    };
    let limits = Limits::default();
    let debian = eol::release_dates(&mut Cursor::new(debian), &limits).unwrap();
    let bookworm = debian
        .iter()
        .find(|release| release.series == "bookworm")
        .unwrap();
    assert_eq!(
        (bookworm.version.as_str(), bookworm.eol.unwrap().to_string()),
        ("12", "2026-07-11".to_owned())
    );
    assert_eq!(bookworm.eol_lts.unwrap().to_string(), "2028-06-30");
    let ubuntu = eol::release_dates(
        &mut Cursor::new(data(test, "eol/ubuntu.csv").unwrap()),
        &limits,
    )
    .unwrap();
    let jammy = ubuntu
        .iter()
        .find(|release| release.series == "jammy")
        .unwrap();
    assert_eq!(jammy.version, "22.04");
    assert!(jammy.eol_esm > jammy.eol);
    let ended = |name: &str| {
        eol::support_ended(&mut Cursor::new(data(test, name).unwrap()), &limits).unwrap()
    };
    let deb12 = ended("eol/security-support-ended.deb12");
    assert_eq!(deb12.len(), 16);
    assert!(
        deb12
            .iter()
            .any(|row| row.package.matches("php-horde-core") && row.last_version == "0")
    );
    assert_eq!(ended("eol/security-support-ended.deb11").len(), 0);
    assert!(
        ended("eol/security-support-ended.deb10").len() > 5
            && ended("eol/security-support-ended.deb9").len() > 5
    );
    let limited = eol::support_limited(
        &mut Cursor::new(data(test, "eol/security-support-limited").unwrap()),
        &limits,
    )
    .unwrap();
    assert!(
        limited
            .iter()
            .any(|row| row.package.matches("golang-1.19") && !row.package.matches("go"))
    );
    assert!(read(DistroInfo, b"<html>").is_err() && read(DebianSupport, b"<html> page").is_err());
}
