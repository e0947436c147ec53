//! apt: configured repositories, whether their metadata can be trusted, and what they offer for installed packages.
//!
//! `overlock-host` calls [`survey`] after [`crate::deb::installed`]. Everything is read from files that apt left
//! behind; apt itself is never started, and its answers (`apt-cache policy`) are the oracle of the tests.
//!
//! ```text
//! sources ──► Release ──signature──┐
//!    └──────► Packages ──table─────┼──► lists + versions ──policy──► candidate ──► Offer
//! apt.conf, preferences ───────────┘                                          └──► Package.origin
//! ```

mod cache;
mod candidates;
mod conf;
mod files;
mod index;
mod pattern;
mod phased;
mod policy;
mod preferences;
mod release;
mod repositories;
mod signature;
mod sources;
mod table;

pub use conf::Conf;
pub use files::list_name;
pub use index::{IndexLimits, read_index, scan_package};
pub use pattern::matches;
pub use phased::{draw, is_excluded};
pub use policy::{Choose, List, Policy, Version, newest_first};
pub use preferences::{Choice, Names, Pin, Pins, ReleaseChoice};
pub use release::{Release, parse_date, parse_release};
pub use signature::{KeyRing, verify_detached, verify_inline};
pub use sources::{Architectures, Parsed, SignedBy, Source, parse_lines, parse_paragraphs};
pub use table::{Record, Table};

use crate::Survey;
use crate::error::PackagesError;
use overlock_model::package::Package;
use overlock_rootfs::Root;
use std::path::Path;

/// Where apt keeps what it fetched.
pub const LISTS: &str = "var/lib/apt/lists";

/// Reads what apt knows, and says of each installed package where its version comes from.
///
/// - `packages`: what [`crate::deb::installed`] found; `origin` is set for those whose exact version some list has.
/// - `machine_id`: decides which phased updates the host takes; `None` (chroot, image) takes all, as apt does.
/// - `cache`: a folder for derived tables. Without it every scan reads the lists anew.
///
/// A list or Release file that cannot be read is told in `unseen`, and the others still count.
///
/// # Errors
/// When apt's configuration is there and cannot be read: without it no candidate would be right.
pub fn survey(
    root: &Root,
    packages: &mut [Package],
    machine_id: Option<&str>,
    cache: Option<&Path>,
) -> Result<Survey, PackagesError> {
    let conf = Conf::read(root)?;
    let native = packages
        .iter()
        .find(|package| package.name == "dpkg")
        .or(packages.first());
    let native = native
        .and_then(|package| package.arch.clone())
        .filter(|arch| arch != "all");
    let architectures = sources::host_architectures(root, &conf, native.as_deref());
    let native = architectures.first().cloned().unwrap_or_default();
    let mut survey = Survey::default();
    let (sources, problems) = sources::read(root, &native)?;
    survey.unseen.extend(problems);
    let (pins, problems) = preferences::read(root)?;
    survey.unseen.extend(problems);

    let mut indexes = repositories::read(
        root,
        &sources,
        &architectures,
        cache::Cache::new(cache),
        &mut survey,
    );
    let lists = std::iter::once(List::status())
        .chain(indexes.iter().map(|index| index.list.clone()))
        .collect();
    let (policy, problem) = Policy::new(lists, pins, &conf, &native, machine_id);
    if let Some(why) = problem {
        survey.miss("etc/apt/apt.conf", why);
    }
    candidates::offer(
        root,
        packages,
        &policy,
        &native,
        &mut indexes,
        cache::Cache::new(cache),
        &mut survey,
    );
    survey
        .offers
        .sort_by(|a, b| (&a.package, &a.arch).cmp(&(&b.package, &b.arch)));
    Ok(survey)
}
