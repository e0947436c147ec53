//! Debian: both lists in whole, the tracker's excerpts, and the lists against the file derived from them.

use super::{data, read, samples, unpacked};
use crate::FeedFormat::{DebianAdvisories, DebianTracker};
use overlock_model::advisory::VendorStatus;
use overlock_model::os::debian_version_of;
use std::collections::{BTreeMap, BTreeSet};

/// By source, CVE and release: advisories and fixed versions, in the order of the lists, DSA first.
type Fixes = BTreeMap<(String, String, String), Vec<(String, String)>>;

#[test]
fn both_lists_are_read_in_whole() {
    for (name, advisories) in [
        ("debian-DSA-list.txt.gz", 6485),
        ("debian-DLA-list.txt.gz", 4890),
    ] {
        let Some(list) = data("both_lists_are_read_in_whole", name) else {
            return;
        };
        let read = read(DebianAdvisories, &list).unwrap();
        assert_eq!(
            read.parsed.quarantined, 0,
            "{name}: {:?}",
            read.parsed.first_problems
        );
        assert_eq!(
            read.parsed.records + read.parsed.skipped,
            advisories,
            "{name}"
        );
        assert_eq!(
            read.parsed.facts.dated.unwrap().to_string(),
            "2026-08-21T00:00:00Z"
        );
        let channel = if advisories == 6485 {
            "security"
        } else {
            "lts"
        };
        assert!(
            read.resolutions()
                .all(|r| r.channel == channel && r.advisory.is_some() && r.issued.is_some())
        );
    }
}

