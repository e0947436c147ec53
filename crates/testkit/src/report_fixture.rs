//! Hand-built scan reports for the tests of every output.
//!
//! They are written as JSON, in the published form, so that a new optional field in the model does not touch them.
//! Hosts, identifiers of owners and addresses are made up; the vulnerabilities are real, their figures rounded.

use overlock_model::package::{Package, PackageType};
use overlock_model::scan::ScanReport;
use serde_json::{Value, json};

/// A Debian 12 web server with a bit of everything: late and urgent exposures, a KEV entry, a pending reboot, a
/// dormant kernel, holds of most kinds, gaps, a stale feed and processes that run replaced code.
#[must_use]
pub fn web_server() -> ScanReport {
    parse(json!({
        "schema": "overlock.scan/1",
        "generated": "2026-11-22T14:03:27Z",
        "host": {
            "name": "web-03",
            "os": {"id": "debian", "version_id": "12", "codename": "bookworm", "name": "Debian GNU/Linux 12 (bookworm)"},
            "arch": "amd64",
            "kernel": {
                "running": "6.1.0-25-amd64",
                "installed": [
                    {"release": "6.1.0-28-amd64", "package": "linux-image-6.1.0-28-amd64", "version": "6.1.119-1"},
                    {"release": "6.1.0-25-amd64", "package": "linux-image-6.1.0-25-amd64", "version": "6.1.106-3"},
                    {"release": "6.1.0-21-amd64", "package": "linux-image-6.1.0-21-amd64", "version": "6.1.90-1"}
                ]
            },
            "support": {"state": "long_term", "programme": "Debian LTS", "until": "2028-06-30"},
            "facts": {"criticality": "high", "exposure": "open", "environment": "production", "owner": "web team",
                "business_impact": null, "pci_scope": true, "role": "server"},
            "effective": {
                "stale": [
                    {"pid": 812, "name": "nginx", "unit": "nginx.service", "files": ["/usr/lib/x86_64-linux-gnu/libssl.so.3"], "packages": ["libssl3"]},
                    {"pid": 4410, "name": "python3", "files": ["/usr/lib/x86_64-linux-gnu/libexpat.so.1.8.10"], "packages": ["libexpat1"]}
                ],
                "reboot_required": [{"reason": "marker", "path": "/run/reboot-required", "packages": ["linux-image-6.1.0-28-amd64"]}],
                "processes_seen": 143,
                "processes_unseen": 2
            },
            "search_roots": [{"path": "usr/lib/python3", "entries": 12840, "pruned": ["__pycache__"]}],
            "unseen": [{"what": "/root/.local/lib", "why": "permission denied"}]
        },
        "coverage": {
            "packages": 770, "vulnerable": 9, "unfixed": 3, "not_vulnerable": 741, "not_covered": 17,
            "gaps": [
                {"reason": "third_party", "packages": 14, "names": ["containerd.io", "docker-buildx-plugin", "docker-ce", "docker-ce-cli", "docker-compose-plugin", "grafana", "influxdb2", "kubectl", "nodejs", "packer", "terraform", "vault", "yarn", "zoxide"]},
                {"reason": "unsupported", "packages": 3, "names": ["agent.msi", "helper.exe", "theme.ipk"]}
            ],
            "depth": [
                {"ecosystem": "debian:12", "feeds": ["debian-dsa", "debian-dla"], "limit": "fixed_versions_only"},
                {"ecosystem": "pypi", "feeds": ["osv-pypi"], "limit": "none"}
            ]
        },
        "feeds": [
            feed("debian-dsa", "2026-11-21T06:00:00Z", "2026-11-22T13:50:00Z", 6485, 0),
            feed("debian-dla", "2026-11-20T06:00:00Z", "2026-11-22T13:50:00Z", 4890, 2),
            feed("osv-pypi", "2026-11-22T04:00:00Z", "2026-11-22T13:50:00Z", 17324, 0),
            feed("cisa-kev", "2026-11-21T18:00:00Z", "2026-11-22T13:50:00Z", 1804, 0),
            feed("epss", "2026-08-16T00:00:00Z", "2026-11-22T13:50:00Z", 360_142, 0)
        ],
        "exposures": exposures(),
        "updates": updates(),
        "held": [
            {"package": "linux-image-6.1.0-25-amd64", "installed": "6.1.106-3", "vulnerabilities": ["CVE-2024-53104", "CVE-2024-50264"], "reason": {"why": "reboot_pending"}},
            {"package": "redis-server", "installed": "5:7.0.15-1~deb12u1", "vulnerabilities": ["CVE-2024-46981"],
                "reason": {"why": "blocked", "by": {"by": "hold"}, "to": "5:7.0.15-1~deb12u2"}},
            {"package": "libtiff6", "installed": "4.5.0-6+deb12u1", "vulnerabilities": ["CVE-2023-52356"], "reason": {"why": "no_fix", "status": "no_fix"}},
            {"package": "libgcrypt20", "installed": "1.10.1-3", "vulnerabilities": ["CVE-2024-2236"], "reason": {"why": "no_fix", "status": "will_not_fix"}},
            {"package": "coreutils", "installed": "9.1-1", "vulnerabilities": ["CVE-2016-2781"], "reason": {"why": "no_fix", "status": "will_not_fix"}},
            {"package": "requests", "installed": "2.28.1", "vulnerabilities": ["CVE-2024-35195"], "reason": {"why": "other_manager", "manager": "pypi"}},
            {"package": "ghostscript", "installed": "10.0.0~dfsg-11+deb12u5", "vulnerabilities": ["CVE-2024-46951"],
                "reason": {"why": "no_candidate", "fixed": "10.0.0~dfsg-11+deb12u6", "offered": "10.0.0~dfsg-11+deb12u5"}}
        ]
    }))
}

