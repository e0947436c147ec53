//! A small Debian 12 host with a bit of everything, and what its publishers say.

use crate::world::World;

/// `etc/os-release` of the host.
const OS_RELEASE: &str = r#"PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION="12 (bookworm)"
VERSION_CODENAME=bookworm
ID=debian
"#;

/// Installed packages: name, status, architecture, version, source with its version where it differs.
const INSTALLED: [(&str, &str, &str, &str, &str); 12] = [
    (
        "base-files",
        "install ok installed",
        "amd64",
        "12.4+deb12u8",
        "",
    ),
    (
        "libssl3",
        "install ok installed",
        "amd64",
        "3.0.14-1~deb12u1",
        "openssl",
    ),
    (
        "openssl",
        "install ok installed",
        "amd64",
        "3.0.14-1~deb12u1",
        "",
    ),
    // A binary-only rebuild: its source version has no `+b1`, and that has the fix.
    (
        "libexpat1",
        "install ok installed",
        "amd64",
        "2.5.0-1+deb12u1+b1",
        "expat (2.5.0-1+deb12u1)",
    ),
    (
        "redis-server",
        "hold ok installed",
        "amd64",
        "5:7.0.15-1~deb12u1",
        "redis",
    ),
    (
        "zlib1g",
        "install ok installed",
        "amd64",
        "1:1.2.13.dfsg-1",
        "zlib",
    ),
    (
        "linux-image-6.1.0-25-amd64",
        "install ok installed",
        "amd64",
        "6.1.106-3",
        "linux-signed-amd64 (6.1.106+3)",
    ),
    (
        "linux-libc-dev",
        "install ok installed",
        "amd64",
        "6.1.106-3",
        "linux",
    ),
    (
        "docker-ce",
        "install ok installed",
        "amd64",
        "5:27.1.0-1",
        "",
    ),
    ("broken", "install ok installed", "amd64", "1.0 beta!", ""),
    // Removed, with its configuration left: not installed.
    (
        "apache2",
        "deinstall ok config-files",
        "amd64",
        "2.4.57-2",
        "",
    ),
    ("ghost", "install ok half-installed", "amd64", "1.0-1", ""),
];

