//! The order in which exposures are shown.

use overlock_model::exposure::Exposure;
use overlock_risk::Judgement;
use std::cmp::Reverse;

/// Sorts most urgent first: by decision, then weight, then name, so that the same exposures always stand in the same
/// order.
pub fn rank(exposures: &mut [(Exposure, Judgement)]) {
    exposures.sort_by(|(a, a_judged), (b, b_judged)| {
        let key = |exposure: &Exposure, judged: &Judgement| {
            // Weights are never negative, so their bits are in order.
            (Reverse(exposure.decision), Reverse(judged.risk.to_bits()))
        };
        key(a, a_judged).cmp(&key(b, b_judged)).then_with(|| {
            (&a.source, &a.vulnerability, &a.installed).cmp(&(
                &b.source,
                &b.vulnerability,
                &b.installed,
            ))
        })
    });
}