fn exposures() -> Value {
    let mut list = vec![
        exposure(
            "CVE-2024-6387",
            "openssh-server",
            "openssh",
            "1:9.2p1-2+deb12u2",
            Some("1:9.2p1-2+deb12u3"),
            "fix_available",
            Some((8.1, "high")),
            "immediate",
            Some("2026-11-20T00:00:00Z"),
            "KEV no, exposure open, automatable yes (assumed), impact total: 3 days",
        ),
        exposure(
            "CVE-2024-5535",
            "libssl3",
            "openssl",
            "3.0.14-1~deb12u1",
            Some("3.0.15-1~deb12u1"),
            "fix_available",
            Some((9.1, "critical")),
            "out_of_cycle",
            Some("2026-11-25T00:00:00Z"),
            "critical and in card-data scope: one month from the fix",
        ),
        exposure(
            "CVE-2024-53104",
            "linux-image-6.1.0-25-amd64",
            "linux",
            "6.1.106-3",
            Some("6.1.119-1"),
            "fix_available",
            Some((7.8, "high")),
            "out_of_cycle",
            Some("2026-12-06T00:00:00Z"),
            "active exploitation, exposure open: out of cycle",
        ),
        exposure(
            "CVE-2024-50264",
            "linux-image-6.1.0-25-amd64",
            "linux",
            "6.1.106-3",
            Some("6.1.119-1"),
            "fix_available",
            Some((7.8, "high")),
            "scheduled",
            Some("2027-01-21T00:00:00Z"),
            "no exploitation known, exposure open: scheduled",
        ),
        exposure(
            "CVE-2024-45490",
            "libexpat1",
            "expat",
            "2.5.0-1",
            Some("2.5.0-1+deb12u1"),
            "fix_available",
            Some((9.8, "critical")),
            "scheduled",
            Some("2027-01-21T00:00:00Z"),
            "no exploitation known, exposure open: scheduled",
        ),
        exposure(
            "CVE-2024-46981",
            "redis-server",
            "redis",
            "5:7.0.15-1~deb12u1",
            Some("5:7.0.15-1~deb12u2"),
            "fix_available",
            Some((7.0, "high")),
            "scheduled",
            Some("2027-01-21T00:00:00Z"),
            "public proof of concept, exposure open: scheduled",
        ),
        exposure(
            "CVE-2024-46951",
            "ghostscript",
            "ghostscript",
            "10.0.0~dfsg-11+deb12u5",
            Some("10.0.0~dfsg-11+deb12u6"),
            "fix_available",
            Some((7.8, "high")),
            "scheduled",
            Some("2027-01-21T00:00:00Z"),
            "no exploitation known, exposure open: scheduled",
        ),
        exposure(
            "CVE-2024-35195",
            "requests",
            "requests",
            "2.28.1",
            Some("2.32.0"),
            "fix_available",
            Some((5.6, "medium")),
            "scheduled",
            Some("2027-02-20T00:00:00Z"),
            "no exploitation known, exposure open: scheduled",
        ),
        exposure(
            "CVE-2023-52356",
            "libtiff6",
            "tiff",
            "4.5.0-6+deb12u1",
            None,
            "no_fix",
            Some((7.5, "high")),
            "scheduled",
            None,
            "no fix to apply: at the next upgrade",
        ),
        exposure(
            "CVE-2024-2236",
            "libgcrypt20",
            "libgcrypt20",
            "1.10.1-3",
            None,
            "will_not_fix",
            Some((5.9, "medium")),
            "defer",
            None,
            "no exploitation known, not automatable: defer",
        ),
        exposure(
            "CVE-2026-1001",
            "zlib1g",
            "zlib",
            "1:1.2.13.dfsg-1",
            None,
            "under_investigation",
            None,
            "defer",
            None,
            "CVSS unknown, exploitation unknown: careful default",
        ),
        exposure(
            "CVE-2016-2781",
            "coreutils",
            "coreutils",
            "9.1-1",
            None,
            "will_not_fix",
            Some((6.5, "medium")),
            "defer",
            None,
            "no exploitation known, not automatable: defer",
        ),
        exposure(
            "CVE-2024-26581",
            "linux-image-6.1.0-21-amd64",
            "linux",
            "6.1.90-1",
            Some("6.1.94-1"),
            "fix_available",
            Some((7.8, "high")),
            "defer",
            None,
            "the vulnerable kernel does not run: defer",
        ),
    ];
    change(
        &mut list,
        "CVE-2024-6387",
        &json!({
            "summary": "regreSSHion: a signal handler race in sshd lets unauthenticated attackers run code as root",
            "aliases": ["GHSA-2x8c-95vh-gfv4"],
            "advisories": ["DSA-5724-1"],
            "epss": {"score": 0.912, "percentile": 0.9961, "date": "2026-08-16"},
            "binaries": ["openssh-client", "openssh-server", "openssh-sftp-server"]
        }),
    );
    change(
        &mut list,
        "CVE-2024-5535",
        &json!({"aliases": ["GHSA-4fc7-mvrr-wv2c"], "advisories": ["DSA-5764-1"], "binaries": ["libssl3", "openssl"]}),
    );
    change(
        &mut list,
        "CVE-2024-53104",
        &json!({
            "state": "installed",
            "kev": {"added": "2025-02-05", "due": "2025-02-26", "ransomware": false},
            "ssvc": {"exploitation": "active", "automatable": false, "technical_impact": "total", "source": "CISA-ADP"}
        }),
    );
    change(&mut list, "CVE-2024-50264", &json!({"state": "installed"}));
    change(&mut list, "CVE-2024-26581", &json!({"state": "dormant"}));
    change(
        &mut list,
        "CVE-2024-35195",
        &json!({"type": "pypi", "aliases": ["GHSA-9wx4-h78v-vm56", "PYSEC-2024-9"]}),
    );
    for kernel in list
        .iter_mut()
        .filter(|exposure| exposure["vulnerability"] == "CVE-2024-53104")
    {
        if let Some(obligation) = kernel.pointer_mut("/obligations/0") {
            obligation["forensics"] = json!(true);
        }
    }
    json!(list)
}

