//! One good and one bad file of each format, small enough to read.

use super::{read, read_as, zip_of};
use crate::FeedFormat::{
    AlpineSecdb, Arch, CisaKev, DebianSupport, NodejsZip, OsvZip, RustsecZip, Updateinfo,
    VulnrichmentZip,
};
use crate::parse::{ErrorKind, Limits, eol};
use overlock_model::advisory::{Ecosystem, Statement, ThreatPart};
use overlock_model::threat::{Exploitation, TechnicalImpact};
use std::io::Cursor;

fn osv(record: &str) -> super::Outcome {
    read(OsvZip, record.as_bytes()).unwrap()
}

#[test]
fn osv_vulnerability_takes_the_name_of_its_only_cve() {
    let one = osv(
        r#"{"id":"GHSA-x","aliases":["CVE-2024-1234","PYSEC-1"],"related":["CVE-2020-9999"],"summary":"S",
            "severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
            "database_specific":{"severity":"HIGH"},"published":"2024-01-02T03:04:05Z",
            "affected":[{"package":{"ecosystem":"PyPI","name":"Foo.Bar"},"ranges":[{"type":"ECOSYSTEM","events":
             [{"introduced":"0"},{"fixed":"1.2"},{"introduced":"2.0"},{"last_affected":"2.4"}]}]}]}"#,
    );
    assert_eq!(
        one.lines(),
        [
            "pypi foo-bar CVE-2024-1234 ..<1.2",
            "pypi foo-bar CVE-2024-1234 2.0..<=2.4"
        ]
    );
    let disclosure = one.disclosures().next().unwrap();
    assert_eq!(disclosure.aliases, ["GHSA-x", "PYSEC-1"]);
    assert_eq!(
        (disclosure.severity.as_deref(), disclosure.cvss.len()),
        (Some("high"), 1)
    );
    assert_eq!(
        disclosure.published.unwrap().to_string(),
        "2024-01-02T03:04:05Z"
    );
}

#[test]
fn osv_erratum_is_one_disclosure_for_each_cve() {
    let erratum = osv(
        r#"{"id":"ALSA-2024:1","summary":"Important: nodejs:18 security update","related":["CVE-2024-1111","CVE-2024-2222"],
            "affected":[{"package":{"ecosystem":"AlmaLinux:9","name":"nodejs"},"ranges":[{"type":"ECOSYSTEM","events":
             [{"introduced":"0"},{"fixed":"1:18.19.0-1.module_el9.3.0+67+d1"}]}]},
            {"package":{"ecosystem":"AlmaLinux:9","name":"plain"},"ranges":[{"type":"ECOSYSTEM","events":
             [{"introduced":"0"},{"fixed":"1-1.el9"}]}]}]}"#,
    );
    assert_eq!(
        erratum.lines(),
        [
            "almalinux:9 nodejs@nodejs:18 CVE-2024-1111 ..<1:18.19.0-1.module_el9.3.0+67+d1",
            "almalinux:9 plain CVE-2024-1111 ..<1-1.el9",
            "almalinux:9 nodejs@nodejs:18 CVE-2024-2222 ..<1:18.19.0-1.module_el9.3.0+67+d1",
            "almalinux:9 plain CVE-2024-2222 ..<1-1.el9",
        ]
    );
    assert!(
        erratum
            .disclosures()
            .all(|d| d.aliases.is_empty() && d.severity.as_deref() == Some("important"))
    );
}

