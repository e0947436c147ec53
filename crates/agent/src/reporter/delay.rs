//! How long to wait: pure functions of what happened and of a random number.

use std::time::Duration;

/// How waits grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackOff {
    /// Longest wait after the first failure.
    pub first: Duration,
    /// Longest wait after many failures.
    pub longest: Duration,
}

impl BackOff {
    /// When a server restarts, all its agents lose their connections in one moment; spread over the first wait, ten
    /// thousand of them are fewer than a thousand handshakes a second. After an outage a fleet is back within the
    /// longest, as "all in within five minutes" wants.
    pub const DEFAULT: Self = Self {
        first: Duration::from_secs(15),
        longest: Duration::from_secs(120),
    };
}

/// The wait before the next try, after `failures` in a row (1 or more): doubled each time up to a bound, and anywhere
/// between an eighth of that and all of it, so that agents that failed together do not come back together.
#[must_use]
pub fn next_delay(back_off: BackOff, failures: u32, random: u64) -> Duration {
    let doubled = back_off
        .first
        .saturating_mul(1_u32 << failures.saturating_sub(1).min(8));
    let most = doubled.min(back_off.longest);
    between(most / 8, most, random)
}

/// `around`, up to a tenth shorter or longer.
#[must_use]
pub fn spread(around: Duration, random: u64) -> Duration {
    between(around * 9 / 10, around * 11 / 10, random)
}

/// Anywhere between two durations, evenly.
#[must_use]
pub fn between(least: Duration, most: Duration, random: u64) -> Duration {
    let span = u64::try_from(most.saturating_sub(least).as_millis()).unwrap_or(u64::MAX);
    least + Duration::from_millis(random % span.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_are_never_nothing() {
        let longest = |failures| {
            next_delay(BackOff::DEFAULT, failures, 0).max(next_delay(
                BackOff::DEFAULT,
                failures,
                119_000,
            ))
        };
        assert_eq!(
            next_delay(BackOff::DEFAULT, 1, 0),
            BackOff::DEFAULT.first / 8
        );
        assert!(longest(2) > longest(1));
        for failures in [0, 1, 2, 5, 100, u32::MAX] {
            for random in [0, 1, 77_777, u64::MAX] {
                let wait = next_delay(BackOff::DEFAULT, failures, random);
                assert!(
                    wait >= BackOff::DEFAULT.first / 8 && wait <= BackOff::DEFAULT.longest,
                    "{failures} {wait:?}"
                );
            }
        }
    }

    #[test]
    fn agents_that_failed_together_come_back_apart() {
        let mut waits: Vec<Duration> = (0..1000_u64)
            .map(|agent| {
                next_delay(
                    BackOff::DEFAULT,
                    4,
                    agent.wrapping_mul(0x9e37_79b9_7f4a_7c15),
                )
            })
            .collect();
        waits.sort_unstable();
        waits.dedup();
        assert!(waits.len() > 900);
    }

    #[test]
    fn a_spread_stays_near() {
        let around = Duration::from_secs(100);
        for random in [0, 5, 12_345, u64::MAX] {
            let wait = spread(around, random);
            assert!(wait >= Duration::from_secs(90) && wait <= Duration::from_secs(110));
        }
    }
}