fn updates() -> Value {
    json!([
        {"package": "openssh-server", "arch": "amd64", "from": "1:9.2p1-2+deb12u2", "to": "1:9.2p1-2+deb12u3", "origin": "bookworm-security/main", "sha256": "aa11",
            "members": [member("openssh-client"), member("openssh-server"), member("openssh-sftp-server")],
            "resolves": ["CVE-2024-6387"], "decision": "immediate", "deadline": "2026-11-20T00:00:00Z", "risk_removed": 0.47, "restarts": ["ssh.service"], "reboot": null},
        {"package": "libssl3", "arch": "amd64", "from": "3.0.14-1~deb12u1", "to": "3.0.17-1~deb12u3", "origin": "bookworm-security/main", "sha256": "bb22",
            "members": [member("libssl3"), member("openssl")],
            "resolves": ["CVE-2024-5535", "CVE-2024-9143"], "decision": "out_of_cycle", "deadline": "2026-11-25T00:00:00Z", "risk_removed": 0.28,
            "restarts": ["nginx.service", "php8.2-fpm.service", "postfix.service", "ssh.service", "systemd-timesyncd.service"], "reboot": null},
        {"package": "libexpat1", "arch": "amd64", "from": "2.5.0-1", "to": "2.5.0-1+deb12u1", "origin": "bookworm-security/main", "sha256": null,
            "members": [member("libexpat1")], "resolves": ["CVE-2024-45490"], "decision": "scheduled", "deadline": "2027-01-21T00:00:00Z", "risk_removed": 0.061, "restarts": [], "reboot": null},
        {"package": "linux-image-amd64", "arch": "amd64", "from": "6.1.119-1", "to": "6.1.123-1", "origin": "bookworm-security/main", "sha256": null,
            "members": [member("linux-image-6.1.0-29-amd64"), member("linux-image-amd64")],
            "resolves": [], "decision": null, "deadline": null, "risk_removed": 0.0, "restarts": [], "reboot": "a new kernel runs only after a reboot"}
    ])
}