#[test]
fn lists_reproduce_the_derived_file_exactly() {
    let test = "lists_reproduce_the_derived_file_exactly";
    let mut ours = Fixes::new();
    for name in ["debian-DSA-list.txt.gz", "debian-DLA-list.txt.gz"] {
        let Some(list) = data(test, name) else { return };
        for r in read(DebianAdvisories, &list).unwrap().resolutions() {
            let new_enough = ["10", "11", "12", "13"]
                .iter()
                .any(|v| r.ecosystem.as_str() == format!("debian:{v}"));
            if let (VendorStatus::Fixed(version), true) =
                (&r.status, new_enough && r.vulnerability.starts_with("CVE-"))
            {
                let key = (
                    r.package.clone(),
                    r.vulnerability.clone(),
                    r.ecosystem.to_string(),
                );
                ours.entry(key)
                    .or_default()
                    .push((r.advisory.clone().unwrap(), version.clone()));
            }
        }
    }
    let derived = unpacked(&data(test, "debian-tracker-derived-fixed.json.zst").unwrap());
    let derived: BTreeMap<String, BTreeMap<String, serde_json::Value>> =
        serde_json::from_slice(&derived).unwrap();
    let mut theirs = Fixes::new();
    let (mut pairs, mut several) = (0, BTreeSet::new());
    for (source, cves) in &derived {
        for (cve, entry) in cves {
            pairs += 1;
            for (codename, release) in entry["releases"].as_object().unwrap() {
                let ecosystem = format!("debian:{}", debian_version_of(codename).unwrap());
                let advisories: Vec<(String, String)> =
                    serde_json::from_value(release["_advisories"].clone()).unwrap();
                assert_eq!(
                    release["fixed_version"], *advisories[0].1,
                    "{source} {cve} {codename}"
                );
                if advisories.len() > 1 {
                    several.insert((source, cve, codename));
                }
                theirs.insert((source.clone(), cve.clone(), ecosystem), advisories);
            }
        }
    }
    assert_eq!((derived.len(), pairs, several.len()), (864, 22_431, 52));
    let wrong: Vec<_> = ours
        .iter()
        .filter(|(key, fixes)| theirs.get(*key) != Some(fixes))
        .take(5)
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    let missing: Vec<_> = theirs
        .keys()
        .filter(|key| !ours.contains_key(*key))
        .take(5)
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn derived_file_is_read_as_tracker_json() {
    let Some(bytes) = data(
        "derived_file_is_read_as_tracker_json",
        "debian-tracker-derived-fixed.json.zst",
    ) else {
        return;
    };
    let read = read(DebianTracker, &bytes).unwrap();
    assert_eq!((read.parsed.records, read.parsed.quarantined), (22_431, 0));
    assert_eq!(read.resolutions().count(), 6_157 + 12_812 + 8_580 + 5_240);
}

#[test]
fn tracker_excerpts_of_the_wire_format_are_read() {
    let test = "tracker_excerpts_of_the_wire_format_are_read";
    let Some(files) = samples(
        test,
        "feed-samples-vuls.tar.zst",
        "debian/tracker/api/advisory.json",
    ) else {
        return;
    };
    let real = read(DebianTracker, &files[0].1).unwrap();
    assert_eq!(
        real.parsed.quarantined, 0,
        "{:?}",
        real.parsed.first_problems
    );
    assert!(real.lines().contains(
        &r#"debian:11 389-ds-base CVE-2016-5416 ..WillNotFix("ignored: Minor issue")"#.to_owned()
    ));
    assert!(
        real.lines()
            .contains(&"debian:11 389-ds-base CVE-2012-0833 ..NotAffected".to_owned())
    );
    assert!(
        real.lines()
            .contains(&"debian:sid 389-ds-base CVE-2016-5416 ..Affected".to_owned())
    );
    let unimportant = real
        .disclosures()
        .find(|d| d.vulnerability == "CVE-2012-0833")
        .unwrap();
    assert_eq!(unimportant.severity.as_deref(), Some("unimportant"));

    let invalid = samples(
        test,
        "feed-samples-vuls.tar.zst",
        "debian/tracker/api/invalid.json",
    )
    .unwrap();
    let error = read(DebianTracker, &invalid[0].1).unwrap_err();
    assert_eq!(
        error.to_string(),
        "not the expected format, at the start: does not begin with JSON"
    );

    let other = samples(
        test,
        "feed-samples-vunnel.tar.zst",
        "debian/input/debian.json",
    )
    .unwrap();
    let other = read(DebianTracker, &other[0].1).unwrap();
    // It holds a record whose `releases` is a list.
    assert_eq!(
        other.parsed.first_problems,
        [
            "chromium-browser CVE-2022-0358: invalid type: sequence, expected a map at line 2 column 18"
        ]
    );
    let list = samples(test, "feed-samples-vunnel.tar.zst", "debian/input/DSA").unwrap();
    let list = read(DebianAdvisories, &list[0].1).unwrap();
    assert_eq!(
        list.parsed.quarantined, 0,
        "{:?}",
        list.parsed.first_problems
    );
}

const TRACKER: &str = r#"{"foo": {"CVE-2024-0001": {"description": "A hole.\n\nMore.", "scope": "local", "releases": {
 "bookworm": {"status": "resolved", "repositories": {"bookworm": "1-1"}, "fixed_version": "1:1.2-3", "urgency": "low**"},
 "trixie": {"status": "open", "repositories": {}, "urgency": "not yet assigned", "nodsa": "Minor issue", "nodsa_reason": ""},
 "bullseye": {"status": "open", "repositories": {}, "urgency": "not yet assigned", "nodsa": "Later", "nodsa_reason": "postponed"},
 "buster": {"status": "open", "repositories": {}, "urgency": "end-of-life"},
 "sid": {"status": "undetermined", "repositories": {}, "urgency": "high"}}}},
 "bar": {"CVE-2024-0002": {"releases": {"bookworm": {"status": "resolved"}}},
         "CVE-2024-0003": {"releases": {"bookworm": {"status": "open"}}},
         "CVE-2024-0004": {"releases": 7}}}"#;

