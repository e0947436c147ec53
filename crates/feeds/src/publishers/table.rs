//! The table itself: one line per feed, and how a line becomes the editions of Alpine's branches or Debian's releases.

use overlock_model::advisory::Ecosystem;
use overlock_model::os::Os;

use super::{Presence, Publisher};
use crate::format::FeedFormat;

/// OSV's word for the ecosystem of Rust crates; joined here so that the name stands in one place.
pub const OSV_RUST: &str = concat!("crates", ".io");

/// Who needs a feed.
pub(super) enum Audience {
    Everyone,
    /// Hosts whose `os-release` has one of these ids.
    Hosts(&'static [&'static str]),
    /// Hosts whose language packages are looked at.
    Languages,
    /// Repeats what a better feed says; only when asked for by name.
    OnRequest,
}
use Audience::{Everyone, Hosts, Languages, OnRequest};

/// A line of the table. `{}` in id and address stands for one of `editions`.
pub(super) struct Row {
    id: &'static str,
    url: &'static str,
    format: FeedFormat,
    pub(super) audience: Audience,
    max_mib: u64,
    licence: &'static str,
    editions: Editions,
}

/// Which files of one kind a publisher has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Editions {
    One,
    /// Alpine's branches, `v3.2` and later, and `edge`.
    AlpineBranches,
    /// Debian's releases by number; none is written before something ended.
    DebianReleases,
}

/// Newest releases at the time of writing; only [`all`] uses them, a newer host still gets its own.
const ALPINE_BRANCH_NEWEST: u32 = 23;
const DEBIAN_RELEASES: std::ops::RangeInclusive<u32> = 9..=13;

impl Row {
    /// Every edition known today.
    pub(super) fn all(&self) -> Vec<Publisher> {
        match self.editions {
            Editions::One => vec![self.publisher("")],
            Editions::AlpineBranches => (2..=ALPINE_BRANCH_NEWEST)
                .map(|minor| self.publisher(&format!("v3.{minor}")))
                .chain([self.publisher("edge")])
                .collect(),
            Editions::DebianReleases => DEBIAN_RELEASES
                .map(|release| self.publisher(&release.to_string()))
                .collect(),
        }
    }

    /// The edition for one system; `None` where its version names none.
    pub(super) fn of(&self, os: &Os) -> Option<Publisher> {
        match self.editions {
            Editions::One => Some(self.publisher("")),
            Editions::AlpineBranches => Some(self.publisher(&alpine_branch(&os.version_id)?)),
            Editions::DebianReleases => {
                let number = os
                    .version_id
                    .split('.')
                    .next()
                    .filter(|part| is_number(part))?;
                Some(self.publisher(number))
            }
        }
    }

    fn publisher(&self, edition: &str) -> Publisher {
        Publisher {
            id: self.id.replace("{}", edition),
            url: self.url.replace("{}", edition).replace("{rust}", OSV_RUST),
            format: self.format,
            max_bytes: self.max_mib << 20,
            licence: self.licence,
            ecosystem: match self.editions {
                Editions::AlpineBranches => Some(Ecosystem::release("alpine", edition)),
                Editions::One | Editions::DebianReleases => None,
            },
            presence: match self.editions {
                Editions::DebianReleases => Presence::Optional,
                Editions::One | Editions::AlpineBranches => Presence::Expected,
            },
        }
    }
}

/// `3.19.1` is of branch `v3.19`; what is not yet released (`3.24_alpha20260101`) is `edge`.
fn alpine_branch(version_id: &str) -> Option<String> {
    if version_id.contains('_') || version_id == "edge" {
        return Some("edge".to_owned());
    }
    let mut parts = version_id.split('.');
    let (major, minor) = (parts.next()?, parts.next()?);
    (is_number(major) && is_number(minor)).then(|| format!("v{major}.{minor}"))
}