fn member(package: &str) -> Value {
    json!({"package": package, "arch": "amd64", "from": "1", "to": "2", "origin": "bookworm-security/main", "sha256": null, "size_bytes": 1000})
}

fn feed(id: &str, dated: &str, fetched: &str, records: u64, quarantined: u64) -> Value {
    json!({"id": id, "url": format!("https://feeds.example.org/{id}"), "dated": dated, "fetched": fetched,
        "records": records, "quarantined": quarantined, "size_bytes": 4096, "sha256": null})
}

#[expect(clippy::too_many_arguments, reason = "a row of a table")]
fn exposure(
    id: &str,
    package: &str,
    source: &str,
    installed: &str,
    fixed: Option<&str>,
    status: &str,
    cvss: Option<(f64, &str)>,
    decision: &str,
    deadline: Option<&str>,
    because: &str,
) -> Value {
    let cvss = cvss.map(|(score, severity)| {
        json!({"version": "3.1", "vector": "CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:H/I:H/A:H",
        "score": score, "severity": severity, "nomenclature": "CVSS-B", "source": "CISA-ADP"})
    });
    let state = if status == "under_investigation" {
        "unknown"
    } else {
        "exposed"
    };
    json!({
        "vulnerability": id, "package": package, "binaries": [package], "type": "deb", "source": source,
        "installed": installed, "fixed": fixed, "status": status, "state": state,
        "cvss": cvss, "epss": {"score": 0.004, "percentile": 0.61, "date": "2026-08-16"}, "kev": null, "ssvc": null,
        "decision": decision, "deadline": deadline,
        "obligations": [{"rule": if decision == "immediate" { "bod_26_04" } else { "ssvc" }, "clock": "fix_available",
            "start": "2026-11-17T00:00:00Z", "deadline": deadline, "because": because}],
        "evidence": {"rule": "dpkg source version below fixed", "scheme": "dpkg", "compared": installed, "against": fixed,
            "ecosystem": "debian:12", "channel": "security", "feeds": ["debian-dsa"]}
    })
}

fn change(list: &mut [Value], id: &str, fields: &Value) {
    for exposure in list
        .iter_mut()
        .filter(|exposure| exposure["vulnerability"] == id)
    {
        for (key, value) in fields.as_object().into_iter().flatten() {
            exposure[key] = value.clone();
        }
    }
}

