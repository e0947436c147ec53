//! The walk: directories in name order, candidates by name, and only `stat` where the cache knows the rest.
//!
//! `overlock_rootfs::Root::walk` lists every directory anew; here an unchanged directory's list comes from the cache,
//! so the walk is its own. Its bounds are the same: entries, depth, size of one directory, no other file system.

use super::Found;
use super::cache::{Cache, Directory, FileRecord, Records};
use super::examine::{self, Examined};
use super::roots::{self, Prune};
use overlock_model::inventory::{SearchRoot, Unseen};
use overlock_rootfs::{EntryKind, Root, RootError};
use std::collections::BTreeMap;

/// Deepest nesting below a search root; npm 2 nested deeper than any other tool and seldom beyond 30 levels.
const DEPTH_MAX: usize = 96;
/// Most entries of one directory; a larger one is left out and reported.
const DIRECTORY_ENTRIES_MAX: usize = 200_000;
/// Most lines about things that could not be seen; the rest is counted.
const UNSEEN_MAX: usize = 200;

/// Each file that states packages, in the order of the walk.
pub(super) type FoundByPath = Vec<(String, Vec<Found>)>;

/// A survey's walk over all its roots.
pub(super) struct Search<'a> {
    root: &'a Root,
    cache: Option<&'a mut Cache>,
    entries_left: u64,
    truncated: bool,
    fresh: Records,
    found: FoundByPath,
    unseen: Vec<Unseen>,
    unseen_more: u64,
}

/// What was left out below one search root.
#[derive(Default)]
struct Left {
    paths: Vec<String>,
    names: BTreeMap<(&'static str, &'static str), u64>,
}

impl<'a> Search<'a> {
    pub(super) fn new(root: &'a Root, cache: Option<&'a mut Cache>, entries_max: u64) -> Self {
        Self {
            root,
            cache,
            entries_left: entries_max,
            truncated: false,
            fresh: Records::default(),
            found: Vec::new(),
            unseen: Vec::new(),
            unseen_more: 0,
        }
    }

    /// Walks below one of `starts`; a directory that is itself one of them is left to its own walk.
    pub(super) fn below(&mut self, start: &str, starts: &[String]) -> SearchRoot {
        let mut left = Left::default();
        let before = self.entries_left;
        let device = self.root.identity(start).map(|identity| identity.dev);
        let mut pending = vec![(start.to_owned(), 0_usize)];
        while let Some((path, depth)) = pending.pop() {
            if depth > 0 && starts.contains(&path) {
                continue;
            }
            let Some(identity) = self.root.identity(&path) else {
                self.miss(&path, "it cannot be looked at");
                continue;
            };
            if Some(identity.dev) != device {
                left.paths.push(format!("{path}: another file system"));
                continue;
            }
            let Some(directory) = self.directory(&path, identity) else {
                continue;
            };
            if u64::from(directory.entries) > self.entries_left {
                self.entries_left = 0;
                self.truncated = true;
                left.paths.push(format!(
                    "{path} and what follows: the limit on directory entries was reached"
                ));
                break;
            }
            self.entries_left -= u64::from(directory.entries);
            for name in &directory.files {
                self.file(join(&path, name));
            }
            // The stack gives the last one first.
            for name in directory.folders.iter().rev() {
                let child = join(&path, name);
                match roots::prune(&child) {
                    Some(Prune::Path(why)) => left.paths.push(format!("{child}: {why}")),
                    Some(Prune::Name(name, why)) => {
                        *left.names.entry((name, why)).or_default() += 1
                    }
                    None if depth == DEPTH_MAX => {
                        self.miss(&child, format!("more than {DEPTH_MAX} directories deep"))
                    }
                    None => pending.push((child, depth + 1)),
                }
            }
            if self.cache.is_some() {
                self.fresh.directories.insert(path, directory);
            }
        }
        left.paths.sort();
        let names = left
            .names
            .into_iter()
            .map(|((name, why), times)| format!("{name} ({times}): {why}"));
        SearchRoot {
            path: start.to_owned(),
            entries: before - self.entries_left,
            pruned: left.paths.into_iter().chain(names).collect(),
        }
    }

