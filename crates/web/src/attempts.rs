//! How often one address may try: enrolment with a wrong token, a login.
//!
//! A window of a minute for each address, forgotten when it is over; the number of addresses is bounded, and when it is
//! reached all of them wait, which costs honest newcomers a minute.

use crate::listen::one_address;
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

const WINDOW: SignedDuration = SignedDuration::from_secs(60);
const ADDRESSES: usize = 50_000;

/// Attempts, by address.
#[derive(Debug)]
pub struct Attempts {
    limit: u32,
    by_address: Mutex<HashMap<IpAddr, (Timestamp, u32)>>,
}

/// The address must wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany {
    /// For so long.
    pub retry_seconds: u32,
}

impl Attempts {
    /// At most `limit` within a minute.
    #[must_use]
    pub fn new(limit: u32) -> Self {
        Self {
            limit,
            by_address: Mutex::default(),
        }
    }

    /// Whether the address may try now.
    ///
    /// # Errors
    /// When it has failed too often within this minute.
    pub fn check(&self, address: IpAddr, now: Timestamp) -> Result<(), TooMany> {
        let mut all = self.lock();
        if all.len() >= ADDRESSES {
            all.retain(|_, (since, _)| now.duration_since(*since) < WINDOW);
        }
        let full = all.len() >= ADDRESSES;
        let too_many = |since: Timestamp| {
            let rest = WINDOW - now.duration_since(since);
            TooMany {
                retry_seconds: u32::try_from(rest.as_secs()).unwrap_or_default().max(1),
            }
        };
        match all.get(&one_address(address)) {
            Some((since, count)) if now.duration_since(*since) < WINDOW && *count >= self.limit => {
                Err(too_many(*since))
            }
            None if full => Err(too_many(now)),
            _ => Ok(()),
        }
    }

    /// Counts one that failed.
    pub fn failed(&self, address: IpAddr, now: Timestamp) {
        let mut all = self.lock();
        let entry = all.entry(one_address(address)).or_insert((now, 0));
        if now.duration_since(entry.0) >= WINDOW {
            *entry = (now, 0);
        }
        entry.1 = entry.1.saturating_add(1);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<IpAddr, (Timestamp, u32)>> {
        self.by_address
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_fails_too_often_waits_and_others_do_not() {
        let attempts = Attempts::new(2);
        let (one, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let now = Timestamp::UNIX_EPOCH;
        for _ in 0..2 {
            assert_eq!(attempts.check(one, now), Ok(()));
            attempts.failed(one, now);
        }
        assert_eq!(attempts.check(one, now), Err(TooMany { retry_seconds: 60 }));
        assert_eq!(attempts.check(other, now), Ok(()));
        assert_eq!(attempts.check(one, now + WINDOW), Ok(()));
        attempts.failed(one, now + WINDOW);
        assert_eq!(attempts.check(one, now + WINDOW), Ok(()));
    }
}
