//! A look at the host: what it has, as sections.
//!
//! A look reads every package database and every process, so it needs far more memory than an agent that waits. It is done
//! in a process of its own ([`Eyes::Child`]) that leaves the contents in the state directory and answers with digests; a
//! program that is large anyway does it in a thread ([`Eyes::Thread`]).

mod child;
pub mod watch;

use crate::config::Switches;
use crate::contents::Contents;
use crate::helper;
use crate::reporter::Seen;
use jiff::Timestamp;
use overlock_inventory::{InventoryError, Parts};
use overlock_model::inventory::Unseen;
use overlock_model::plan::CanonicalError;
use overlock_protocol::content::{Labels, Sections, sections};
use overlock_protocol::{Section, SectionContent, SectionDigests};
use overlock_rootfs::Root;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

/// Longest look; a child that takes longer is ended.
pub const LONGEST_SECONDS: u64 = 600;

/// Who looks.
#[derive(Debug, Clone)]
pub enum Eyes {
    /// This program, started anew with these arguments; it prints [`Looked`] as a line.
    Child(Vec<OsString>),
    /// A thread of this process.
    Thread(Options),
}

/// What to look at.
#[derive(Debug, Clone)]
pub struct Options {
    /// Usually `/`.
    pub root: PathBuf,
    /// Which sections.
    pub switches: Switches,
    /// Labels to send.
    pub labels: Labels,
    /// Folder for caches that make the next look fast.
    pub cache: Option<PathBuf>,
    /// Socket of the root helper, which is asked first if it is there.
    pub helper: Option<PathBuf>,
}

/// Why there is nothing to report.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// The root cannot be opened.
    #[error("cannot open `{}`", path.display())]
    Root {
        /// Which.
        path: PathBuf,
        /// Cause.
        #[source]
        source: overlock_rootfs::RootError,
    },
    /// The inventory cannot be collected.
    #[error("cannot collect what is on this host")]
    Inventory(#[from] InventoryError),
    /// A section cannot be written.
    #[error("cannot write the inventory as sections")]
    Sections(#[from] CanonicalError),
    /// It cannot be kept.
    #[error("cannot keep what was seen")]
    Keep(#[source] io::Error),
    /// The process that looks failed.
    #[error("the look failed: {0}")]
    Child(String),
}

/// What a look answers: digests; the contents are in the state directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Looked {
    schema: String,
    digests: SectionDigests,
    unsettled: bool,
}

const SCHEMA: &str = "overlock.looked/1";

impl From<Looked> for Seen {
    fn from(looked: Looked) -> Self {
        Self {
            digests: looked.digests,
            unsettled: looked.unsettled,
        }
    }
}

/// Looks, and keeps what was seen.
///
/// # Errors
/// When the host cannot be looked at, or the contents cannot be written.
pub fn look_and_keep(options: &Options, state: &Path, now: Timestamp) -> Result<Looked, LookError> {
    let sections = look(options, now)?;
    let contents = Contents::open(state).map_err(LookError::Keep)?;
    let mut digests = SectionDigests::new();
    for (section, content) in &sections {
        digests.insert(*section, contents.put(content).map_err(LookError::Keep)?);
    }
    Ok(Looked {
        schema: SCHEMA.to_owned(),
        digests,
        unsettled: unsettled(&sections),
    })
}

/// Looks, with root's eyes where a helper lends them.
///
/// # Errors
/// When the host cannot be looked at.
pub fn look(options: &Options, now: Timestamp) -> Result<Sections, LookError> {
    let wanted: Vec<Section> = Section::ALL
        .into_iter()
        .filter(|section| options.switches.on(*section))
        .collect();
    // A helper that is away or refuses lends nothing; what own eyes cannot see is reported as unseen, with the reason.
    let lent = options
        .helper
        .as_deref()
        .and_then(|socket| helper::look(socket, &wanted).ok());
    let mut seen = match lent {
        Some(lent) => lent,
        None => own(options, now)?,
    };
    if options.switches.labels {
        let labels = sections(
            &overlock_model::inventory::Inventory::new(Default::default()),
            &options.labels,
        )?;
        seen.extend(
            labels
                .into_iter()
                .filter(|(section, _)| *section == Section::Labels),
        );
    }
    seen.retain(|section, _| options.switches.on(*section));
    Ok(seen)
}

/// With the rights of this process.
pub(crate) fn own(options: &Options, now: Timestamp) -> Result<Sections, LookError> {
    let on = |section| options.switches.on(section);
    let root = Root::open(&options.root).map_err(|source| LookError::Root {
        path: options.root.clone(),
        source,
    })?;
    let asked = overlock_inventory::Options {
        parts: Parts {
            packages: on(Section::Packages),
            repositories: on(Section::Repositories) || on(Section::Offers),
            languages: on(Section::Languages),
            processes: on(Section::Processes),
        },
        cache: options.cache.clone(),
    };
    let mut inventory = overlock_inventory::of_root(&root, &asked, now)?;
    for unseen in &mut inventory.unseen {
        steady(unseen);
    }
    Ok(sections(&inventory, &options.labels)?)
}

/// How many processes others have changes every minute and means nothing.
fn steady(unseen: &mut Unseen) {
    let counted = unseen
        .what
        .trim_start_matches(|char: char| char.is_ascii_digit());
    if counted.len() < unseen.what.len() && counted.starts_with(" process") {
        unseen.what = "processes of other users".to_owned();
    }
}

/// Whether replaced code still runs or a reboot is pending: then `processes` has more than the line that it always has.
fn unsettled(sections: &Sections) -> bool {
    sections
        .get(&Section::Processes)
        .map(SectionContent::lines)
        .is_some_and(|lines| lines.len() > 1)
}

impl Eyes {
    /// Looks; blocks for as long as that takes.
    ///
    /// # Errors
    /// When the host cannot be looked at.
    pub fn look(&self, state: &Path, now: Timestamp) -> Result<Seen, LookError> {
        match self {
            Self::Child(arguments) => child::look(arguments),
            Self::Thread(options) => look_and_keep(options, state, now),
        }
        .map(Seen::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_that_mean_nothing_are_left_out() {
        let steadied = |what: &str| {
            let mut unseen = Unseen {
                what: what.to_owned(),
                why: String::new(),
            };
            steady(&mut unseen);
            unseen.what
        };
        assert_eq!(
            steadied("12 processes of other users"),
            "processes of other users"
        );
        assert_eq!(
            steadied("1 process of another user"),
            "processes of other users"
        );
        assert_eq!(steadied("apt's repositories"), "apt's repositories");
    }
}
