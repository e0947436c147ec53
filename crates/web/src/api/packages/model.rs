//! How packages look.

use overlock_fleet::Denominator;
use overlock_model::package::PackageType;
use overlock_model::plan::HostId;
use schemars::JsonSchema;
use serde::Serialize;

/// Hosts that have a package (`overlock.package-hosts/1`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PackageHosts {
    /// `overlock.package-hosts/1`.
    pub schema: &'static str,
    /// By name of the host: one row for each package and version that fits.
    pub items: Vec<PackageHost>,
    /// Where the next page begins; `null` at the end. `limit` counts hosts.
    pub next: Option<String>,
    /// How many hosts have it.
    pub hosts: u64,
    /// All hosts that were looked at, and what is not known of them.
    pub denominator: Denominator,
}

/// A package on one host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct PackageHost {
    /// Id of the host.
    pub id: HostId,
    /// Its name.
    pub name: String,
    /// Name of the package.
    pub package: String,
    /// Kind of package.
    #[serde(rename = "type")]
    pub kind: PackageType,
    /// Installed version.
    pub version: String,
}

/// What one upgrade clears (`overlock.clears/1`).
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Clears {
    /// `overlock.clears/1`.
    pub schema: &'static str,
    /// Kind of package.
    #[serde(rename = "type")]
    pub kind: PackageType,
    /// Source package.
    pub package: String,
    /// The version that is gone to.
    pub to: String,
    /// Exposures that end, over all hosts.
    pub exposures: u64,
    /// Hosts on which something ends.
    pub hosts: u64,
    /// Hosts on which nothing is left of this source.
    pub hosts_rid: u64,
    /// What ends, most hosts first.
    pub items: Vec<ClearedLine>,
    /// All hosts that were looked at, and what is not known of them.
    pub denominator: Denominator,
}

/// One vulnerability that ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ClearedLine {
    /// Which.
    pub vulnerability: String,
    /// On how many hosts.
    pub hosts: u64,
}
