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

/// How a distribution counts releases.
enum Counted {
    /// `9.4` is `9`.
    Major,
    /// `22.04` as it is.
    AsWritten,
    /// `3.19.1` is `v3.19`.
    Branch,
    /// No releases.
    Rolling,
}

impl Release {
    /// The release that an `os-release` names. A derivative that only says `ID_LIKE` is unknown: its packages may
    /// be rebuilt, so the parent's advisories would be a guess.
    #[must_use]
    pub fn of(os: &Os) -> Self {
        use Counted::{AsWritten, Branch, Major, Rolling};
        let (word, counted, kind, publishers): (&str, _, _, &'static [&'static str]) =
            match os.id.as_str() {
                "debian" => ("debian", Major, PackageType::Deb, &["debian"]),
                "ubuntu" => (
                    "ubuntu",
                    AsWritten,
                    PackageType::Deb,
                    &["ubuntu", "canonical"],
                ),
                "almalinux" | "alma" => ("almalinux", Major, PackageType::Rpm, &["almalinux"]),
                "rocky" => ("rocky", Major, PackageType::Rpm, &["rocky"]),
                "rhel" | "redhat" => ("redhat", Major, PackageType::Rpm, &["red hat"]),
                "centos" => ("centos", Major, PackageType::Rpm, &["centos"]),
                "ol" | "oracle" => ("oracle", Major, PackageType::Rpm, &["oracle"]),
                "fedora" => ("fedora", Major, PackageType::Rpm, &["fedora"]),
                "amzn" | "amazon" => ("amazon", Major, PackageType::Rpm, &["amazon"]),
                "opensuse-leap" | "opensuse.leap" => (
                    "opensuse",
                    AsWritten,
                    PackageType::Rpm,
                    &["opensuse", "suse"],
                ),
                "opensuse-tumbleweed" | "opensuse.tumbleweed" => (
                    "opensuse-tumbleweed",
                    Rolling,
                    PackageType::Rpm,
                    &["opensuse", "suse"],
                ),
                "sles" | "suse.linux.enterprise.server" | "sled" => {
                    ("suse", AsWritten, PackageType::Rpm, &["suse"])
                }
                "alpine" => ("alpine", Branch, PackageType::Apk, &["alpine"]),
                "wolfi" => ("wolfi", Rolling, PackageType::Apk, &["wolfi"]),
                "chainguard" => (
                    "chainguard",
                    Rolling,
                    PackageType::Apk,
                    &["chainguard", "wolfi"],
                ),
                "arch" | "archlinux" => (
                    "arch",
                    Rolling,
                    PackageType::Alpm,
                    &["arch", "core", "extra", "multilib"],
                ),
                _ => {
                    return Self {
                        ecosystem: None,
                        kind: None,
                        publishers: &[],
                        by_source: true,
                    };
                }
            };
        let version = match counted {
            Major => os
                .version_id
                .split('.')
                .next()
                .unwrap_or_default()
                .to_owned(),
            AsWritten => os.version_id.clone(),
            Branch => branch(&os.version_id),
            Rolling => String::new(),
        };
        let ecosystem = match counted {
            Rolling => Some(Ecosystem(word.to_owned())),
            _ if version.is_empty() => None,
            _ => Some(Ecosystem::release(word, &version)),
        };
        let by_source = matches!(kind, PackageType::Deb | PackageType::Apk);
        Self {
            ecosystem,
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

/// Alpine's `3.19.1` is branch `v3.19`; `3.20_alpha…` and `edge` are edge.
fn branch(version: &str) -> String {
    let mut parts = version.split('.');
    match (parts.next(), parts.next()) {
        (Some(major), Some(minor)) if minor.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("v{major}.{minor}")
        }
        _ if version.is_empty() => String::new(),
        _ => "edge".to_owned(),
    }
}

/// The ecosystem of a language package type.
#[must_use]
pub fn language_ecosystem(kind: &PackageType) -> Option<Ecosystem> {
    let language = !kind.is_os() && !matches!(kind, PackageType::Other(_));
    language.then(|| Ecosystem(kind.as_str().to_owned()))
}