/// Name, version, and source with its version where it differs.
type Offered = (&'static str, &'static str, &'static str);

/// What the host's repositories offer: file of the list, then name, version, source.
const OFFERED: [(&str, &[Offered]); 3] = [
    (
        "deb.example.org_debian_dists_bookworm",
        &[
            ("base-files", "12.4+deb12u8", ""),
            ("libssl3", "3.0.14-1~deb12u1", "openssl"),
            ("openssl", "3.0.14-1~deb12u1", ""),
            ("libexpat1", "2.5.0-1+deb12u1+b1", "expat (2.5.0-1+deb12u1)"),
            ("redis-server", "5:7.0.15-1~deb12u1", "redis"),
            ("zlib1g", "1:1.2.13.dfsg-1", "zlib"),
            (
                "linux-image-6.1.0-25-amd64",
                "6.1.106-3",
                "linux-signed-amd64 (6.1.106+3)",
            ),
            ("linux-libc-dev", "6.1.106-3", "linux"),
            ("broken", "1.0-1", ""),
        ],
    ),
    (
        "security.example.org_debian-security_dists_bookworm-security",
        &[
            ("libssl3", "3.0.15-1~deb12u1", "openssl"),
            ("openssl", "3.0.15-1~deb12u1", ""),
            ("redis-server", "5:7.0.15-1~deb12u2", "redis"),
        ],
    ),
    (
        "docker.example.org_linux_debian_dists_bookworm",
        &[("docker-ce", "5:27.2.0-1", "")],
    ),
];

/// Packages that count: all but the removed one. Half-installed files may lie on the disk, so they count.
pub const PACKAGES: u64 = 11;

/// Lays the host's file system below `root`.
pub fn root(world: &World) {
    world.write("root/etc/os-release", OS_RELEASE);
    world.write("root/etc/hostname", "web-03\n");
    world.write("root/var/lib/dpkg/status", status());
    world.write(
        "root/etc/apt/sources.list",
        "deb [arch=amd64] https://deb.example.org/debian bookworm main\n\
         deb [arch=amd64] https://security.example.org/debian-security bookworm-security main\n\
         deb [arch=amd64] https://docker.example.org/linux/debian bookworm main\n",
    );
    for (list, offers) in OFFERED {
        let (origin, suite) = match list {
            list if list.ends_with("-security") => ("Debian", "stable-security"),
            list if list.starts_with("docker") => ("Docker", "bookworm"),
            _ => ("Debian", "stable"),
        };
        let label = if suite == "stable-security" {
            "Debian-Security"
        } else {
            origin
        };
        let codename = list.rsplit('_').next().unwrap();
        world.write(
            &format!("root/var/lib/apt/lists/{list}_Release"),
            format!(
                "Origin: {origin}\nLabel: {label}\nSuite: {suite}\nCodename: {codename}\n\
                 Date: Sat, 21 Nov 2026 06:00:00 UTC\nArchitectures: amd64\nComponents: main\n"
            ),
        );
        let stanzas: String = offers
            .iter()
            .map(|(name, version, source)| {
                let source = field("Source", source);
                let hash = format!("{:064x}", name.len());
                format!(
                    "Package: {name}\n{source}Version: {version}\nArchitecture: amd64\n\
                     Filename: pool/{name}.deb\nSize: 1000\nSHA256: {hash}\n\n"
                )
            })
            .collect();
        world.write(
            &format!("root/var/lib/apt/lists/{list}_main_binary-amd64_Packages"),
            stanzas,
        );
    }
}

/// Puts a file that a story has replaced back into its place.
pub fn root_again(world: &World, name: &str) {
    std::fs::remove_file(world.path("root").join(name)).unwrap();
    root(world);
}

pub fn status() -> String {
    INSTALLED
        .iter()
        .map(|(name, status, arch, version, source)| {
            format!(
                "Package: {name}\nStatus: {status}\nArchitecture: {arch}\n{}Version: {version}\n\
                 Maintainer: Somebody <somebody@example.org>\nDescription: one line\n more of it\n\n",
                field("Source", source)
            )
        })
        .collect()
}

fn field(name: &str, value: &str) -> String {
    if value.is_empty() {
        String::new()
    } else {
        format!("{name}: {value}\n")
    }
}

pub const DSA: &str = "\
[20 Nov 2026] DSA-6500-1 linux - security update
\t{CVE-2026-1001}
\t[bookworm] - linux 6.1.119-1
[18 Nov 2026] DSA-6490-2 openssl - security update
\t{CVE-2026-2001}
\t[bookworm] - openssl 3.0.15-1~deb12u1
[01 Nov 2026] DSA-6490-1 openssl - security update
\t{CVE-2026-2001 CVE-2026-2002}
\t[bookworm] - openssl 3.0.14-1~deb12u1
[10 Oct 2026] DSA-6400-1 expat - security update
\t{CVE-2026-3001}
\t[bookworm] - expat 2.5.0-1+deb12u1
[09 Oct 2026] DSA-6399-1 redis - security update
\t{CVE-2026-4001}
\t[bookworm] - redis 5:7.0.15-1~deb12u2
";

const DLA: &str = "\
[02 Nov 2026] DLA-4500-1 zlib - security update
\t{CVE-2026-5001}
\t[bullseye] - zlib 1:1.2.11.dfsg-2+deb11u3
";

const TRACKER: &str = r#"{
  "openssl": {
    "CVE-2026-2001": {"description": "A made-up flaw in TLS.", "scope": "remote", "releases": {"bookworm": {"status": "resolved", "repositories": {"bookworm": "3.0.14-1~deb12u1"}, "fixed_version": "3.0.15-1~deb12u1", "urgency": "not yet assigned"}}},
    "CVE-2026-2002": {"scope": "remote", "releases": {"bookworm": {"status": "resolved", "repositories": {"bookworm": "3.0.14-1~deb12u1"}, "fixed_version": "3.0.14-1~deb12u1", "urgency": "low"}}},
    "CVE-2026-2003": {"releases": {"bookworm": {"status": "resolved", "repositories": {"bookworm": "3.0.14-1~deb12u1"}, "fixed_version": "0", "urgency": "unimportant"}}}
  },
  "zlib": {
    "CVE-2026-5001": {"releases": {"bookworm": {"status": "open", "repositories": {"bookworm": "1:1.2.13.dfsg-1"}, "urgency": "low", "nodsa": "Minor issue", "nodsa_reason": "ignored"}}}
  },
  "redis": {
    "CVE-2026-4001": {"releases": {"bookworm": {"status": "resolved", "repositories": {"bookworm": "5:7.0.15-1~deb12u1"}, "fixed_version": "5:7.0.15-1~deb12u2", "urgency": "high"}}}
  },
  "linux": {
    "CVE-2026-1001": {"releases": {"bookworm": {"status": "resolved", "repositories": {"bookworm": "6.1.106-3"}, "fixed_version": "6.1.119-1", "urgency": "medium"}}}
  }
}"#;

