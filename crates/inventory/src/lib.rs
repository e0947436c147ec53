//! Collects what is on this machine or in a root: release, packages, repositories, kernels, processes.
//!
//! The scan and the agent call [`of_root`]; the agent also collects single parts by the functions below, when only one of
//! them may have changed. `overlock-packages` and `overlock-host` read each source; here is decided what is asked, in
//! which order, and what a failure means. A damaged package database ends the collection, since half an inventory would
//! read like a whole one; whatever else could not be seen is said in [`Inventory::unseen`].
//!
//! ```text
//! root ─► machine ─────────────────────────────────────────────┐
//!     ├─► operating_system ─┬─► packages, repositories, offers ─┤
//!     │                     └─► kernels ─► running ─► ownership ┼─► Inventory
//!     └─► language_packages ────────────────────────────────────┘
//! ```

#![forbid(unsafe_code)]

mod error;
mod languages;
mod machine;
pub mod ownership;
mod running;
mod system;

pub use error::InventoryError;
pub use languages::language_packages;
pub use machine::{hostname, machine, machine_id};
pub use running::{Running, kernels, running};
pub use system::{System, operating_system};

use overlock_model::Timestamp;
use overlock_model::inventory::{Inventory, Unseen};
use overlock_model::one_line::in_one_line;
use overlock_rootfs::Root;
use std::path::PathBuf;

/// What to collect, and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which parts.
    pub parts: Parts,
    /// Folder for caches that make the next collection fast; `None` keeps none.
    pub cache: Option<PathBuf>,
}

/// Parts of an inventory that can be left out. What the machine is (release, name, architecture, running kernel) is
/// always there. A part left out is the caller's choice: it is empty, and `unseen` does not speak of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts {
    /// Packages of the operating system, installed kernels among them.
    pub packages: bool,
    /// Repositories, and what they offer for the packages of the operating system. Who published a package is part of
    /// the package and does not go with them.
    pub repositories: bool,
    /// Packages of languages, for which the file tree is searched.
    pub languages: bool,
    /// Processes that run replaced files, units with the files they use, reasons to reboot.
    pub processes: bool,
}

impl Parts {
    /// Everything.
    pub const ALL: Self = Self {
        packages: true,
        repositories: true,
        languages: true,
        processes: true,
    };

    /// Everything but packages of languages.
    pub const OPERATING_SYSTEM: Self = Self {
        languages: false,
        ..Self::ALL
    };

    /// Nothing but what the machine is.
    pub const NONE: Self = Self {
        packages: false,
        repositories: false,
        languages: false,
        processes: false,
    };

    /// Offers are made for installed packages and files belong to them, so the databases are read for all of these.
    const fn need_databases(self) -> bool {
        self.packages || self.repositories || self.processes
    }
}

/// Collects the inventory of a root; `now` is the time it is stamped with.
///
/// # Errors
/// When the release is not stated, or a package database that is needed for `parts` is damaged.
pub fn of_root(
    root: &Root,
    options: &Options,
    now: Timestamp,
) -> Result<Inventory, InventoryError> {
    let Options { parts, cache } = options;
    let cache = cache.as_deref();
    let mut inventory = machine(root, now)?;
    let system = if parts.need_databases() {
        operating_system(root, cache)?
    } else {
        System::default()
    };
    // A root without a single program (an image of one static file) still has packages that name their architecture.
    if inventory.arch.is_none() {
        inventory.arch = system.commonest_arch();
    }
    let kernel = kernels(root, &system.packages);
    if parts.processes {
        let running = running(root, &kernel, &system.packages);
        inventory.effective = running.effective;
        inventory.unseen.extend(running.unseen);
    }
    if parts.packages {
        inventory.kernel = kernel;
        inventory.packages = system.packages;
        inventory.unseen.extend(system.packages_unseen);
    }
    if parts.repositories {
        inventory.repositories = system.survey.repositories;
        inventory.offers = system.survey.offers;
        inventory.unseen.extend(system.survey.unseen);
    }
    if parts.languages {
        let found = language_packages(root, cache);
        inventory.packages.extend(found.packages);
        inventory.search_roots = found.search_roots;
        inventory.unseen.extend(found.unseen);
    }
    inventory.unseen.sort();
    inventory.unseen.dedup();
    Ok(inventory)
}

fn missed(what: &str, error: &dyn std::error::Error) -> Unseen {
    Unseen {
        what: what.to_owned(),
        why: in_one_line(error),
    }
}
