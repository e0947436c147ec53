//! Places of connections that have begun their handshake and had no answer yet.
//!
//! A crowd is let in by turns, and nobody can keep the others out: who says nothing takes no place, a place is given back
//! with the first answer or after a few seconds at the latest, and one address has a share of them only.

use super::peers::one_address;
use crate::limits::Limits;
use std::collections::HashMap;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// Addresses that are kept in mind before those of nobody are forgotten.
const ADDRESSES: usize = 1024;

/// All places.
#[derive(Debug)]
pub(super) struct Unanswered {
    places: Arc<Semaphore>,
    shares: Mutex<HashMap<IpAddr, Weak<Semaphore>>>,
    limits: Limits,
}

/// A place, given back in time whatever its holder does.
#[derive(Debug)]
pub(super) struct Place {
    /// Of its address's share, and of all.
    taken: Option<(OwnedSemaphorePermit, OwnedSemaphorePermit)>,
    /// Keeps the share of its address in mind.
    _share: Arc<Semaphore>,
    until: Instant,
}

/// Says that a connection gives back its place: it had an answer, or is to have one that is meant to wait.
#[derive(Debug, Clone, Default)]
pub struct Received(Arc<Notify>);

impl Received {
    /// Says so; again and again does no harm.
    pub fn say(&self) {
        self.0.notify_one();
    }

    /// Waits until it is said.
    pub(super) async fn said(&self) {
        self.0.notified().await;
    }
}

impl Unanswered {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            places: Arc::new(Semaphore::new(limits.unanswered)),
            shares: Mutex::default(),
            limits,
        }
    }

    /// A place, when it is the turn of this address and of all others; `None` only when the server is gone.
    pub(super) async fn place(&self, address: IpAddr) -> Option<Place> {
        let share = self.share(one_address(address));
        let of_address = Arc::clone(&share).acquire_owned().await.ok()?;
        let of_all = Arc::clone(&self.places).acquire_owned().await.ok()?;
        Some(Place {
            taken: Some((of_address, of_all)),
            _share: share,
            until: Instant::now() + self.limits.unanswered_for,
        })
    }

    fn share(&self, address: IpAddr) -> Arc<Semaphore> {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = shares.get(&address).and_then(Weak::upgrade) {
            return share;
        }
        if shares.len() >= ADDRESSES {
            shares.retain(|_, share| share.strong_count() > 0);
        }
        let share = Arc::new(Semaphore::new(self.limits.unanswered_per_address));
        shares.insert(address, Arc::downgrade(&share));
        share
    }
}

impl Place {
    /// Does something while the place is held, as long as it is; it goes on without one.
    pub(super) async fn during<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        if self.taken.is_some() {
            tokio::select! {
                done = &mut work => return done,
                () = tokio::time::sleep_until(self.until) => self.taken = None,
            }
        }
        work.await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn unanswered(unanswered_for: Duration) -> Unanswered {
        Unanswered::new(Limits {
            unanswered: 3,
            unanswered_per_address: 2,
            unanswered_for,
            ..Limits::default()
        })
    }

    #[tokio::test(start_paused = true)]
    async fn one_address_has_its_share_only_and_a_place_is_given_back_in_time() {
        let unanswered = unanswered(Duration::from_secs(2));
        let [one, other]: [IpAddr; 2] = [[192, 0, 2, 1].into(), [192, 0, 2, 2].into()];
        let mut first = unanswered.place(one).await.unwrap();
        let _second = unanswered.place(one).await.unwrap();
        let later = Duration::from_secs(3600);
        assert!(
            tokio::time::timeout(later, unanswered.place(one))
                .await
                .is_err()
        );
        let _third = unanswered.place(other).await.unwrap();
        // It goes on without its place, which another one has.
        first.during(tokio::time::sleep(later)).await;
        let _fourth = unanswered.place(one).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn shares_of_nobody_are_forgotten() {
        let unanswered = unanswered(Duration::from_secs(2));
        for number in 0..3 * u32::try_from(ADDRESSES).unwrap() {
            drop(unanswered.place(IpAddr::V4(number.into())).await.unwrap());
        }
        assert!(unanswered.shares.lock().unwrap().len() <= ADDRESSES);
    }
}
