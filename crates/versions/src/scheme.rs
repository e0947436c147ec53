//! The names of the version schemes.

use std::fmt;
use std::str::FromStr;

/// The rules by which a version is read and ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// Debian and Ubuntu packages: `[epoch:]upstream[-revision]`.
    Dpkg,
    /// RPM packages: `[epoch:]version[-release]`.
    Rpm,
    /// Alpine and Wolfi packages.
    Apk,
    /// Arch Linux packages (pacman's libalpm): `[epoch:]pkgver[-pkgrel]`.
    Alpm,
    /// Semantic Versioning 2.0.0: Rust crates, and Go modules with their leading `v`.
    Semver,
    /// Python packages (PEP 440).
    Pep440,
    /// npm packages: semantic versions as node-semver reads them.
    Npm,
    /// Java artifacts (Maven's version order).
    Maven,
    /// Ruby gems.
    Rubygems,
    /// .NET packages.
    Nuget,
}

impl Scheme {
    /// Every scheme, in the order of the enum.
    pub const ALL: [Self; 10] = [
        Self::Dpkg,
        Self::Rpm,
        Self::Apk,
        Self::Alpm,
        Self::Semver,
        Self::Pep440,
        Self::Npm,
        Self::Maven,
        Self::Rubygems,
        Self::Nuget,
    ];

    /// The lower-case name, as in files and messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dpkg => "dpkg",
            Self::Rpm => "rpm",
            Self::Apk => "apk",
            Self::Alpm => "alpm",
            Self::Semver => "semver",
            Self::Pep440 => "pep440",
            Self::Npm => "npm",
            Self::Maven => "maven",
            Self::Rubygems => "rubygems",
            Self::Nuget => "nuget",
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A text that names none of [`Scheme::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown version scheme; known are dpkg, rpm, apk, alpm, semver, pep440, npm, maven, rubygems, nuget"
)]
pub struct UnknownScheme;

impl FromStr for Scheme {
    type Err = UnknownScheme;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|scheme| scheme.name() == name)
            .ok_or(UnknownScheme)
    }
}
