//! Who is at the other end of a connection, and how many places one address may take.

use super::unanswered::Received;
use crate::authority::HostIdentity;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

/// The other end of a connection.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    /// The host that its certificate names; people and new agents have none.
    pub identity: Option<Arc<HostIdentity>>,
    /// To be said where an answer is meant to wait.
    pub received: Received,
}

/// What counts as one address: of IPv6 the first 64 bits, since a subscriber has all that follow.
#[must_use]
pub fn one_address(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & !u128::from(u64::MAX)).into()),
        address => address,
    }
}

/// Places taken, by address.
#[derive(Debug)]
pub(super) struct Places {
    taken: Mutex<HashMap<IpAddr, usize>>,
    limit: usize,
}

/// The address has all the places that it may have.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PlacesTaken;

impl Places {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            taken: Mutex::default(),
            limit,
        }
    }

    pub(super) fn take(self: &Arc<Self>, address: IpAddr) -> Result<Place, PlacesTaken> {
        let address = one_address(address);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(address).or_default();
        if *count >= self.limit {
            return Err(PlacesTaken);
        }
        *count += 1;
        Ok(Place {
            places: Arc::clone(self),
            address,
        })
    }
}

/// One place, given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    address: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self
            .places
            .taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_takes_only_its_places_and_gives_them_back() {
        let places = Arc::new(Places::new(2));
        let take = |address: &str| places.take(address.parse().unwrap());
        let one = take("2001:db8::1").unwrap();
        let two = take("2001:db8::2").unwrap();
        assert_eq!(take("2001:db8::3").err(), Some(PlacesTaken));
        let other = take("192.0.2.1").unwrap();
        drop(one);
        let three = take("2001:db8::3").unwrap();
        drop((two, three, other));
        assert!(places.taken.lock().unwrap().is_empty());
    }

    #[test]
    fn a_mapped_address_is_the_address_that_it_maps() {
        assert_eq!(
            one_address("::ffff:192.0.2.1".parse().unwrap()),
            one_address("192.0.2.1".parse().unwrap())
        );
    }
}
