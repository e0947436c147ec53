//! Facts about an asset that no scan can see (`--facts FILE`); unknown is a value.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the organisation knows of an asset.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Facts {
    /// How much the mission depends on it.
    pub criticality: Option<Criticality>,
    /// How reachable it is (SSVC System Exposure 1.0.1).
    pub exposure: Option<SystemExposure>,
    /// `production`, `staging`, `test` … in the organisation's own word.
    pub environment: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// What an outage or compromise would mean (SSVC Human Impact 2.0.2).
    pub business_impact: Option<HumanImpact>,
    /// Whether it holds or touches card data (PCI DSS applies).
    pub pci_scope: Option<bool>,
    /// Workstation, server or network device (Essential Eight has other clocks for each).
    pub role: Option<AssetRole>,
}

/// How much the mission depends on an asset.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Criticality {
    /// Nobody would notice for days.
    Low,
    /// Work is slowed.
    Medium,
    /// Work stops.
    High,
    /// The mission fails.
    VeryHigh,
}

/// SSVC System Exposure 1.0.1.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum SystemExposure {
    /// Local or highly controlled network.
    Small,
    /// Networked with some access restriction.
    Controlled,
    /// Internet or another widely accessible network.
    Open,
}

/// SSVC Human Impact 2.0.2.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum HumanImpact {
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
    /// Very high.
    VeryHigh,
}

/// What an asset is used as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AssetRole {
    /// Server.
    Server,
    /// Workstation.
    Workstation,
    /// Network device.
    NetworkDevice,
}