const KEV: &str = r#"{"title": "CISA Catalog of Known Exploited Vulnerabilities", "catalogVersion": "2026.11.20",
 "dateReleased": "2026-11-20T15:00:00.0000Z", "count": 1, "vulnerabilities": [
 {"cveID": "CVE-2026-2001", "vendorProject": "OpenSSL", "product": "OpenSSL", "vulnerabilityName": "made up",
  "dateAdded": "2026-11-19", "shortDescription": "made up", "requiredAction": "update", "dueDate": "2026-12-10",
  "knownRansomwareCampaignUse": "Unknown", "notes": "", "cwes": []}]}"#;

const EPSS: &str = "#model_version:v2026.03.14,score_date:2026-11-21T00:00:00+0000\n\
cve,epss,percentile\n\
CVE-2026-1001,0.00100,0.10000\n\
CVE-2026-2001,0.91000,0.99500\n\
CVE-2026-4001,0.02000,0.80000\n";

const EOL: &str = "version,codename,series,created,release,eol,eol-lts,eol-elts\n\
11,Bullseye,bullseye,2019-07-06,2021-08-14,2024-08-14,2026-08-31,2031-06-30\n\
12,Bookworm,bookworm,2021-08-14,2023-06-10,2026-06-10,2028-06-30,2033-06-30\n\
13,Trixie,trixie,2023-06-10,2025-08-09,2028-08-09,2030-06-30,2035-06-30\n";

/// Lays what the publishers say of such a host into the mirror.
pub fn feeds(world: &World) {
    world.feed("debian-dsa", DSA);
    world.feed("debian-dla", DLA);
    world.feed("debian-tracker", TRACKER);
    world.feed("cisa-kev", KEV);
    world.feed("epss", EPSS);
    world.feed("vulnrichment", vulnrichment());
    world.feed("eol-debian", EOL);
    world.feed(
        "debian-support-limited",
        "binutils  Only suitable for trusted content\n",
    );
}

/// A world with the host and its publishers, nothing fetched yet.
pub fn world() -> World {
    let world = World::new();
    root(&world);
    feeds(&world);
    world
}

fn vulnrichment() -> Vec<u8> {
    let record = r#"{"dataType": "CVE_RECORD", "dataVersion": "5.1",
 "cveMetadata": {"cveId": "CVE-2026-2001", "assignerOrgId": "00000000-0000-4000-8000-000000000000", "state": "PUBLISHED"},
 "containers": {"cna": {}, "adp": [{"title": "CISA ADP Vulnrichment", "providerMetadata": {"orgId": "134c704f-9b21-4f2e-91b3-4a467353bcc0", "shortName": "CISA-ADP"},
  "metrics": [
   {"cvssV3_1": {"version": "3.1", "vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "baseScore": 9.8, "baseSeverity": "CRITICAL"}},
   {"other": {"type": "ssvc", "content": {"id": "CVE-2026-2001", "role": "CISA Coordinator", "version": "2.0.3", "timestamp": "2026-11-19T12:00:00Z",
     "options": [{"Exploitation": "active"}, {"Automatable": "yes"}, {"Technical Impact": "total"}]}}}]}]}}"#;
    zip(&[(
        "vulnrichment-develop/2026/2xxx/CVE-2026-2001.json",
        record.as_bytes(),
    )])
}

/// An archive as the publishers write them.
pub fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    use std::io::Write;
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in entries {
        archive
            .start_file(*name, zip::write::SimpleFileOptions::default())
            .unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}