/// The packages of [`web_server`] that its exposures are about, and two more: one third-party, one installed twice.
#[must_use]
pub fn web_server_packages() -> Vec<Package> {
    let report = web_server();
    let mut packages = Vec::new();
    for exposure in &report.exposures {
        for name in &exposure.binaries {
            let mut package = Package::new(exposure.kind.clone(), name, &exposure.installed);
            package.arch = exposure.kind.is_os().then(|| "amd64".to_owned());
            package.source = (exposure.source != *name).then(|| exposure.source.clone());
            packages.push(package);
        }
    }
    let mut docker = Package::new(
        PackageType::Deb,
        "docker-ce",
        "5:27.3.1-1~debian.12~bookworm",
    );
    docker.arch = Some("amd64".to_owned());
    packages.push(docker);
    for path in [
        "opt/one/node_modules/@scope/tool",
        "opt/two/node_modules/@scope/tool",
    ] {
        let mut module = Package::new(PackageType::Npm, "@scope/tool", "1.2.3");
        module.path = Some(path.to_owned());
        packages.push(module);
    }
    packages
}

/// A host for which no advisory data is at hand: nothing was found because nothing could be judged.
#[must_use]
pub fn uncovered() -> ScanReport {
    parse(json!({
        "schema": "overlock.scan/1",
        "generated": "2026-11-22T14:03:27Z",
        "host": {
            "name": null, "os": {"id": "examplix", "version_id": "7"}, "arch": null, "kernel": {},
            "support": {"state": "unknown"},
            "facts": {}
        },
        "coverage": {
            "packages": 412, "vulnerable": 0, "unfixed": 0, "not_vulnerable": 0, "not_covered": 412,
            "gaps": [{"reason": "no_feed", "packages": 412, "names": ["bash", "zlib"]}],
            "advisories_unknown": true
        },
        "feeds": [], "exposures": [], "updates": [], "held": []
    }))
}

/// A host that was judged wholly with fresh data and has no exposure: the only kind that may be called clear.
#[must_use]
pub fn judged_and_clear() -> ScanReport {
    let mut report = web_server();
    report.exposures.clear();
    report.updates.clear();
    report.held.clear();
    report.host.unseen.clear();
    report.host.effective = None;
    report.host.kernel.running = Some("6.1.0-28-amd64".to_owned());
    report.feeds.retain(|feed| feed.id != "epss");
    report.coverage = overlock_model::coverage::Coverage {
        packages: 770,
        not_vulnerable: 770,
        ..Default::default()
    };
    report
}

/// [`web_server`] with `text` in every place where a name or a sentence comes from outside.
#[must_use]
pub fn hostile(text: &str) -> ScanReport {
    /// Words with a meaning of their own; everything else is free text.
    const KEPT: [&str; 30] = [
        "schema",
        "generated",
        "state",
        "status",
        "decision",
        "deadline",
        "rule",
        "clock",
        "start",
        "reason",
        "why",
        "by",
        "limit",
        "type",
        "until",
        "since",
        "added",
        "due",
        "date",
        "dated",
        "fetched",
        "exploitation",
        "technical_impact",
        "criticality",
        "exposure",
        "business_impact",
        "role",
        "fix_available",
        "started",
        "pci_scope",
    ];
    fn poison(value: &mut Value, text: &str, keep: bool) {
        match value {
            Value::String(string) if !keep => text.clone_into(string),
            Value::Array(list) => list.iter_mut().for_each(|value| poison(value, text, keep)),
            Value::Object(fields) => {
                for (key, value) in fields {
                    let named = KEPT.contains(&key.as_str()) && value.is_string();
                    // `evidence.rule` is a sentence, an obligation's `rule` is a word.
                    poison(value, text, named);
                }
            }
            _ => {}
        }
    }
    let mut value = json!(web_server());
    poison(&mut value, text, false);
    parse(value)
}

#[expect(
    clippy::expect_used,
    reason = "a fixture that does not parse is a failed test"
)]
fn parse(value: Value) -> ScanReport {
    serde_json::from_value(value).expect("the fixture follows the published form")
}
