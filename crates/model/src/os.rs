//! Which operating system release a host runs, which kernels it has, and how long the release is supported.

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
