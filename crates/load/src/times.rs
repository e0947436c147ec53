//! How long requests took.

use std::time::Duration;

/// Durations of many requests.
#[derive(Debug, Default, Clone)]
pub struct Times {
    micros: Vec<u32>,
}

impl Times {
    /// Takes one.
    pub fn add(&mut self, time: Duration) {
        self.micros
            .push(u32::try_from(time.as_micros()).unwrap_or(u32::MAX));
    }

    /// Takes all of another.
    pub fn join(&mut self, mut other: Self) {
        self.micros.append(&mut other.micros);
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.micros.len()
    }

    /// The time that this share (0 to 1) of all requests did not exceed, in milliseconds; 0 of none.
    #[must_use]
    pub fn quantile_ms(&self, share: f64) -> f64 {
        let mut sorted = self.micros.clone();
        sorted.sort_unstable();
        let last = sorted.len().saturating_sub(1);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "an index into a list of requests"
        )]
        let at = (last as f64 * share.clamp(0.0, 1.0)).ceil() as usize;
        f64::from(sorted.get(at).copied().unwrap_or(0)) / 1000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_sorted_times() {
        let mut times = Times::default();
        for millis in [5, 1, 4, 2, 3] {
            times.add(Duration::from_millis(millis));
        }
        assert_eq!(times.quantile_ms(0.0), 1.0);
        assert_eq!(times.quantile_ms(0.5), 3.0);
        assert_eq!(times.quantile_ms(0.99), 5.0);
        assert_eq!(Times::default().quantile_ms(0.5), 0.0);
    }
}