fn is_number(text: &str) -> bool {
    (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

macro_rules! rows {
    ($($id:literal $url:literal $format:ident $audience:expr, $mib:literal, $licence:literal $(, $editions:ident)?;)*) => {
        &[$(Row {
            id: $id,
            url: $url,
            format: FeedFormat::$format,
            audience: $audience,
            max_mib: $mib,
            licence: $licence,
            editions: rows!(@editions $($editions)?),
        }),*]
    };
    (@editions) => { Editions::One };
    (@editions $editions:ident) => { Editions::$editions };
}

/// Columns: id, address, format, who needs it, largest size in MiB, licence.
#[rustfmt::skip]
pub(super) static TABLE: &[Row] = rows! {
    // About every vulnerability, whatever has it.
    "cisa-kev" "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json" CisaKev Everyone, 16, "CC0-1.0";
    "epss" "https://epss.empiricalsecurity.com/epss_scores-current.csv.gz" Epss Everyone, 32, "FIRST: free, with attribution";
    "vulnrichment" "https://github.com/cisagov/vulnrichment/archive/refs/heads/develop.zip" VulnrichmentZip Everyone, 2048, "CC0-1.0";

    // Debian. The lists carry fixed versions only; the tracker adds what is unfixed and why. Each is useful alone.
    "debian-tracker" "https://security-tracker.debian.org/tracker/data/json" DebianTracker Hosts(&["debian"]), 512, "MIT";
    "debian-dsa" "https://salsa.debian.org/security-tracker-team/security-tracker/-/raw/master/data/DSA/list" DebianAdvisories Hosts(&["debian"]), 16, "MIT";
    "debian-dla" "https://salsa.debian.org/security-tracker-team/security-tracker/-/raw/master/data/DLA/list" DebianAdvisories Hosts(&["debian"]), 16, "MIT";
    "eol-debian" "https://salsa.debian.org/debian/distro-info-data/-/raw/main/debian.csv" DistroInfo Hosts(&["debian"]), 1, "ISC";
    "debian-support-limited" "https://salsa.debian.org/debian/debian-security-support/-/raw/master/security-support-limited" DebianSupport Hosts(&["debian"]), 1, "GPL-2.0-or-later";
    "debian-support-ended-{}" "https://salsa.debian.org/debian/debian-security-support/-/raw/master/security-support-ended.deb{}" DebianSupport Hosts(&["debian"]), 1, "GPL-2.0-or-later", DebianReleases;
    "osv-debian" "https://osv-vulnerabilities.storage.googleapis.com/Debian/all.zip" OsvZip OnRequest, 1024, "MIT";

    // Other releases.
    "eol-ubuntu" "https://salsa.debian.org/debian/distro-info-data/-/raw/main/ubuntu.csv" DistroInfo Hosts(&["ubuntu"]), 1, "ISC";
    "osv-ubuntu" "https://osv-vulnerabilities.storage.googleapis.com/Ubuntu/all.zip" OsvZip Hosts(&["ubuntu"]), 2048, "CC-BY-SA-4.0";
    "osv-almalinux" "https://osv-vulnerabilities.storage.googleapis.com/AlmaLinux/all.zip" OsvZip Hosts(&["almalinux"]), 256, "MIT";
    "osv-rocky" "https://osv-vulnerabilities.storage.googleapis.com/Rocky%20Linux/all.zip" OsvZip Hosts(&["rocky"]), 256, "BSD-3-Clause";
    "osv-redhat" "https://osv-vulnerabilities.storage.googleapis.com/Red%20Hat/all.zip" OsvZip Hosts(&["rhel"]), 1024, "CC-BY-4.0";
    "osv-suse" "https://osv-vulnerabilities.storage.googleapis.com/SUSE/all.zip" OsvZip Hosts(&["sles", "sled", "sles_sap", "suse"]), 1024, "CC-BY-4.0";
    "osv-opensuse" "https://osv-vulnerabilities.storage.googleapis.com/openSUSE/all.zip" OsvZip Hosts(&["opensuse", "opensuse-leap", "opensuse-tumbleweed"]), 1024, "CC-BY-4.0";
    "alpine-secdb-{}-main" "https://secdb.alpinelinux.org/{}/main.json" AlpineSecdb Hosts(&["alpine"]), 16, "no licence stated", AlpineBranches;
    "alpine-secdb-{}-community" "https://secdb.alpinelinux.org/{}/community.json" AlpineSecdb Hosts(&["alpine"]), 16, "no licence stated", AlpineBranches;
    "osv-alpine" "https://osv-vulnerabilities.storage.googleapis.com/Alpine/all.zip" OsvZip OnRequest, 256, "no licence stated";
    "osv-wolfi" "https://osv-vulnerabilities.storage.googleapis.com/Wolfi/all.zip" OsvZip Hosts(&["wolfi"]), 2048, "Apache-2.0";
    "osv-chainguard" "https://osv-vulnerabilities.storage.googleapis.com/Chainguard/all.zip" OsvZip Hosts(&["chainguard"]), 4096, "Apache-2.0";
    "arch" "https://security.archlinux.org/all.json" Arch Hosts(&["arch"]), 16, "MIT";

    // Language packages.
    "osv-pypi" "https://osv-vulnerabilities.storage.googleapis.com/PyPI/all.zip" OsvZip Languages, 512, "CC-BY-4.0";
    "osv-npm" "https://osv-vulnerabilities.storage.googleapis.com/npm/all.zip" OsvZip Languages, 2048, "CC-BY-4.0";
    "osv-rust" "https://osv-vulnerabilities.storage.googleapis.com/{rust}/all.zip" OsvZip Languages, 64, "CC0-1.0, CC-BY-4.0";
    "osv-go" "https://osv-vulnerabilities.storage.googleapis.com/Go/all.zip" OsvZip Languages, 256, "CC-BY-4.0";
    "osv-maven" "https://osv-vulnerabilities.storage.googleapis.com/Maven/all.zip" OsvZip Languages, 256, "CC-BY-4.0";
    "osv-rubygems" "https://osv-vulnerabilities.storage.googleapis.com/RubyGems/all.zip" OsvZip Languages, 128, "CC-BY-4.0";
    "osv-nuget" "https://osv-vulnerabilities.storage.googleapis.com/NuGet/all.zip" OsvZip Languages, 128, "CC-BY-4.0";
    "rustsec" "https://github.com/rustsec/advisory-db/archive/refs/heads/main.zip" RustsecZip Languages, 64, "CC0-1.0, CC-BY-4.0";
    "nodejs-security-wg" "https://github.com/nodejs/security-wg/archive/refs/heads/main.zip" NodejsZip Languages, 64, "MIT";
};
