//! What to do about an exposure, and every clock that runs for it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Outcome of the SSVC deployer tree (Patch Application Priority 1.0.0), least to most urgent.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Do not act at present.
    Defer,
    /// Act during regular maintenance.
    Scheduled,
    /// Act at the next available opportunity, overtime if necessary.
    OutOfCycle,
    /// Act now with all resources, pausing operations if necessary.
    Immediate,
}

impl Decision {
    /// The word used in JSON and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Defer => "defer",
            Self::Scheduled => "scheduled",
            Self::OutOfCycle => "out_of_cycle",
            Self::Immediate => "immediate",
        }
    }
}

impl std::fmt::Display for Decision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One clock: a rule that sets a deadline for one exposure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Obligation {
    /// Which rule.
    pub rule: Rule,
    /// What started the clock.
    pub clock: Clock,
    /// When it started; absent when the start is not known.
    pub start: Option<Timestamp>,
    /// When it must be done; absent means "at the next upgrade", or that the start is not known.
    pub deadline: Option<Timestamp>,
    /// Evidence must be collected before the patch (three rows of BOD 26-04).
    #[serde(default)]
    pub forensics: bool,
    /// Why this row of this rule, with the inputs, assumed ones marked as assumed.
    pub because: String,
}

/// Rules that set deadlines.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum Rule {
    /// CISA Binding Operational Directive 26-04.
    #[serde(rename = "bod_26_04")]
    Bod2604,
    /// The default clocks for SSVC outcomes.
    #[serde(rename = "ssvc")]
    Ssvc,
    /// PCI DSS 4.0.1, requirement 6.3.3.
    #[serde(rename = "pci_dss_4_0_1")]
    PciDss,
    /// ACSC Essential Eight, patch applications and operating systems.
    #[serde(rename = "essential_eight")]
    EssentialEight,
    /// The organisation's own policy.
    #[serde(rename = "policy")]
    Policy,
}

/// What a clock counts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Clock {
    /// Publication of the vulnerability.
    Disclosed,
    /// Publication of the fix.
    FixAvailable,
    /// Listing in KEV.
    KevAdded,
    /// This scan: nothing earlier is known.
    Observed,
}
