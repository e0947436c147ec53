//! Publishers' files, parsed and compiled as a sync does it, and our own files beside them.

use super::tables::{read_advisories, read_threats};
use crate::Target;
use crate::pack::{self, packed};
use crate::parts::{self, texts};
use crate::tree::Tree;
use overlock_feeds::check::Parsers;
use overlock_feeds::parse::{Limits, eol, parse};
use overlock_feeds::progress::Silent;
use overlock_feeds::store::Store;
use overlock_feeds::tables::Tables;
use overlock_feeds::{FeedFormat, Shrink, archive};
use overlock_index::{AdvisoryBuilder, ThreatBuilder};
use overlock_model::advisory::{Ecosystem, Statement};
use overlock_versions::Scheme;
use std::io::Cursor;
use zip::CompressionMethod;

const TRACKER: &str = r#"{"openssl":{"CVE-2024-0001":{"description":"d","scope":"remote","releases":{"bookworm":{"status":"resolved",
"repositories":{"bookworm":"3.0.11-1","bookworm-security":"3.0.13-1~deb12u1"},"fixed_version":"3.0.13-1~deb12u1","urgency":"high"},
"trixie":{"status":"open","repositories":{"trixie":"3.1"},"urgency":"not yet assigned","nodsa":"Minor","nodsa_reason":"postponed"}}},
"TEMP-0000-1":{"releases":{"sid":{"status":"undetermined","urgency":"end-of-life"}}}}}"#;
const LIST: &str = "[10 Feb 2024] DSA-5678-1 openssl - security update\n\t{CVE-2024-0001 CVE-2024-1111}\n\
    \t[bookworm] - openssl 3.0.13-1~deb12u1\n\t[bullseye] - openssl <not-affected> (x)\n\tNOTE: y\n";
