//! How much risk an exposure carries, so that updates can be ranked by the risk they remove.
//!
//! The number orders work; it is no probability and no money. It is built so that each part can be explained:
//!
//! ```text
//! risk = 10^step × (1 + 4·KEV + 3·EPSS + CVSS/10)      step: defer 0, scheduled 1, out_of_cycle 2, immediate 3
//! ```
//!
//! - The decision comes first: the bracket stays from 1 to 9, below the factor 10 between steps, so no single exposure
//!   of a lower decision outranks one of a higher decision. An update that ends ten scheduled exposures weighs as much
//!   as one that ends one out-of-cycle exposure; risk adds up over what an update resolves.
//! - Then KEV: 4 is what EPSS and CVSS can reach together, so a known exploited one is never behind.
//! - Then EPSS, a probability and used as such; CVSS last, as it says how bad, not how likely.
//! - An absent EPSS counts as 0.1, about the 95th percentile (0.095 on 2026-08-16), and an absent CVSS as 7.0, the
//!   start of "high": not knowing must not look better than nearly anything known, nor as bad as the worst.

use overlock_model::decision::Decision;

/// What the rank of an exposure is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Factors {
    /// What to do.
    pub decision: Decision,
    /// Known to be exploited.
    pub in_kev: bool,
    /// EPSS score, 0.0 to 1.0.
    pub epss: Option<f64>,
    /// CVSS overall score, 0.0 to 10.0.
    pub cvss: Option<f64>,
}

/// EPSS of a vulnerability that has none.
pub const EPSS_UNKNOWN: f64 = 0.1;
/// CVSS of a vulnerability that has none.
pub const CVSS_UNKNOWN: f64 = 7.0;

/// The weight of one exposure, 1 to 9000; grows with each factor. Values out of range count as the nearest in range,
/// not-a-number as unknown.
#[must_use]
pub fn risk(factors: &Factors) -> f64 {
    let step = match factors.decision {
        Decision::Defer => 1.0,
        Decision::Scheduled => 10.0,
        Decision::OutOfCycle => 100.0,
        Decision::Immediate => 1000.0,
    };
    let known = |value: Option<f64>, max: f64, unknown| {
        value
            .filter(|value| !value.is_nan())
            .map_or(unknown, |value| value.clamp(0.0, max))
    };
    let kev = if factors.in_kev { 4.0 } else { 0.0 };
    let epss = known(factors.epss, 1.0, EPSS_UNKNOWN);
    let cvss = known(factors.cvss, 10.0, CVSS_UNKNOWN);
    step * (1.0 + kev + 3.0 * epss + cvss / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DECISIONS: [Decision; 4] = [
        Decision::Defer,
        Decision::Scheduled,
        Decision::OutOfCycle,
        Decision::Immediate,
    ];

    fn factors() -> impl Strategy<Value = Factors> {
        let decision = prop::sample::select(&DECISIONS[..]);
        let score = |max: f64| prop::option::of(0.0..=max);
        (decision, any::<bool>(), score(1.0), score(10.0)).prop_map(
            |(decision, in_kev, epss, cvss)| Factors {
                decision,
                in_kev,
                epss,
                cvss,
            },
        )
    }

    #[test]
    fn unknown_scores_are_neither_zero_nor_the_worst() {
        let with = |epss, cvss| {
            risk(&Factors {
                decision: Decision::Scheduled,
                in_kev: false,
                epss,
                cvss,
            })
        };
        assert!(with(None, None) > with(Some(0.05), Some(6.9)));
        assert!(with(None, None) < with(Some(0.2), Some(9.8)));
        assert_eq!(with(Some(f64::NAN), Some(f64::NAN)), with(None, None));
    }

    proptest! {
        #[test]
        fn risk_grows_with_each_factor(low in factors(), higher in 0.0..=1.0_f64) {
            prop_assert!((1.0..=9000.0).contains(&risk(&low)));
            let grows = |factors: Factors| risk(&factors) >= risk(&low);
            for decision in DECISIONS.into_iter().filter(|decision| *decision > low.decision) {
                let urgent = Factors { decision, ..low };
                prop_assert!(risk(&urgent) > risk(&low));
            }
            let (epss, cvss) = (low.epss.unwrap_or(EPSS_UNKNOWN), low.cvss.unwrap_or(CVSS_UNKNOWN));
            prop_assert!(grows(Factors { in_kev: true, ..low }), "kev");
            prop_assert!(grows(Factors { epss: Some(epss + (1.0 - epss) * higher), ..low }), "epss");
            prop_assert!(grows(Factors { cvss: Some(cvss + (10.0 - cvss) * higher), ..low }), "cvss");
        }

        #[test]
        fn the_decision_outranks_all_else(one in factors(), other in factors()) {
            if one.decision > other.decision {
                prop_assert!(risk(&one) > risk(&other));
            }
        }

        #[test]
        fn known_exploitation_outranks_the_scores_within_a_decision(one in factors(), other in factors()) {
            let listed = Factors { in_kev: true, ..one };
            let unlisted = Factors { in_kev: false, decision: one.decision, ..other };
            prop_assert!(risk(&listed) >= risk(&unlisted));
        }

        #[test]
        fn no_number_panics_or_leaves_the_range(epss in any::<f64>(), cvss in any::<f64>()) {
            let factors = Factors { decision: Decision::Immediate, in_kev: true, epss: Some(epss), cvss: Some(cvss) };
            prop_assert!((1.0..=9000.0).contains(&risk(&factors)));
        }
    }
}