#[test]
fn osv_bug_fixes_are_skipped_and_counted() {
    let record = |id: &str, related: &str| {
        osv(&format!(
            r#"{{"id":"{id}","related":[{related}],"affected":[{{"package":{{"ecosystem":"AlmaLinux:9","name":"a"}}}}]}}"#
        ))
    };
    assert_eq!(record("ALBA-2024:1", "").parsed.skipped, 1);
    assert_eq!(
        record("ALBA-2024:1", r#""CVE-2024-1111""#).parsed.records,
        1
    );
    assert_eq!(
        record("ALSA-2024:1", "").lines(),
        ["almalinux:9 a ALSA-2024:1 ..Affected"]
    );
}

#[test]
fn osv_without_ranges_means_its_versions_or_all() {
    let record = |rest: &str| {
        osv(&format!(
            r#"{{"id":"X-1","affected":[{{"package":{{"ecosystem":"npm","name":"a"}}{rest}}}]}}"#
        ))
        .lines()
    };
    assert_eq!(
        record(r#","versions":["1.0","1.1"]"#),
        ["npm a X-1 ..{1.0 1.1}"]
    );
    assert_eq!(record(""), ["npm a X-1 ..Affected"]);
    let git = r#","ranges":[{"type":"GIT","repo":"r","events":[{"introduced":"0"}]}]"#;
    assert_eq!(record(git), ["npm a X-1 ..UnderInvestigation"]);
}

#[test]
fn osv_of_other_systems_is_skipped_not_guessed() {
    let other =
        osv(r#"{"id":"X-1","affected":[{"package":{"ecosystem":"Elsewhere:3","name":"a"}}]}"#);
    assert_eq!((other.parsed.skipped, other.statements.len()), (1, 0));
}

#[test]
fn osv_bad_records_among_good_lines_are_kept_out() {
    let good = r#"{"id":"X-1","affected":[{"package":{"ecosystem":"npm","name":"a"}}]}"#;
    let deep = format!(
        r#"{{"id":"X-1","x":{}1{}}}"#,
        "[".repeat(200),
        "]".repeat(200)
    );
    let lines = [
        good,
        r#"{"id":"white space","affected":[{"package":{"ecosystem":"npm","name":"a"}}]}"#,
        r#"{"id":"X-2","affected":[{"package":{"ecosystem":"npm","name":"a"},"ranges":[{"type":"SEMVER","events":[{"fixed":"1"}]}]}]}"#,
        r#"{"id":7}"#,
        &deep,
        "{",
        good,
    ];
    let parsed = read(OsvZip, lines.join("\n").as_bytes()).unwrap().parsed;
    assert_eq!(
        (parsed.records, parsed.quarantined),
        (2, 5),
        "{:?}",
        parsed.first_problems
    );
    assert_eq!(
        parsed.first_problems[1],
        "line 3: a range without `introduced`"
    );
    assert_eq!(parsed.first_problems[3], "line 5: nested deeper than 128");
}

#[test]
fn osv_ecosystems_are_in_our_words() {
    let home = |osv: &str, purl: &str| {
        super::super::ecosystem::home(osv, Some(purl), None)
            .map(|home| format!("{}/{}", home.ecosystem, home.channel))
    };
    for (osv, purl, ours) in [
        ("Rocky Linux:9", "", "rocky:9/"),
        ("Debian:12", "", "debian:12/"),
        ("Alpine:v3.19", "", "alpine:v3.19/"),
        ("Wolfi", "", "wolfi/"),
        ("Go", "", "golang/"),
        ("RubyGems", "", "gem/"),
        ("NuGet", "", "nuget/"),
        ("Ubuntu:22.04:LTS", "", "ubuntu:22.04/"),
        ("Ubuntu:23.10", "", "ubuntu:23.10/"),
        (
            "Ubuntu:Pro:16.04:LTS",
            "pkg:deb/ubuntu/a?arch=source&distro=esm-apps/xenial",
            "ubuntu:16.04/esm-apps",
        ),
        (
            "Ubuntu:Pro:16.04:LTS",
            "pkg:deb/ubuntu/a?distro=esm-infra%2Fxenial&x=1",
            "ubuntu:16.04/esm-infra",
        ),
        (
            "Ubuntu:Pro:14.04:LTS",
            "pkg:deb/ubuntu/a?distro=trusty/esm",
            "ubuntu:14.04/esm-infra",
        ),
        (
            "Ubuntu:Pro:FIPS-updates:20.04:LTS",
            "",
            "ubuntu:20.04/fips-updates",
        ),
        ("Ubuntu:Pro:18.04:LTS", "", "ubuntu:18.04/esm"),
        ("Red Hat:enterprise_linux:9::baseos", "", "rhel:9/"),
        ("Red Hat:rhel_eus:8.8::appstream", "", "rhel:8/eus-8.8"),
        ("SUSE:Linux Enterprise Server 15 SP5", "", "sles:15.5/"),
        (
            "SUSE:Linux Enterprise Server 15 SP3-LTSS",
            "",
            "sles:15.3/ltss",
        ),
        (
            "SUSE:Linux Enterprise Module for Basesystem 15 SP5",
            "",
            "sles:15.5/basesystem",
        ),
        ("openSUSE:Leap 15.6", "", "opensuse-leap:15.6/"),
        ("openSUSE:Tumbleweed", "", "opensuse-tumbleweed/"),
    ] {
        assert_eq!(home(osv, purl).as_deref(), Some(ours), "{osv}");
    }
    for unknown in [
        "",
        "Debian",
        "Ubuntu",
        "Red Hat:openshift:4",
        "SUSE:Manager",
        "openSUSE:",
        "Android",
    ] {
        assert_eq!(home(unknown, ""), None, "{unknown}");
    }
}

fn advisory(front: &str) -> Vec<u8> {
    let text = format!("```toml\n{front}\n```\n\n# A title\n\nWords.\n");
    zip_of([("db/crates/foo/RUSTSEC-2024-0001.md", text.as_bytes())])
}

#[test]
fn rustsec_states_what_is_not_patched() {
    let good = advisory(
        "[advisory]\nid = \"RUSTSEC-2024-0001\"\npackage = \"foo\"\ndate = \"2024-01-02\"\naliases = [\"CVE-2024-1234\"]\n\
         informational = \"unsound\"\n[versions]\npatched = [\">= 1.2.3\"]\nunaffected = [\"< 1.0.0\"]",
    );
    let good = read(RustsecZip, &good).unwrap();
    assert_eq!(good.lines(), ["cargo foo CVE-2024-1234 1.0.0..<1.2.3"]);
    let disclosure = good.disclosures().next().unwrap();
    assert_eq!(disclosure.aliases, ["RUSTSEC-2024-0001"]);
    assert_eq!(
        disclosure.severity.as_deref(),
        Some("informational: unsound")
    );
    assert_eq!(disclosure.summary.as_deref(), Some("A title"));
}

#[test]
fn rustsec_bad_records_say_what_is_wrong() {
    let error = |front: &str| read(RustsecZip, &advisory(front)).unwrap_err();
    let bad = error(
        "[advisory]\nid = \"RUSTSEC-1\"\npackage = \"foo\"\n[versions]\npatched = [\"newest\"]",
    );
    assert_eq!(bad.kind, ErrorKind::NoGoodRecord);
    assert!(
        bad.cause.contains("RUSTSEC-2024-0001.md: \"newest\""),
        "{bad}"
    );
    assert!(error("[advisory\n").cause.contains("RUSTSEC-2024-0001.md"));
    let empty = read(RustsecZip, &zip_of([("README.md", b"x".as_slice())])).unwrap_err();
    assert_eq!(empty.cause, "no `RUSTSEC-*.md` in it");
    assert_eq!(
        read(RustsecZip, b"no archive").unwrap_err().cause,
        "neither a zip nor a tar archive"
    );
}

#[test]
fn secdb_zero_means_not_affected_and_names_share_a_line() {
    let file = r#"{"packages":[{"pkg":{"name":"a","secfixes":{"0":["CVE-2024-1111"],"1.2-r3":["CVE-2024-2222 GHSA-a1","XSA-7 CVE-2024-3333",
        "CVE-2017-2616 (+ regression fix)","see notes"],"1.3-r0":null}}},{"pkg":{"name":"b"}}],"distroversion":"v3.19"}"#;
    let read = read_as(
        AlpineSecdb,
        file.as_bytes(),
        &Ecosystem("alpine:v3.19".into()),
        &Limits::default(),
    )
    .unwrap();
    assert_eq!(
        read.lines(),
        [
            "alpine:v3.19 a CVE-2024-1111 ..NotAffected",
            "alpine:v3.19 a CVE-2024-2222 ..<1.2-r3",
            "alpine:v3.19 a CVE-2024-3333 ..<1.2-r3",
            "alpine:v3.19 a CVE-2017-2616 ..<1.2-r3",
        ]
    );
    let aliases: Vec<_> = read.disclosures().map(|d| d.aliases.join(" ")).collect();
    assert_eq!(aliases, ["", "GHSA-a1", "XSA-7", ""]);
    assert_eq!(
        (read.parsed.records, read.parsed.quarantined),
        (1, 2),
        "{:?}",
        read.parsed.first_problems
    );
}

