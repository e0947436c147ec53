//! A scan result as Vuls writes it (`models.ScanResult`, JSON version 4), the fields that an inventory has a place for.

use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    /// Added by whoever collected the data: the file's name in the source repository.
    #[serde(rename = "_file")]
    pub file: String,
    pub family: String,
    pub release: String,
    pub scanned_at: String,
    pub running_kernel: RunningKernel,
    /// `null` for a host of which no package is known.
    pub packages: Option<BTreeMap<String, Binary>>,
    /// Absent where the scanner did not ask for sources.
    #[serde(rename = "SrcPackages", default)]
    pub sources: Option<BTreeMap<String, Source>>,
}

#[derive(Deserialize)]
pub(super) struct RunningKernel {
    /// `uname -r`; empty on Windows.
    pub release: String,
    /// Debian: the package version; Windows: the build number.
    pub version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Binary {
    pub name: String,
    /// With epoch unless that is 0.
    pub version: String,
    /// rpm only.
    pub release: String,
    /// Empty where the scanner could not ask a repository.
    pub new_version: String,
    pub new_release: String,
    pub arch: String,
    pub repository: String,
    #[serde(rename = "modularitylabel", default)]
    pub module: String,
}

#[derive(Deserialize)]
pub(super) struct Source {
    pub name: String,
    /// With release and, unless it is 0, epoch.
    pub version: String,
    #[serde(rename = "binaryNames")]
    pub binaries: Vec<String>,
}

impl Binary {
    /// Installed version in the scheme's full form.
    pub(super) fn full_version(&self) -> String {
        full(&self.version, &self.release)
    }

    /// Version that the repositories offer, if the scanner knew.
    pub(super) fn offered_version(&self) -> Option<String> {
        (!self.new_version.is_empty()).then(|| full(&self.new_version, &self.new_release))
    }
}

fn full(version: &str, release: &str) -> String {
    if release.is_empty() {
        version.to_owned()
    } else {
        format!("{version}-{release}")
    }
}
