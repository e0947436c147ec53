//! The organisation's own deadlines, and which of the rules it follows at all.

use overlock_model::decision::Rule;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Own deadlines in days, the table `[policy]` of the configuration. A deadline left out sets no clock; where several
/// apply the earliest counts.
///
/// ```
/// # use overlock_risk::Policy;
/// let policy: Policy = toml::from_str("
///     kev_days = 2
///     essential_eight = 'ml3'
///     [decision_days]
///     immediate = 1
///     [severity_days]
///     critical = 7
///     unknown = 30
/// ").unwrap();
/// assert_eq!(policy.severity_days.critical, Some(7));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Days after the fix, by decision.
    pub decision_days: DecisionDays,
    /// Days after the fix, by severity (the vendor's, else of the CVSS score).
    pub severity_days: SeverityDays,
    /// Days after listing in KEV, fix or not.
    pub kev_days: Option<u16>,
    /// Maturity level of the Essential Eight that is aimed at.
    pub essential_eight: Maturity,
}

/// Days by decision.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DecisionDays {
    /// For `immediate`.
    pub immediate: Option<u16>,
    /// For `out_of_cycle`.
    pub out_of_cycle: Option<u16>,
    /// For `scheduled`.
    pub scheduled: Option<u16>,
    /// For `defer`.
    pub defer: Option<u16>,
}

/// Days by severity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SeverityDays {
    /// For critical.
    pub critical: Option<u16>,
    /// For high.
    pub high: Option<u16>,
    /// For medium.
    pub medium: Option<u16>,
    /// For low and none.
    pub low: Option<u16>,
    /// For vulnerabilities that nobody has rated.
    pub unknown: Option<u16>,
}

/// Maturity level of the Essential Eight. Level 2 is the default: Australia asks it of its government.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Maturity {
    /// Level 1.
    Ml1,
    /// Level 2.
    #[default]
    Ml2,
    /// Level 3: 48 hours also inside the network when critical or exploited.
    Ml3,
}

/// The rules that are followed; all unless chosen otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Rules(BTreeSet<Rule>);

impl Rules {
    /// Just these.
    #[must_use]
    pub fn only(rules: impl IntoIterator<Item = Rule>) -> Self {
        Self(rules.into_iter().collect())
    }

    /// The rules in their order.
    pub fn iter(&self) -> impl Iterator<Item = Rule> {
        self.0.iter().copied()
    }

    /// Whether a rule is followed.
    #[must_use]
    pub fn has(&self, rule: Rule) -> bool {
        self.0.contains(&rule)
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self::only([
            Rule::Bod2604,
            Rule::Ssvc,
            Rule::PciDss,
            Rule::EssentialEight,
            Rule::Policy,
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_deadline_is_refused_rather_than_ignored() {
        assert!(toml::from_str::<Policy>("[decision_days]\nimediate = 1").is_err());
        assert!(toml::from_str::<Policy>("kev_days = -1").is_err());
        assert_eq!(toml::from_str::<Policy>("").unwrap(), Policy::default());
    }

    #[test]
    fn all_rules_are_followed_unless_chosen() {
        use Rule::{Bod2604, EssentialEight, PciDss, Policy, Ssvc};
        assert_eq!(
            Rules::default().iter().collect::<Vec<_>>(),
            [Bod2604, Ssvc, PciDss, EssentialEight, Policy]
        );
        assert!(!Rules::only([Ssvc]).has(Bod2604));
    }
}