#[test]
fn updateinfo_keeps_modules_epochs_and_architectures() {
    let package = |name: &str, epoch: &str, arch: &str| {
        format!(
            r#"<package name="{name}" version="1" release="2.el9" epoch="{epoch}" arch="{arch}"><filename>f</filename></package>"#
        )
    };
    let file = format!(
        r#"<?xml version="1.0"?><updates>
        <update type="security"><id>RHSA-2024:1</id><title>Important: a &amp; b</title><severity>Important</severity>
          <issued date="2024-01-02 03:04:05"/><references><reference type="cve" id="CVE-2024-1111" href="h"/></references>
          <pkglist><collection short="m"><module name="nodejs" stream="18" version="1" context="c" arch="x86_64"/>{}{}{}</collection>
          <collection short="n">{}{}</collection></pkglist></update>
        <update type="bugfix"><id>RHBA-2024:2</id><pkglist><collection>{}</collection></pkglist></update>
        <update type="security"><id>RHSA-2024:3</id><pkglist><collection><package name="x" release="1"/></collection></pkglist></update>
        </updates>"#,
        package("a", "1", "x86_64"),
        package("a", "1", "aarch64"),
        package("a", "1", "src"),
        package("b", "0", "noarch"),
        package("b", "0", "x86_64"),
        package("c", "0", "x86_64"),
    );
    let read = read(Updateinfo, file.as_bytes()).unwrap();
    assert_eq!(
        read.lines(),
        [
            "test:1 a@nodejs:18 CVE-2024-1111 ..<1:1-2.el9",
            "test:1 b CVE-2024-1111 ..<1-2.el9"
        ]
    );
    let arches: Vec<_> = read.resolutions().map(|r| r.arches.join(" ")).collect();
    assert_eq!(arches, ["aarch64 x86_64", ""]);
    assert_eq!(
        read.disclosures().next().unwrap().summary.as_deref(),
        Some("Important: a & b")
    );
    assert_eq!(
        (
            read.parsed.records,
            read.parsed.skipped,
            read.parsed.quarantined
        ),
        (1, 1, 1)
    );
    assert_eq!(
        read.parsed.first_problems,
        ["update 3 RHSA-2024:3: a package without `version`"]
    );
}

