//! The fleet in memory, and the tables that it is judged by.
//!
//! Written by the tasks that follow the log and watch the tables ([`crate::follow`], [`crate::judging`]); read by whoever
//! answers. Nothing waits for anything while it holds the lock.

mod take_in;
mod world;

pub(crate) use take_in::take_in;
pub use world::{TablesId, World};

use overlock_fleet::{Fleet, Judging};
use overlock_model::plan::HostId;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

/// What is true of all hosts, as far as this server has followed.
#[derive(Debug)]
pub struct Truth {
    fleet: RwLock<Fleet>,
    world: RwLock<Arc<World>>,
    unreadable: Mutex<BTreeSet<(HostId, Stored)>>,
}

/// What is stored of a host and can be damaged by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stored {
    /// Its sections and their contents.
    Sections,
    /// Its open episodes.
    Episodes,
}

impl Truth {
    /// No hosts yet.
    #[must_use]
    pub fn new(world: World, judging: Judging) -> Self {
        Self {
            fleet: RwLock::new(Fleet::new(judging)),
            world: RwLock::new(Arc::new(world)),
            unreadable: Mutex::default(),
        }
    }

    /// Asks.
    pub fn read<R>(&self, ask: impl FnOnce(&Fleet) -> R) -> R {
        ask(&self.fleet.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes.
    pub(crate) fn write<R>(&self, change: impl FnOnce(&mut Fleet) -> R) -> R {
        change(&mut self.fleet.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many hosts have something stored that cannot be read: they are set aside, and everything else goes on.
    #[must_use]
    pub fn unreadable(&self) -> usize {
        let unreadable = self.lock_unreadable();
        let hosts: BTreeSet<&HostId> = unreadable.iter().map(|(host, _)| host).collect();
        hosts.len()
    }

    /// Something of a host could be read.
    pub(crate) fn was_read(&self, host: &HostId, what: Stored) {
        self.lock_unreadable().remove(&(host.clone(), what));
    }

    /// Something of a host cannot be read; told once.
    pub(crate) fn was_not_read(&self, host: &HostId, what: Stored, why: &dyn Display) {
        if self.lock_unreadable().insert((host.clone(), what)) {
            tracing::error!(%host, ?what, %why, "what is stored of a host cannot be read; it is set aside");
        }
    }

    /// The host is no more.
    pub(crate) fn forget(&self, host: &HostId) {
        self.write(|fleet| fleet.remove(host));
        self.lock_unreadable().retain(|(known, _)| known != host);
    }

    fn lock_unreadable(&self) -> MutexGuard<'_, BTreeSet<(HostId, Stored)>> {
        self.unreadable
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The tables that are in use.
    #[must_use]
    pub fn world(&self) -> Arc<World> {
        Arc::clone(&self.world.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn set_world(&self, world: Arc<World>) {
        *self.world.write().unwrap_or_else(PoisonError::into_inner) = world;
    }
}

#[cfg(test)]
mod tests;