const OSV: &str = r#"{"id":"GHSA-x","aliases":["CVE-2024-0001"],"related":["CVE-2020-9999"],"summary":"S","severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],"published":"2024-01-02T03:04:05Z","affected":[{"package":{"ecosystem":"PyPI","name":"Foo.Bar"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1.2"},{"introduced":"2.0"},{"last_affected":"2.4"}]}],"versions":["1.0"]}]}
{"id":"ALSA-2024:1","summary":"Important: nodejs:18 security update","related":["CVE-2024-1111"],"affected":[{"package":{"ecosystem":"AlmaLinux:9","name":"nodejs"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1:18.19.0-1.module_el9.3.0+67+d1"}]}]}]}"#;
const RUSTSEC: &str = "```toml\n[advisory]\nid = \"RUSTSEC-2024-0001\"\npackage = \"foo\"\ndate = \"2024-01-02\"\naliases = [\"CVE-2024-0001\"]\n\
    cvss = \"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H\"\n[versions]\npatched = [\">= 1.2.3, < 2\", \"^2.1\"]\nunaffected = [\"< 1.0.0-rc.1\"]\n```\n\n# A title\n\nWords.\n";
const SECDB: &str = r#"{"packages":[{"pkg":{"name":"a","secfixes":{"0":["CVE-2024-1111"],"1.2-r3":["CVE-2024-0001 GHSA-a1"],"1.3-r0":null}}}],"distroversion":"v3.19"}"#;
const UPDATEINFO: &str = r#"<?xml version="1.0"?><updates><update type="security"><id>RHSA-2024:1</id><title>Important: a &amp; b</title><severity>Important</severity>
<issued date="2024-01-02 03:04:05"/><references><reference type="cve" id="CVE-2024-0001" href="h"/></references><pkglist><collection short="m">
<module name="nodejs" stream="18" version="1" context="c" arch="x86_64"/><package name="a" version="1" release="2.el9" epoch="1" arch="x86_64"><filename>f</filename></package>
</collection></pkglist></update></updates>"#;
const KEV: &str = r#"{"catalogVersion":"2024.01.02","dateReleased":"2024-01-02T00:00:00Z","count":1,"vulnerabilities":[{"cveID":"CVE-2024-0001","dateAdded":"2024-01-02","dueDate":"2024-01-23","knownRansomwareCampaignUse":"Known"}]}"#;
const EPSS: &str = "#model_version:v2025.03.14,score_date:2025-06-01T12:55:00Z\ncve,epss,percentile\nCVE-2024-0001,0.97,0.999\nCVE-1999-0001,1e-5,0\n";
const VULNRICHMENT: &str = r#"{"cveMetadata":{"cveId":"CVE-2024-0001","state":"PUBLISHED","assignerShortName":"acme","datePublished":"2024-01-02T03:04:05","dateUpdated":"2024-01-02T03:04:05Z"},"containers":{"cna":{"metrics":[{"cvssV3_1":{"vectorString":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}}]},"adp":[{"providerMetadata":{"shortName":"CISA-ADP"},"metrics":[{"other":{"type":"ssvc","content":{"timestamp":"2024-02-03T04:05:06Z","options":[{"Exploitation":"PoC"},{"Automatable":"No"},{"Technical Impact":"Total"}]}}}]}]}}
{"cveMetadata":{"cveId":"CVE-2024-1111","state":"REJECTED"}}"#;
const NODEJS: &str = r#"{"id":7,"module_name":"a","title":"T","vulnerable_versions":"<1.0.0 || >=2.0.0 <2.0.5 || ~3.x","patched_versions":">=2.0.5 || ^3.1.0-rc","cves":["CVE-2024-0001"]}"#;
const NODEJS_INDEX: &str =
    r#"{"9":{"cve":["CVE-2024-1111"],"vulnerable":"20.x || 18.x","patched":"^20.1.2"}}"#;
const ARCH: &str = r#"[{"name":"AVG-1","packages":["a"],"status":"Testing","severity":"High","type":"t","affected":"1-1","fixed":"1:1-2","issues":["CVE-2024-0001"],"advisories":["ASA-202401-1"]}]"#;
const DATES: &str = "version,codename,series,created,release,eol,eol-lts,eol-elts\n12,Bookworm,bookworm,2021-08-14,2023-06-10,2026-06-10,2028-06-30,2033-06-30\n,Sid,sid,1993-08-16,,,,\n";
const SUPPORT: &str =
    "# c\nfoo 1.0-1 2024-01-01 https://example.org/ because\nbar*\n^lib.*$  words\n";

fn reads(format: FeedFormat, input: &[u8]) {
    let limits = Limits::default();
    let ecosystem = Ecosystem("debian:12".to_owned());
    // A table for each version order that these formats use, so that each key is made.
    let mut table = AdvisoryBuilder::new(match format {
        FeedFormat::AlpineSecdb => Scheme::Apk,
        FeedFormat::Updateinfo => Scheme::Rpm,
        FeedFormat::Arch => Scheme::Alpm,
        FeedFormat::RustsecZip => Scheme::Semver,
        FeedFormat::NodejsZip => Scheme::Npm,
        FeedFormat::OsvZip => Scheme::Pep440,
        _ => Scheme::Dpkg,
    });
    let mut threats = ThreatBuilder::default();
    let outcome = parse(
        format,
        &mut Cursor::new(input),
        "feed",
        Some(&ecosystem),
        &limits,
        &mut |statement| match statement {
            Statement::Disclosure(disclosure) => table.disclose(&disclosure),
            Statement::Resolution(resolution) => table.resolve(&resolution),
            Statement::Threat {
                vulnerability,
                part,
            } => drop(threats.add(&vulnerability, &part)),
            Statement::Withdrawn { vulnerability } => threats.reject(&vulnerability),
        },
    );
    if let Err(error) = outcome {
        let _ = (error.to_string(), error.hint());
    }
    read_advisories(&table.finish().expect("a small table").bytes);
    read_threats(&threats.finish().expect("a small table"));
}

/// An advisory table and a threat table with something in every section.
pub fn compiled() -> (Vec<u8>, Vec<u8>) {
    let (mut table, mut threats) = (AdvisoryBuilder::new(Scheme::Dpkg), ThreatBuilder::default());
    table.add_feed("tracker", false);
    threats.add_feed("kev");
    for (format, text) in [
        (FeedFormat::DebianTracker, TRACKER),
        (FeedFormat::OsvZip, OSV),
        (FeedFormat::CisaKev, KEV),
        (FeedFormat::VulnrichmentZip, VULNRICHMENT),
        (FeedFormat::Epss, EPSS),
    ] {
        let mut input = Cursor::new(text.as_bytes());
        let _ = parse(
            format,
            &mut input,
            "tracker",
            None,
            &Limits::default(),
            &mut |statement| match statement {
                Statement::Disclosure(disclosure) => table.disclose(&disclosure),
                Statement::Resolution(resolution) => table.resolve(&resolution),
                Statement::Threat {
                    vulnerability,
                    part,
                } => drop(threats.add(&vulnerability, &part)),
                Statement::Withdrawn { .. } => {}
            },
        );
    }
    (
        table.finish().expect("a small table").bytes,
        threats.finish().expect("a small table"),
    )
}

/// The text, and an archive of it, both ways a record can arrive.
fn archived(name: &str, text: &str) -> Vec<Vec<u8>> {
    let member = [(name, text.as_bytes())];
    vec![
        text.as_bytes().to_vec(),
        pack::zip(member, CompressionMethod::Stored),
        pack::zip(member, CompressionMethod::Deflated),
        pack::zst(&pack::tar(&member)),
    ]
}

const SHA256: &str = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";

fn state(id: &str, format: &str) -> String {
    format!(
        r#"{{"schema":"overlock.feed-state/1","format":"{format}","status":{{"id":"{id}","url":"https://example.org/x","dated":null,
        "fetched":"2024-01-02T03:04:05Z","records":1,"quarantined":0,"size_bytes":3,"sha256":"{SHA256}"}}}}"#
    )
}

thread_local! {
    static DATA: Tree = Tree::new(&[]);
}

macro_rules! feed {
    ($name:literal, $format:ident, $seeds:expr) => {
        Target {
            name: $name,
            seeds: || $seeds,
            run: |input| reads(FeedFormat::$format, input),
        }
    };
}

