//! A package: one entry of a package database, a lock file or a bill of materials.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// What kind of package an entry is; the words are the types of the Package URL specification.
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum PackageType {
    /// dpkg
    Deb,
    /// rpm
    Rpm,
    /// Alpine's apk
    Apk,
    /// pacman
    Alpm,
    /// Python distributions
    Pypi,
    /// Node.js packages
    Npm,
    /// Rust crates
    Cargo,
    /// Go modules
    Golang,
    /// Java archives
    Maven,
    /// Ruby gems
    Gem,
    /// .NET packages
    Nuget,
    /// Anything else: kept and counted as not covered, never dropped.
    #[serde(untagged)]
    Other(String),
}

impl PackageType {
    /// The word used in JSON and in Package URLs.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Deb => "deb",
            Self::Rpm => "rpm",
            Self::Apk => "apk",
            Self::Alpm => "alpm",
            Self::Pypi => "pypi",
            Self::Npm => "npm",
            Self::Cargo => "cargo",
            Self::Golang => "golang",
            Self::Maven => "maven",
            Self::Gem => "gem",
            Self::Nuget => "nuget",
            Self::Other(word) => word,
        }
    }

    /// The type for a word of the Package URL specification.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        match word {
            "deb" => Self::Deb,
            "rpm" => Self::Rpm,
            "apk" => Self::Apk,
            "alpm" => Self::Alpm,
            "pypi" => Self::Pypi,
            "npm" => Self::Npm,
            "cargo" => Self::Cargo,
            "golang" => Self::Golang,
            "maven" => Self::Maven,
            "gem" => Self::Gem,
            "nuget" => Self::Nuget,
            other => Self::Other(other.to_owned()),
        }
    }

    /// The form of a package name by which advisories and inventories find each other.
    ///
    /// PyPI names compare without case and with runs of `-`, `_` and `.` equal (PEP 503); all others as written.
    #[must_use]
    pub fn normalise<'a>(&self, name: &'a str) -> Cow<'a, str> {
        if !matches!(self, Self::Pypi) {
            return Cow::Borrowed(name);
        }
        let mut normal = String::with_capacity(name.len());
        for character in name.chars() {
            if matches!(character, '-' | '_' | '.') {
                if !normal.ends_with('-') {
                    normal.push('-');
                }
            } else {
                normal.extend(character.to_lowercase());
            }
        }
        Cow::Owned(normal)
    }

    /// Whether the operating system's own package manager installs this type.
    #[must_use]
    pub fn is_os(&self) -> bool {
        matches!(self, Self::Deb | Self::Rpm | Self::Apk | Self::Alpm)
    }
}

impl fmt::Display for PackageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One installed package.
///
/// Only `type`, `name` and `version` are needed, so that an inventory can be written by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Package {
    /// Which package manager or ecosystem.
    #[serde(rename = "type")]
    pub kind: PackageType,
    /// Name of the binary package.
    pub name: String,
    /// Full version as the scheme prints it; for rpm `[epoch:]version-release`.
    pub version: String,
    /// Epoch where the database states one (rpm, dpkg); absent means that the source did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u32>,
    /// Architecture in the package manager's own word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arch: Option<String>,
    /// Name of the source package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Version of the source package where it differs from `version` (for rpm without an epoch).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_version: Option<String>,
    /// Modularity label `name:stream:version:context[:arch]` (dnf modules).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// Who published this build, as the repositories that hold exactly this version say; absent means unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// Why the administrator keeps this version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// Where a language package was found, relative to the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// Why a package is kept at its version by the administrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// dpkg selection state `hold`
    Hold,
    /// dnf versionlock
    Versionlock,
    /// pacman `IgnorePkg`, apk world pin
    Ignored,
}

impl Package {
    /// A package with only the three facts every entry has.
    #[must_use]
    pub fn new(kind: PackageType, name: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            kind,
            name: name.into(),
            version: version.into(),
            epoch: None,
            arch: None,
            source: None,
            source_version: None,
            module: None,
            origin: None,
            hold: None,
            path: None,
        }
    }

    /// The binary package that stands for a source among `names`: the one named like it, else the plainest: one that
    /// is no documentation, development or data part, and of those the one with the shortest name.
    #[must_use]
    pub fn representative<'a>(
        source: &str,
        names: impl Iterator<Item = &'a str> + Clone,
    ) -> Option<&'a str> {
        const PARTS: [&str; 9] = [
            "-dev", "-devel", "-doc", "-docs", "-locales", "-common", "-data", "-dbg", "-headers",
        ];
        let is_part = |name: &str| PARTS.iter().any(|part| name.ends_with(part));
        let mut all = names.clone();
        all.find(|name| *name == source)
            .or_else(|| names.min_by_key(|name| (is_part(name), name.len(), *name)))
    }

    /// The source package's name, which is the package's own name where none is given.
    #[must_use]
    pub fn source_name(&self) -> &str {
        self.source.as_deref().unwrap_or(&self.name)
    }

    /// The source package's version, which is the package's own version where none is given.
    #[must_use]
    pub fn source_version(&self) -> &str {
        self.source_version.as_deref().unwrap_or(&self.version)
    }
}