#[test]
fn updateinfo_of_another_kind_is_refused() {
    let error = |text: &str| read(Updateinfo, text.as_bytes()).unwrap_err();
    assert_eq!(
        error("<html><body/></html>").cause,
        "the root is <html>, not <updates>"
    );
    assert_eq!(error("<updates><update>").kind, ErrorKind::Truncated);
    assert_eq!(
        error("<updates></update></updates>").kind,
        ErrorKind::NotTheFormat
    );
    assert_eq!(error("plain words").kind, ErrorKind::NotTheFormat);
    assert_eq!(
        error(&format!("<updates>{}", "<a>".repeat(10_000))).cause,
        "nested deeper than 128"
    );
    assert_eq!(read(Updateinfo, b"<updates/>").unwrap().parsed.records, 0);
}

#[test]
fn kev_bad_entries_are_kept_out() {
    let file = r#"{"count":3,"vulnerabilities":[{"cveID":"CVE-2024-1111","dateAdded":"2024-01-02","knownRansomwareCampaignUse":"Known"},
        {"cveID":"CVE-x","dateAdded":"2024-01-02"},{"cveID":"CVE-2024-2222","dateAdded":"soon"}]}"#;
    let read = read(CisaKev, file.as_bytes()).unwrap();
    assert_eq!((read.parsed.records, read.parsed.quarantined), (1, 2));
    let Statement::Threat {
        part: ThreatPart::Kev(kev),
        ..
    } = &read.statements[0]
    else {
        panic!()
    };
    assert!(kev.ransomware && kev.due.is_none());
}