pub const TARGETS: &[Target] = &[
    feed!(
        "feed_debian_tracker",
        DebianTracker,
        packed(TRACKER.as_bytes())
    ),
    feed!("feed_debian_advisories", DebianAdvisories, texts(&[LIST])),
    feed!("feed_osv", OsvZip, archived("GHSA-x.json", OSV)),
    feed!("feed_rustsec", RustsecZip, {
        let member = [("db/crates/foo/RUSTSEC-2024-0001.md", RUSTSEC.as_bytes())];
        vec![
            pack::zip(member, CompressionMethod::Deflated),
            pack::tar(&member),
            pack::gz(&pack::tar(&member)),
        ]
    }),
    Target {
        name: "feed_rustsec_record",
        seeds: || texts(&[RUSTSEC]),
        run: |input| {
            let member = [("db/crates/foo/RUSTSEC-2024-0001.md", input)];
            reads(
                FeedFormat::RustsecZip,
                &pack::zip(member, CompressionMethod::Stored),
            );
        },
    },
    feed!("feed_alpine_secdb", AlpineSecdb, packed(SECDB.as_bytes())),
    feed!("feed_updateinfo", Updateinfo, packed(UPDATEINFO.as_bytes())),
    feed!("feed_kev", CisaKev, texts(&[KEV])),
    feed!("feed_epss", Epss, packed(EPSS.as_bytes())),
    feed!(
        "feed_vulnrichment",
        VulnrichmentZip,
        archived("r/2024/1xxx/CVE-2024-0001.json", VULNRICHMENT)
    ),
    feed!(
        "feed_nodejs",
        NodejsZip,
        [
            archived("wg/vuln/npm/7.json", NODEJS),
            archived("wg/vuln/core/index.json", NODEJS_INDEX)
        ]
        .concat()
    ),
    feed!("feed_arch", Arch, packed(ARCH.as_bytes())),
    feed!("feed_distro_info", DistroInfo, texts(&[DATES])),
    feed!("feed_debian_support", DebianSupport, texts(&[SUPPORT])),
    Target {
        name: "feed_support_ended",
        seeds: || texts(&[SUPPORT]),
        run: |input| {
            for row in eol::support_ended(&mut Cursor::new(input), &Limits::default())
                .into_iter()
                .flatten()
            {
                let _ = row.package.matches("foobar");
            }
        },
    },
    Target {
        name: "feed_unpack",
        seeds: || {
            vec![
                pack::XZ.to_vec(),
                pack::BZIP2.to_vec(),
                pack::gz(KEV.as_bytes()),
                pack::zst(KEV.as_bytes()),
            ]
        },
        run: |input| reads(FeedFormat::CisaKev, input),
    },
    Target {
        name: "feed_state",
        seeds: || texts(&[&state("cisa-kev", "cisa-kev")]),
        run: |input| {
            DATA.with(|tree| {
                tree.put("feeds/cisa-kev/state.json", input);
                let store = Store::new(tree.path());
                let _ = (store.state("cisa-kev"), store.good("cisa-kev"));
            });
        },
    },
    Target {
        name: "feed_archive",
        seeds: || {
            let manifest = format!(
                r#"{{"schema":"{}","created":"2024-01-02T03:04:05Z","feeds":[{}]}}"#,
                archive::ARCHIVE_SCHEMA,
                state("repository-x", "updateinfo")
            );
            vec![parts::join([manifest.as_bytes(), b"foo"])]
        },
        run: |input| {
            let [manifest, member] = parts::split(input);
            let members = [("manifest.json", manifest), ("repository-x", member)];
            // Once as an archive around the parts, once as the archive itself.
            for bytes in [
                pack::zip(members, CompressionMethod::Stored),
                input.to_vec(),
            ] {
                let tree = Tree::new(&[("feeds.zip", &bytes)]);
                let store = Store::new(&tree.path().join("data"));
                let _ = archive::import(
                    &store,
                    &tree.path().join("feeds.zip"),
                    Shrink::Refuse,
                    &Parsers::default(),
                    &Silent,
                );
            }
        },
    },
    Target {
        name: "feed_manifest",
        seeds: || {
            let manifest = r#"{"schema":"overlock.index/1","feeds":[],"tables":[{"ecosystem":"debian:12","file":"debian-12.adv","packages":1,
                "resolutions":1,"unparsable":0,"bytes":1}],"threats":1,"threats_bytes":1,"skipped":0,"release_dates":[],"support_ended":{}}"#;
            vec![parts::join([
                &b"0123456789abcdef"[..],
                manifest.as_bytes(),
                &compiled().0,
            ])]
        },
        run: |input| {
            DATA.with(|tree| {
                let [current, manifest, table] = parts::split(input);
                tree.put("index/current", current);
                tree.put("index/0123456789abcdef/manifest.json", manifest);
                tree.put("index/0123456789abcdef/debian-12.adv", table);
                if let Some(tables) = Tables::open(tree.path()) {
                    let _ = (
                        tables
                            .advisories(&Ecosystem("debian:12".to_owned()))
                            .is_some(),
                        tables.threats().is_some(),
                    );
                    let _ = tables.damage();
                }
            });
        },
    },
];
