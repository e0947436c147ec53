//! Which feeds write the same tables, and which ecosystems a feed may speak for.

use crate::format::FeedFormat;
use crate::store::Good;
use overlock_model::advisory::Ecosystem;
use overlock_versions::Scheme;

/// Feeds that write the same tables.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Family {
    /// CVSS, EPSS, KEV, SSVC.
    Threats,
    /// Dates of releases, ends of support.
    Releases,
    /// Advisories for the ecosystems that begin with one of these words.
    ///
    /// A record of one ecosystem's export may name packages of another one in passing. Taken in, these few would look
    /// like a feed of that other ecosystem, and all of its packages like judged; so a feed speaks only for its own.
    Ecosystems(Vec<String>),
}

impl Family {
    pub fn of(feed: &Good) -> Self {
        let words: &[&str] = match feed.state.format {
            FeedFormat::CisaKev | FeedFormat::Epss | FeedFormat::VulnrichmentZip => {
                return Self::Threats;
            }
            FeedFormat::DistroInfo | FeedFormat::DebianSupport => return Self::Releases,
            FeedFormat::DebianTracker | FeedFormat::DebianAdvisories => &["debian"],
            FeedFormat::AlpineSecdb => &["alpine"],
            FeedFormat::RustsecZip => &["cargo"],
            FeedFormat::NodejsZip => &["npm"],
            FeedFormat::Arch => &["arch"],
            FeedFormat::Updateinfo => {
                let release = feed.state.ecosystem.as_ref().map_or("", Ecosystem::as_str);
                return Self::Ecosystems(vec![first_word(release).to_owned()]);
            }
            FeedFormat::OsvZip => match feed
                .state
                .status
                .id
                .strip_prefix("osv-")
                .unwrap_or_default()
            {
                "redhat" => &["rhel"],
                "suse" => &["sles", "sled"],
                "opensuse" => &["opensuse-leap", "opensuse-tumbleweed"],
                "rust" => &["cargo"],
                "go" => &["golang"],
                "rubygems" => &["gem"],
                same => return Self::Ecosystems(vec![same.to_owned()]),
            },
        };
        Self::Ecosystems(words.iter().map(|word| (*word).to_owned()).collect())
    }

    pub fn speaks_for(&self, ecosystem: &Ecosystem) -> bool {
        match self {
            Self::Ecosystems(words) => words
                .iter()
                .any(|word| word == first_word(ecosystem.as_str())),
            Self::Threats | Self::Releases => false,
        }
    }
}

/// `debian` of `debian:12`.
fn first_word(ecosystem: &str) -> &str {
    ecosystem.split(':').next().unwrap_or_default()
}

/// Version order of an ecosystem.
pub(super) fn scheme(ecosystem: &Ecosystem) -> Option<Scheme> {
    Some(match first_word(ecosystem.as_str()) {
        "debian" | "ubuntu" => Scheme::Dpkg,
        "almalinux"
        | "rocky"
        | "rhel"
        | "centos"
        | "ol"
        | "fedora"
        | "amzn"
        | "sles"
        | "sled"
        | "opensuse-leap"
        | "opensuse-tumbleweed"
        | "azurelinux"
        | "mariner" => Scheme::Rpm,
        "alpine" | "wolfi" | "chainguard" => Scheme::Apk,
        "arch" => Scheme::Alpm,
        "pypi" => Scheme::Pep440,
        "npm" => Scheme::Npm,
        "cargo" | "golang" => Scheme::Semver,
        "maven" => Scheme::Maven,
        "gem" => Scheme::Rubygems,
        "nuget" => Scheme::Nuget,
        _ => return None,
    })
}

/// Whether a feed knows only vulnerabilities that have a fix, so that silence about others means nothing.
pub(super) fn fixed_only(format: FeedFormat, id: &str) -> bool {
    match format {
        FeedFormat::DebianAdvisories | FeedFormat::AlpineSecdb | FeedFormat::Updateinfo => true,
        // Errata of rpm distributions; Red Hat's OSV export holds its advisories only.
        FeedFormat::OsvZip => [
            "almalinux",
            "rocky",
            "redhat",
            "suse",
            "opensuse",
            "alpine",
            "wolfi",
            "chainguard",
        ]
        .iter()
        .any(|name| id.ends_with(name)),
        _ => false,
    }
}