#[test]
fn vulnrichment_reads_ssvc_in_either_case() {
    let record = r#"{"cveMetadata":{"cveId":"CVE-2024-1111","state":"PUBLISHED","assignerShortName":"acme","datePublished":"2024-01-02T03:04:05"},
        "containers":{"cna":{"metrics":[{"cvssV3_1":{"vectorString":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}},{"other":{"type":"x","content":[1]}}]},
        "adp":[{"providerMetadata":{"shortName":"CISA-ADP"},"metrics":[{"other":{"type":"ssvc","content":{"timestamp":"2024-02-03T04:05:06Z",
        "options":[{"Exploitation":"PoC"},{"Automatable":"No"},{"Technical Impact":"Total"}]}}}]}]}}"#;
    let read = read(
        VulnrichmentZip,
        &zip_of([("r/2024/1xxx/CVE-2024-1111.json", record.as_bytes())]),
    )
    .unwrap();
    let Statement::Threat {
        part: ThreatPart::Cvss { source, .. },
        ..
    } = &read.statements[0]
    else {
        panic!()
    };
    assert_eq!(source, "acme");
    let Statement::Threat {
        part: ThreatPart::Ssvc(ssvc),
        ..
    } = &read.statements[1]
    else {
        panic!()
    };
    assert_eq!(
        (ssvc.exploitation, ssvc.automatable),
        (Some(Exploitation::PublicPoc), Some(false))
    );
    assert_eq!(
        (ssvc.technical_impact, ssvc.date.unwrap().to_string()),
        (Some(TechnicalImpact::Total), "2024-02-03".into())
    );
    let Statement::Threat {
        part: ThreatPart::Published(day),
        ..
    } = &read.statements[2]
    else {
        panic!()
    };
    assert_eq!(day.to_string(), "2024-01-02");
}

#[test]
fn vulnrichment_words_not_known_are_kept_out() {
    let record = r#"{"cveMetadata":{"cveId":"CVE-2024-1111","state":"PUBLISHED"},"containers":{"adp":[{"metrics":[{"other":{"type":"ssvc",
        "content":{"options":[{"Exploitation":"maybe"}]}}}]}]}}"#;
    let error = read(VulnrichmentZip, record.as_bytes()).unwrap_err();
    assert!(
        error.cause.contains("unknown Exploitation \"maybe\""),
        "{error}"
    );
}

#[test]
fn node_records_are_told_apart_by_their_folder() {
    let npm = r#"{"id":7,"module_name":"a","title":"T","vulnerable_versions":"<1.0.0 || >=2.0.0 <2.0.5","patched_versions":">=2.0.5","cves":[]}"#;
    let core = r#"{"cve":["CVE-2024-1111"],"vulnerable":"20.x","patched":"^20.1.2"}"#;
    let index = format!(r#"{{"9":{core}}}"#);
    let zip = zip_of([
        ("wg/vuln/npm/7.json", npm.as_bytes()),
        ("wg/vuln/core/9.json", core.as_bytes()),
        ("wg/vuln/core/index.json", index.as_bytes()),
        ("wg/package.json", b"{}"),
    ]);
    let read = read(NodejsZip, &zip).unwrap();
    assert_eq!(
        read.lines(),
        [
            "npm a NSWG-ECO-7 ..<1.0.0",
            "npm a NSWG-ECO-7 2.0.0..<2.0.5",
            "nodejs node CVE-2024-1111 20.0.0..<20.1.2"
        ]
    );
    assert_eq!(read.parsed.records, 2);
}

#[test]
fn arch_fix_in_testing_is_of_that_channel() {
    let file = r#"[{"name":"AVG-1","packages":["a"],"status":"Testing","severity":"High","type":"t","affected":"1-1","fixed":"1-2","issues":["CVE-2024-1111"],"advisories":[]},
        {"name":"AVG-2","packages":["b"],"status":"Odd","affected":"1-1","issues":[]}]"#;
    let read = read(Arch, file.as_bytes()).unwrap();
    assert_eq!(
        read.lines(),
        [
            "arch a CVE-2024-1111 ..Affected",
            "arch/testing a CVE-2024-1111 ..<1-2"
        ]
    );
    assert_eq!(
        read.parsed.first_problems,
        ["group 2: unknown status \"Odd\""]
    );
}

#[test]
fn support_lists_refuse_a_bad_line() {
    let limits = Limits::default();
    let error =
        eol::support_ended(&mut Cursor::new("# c\n\nfoo 1.0 someday"), &limits).unwrap_err();
    assert_eq!(
        error.to_string(),
        "not the expected format, at line 3: \"someday\" is not a date"
    );
    let error = eol::release_dates(&mut Cursor::new("version,series\n"), &limits).unwrap_err();
    assert_eq!(error.cause, "no column `codename`");
    assert_eq!(read(DebianSupport, b"# none\n").unwrap().parsed.records, 0);
}