#[test]
fn every_word_of_the_tracker_keeps_its_meaning() {
    let read = read(DebianTracker, TRACKER.as_bytes()).unwrap();
    assert_eq!(
        read.lines(),
        [
            "debian:12 foo CVE-2024-0001 ..<1:1.2-3",
            r#"debian:11 foo CVE-2024-0001 ..Postponed("postponed: Later")"#,
            "debian:10 foo CVE-2024-0001 ..EndOfLife",
            "debian:sid foo CVE-2024-0001 ..UnderInvestigation",
            r#"debian:13 foo CVE-2024-0001 ..Postponed("no-dsa: Minor issue")"#,
            "debian:12 bar CVE-2024-0003 ..Affected",
        ]
    );
    let first = read.disclosures().next().unwrap();
    assert_eq!(
        (first.severity.as_deref(), first.summary.as_deref()),
        (Some("low"), Some("A hole."))
    );
}

#[test]
fn bad_tracker_records_are_kept_out_alone() {
    let parsed = read(DebianTracker, TRACKER.as_bytes()).unwrap().parsed;
    assert_eq!((parsed.records, parsed.quarantined), (2, 2));
    assert_eq!(
        parsed.first_problems[0],
        "bar CVE-2024-0002: bookworm: resolved without a fixed version"
    );
    assert!(
        parsed.first_problems[1].starts_with("bar CVE-2024-0004: invalid type: integer"),
        "{parsed:?}"
    );
}

#[test]
fn list_oddities_are_understood_and_bad_entries_kept_out() {
    let list = "[01 Mar 2024] DSA-1-1 foo bar - several\n\t{CVE-2024-1111 CVE-2024-2222}\n\t[bookworm] - foo <not-affected> (code not present)\n\
        \t[bookworm] - bar  1.0-1 (medium)\n\tNOTE: a note\n[02 Mar 2024] DSA-2-1 gone end-of-life\n\
        [03 Mar 2024] DSA-3-2 baz - regression update\n\t[bookworm] - baz 2-1\n[04 Mar 2024] DLA-4-1 qux - flaw\n\t[bullseye] - qux 3-1\n\
        [05 Mar 2024] DSA-5-1 bad - flaw\n\t{CVE-2024-3333}\n\t[nowhere] - bad 1\n[32 Mar 2024] DSA-6-1 worse - flaw\n\t[bookworm] - worse 1\n\
        [06 Mar 2024] DSA-7-1 x - y\n\t[bookworm] x 1\n";
    let read = read(DebianAdvisories, list.as_bytes()).unwrap();
    assert_eq!(
        read.lines(),
        [
            "debian:12/security foo CVE-2024-1111 ..NotAffected",
            "debian:12/security bar CVE-2024-1111 ..<1.0-1",
            "debian:12/security foo CVE-2024-2222 ..NotAffected",
            "debian:12/security bar CVE-2024-2222 ..<1.0-1",
            "debian:11/lts qux DLA-4-1 ..<3-1",
        ]
    );
    assert_eq!(
        (
            read.parsed.records,
            read.parsed.skipped,
            read.parsed.quarantined
        ),
        (2, 3, 2)
    );
    assert_eq!(
        read.parsed.first_problems,
        [
            "release \"nowhere\" is not known: statements about it are left out",
            "line 14: \"32 Mar 2024\" is not a date",
            "line 16: line 17: no `-` after the release"
        ]
    );
}

/// Debian names a new release years before this program knows its number.
#[test]
fn unknown_release_leaves_the_others_good() {
    let file = r#"{"foo": {"CVE-2024-0001": {"releases": {"bookworm": {"status": "open"}, "yonder": {"status": "open"}}},
        "CVE-2024-0002": {"releases": {"yonder": {"status": "open"}}}}}"#;
    let read = read(DebianTracker, file.as_bytes()).unwrap();
    assert_eq!(read.lines(), ["debian:12 foo CVE-2024-0001 ..Affected"]);
    let parsed = read.parsed;
    assert_eq!(
        (parsed.records, parsed.skipped, parsed.quarantined),
        (1, 1, 0)
    );
    assert_eq!(
        parsed.first_problems,
        ["release \"yonder\" is not known: statements about it are left out"]
    );
}
