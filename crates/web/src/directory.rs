//! Every host in memory, as far as agents' messages need it: an unchanged check-in asks this and nothing else.
//!
//! Loaded from the store at start and kept up by what this server does and by the log, which tells what other replicas did
//! ([`crate::follow`]). The store stays the truth: an entry can be thrown away and read again at any time.

mod entry;

pub use entry::{Entry, Place, Want};

use jiff::Timestamp;
use overlock_model::plan::HostId;
use overlock_store::{Host, Seen};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// All hosts.
#[derive(Debug, Default)]
pub struct Directory {
    hosts: RwLock<HashMap<HostId, Arc<Entry>>>,
    /// Seen since the last flush.
    fresh: Mutex<Vec<Arc<Entry>>>,
}

impl Directory {
    /// The host, if it is known.
    #[must_use]
    pub fn get(&self, id: &HostId) -> Option<Arc<Entry>> {
        let hosts = self.hosts.read().unwrap_or_else(PoisonError::into_inner);
        hosts.get(id).cloned()
    }

    /// How many hosts are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.hosts
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    /// Whether none is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes in a host as the store has it, new or changed. Whoever waits for it is woken when that matters to them.
    pub fn put(&self, host: &Host) -> Arc<Entry> {
        if let Some(known) = self.get(&host.id) {
            known.refresh(host);
            return known;
        }
        let mut hosts = self.hosts.write().unwrap_or_else(PoisonError::into_inner);
        let entry = hosts
            .entry(host.id.clone())
            .or_insert_with(|| Arc::new(Entry::of(host)));
        Arc::clone(entry)
    }

    /// Forgets a host; its agent is turned away from now on.
    pub fn remove(&self, id: &HostId) {
        let mut hosts = self.hosts.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = hosts.remove(id) {
            entry.forgotten();
        }
    }

    /// Asks an agent for something; false when the host is not known here.
    pub fn want(&self, id: &HostId, want: Want, at: Timestamp) -> bool {
        self.get(id).is_some_and(|entry| {
            entry.want(want, at);
            true
        })
    }

    /// Notes that a host was heard, to be written with the next flush.
    pub fn heard(&self, entry: &Arc<Entry>, seen: Seen) {
        if entry.heard(seen) {
            let mut fresh = self.fresh.lock().unwrap_or_else(PoisonError::into_inner);
            fresh.push(Arc::clone(entry));
        }
    }

    /// What was heard since the last call.
    #[must_use]
    pub fn take_heard(&self) -> Vec<Seen> {
        let mut fresh = self.fresh.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = std::mem::take(&mut *fresh);
        fresh
            .iter()
            .filter_map(|entry| entry.take_heard())
            .collect()
    }

    /// Puts back what could not be written; what came meanwhile is newer.
    pub fn give_back(&self, signs: Vec<Seen>) {
        for sign in signs {
            if let Some(entry) = self.get(&sign.host)
                && entry.give_back(sign)
            {
                let mut fresh = self.fresh.lock().unwrap_or_else(PoisonError::into_inner);
                fresh.push(entry);
            }
        }
    }

    /// When each host was last heard by this server, for answers that must not wait for the flush.
    #[must_use]
    pub fn last_heard(&self, id: &HostId) -> Option<Timestamp> {
        self.get(id)?.last_heard()
    }
}
