//! Which release an `os-release` names: the ecosystem of its advisories and who may have built its packages.

use overlock_model::advisory::Ecosystem;
use overlock_model::os::Os;
use overlock_model::package::PackageType;

/// A release as advisories see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Its ecosystem, such as `debian:12`; `None` for a system whose advisories we do not know.
    pub ecosystem: Option<Ecosystem>,
    /// Package type of its own packages.
    pub kind: Option<PackageType>,
    /// `Origin` or vendor words under which the distribution itself publishes, lower case; a prefix is enough.
    pub publishers: &'static [&'static str],
    /// Whether advisories name source packages (dpkg, apk) or binary packages (rpm, pacman).
    pub by_source: bool,
}

impl Release {
    /// The release that an `os-release` names.
    #[must_use]
    pub fn of(os: &Os) -> Self {
        let (kind, publishers): (_, &'static [&'static str]) = match os.id.as_str() {
            "debian" => (PackageType::Deb, &["debian"]),
            "ubuntu" => (PackageType::Deb, &["ubuntu", "canonical"]),
            "almalinux" => (PackageType::Rpm, &["almalinux"]),
            "rocky" => (PackageType::Rpm, &["rocky"]),
            "rhel" => (PackageType::Rpm, &["red hat"]),
            "centos" => (PackageType::Rpm, &["centos"]),
            "ol" => (PackageType::Rpm, &["oracle"]),
            "fedora" => (PackageType::Rpm, &["fedora"]),
            "amzn" => (PackageType::Rpm, &["amazon"]),
            "opensuse-leap" | "opensuse-tumbleweed" | "sles" | "sled" => {
                (PackageType::Rpm, &["opensuse", "suse"])
            }
            "alpine" => (PackageType::Apk, &["alpine"]),
            "wolfi" => (PackageType::Apk, &["wolfi"]),
            "chainguard" => (PackageType::Apk, &["chainguard", "wolfi"]),
            "arch" => (PackageType::Alpm, &["arch", "core", "extra", "multilib"]),
            _ => {
                return Self {
                    ecosystem: None,
                    kind: None,
                    publishers: &[],
                    by_source: true,
                };
            }
        };
        let by_source = matches!(kind, PackageType::Deb | PackageType::Apk);
        Self {
            ecosystem: os.ecosystem(),
            kind: Some(kind),
            publishers,
            by_source,
        }
    }

    /// Whether a repository's `Origin`, or an rpm's vendor, is the distribution itself.
    #[must_use]
    pub fn publishes_as(&self, origin: &str) -> bool {
        let origin = origin.to_lowercase();
        // Debian Backports is signed by Debian and still another line of versions.
        !origin.contains("backports")
            && self
                .publishers
                .iter()
                .any(|publisher| origin.starts_with(publisher))
    }
}

/// The ecosystem of a language package type.
#[must_use]
pub fn language_ecosystem(kind: &PackageType) -> Option<Ecosystem> {
    let language = !kind.is_os() && !matches!(kind, PackageType::Other(_));
    language.then(|| Ecosystem(kind.as_str().to_owned()))
}
