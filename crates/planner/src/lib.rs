//! Which updates to make first on one host, and what is held and why.
//!
//! Called with the exposures of a scan and what the host's repositories offer; pure, so the same facts give the
//! same answer, byte for byte.
//!
//! ```text
//! packages, offers ─► stock (moves from → to) ─► groups that must move together ─► updates, by risk removed
//!                                                   │ one member blocked             │ beyond capacity
//! exposures that no group ends ─────────────────────┴────────► held ◄────────────────┘
//! ```

mod groups;
mod held;
mod kernel;
mod reboot;
mod stock;
mod updates;

use overlock_model::exposure::Exposure;
use overlock_model::inventory::Inventory;
use overlock_model::os::Support;
use overlock_model::update::{Held, Update};
use stock::Stock;
use updates::Ender;

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
    /// Which updates are worth making.
    pub scope: Scope,
}

/// Which updates are worth making.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scope {
    /// Those that end an exposure, or that a security repository brings.
    #[default]
    Security,
    /// Every newer version on offer.
    Every,
}

/// What to do, in order, and what stays.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Planned {
    /// Updates, most risk removed first. Security updates whose advisories are not known come last.
    pub updates: Vec<Update>,
    /// What stays exposed, most risk first, with the reason.
    pub held: Vec<Held>,
}

impl Situation<'_> {
    /// Weight of the exposure at a position.
    fn weight(&self, at: usize) -> f64 {
        self.weights.get(at).copied().unwrap_or(0.0)
    }
}

/// Plans the updates of one host.
#[must_use]
pub fn plan(situation: &Situation<'_>) -> Planned {
    let stock = Stock::new(situation.inventory);
    let groups = groups::close(&stock);
    let enders: Vec<Option<Ender>> = situation
        .exposures
        .iter()
        .map(|exposure| updates::ender(&stock, &groups, exposure))
        .collect();
    let mut ranked = updates::rank(situation, &stock, &groups, &enders);
    let kept = situation.capacity.unwrap_or(usize::MAX).min(ranked.len());
    let beyond = ranked.split_off(kept);
    Planned {
        held: held::reasons(situation, &stock, &groups, &enders, &beyond),
        updates: ranked.into_iter().map(|one| one.update).collect(),
    }
}