    /// What was found by path, what the next cache holds, and what could not be seen.
    pub(super) fn finish(mut self) -> (FoundByPath, Records, Vec<Unseen>) {
        if self.truncated {
            self.unseen.push(Unseen {
                what: "language packages".to_owned(),
                why: "the search ended early at its limit on directory entries: name fewer search roots".to_owned(),
            });
        }
        if self.unseen_more > 0 {
            self.unseen.push(Unseen {
                what: "language packages".to_owned(),
                why: format!(
                    "{} more files and directories could not be read",
                    self.unseen_more
                ),
            });
        }
        (self.found, self.fresh, self.unseen)
    }

    /// The list of a directory, from the cache where its identity is the same.
    fn directory(&mut self, path: &str, identity: overlock_rootfs::Identity) -> Option<Directory> {
        if let Some(known) = self
            .cache
            .as_mut()
            .and_then(|cache| cache.directory(path, identity))
        {
            return Some(known);
        }
        let entries = match self.root.list(path, DIRECTORY_ENTRIES_MAX) {
            Ok(entries) => entries,
            Err(RootError::Missing { .. }) if !path.contains(char::REPLACEMENT_CHARACTER) => {
                return None;
            }
            Err(error) => {
                self.miss(path, reason(&error));
                return None;
            }
        };
        let mut directory = Directory {
            identity: identity.into(),
            entries: u32::try_from(entries.len()).unwrap_or(u32::MAX),
            folders: Vec::new(),
            files: Vec::new(),
        };
        for entry in entries {
            match entry.kind {
                EntryKind::Directory => match examine::stated_by(&entry.name) {
                    // The one file in it that matters; the others need no look.
                    Some(file) => directory.files.push(format!("{}/{file}", entry.name)),
                    None => directory.folders.push(entry.name),
                },
                EntryKind::File if examine::is_candidate(path, &entry.name) => {
                    directory.files.push(entry.name)
                }
                EntryKind::File | EntryKind::Link | EntryKind::Other => {}
            }
        }
        Some(directory)
    }

    /// Looks into one candidate, or at the cache where it is unchanged.
    fn file(&mut self, path: String) {
        let root = self.root;
        let record = match self
            .cache
            .as_mut()
            .and_then(|cache| cache.file(&path, root))
        {
            Some(record) => record,
            None => match examine::examine(self.root, &path) {
                Examined::Gone | Examined::Later => return,
                Examined::Unreadable(why) => return self.miss(&path, why),
                Examined::Read(record) => record,
            },
        };
        if let Some(why) = &record.damaged {
            self.miss(&path, why.clone());
        }
        if !record.found.is_empty() {
            self.found.push((path.clone(), record.found.clone()));
        }
        if self.cache.is_some() {
            self.fresh.files.insert(path, record);
        }
    }

    fn miss(&mut self, what: &str, why: impl Into<String>) {
        if self.unseen.len() < UNSEEN_MAX {
            self.unseen.push(Unseen {
                what: what.to_owned(),
                why: why.into(),
            });
        } else {
            self.unseen_more += 1;
        }
    }
}

/// The reason of a read error without the path, which stands beside it.
pub(super) fn reason(error: &RootError) -> String {
    match error {
        RootError::Missing { .. } => "its name is no UTF-8".to_owned(),
        RootError::Denied { .. } => "it may not be read".to_owned(),
        RootError::TooLarge { limit, .. } => {
            format!("it is larger than the limit of {limit} bytes or entries")
        }
        RootError::WrongKind { wanted, .. } => format!("it is not {wanted}"),
        RootError::Io { source, .. } => source.to_string(),
    }
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}

impl FileRecord {
    /// A file that states nothing.
    pub(super) fn nothing(identity: overlock_rootfs::Identity) -> Self {
        Self {
            identity: identity.into(),
            found: Vec::new(),
            damaged: None,
        }
    }
}
