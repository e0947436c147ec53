//! Bombs, cut-off files, error pages and noise: a clear error or a counted record, never a panic.

use super::{gz, read, read_as, zip_of};
use crate::FeedFormat;
use crate::FeedFormat::{
    Arch, CisaKev, DebianAdvisories, DebianTracker, Epss, OsvZip, Updateinfo, VulnrichmentZip,
};
use crate::parse::{ErrorKind, Limits};
use overlock_model::advisory::Ecosystem;
use proptest::prelude::*;

const HTML: &[u8] =
    b"<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body></body></html>\n";

#[test]
fn error_page_is_refused_by_every_format() {
    for format in FeedFormat::ALL {
        let error = read(format, HTML).map(|read| read.parsed).unwrap_err();
        assert_eq!(error.kind, ErrorKind::NotTheFormat, "{format:?}: {error}");
        assert!(!error.hint().is_empty());
    }
}

#[test]
fn empty_file_is_refused_by_every_format() {
    for format in FeedFormat::ALL {
        assert!(read(format, b"").is_err(), "{format:?}");
        assert!(
            read(format, b"\n \n").is_err() || format.may_be_empty(),
            "{format:?}"
        );
    }
}

#[test]
fn deep_nesting_is_refused_by_every_json_format() {
    let list = "[".repeat(10_000);
    let object = r#"{"a":"#.repeat(10_000);
    for format in FeedFormat::ALL {
        for text in [&list, &object] {
            assert!(read(format, text.as_bytes()).is_err(), "{format:?}");
        }
    }
    let closed = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let error = read(Arch, closed.as_bytes()).unwrap_err();
    assert!(error.cause.contains("nested deeper than 128"), "{error}");
    let error = read(
        DebianTracker,
        format!(r#"{{"a":{{"CVE-2024-1111":{closed}}}}}"#).as_bytes(),
    )
    .unwrap_err();
    assert!(error.cause.contains("nested deeper than 128"), "{error}");
    let error = read(OsvZip, format!(r#"{{"id":"X-1","a":{closed}}}"#).as_bytes()).unwrap_err();
    assert!(error.cause.contains("nested deeper than 128"), "{error}");
}

#[test]
fn cut_off_json_is_truncated_not_shorter() {
    let file = r#"{"vulnerabilities":[{"cveID":"CVE-2024-1111","dateAdded":"2024-01-02"},{"cveID":"CVE-2024-2222","dateAdded":"2024-01-02"}]}"#;
    for end in 1..file.len() {
        let error = read(CisaKev, &file.as_bytes()[..end])
            .map(|read| read.parsed)
            .unwrap_err();
        assert_eq!(error.kind, ErrorKind::Truncated, "at {end}: {error}");
    }
    let after = format!("{file}{file}");
    assert_eq!(
        read(CisaKev, after.as_bytes()).unwrap_err().kind,
        ErrorKind::NotTheFormat
    );
}

#[test]
fn cut_off_and_damaged_gzip_is_refused() {
    let mut text =
        String::from("#model_version:v1,score_date:2026-01-01T00:00:00Z\ncve,epss,percentile\n");
    for number in 10_000..40_000 {
        text.push_str(&format!("CVE-2024-{number},0.{number},0.5\n"));
    }
    let packed = gz(text.as_bytes());
    assert_eq!(read(Epss, &packed).unwrap().parsed.records, 30_000);
    for end in [packed.len() / 2, packed.len() - 9, packed.len() - 1] {
        assert_eq!(
            read(Epss, &packed[..end]).unwrap_err().kind,
            ErrorKind::Truncated,
            "{end}"
        );
    }
    let mut damaged = packed.clone();
    let crc = damaged.len() - 6;
    damaged[crc] ^= 1;
    assert_eq!(
        read(Epss, &damaged).unwrap_err().kind,
        ErrorKind::Unreadable
    );
}

#[test]
fn cut_off_archive_is_refused() {
    let record = r#"{"id":"X-1","affected":[{"package":{"ecosystem":"npm","name":"a"}}]}"#;
    let zip = zip_of([
        ("X-1.json", record.as_bytes()),
        ("X-2.json", record.as_bytes()),
    ]);
    assert_eq!(read(OsvZip, &zip).unwrap().parsed.records, 2);
    for end in [zip.len() / 2, zip.len() - 1] {
        assert!(read(OsvZip, &zip[..end]).is_err(), "zip at {end}");
    }
    let tar = tar_of(&[
        ("X-1.json", record.as_bytes()),
        ("X-2.json", record.as_bytes()),
    ]);
    assert_eq!(read(OsvZip, &gz(&tar)).unwrap().parsed.records, 2);
    for end in [600, 1024, 1300, 2048] {
        assert_eq!(
            read(OsvZip, &tar[..end]).unwrap_err().kind,
            ErrorKind::Truncated,
            "tar at {end}"
        );
    }
    let mut sized = tar.clone();
    sized[124..135].copy_from_slice(b"77777777777");
    assert_eq!(read(OsvZip, &sized).unwrap_err().kind, ErrorKind::Truncated);
    sized[124..135].copy_from_slice(b"not a size!");
    assert_eq!(
        read(OsvZip, &sized).unwrap_err().cause,
        "tar header without a valid size"
    );
}

/// POSIX.1-1988 headers with just what the reader looks at.
fn tar_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = Vec::new();
    for (name, bytes) in files {
        let mut header = [0_u8; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[124..135].copy_from_slice(format!("{:011o}", bytes.len()).as_bytes());
        header[156] = b'0';
        header[257..263].copy_from_slice(b"ustar\0");
        tar.extend(header);
        tar.extend(*bytes);
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar.resize(tar.len() + 1024, 0);
    tar
}

/// Work must not grow with the square of a record's size.
#[test]
fn crowded_records_end_soon() {
    let names: Vec<String> = (0..200_000)
        .map(|number| format!(r#""A-{number}""#))
        .collect();
    let crowd = format!(
        r#"{{"id":"X-1","aliases":[{}],"affected":[]}}"#,
        names.join(",")
    );
    assert!(
        read(OsvZip, crowd.as_bytes())
            .unwrap_err()
            .cause
            .contains("more than 20000 names")
    );
    let attributes: String = (0..100_000)
        .map(|number| format!(" a{number}=''"))
        .collect();
    let crowd = format!("<updates><update type='x'><package{attributes}/></update></updates>");
    assert!(
        read(Updateinfo, crowd.as_bytes()).is_err(),
        "a package without a name"
    );
}

#[test]
fn gzip_bomb_stops_at_the_ratio() {
    let error = read(DebianAdvisories, &gz(&vec![b'\n'; 64 << 20])).unwrap_err();
    assert_eq!(error.kind, ErrorKind::TooLarge);
    assert!(error.cause.contains("ratio over 250"), "{error}");
}

#[test]
fn zip_bomb_stops_at_the_ratio() {
    let zip = zip_of([("X-1.json", vec![b' '; 64 << 20].as_slice())]);
    let error = read(OsvZip, &zip).map(|read| read.parsed).unwrap_err();
    assert_eq!(error.kind, ErrorKind::TooLarge);
    assert!(
        error
            .cause
            .contains("unpacks to more than 250 times its size"),
        "{error}"
    );
}

#[test]
fn every_bound_stops_its_file() {
    let ecosystem = Ecosystem("test:1".to_owned());
    let refused = |format, bytes: &[u8], limits: Limits| {
        let error = read_as(format, bytes, &ecosystem, &limits)
            .map(|read| read.parsed)
            .unwrap_err();
        assert_eq!(error.kind, ErrorKind::TooLarge, "{error}");
    };
    let list = b"[01 Mar 2024] DSA-1-1 a - b\n\t[bookworm] - a 1\n".repeat(10_000);
    refused(
        DebianAdvisories,
        &list,
        Limits {
            unpacked_bytes_max: 100_000,
            ..Limits::default()
        },
    );
    refused(
        DebianAdvisories,
        &[b"[01 Mar 2024] ".as_slice(), &[b'a'; 500_000]].concat(),
        Limits {
            record_bytes_max: 1000,
            ..Limits::default()
        },
    );
    let record = format!(
        r#"{{"vulnerabilities":[{{"x":"{}"}}]}}"#,
        "y".repeat(500_000)
    );
    refused(
        CisaKev,
        record.as_bytes(),
        Limits {
            record_bytes_max: 1000,
            ..Limits::default()
        },
    );
    refused(
        OsvZip,
        format!("{{\n{}", " ".repeat(500_000)).as_bytes(),
        Limits {
            record_bytes_max: 1000,
            ..Limits::default()
        },
    );
    let update = format!(
        "<updates><update><id>{}</id></update></updates>",
        "y".repeat(500_000)
    );
    refused(
        Updateinfo,
        update.as_bytes(),
        Limits {
            record_bytes_max: 1000,
            ..Limits::default()
        },
    );
    let many = zip_of([("a.json", b"{}".as_slice()), ("b.json", b"{}")]);
    refused(
        OsvZip,
        &many,
        Limits {
            members_max: 1,
            ..Limits::default()
        },
    );
}

#[test]
fn member_over_the_bound_is_kept_out_alone() {
    let good = r#"{"id":"X-1","affected":[{"package":{"ecosystem":"npm","name":"a"}}]}"#;
    let zip = zip_of([
        ("X-1.json", good.as_bytes()),
        ("X-2.json", vec![b' '; 5000].as_slice()),
    ]);
    let limits = Limits {
        record_bytes_max: 1000,
        ..Limits::default()
    };
    let parsed = read_as(OsvZip, &zip, &Ecosystem("test:1".to_owned()), &limits)
        .unwrap()
        .parsed;
    assert_eq!((parsed.records, parsed.quarantined), (1, 1));
    assert_eq!(parsed.first_problems, ["X-2.json: member over 1000 bytes"]);
}

#[test]
fn long_words_are_bad_and_long_summaries_are_cut() {
    let record = |name: &str, summary: &str| {
        format!(
            r#"{{"id":"X-1","summary":"{summary}","affected":[{{"package":{{"ecosystem":"npm","name":"{name}"}}}}]}}"#
        )
    };
    let cut = read(OsvZip, record("a", &"ä ".repeat(5000)).as_bytes()).unwrap();
    let summary = cut.disclosures().next().unwrap().summary.clone().unwrap();
    assert!(
        summary.len() <= 304 && summary.ends_with('…'),
        "{}",
        summary.len()
    );
    let one_word = read(OsvZip, record("a", &"ä".repeat(5000)).as_bytes()).unwrap();
    assert!(
        one_word
            .disclosures()
            .next()
            .unwrap()
            .summary
            .as_ref()
            .unwrap()
            .len()
            <= 304
    );
    assert!(
        read(OsvZip, record(&"a".repeat(2000), "s").as_bytes())
            .unwrap_err()
            .cause
            .contains("package of 2000 bytes")
    );
}

#[test]
fn problems_are_counted_all_and_told_in_part() {
    let lines = r#"{"id":1}"#.to_owned() + "\n";
    let good = r#"{"id":"X-1","affected":[{"package":{"ecosystem":"npm","name":"a"}}]}"#;
    let parsed = read(OsvZip, (lines.repeat(1000) + good).as_bytes())
        .unwrap()
        .parsed;
    assert_eq!(
        (parsed.quarantined, parsed.first_problems.len()),
        (1000, 10)
    );
}

/// Small sound files of every format, to be damaged.
fn seeds() -> Vec<(FeedFormat, Vec<u8>)> {
    let osv = r#"{"id":"GHSA-x","aliases":["CVE-2024-1234"],"affected":[{"package":{"ecosystem":"npm","name":"a"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"1.2.0"},{"introduced":"2.0.0"}]}]}]}"#;
    let cve = r#"{"cveMetadata":{"cveId":"CVE-2024-1111","state":"PUBLISHED","datePublished":"2024-01-02T03:04:05"},"containers":{"adp":[{"metrics":[{"other":{"type":"ssvc","content":{"options":[{"Exploitation":"poc"}]}}}]}]}}"#;
    let rustsec = "```toml\n[advisory]\nid = \"RUSTSEC-2024-0001\"\npackage = \"foo\"\n[versions]\npatched = [\">= 1.2.3\"]\n```\n\n# T\n";
    vec![
        (OsvZip, osv.as_bytes().to_vec()),
        (OsvZip, format!("{osv}\n{osv}\n").into_bytes()),
        (OsvZip, zip_of([("a.json", osv.as_bytes())])),
        (VulnrichmentZip, cve.as_bytes().to_vec()),
        (FeedFormat::RustsecZip, zip_of([("crates/foo/RUSTSEC-2024-0001.md", rustsec.as_bytes())])),
        (DebianTracker, br#"{"foo":{"CVE-2024-0001":{"releases":{"bookworm":{"status":"resolved","fixed_version":"1","urgency":"low"}}}}}"#.to_vec()),
        (DebianAdvisories, b"[01 Mar 2024] DSA-1-1 a - b\n\t{CVE-2024-1111}\n\t[bookworm] - a 1\n".to_vec()),
        (FeedFormat::AlpineSecdb, br#"{"packages":[{"pkg":{"name":"a","secfixes":{"1-r0":["CVE-2024-1111"]}}}]}"#.to_vec()),
        (Updateinfo, br#"<updates><update type="security"><id>A-1</id><issued date="2024-01-02"/><pkglist><collection><package name="a" version="1" release="2" arch="x"/></collection></pkglist></update></updates>"#.to_vec()),
        (CisaKev, br#"{"vulnerabilities":[{"cveID":"CVE-2024-1111","dateAdded":"2024-01-02"}]}"#.to_vec()),
        (Epss, gz(b"#model_version:v1,score_date:2026-01-01T00:00:00Z\ncve,epss,percentile\nCVE-2024-1111,0.1,0.2\n")),
        (FeedFormat::NodejsZip, br#"{"id":7,"module_name":"a","vulnerable_versions":"<1.0.0 || 2.x","patched_versions":">=1.0.0"}"#.to_vec()),
        (Arch, br#"[{"name":"AVG-1","packages":["a"],"status":"Fixed","fixed":"1-2","issues":["CVE-2024-1111"]}]"#.to_vec()),
        (FeedFormat::DistroInfo, b"version,codename,series,created,release,eol\n12,B,b,2020-01-01,2020-01-01,2020-01-01\n".to_vec()),
        (FeedFormat::DebianSupport, b"# c\nfoo words\n".to_vec()),
    ]
}

#[test]
fn seeds_are_sound() {
    for (format, bytes) in seeds() {
        let read = read(format, &bytes).unwrap_or_else(|error| panic!("{format:?}: {error}"));
        assert_eq!(
            (read.parsed.records > 0, read.parsed.quarantined),
            (true, 0),
            "{format:?}: {:?}",
            read.parsed.first_problems
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn noise_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..400), magic in 0_usize..7) {
        let magics: [&[u8]; 7] = [b"", b"\x1f\x8b\x08", b"\xfd7zXZ\0", b"BZh9", b"\x28\xb5\x2f\xfd", b"PK\x03\x04", b"{"];
        let bytes = [magics[magic], &bytes].concat();
        for format in FeedFormat::ALL {
            let _ = read(format, &bytes);
        }
    }

    /// Cuts, flips and doubles bytes of sound files.
    #[test]
    fn damaged_files_never_panic(
        which in any::<prop::sample::Index>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4), 1..8),
    ) {
        let all = seeds();
        let (format, mut bytes) = all[which.index(all.len())].clone();
        for (at, byte, kind) in damage {
            if bytes.is_empty() { break }
            let at = at.index(bytes.len());
            match kind {
                0 => bytes.truncate(at),
                1 => bytes[at] = byte,
                2 => bytes.insert(at, byte),
                _ => { let tail = bytes[at..].to_vec(); bytes.extend(tail); }
            }
        }
        let _ = read(format, &bytes);
    }
}
