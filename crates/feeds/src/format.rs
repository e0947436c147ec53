//! The formats that publishers use, one word each.
//!
//! The word is stored in a feed's state, so that the compiler and an import know which parser a file needs without
//! asking the table of publishers, which may have changed since.

use serde::{Deserialize, Serialize};

/// A publisher's format. The serialised words are part of the state file: never rename one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeedFormat {
    /// Debian security tracker, `data/json`.
    DebianTracker,
    /// Debian security tracker, `data/DSA/list` and `data/DLA/list`.
    DebianAdvisories,
    /// OSV records of one ecosystem in a zip file.
    OsvZip,
    /// Archive of RustSec's `advisory-db` (Markdown files with TOML front matter).
    RustsecZip,
    /// Alpine secdb, one branch and repository as JSON.
    AlpineSecdb,
    /// CISA's catalogue of known exploited vulnerabilities, JSON.
    CisaKev,
    /// EPSS scores, gzip-compressed CSV.
    Epss,
    /// Archive of CISA's Vulnrichment (CVE JSON 5 records with an ADP container).
    VulnrichmentZip,
    /// Archive of the Node.js security working group's records.
    NodejsZip,
    /// Arch Linux security tracker, `all.json`.
    Arch,
    /// `distro-info-data`: releases and their ends of life, CSV.
    DistroInfo,
    /// `debian-security-support`: packages with limited or ended support.
    DebianSupport,
    /// `updateinfo.xml` of an rpm repository, compressed as the repository does it.
    Updateinfo,
}

impl FeedFormat {
    /// Every format, in the order of the enum.
    pub const ALL: [Self; 13] = [
        Self::DebianTracker,
        Self::DebianAdvisories,
        Self::OsvZip,
        Self::RustsecZip,
        Self::AlpineSecdb,
        Self::CisaKev,
        Self::Epss,
        Self::VulnrichmentZip,
        Self::NodejsZip,
        Self::Arch,
        Self::DistroInfo,
        Self::DebianSupport,
        Self::Updateinfo,
    ];

    /// Ending of the stored file's name. `updateinfo` is kept as served; readers tell its compression by its first bytes.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::DebianTracker | Self::AlpineSecdb | Self::CisaKev | Self::Arch => "json",
            Self::DebianAdvisories | Self::DebianSupport => "list",
            Self::OsvZip | Self::RustsecZip | Self::VulnrichmentZip | Self::NodejsZip => "zip",
            Self::Epss => "csv.gz",
            Self::DistroInfo => "csv",
            Self::Updateinfo => "updateinfo",
        }
    }

    /// Whether a file without a single record can be what the publisher meant: a repository that had no update yet, a
    /// release in which no package lost its support. Everywhere else it is an error page or a broken export.
    #[must_use]
    pub const fn may_be_empty(self) -> bool {
        matches!(
            self,
            Self::Updateinfo | Self::DebianSupport | Self::AlpineSecdb
        )
    }
}
