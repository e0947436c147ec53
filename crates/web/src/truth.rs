//! The fleet in memory, and the tables that it is judged by.
//!
//! Written by the tasks that follow the log and watch the tables ([`crate::follow`], [`crate::judging`]); read by whoever
//! answers. Nothing waits for anything while it holds the lock.

mod take_in;
mod world;

pub(crate) use take_in::take_in;
pub use world::{TablesId, World};

use overlock_fleet::{Fleet, Judging};
use std::sync::{Arc, PoisonError, RwLock};

/// What is true of all hosts, as far as this server has followed.
#[derive(Debug)]
pub struct Truth {
    fleet: RwLock<Fleet>,
    world: RwLock<Arc<World>>,
}

impl Truth {
    /// No hosts yet.
    #[must_use]
    pub fn new(world: World, judging: Judging) -> Self {
        Self {
            fleet: RwLock::new(Fleet::new(judging)),
            world: RwLock::new(Arc::new(world)),
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

    /// The tables that are in use.
    #[must_use]
    pub fn world(&self) -> Arc<World> {
        Arc::clone(&self.world.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn set_world(&self, world: Arc<World>) {
        *self.world.write().unwrap_or_else(PoisonError::into_inner) = world;
    }
}
