//! Which updates to make first on one host, and what is held and why.
//!
//! Called with the exposures of a scan and what the host's repositories offer; pure, so the same facts give the
//! same answer, byte for byte.
//!
//! ```text
//! offers ─► moves (package from → to) ─► groups that must move together ─► updates, by risk removed
//!              │ blocked                      │ one member blocked                │ beyond capacity
//!              └──────────────────────────────┴────────────► held ◄───────────────┘
//! exposures that no update ends ─────────────────────────────┘
//! ```

mod groups;
mod held;
mod moves;
mod reboot;
mod updates;

use overlock_model::exposure::Exposure;
use overlock_model::inventory::Inventory;
use overlock_model::os::Support;
use overlock_model::update::{Held, Update};

/// What the planner looks at.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// Packages, offers, repositories, units in use.
    pub inventory: &'a Inventory,
    /// What is wrong.
    pub exposures: &'a [Exposure],
    /// Weight of each exposure, in the same order; larger is riskier, never negative.
    pub weights: &'a [f64],
    /// How long the release is supported.
    pub support: &'a Support,
    /// At most this many updates; `None` is all.
    pub capacity: Option<usize>,
}

/// What to do, in order, and what stays.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Planned {
    /// Updates, most risk removed first. Security updates whose advisories are not known come last.
    pub updates: Vec<Update>,
    /// What stays exposed, most risk first, with the reason.
    pub held: Vec<Held>,
}

/// Plans the updates of one host.
#[must_use]
pub fn plan(situation: &Situation<'_>) -> Planned {
    let moves = moves::moves(situation.inventory);
    let groups = groups::close(&moves);
    let (updates, mut ended) = updates::rank(situation, &moves, &groups);
    let (updates, over) = updates::fit(updates, situation.capacity);
    let mut held: Vec<Held> = over;
    // What is beyond the capacity has its reason already.
    ended.sort_unstable();
    held.extend(held::reasons(situation, &moves, &groups, &ended));
    Planned { updates, held }
}

#[cfg(test)]
mod tests;
