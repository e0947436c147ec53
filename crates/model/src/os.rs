//! Which operating system release a host runs, which kernels it has, and how long the release is supported.

use crate::advisory::Ecosystem;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The release, from `os-release(5)`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Os {
    /// `ID`, lower case: `debian`, `ubuntu`, `almalinux`, `alpine` …
    pub id: String,
    /// `VERSION_ID` as written: `12`, `22.04`, `9.4`, `3.19.1`.
    pub version_id: String,
    /// `VERSION_CODENAME`, or what the release table knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codename: Option<String>,
    /// `PRETTY_NAME`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `ID_LIKE`, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub id_like: Vec<String>,
}

/// Kernels of a host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Kernel {
    /// Release of the running kernel (`uname -r`); absent where the root is not running (chroot, image, SBOM).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<String>,
    /// Package version of the running kernel where `uname -v` states it (Debian does). A package can be upgraded
    /// without a new release name, so the same name may stand for older code in memory than on disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running_version: Option<String>,
    /// Installed kernels, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub installed: Vec<InstalledKernel>,
}

/// A kernel image that a package installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InstalledKernel {
    /// What `uname -r` will print when it is booted.
    pub release: String,
    /// Package that holds the image.
    pub package: String,
    /// Version of that package.
    pub version: String,
}

/// How long a release gets security updates, judged at one date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Support {
    /// Inside the vendor's regular support.
    Supported {
        /// Last day of it, where known.
        #[serde(skip_serializing_if = "Option::is_none")]
        until: Option<Date>,
    },
    /// Regular support is over; a long-term programme (Debian LTS) goes on.
    LongTerm {
        /// Name of the programme.
        programme: String,
        /// Last day of it.
        until: Date,
    },
    /// No free security updates any more: the feed is silent, which is not "safe".
    EndOfLife {
        /// Since when.
        since: Date,
        /// A paid programme that still covers it, if one is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        paid: Option<String>,
    },
    /// Nothing known about this release.
    Unknown,
}

/// The dates of one release, as its publisher or the built-in table states them.
///
/// Rows come from the end-of-life feed (Debian, Ubuntu) and from the table in the host crate (all others).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReleaseDates {
    /// `ID` of `os-release(5)`: `debian`, `ubuntu`, `almalinux` …
    pub os: String,
    /// `VERSION_ID`, or the leading part of it that names the release (`9` stands for `9.4`, `3.19` for `3.19.1`);
    /// empty where the release has a codename only (`sid`) or the whole distribution is one rolling release.
    pub version: String,
    /// Short codename in lower case, as in `VERSION_CODENAME`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codename: Option<String>,
    /// Day of release; absent or in the future: not yet released.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released: Option<Date>,
    /// Last day of the vendor's regular support; absent: not known, or (rolling) none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eol: Option<Date>,
    /// What goes on after regular support, by last day.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub programmes: Vec<SupportProgramme>,
    /// A release without an end: it is always the newest.
    #[serde(default)]
    pub rolling: bool,
}

/// Security updates after regular support.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SupportProgramme {
    /// `Debian LTS`, `Debian ELTS`, `Ubuntu Pro (ESM)` …
    pub name: String,
    /// Last day.
    pub until: Date,
    /// Whether it has to be paid for or subscribed to, so that a host does not simply have it.
    pub paid: bool,
}

/// Debian's releases by codename; `sid` has no number and stands for itself.
const DEBIAN_CODENAMES: [(&str, &str); 16] = [
    ("woody", "3.0"),
    ("sarge", "3.1"),
    ("etch", "4"),
    ("lenny", "5"),
    ("squeeze", "6"),
    ("wheezy", "7"),
    ("jessie", "8"),
    ("stretch", "9"),
    ("buster", "10"),
    ("bullseye", "11"),
    ("bookworm", "12"),
    ("trixie", "13"),
    ("forky", "14"),
    ("duke", "15"),
    ("sid", "sid"),
    ("experimental", "experimental"),
];

/// Ubuntu's releases by codename, those that any current advisory feed still names.
const UBUNTU_CODENAMES: [(&str, &str); 29] = [
    ("precise", "12.04"),
    ("quantal", "12.10"),
    ("raring", "13.04"),
    ("saucy", "13.10"),
    ("trusty", "14.04"),
    ("utopic", "14.10"),
    ("vivid", "15.04"),
    ("wily", "15.10"),
    ("xenial", "16.04"),
    ("yakkety", "16.10"),
    ("zesty", "17.04"),
    ("artful", "17.10"),
    ("bionic", "18.04"),
    ("cosmic", "18.10"),
    ("disco", "19.04"),
    ("eoan", "19.10"),
    ("focal", "20.04"),
    ("groovy", "20.10"),
    ("hirsute", "21.04"),
    ("impish", "21.10"),
    ("jammy", "22.04"),
    ("kinetic", "22.10"),
    ("lunar", "23.04"),
    ("mantic", "23.10"),
    ("noble", "24.04"),
    ("oracular", "24.10"),
    ("plucky", "25.04"),
    ("questing", "25.10"),
    ("resolute", "26.04"),
];

/// The `VERSION_ID` of a Debian release (`bookworm` is `12`; `sid` is `sid`), or `None` for a codename not known here.
#[must_use]
pub fn debian_version_of(codename: &str) -> Option<&'static str> {
    version_in(&DEBIAN_CODENAMES, codename)
}

/// The `VERSION_ID` of an Ubuntu release (`jammy` is `22.04`), or `None` for a codename not known here.
#[must_use]
pub fn ubuntu_version_of(codename: &str) -> Option<&'static str> {
    version_in(&UBUNTU_CODENAMES, codename)
}

fn version_in(
    table: &'static [(&'static str, &'static str)],
    codename: &str,
) -> Option<&'static str> {
    table
        .iter()
        .find(|(name, _)| *name == codename)
        .map(|(_, version)| *version)
}

impl Os {
    /// The ecosystem whose advisories speak of this release; `None` for a system that we know none for.
    ///
    /// A derivative that only says `ID_LIKE` has none: its packages may be rebuilt, so the parent's advisories would
    /// be a guess.
    #[must_use]
    pub fn ecosystem(&self) -> Option<Ecosystem> {
        let version = self.version_id.as_str();
        let major = version.split('.').next().unwrap_or_default();
        let release = |word: &str, version: &str| {
            (!version.is_empty()).then(|| Ecosystem::release(word, version))
        };
        match self.id.as_str() {
            id @ ("debian" | "almalinux" | "rocky" | "rhel" | "centos" | "ol" | "fedora"
            | "amzn") => release(id, major),
            id @ ("ubuntu" | "sles" | "sled") => release(id, version),
            "opensuse-leap" => release("opensuse-leap", version),
            "alpine" => release("alpine", &alpine_branch(version)),
            id @ ("opensuse-tumbleweed" | "wolfi" | "chainguard" | "arch") => {
                Some(Ecosystem(id.to_owned()))
            }
            _ => None,
        }
    }
}

/// Alpine's `3.19.1` is of branch `v3.19`; what is not released yet (`3.24_alpha20260101`) is `edge`.
fn alpine_branch(version: &str) -> String {
    if version.contains('_') || version == "edge" {
        return "edge".to_owned();
    }
    let mut parts = version.split('.');
    match (parts.next(), parts.next()) {
        (Some(major), Some(minor)) => format!("v{major}.{minor}"),
        _ => String::new(),
    }
}
