//! A bounded walk over a tree, for searches that look for files by name.
//!
//! Links are never followed, other file systems are not entered unless asked, and the caller decides at each
//! directory whether to go in; so a search has a known cost on a host with a petabyte mounted.

use crate::{EntryKind, Root, RootError};

/// Bounds of a walk.
#[derive(Debug, Clone, Copy)]
pub struct WalkLimits {
    /// Most directory entries looked at.
    pub entries: u64,
    /// Deepest nesting below the start.
    pub depth: usize,
    /// Most entries of a single directory; a larger one is left out and reported.
    pub directory_entries: usize,
}

impl Default for WalkLimits {
    fn default() -> Self {
        Self {
            entries: 5_000_000,
            depth: 64,
            directory_entries: 200_000,
        }
    }
}

/// One entry met on a walk.
#[derive(Debug)]
pub struct WalkEntry<'a> {
    /// Path inside the root, without a leading slash.
    pub path: &'a str,
    /// Its last part.
    pub name: &'a str,
    /// What it is.
    pub kind: EntryKind,
}

/// What a walk did.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Walk {
    /// Directory entries looked at.
    pub entries: u64,
    /// Directories left out because they could not be read or were too large or deep, with the reason.
    pub unseen: Vec<(String, String)>,
    /// True when the limit on entries ended the walk early.
    pub truncated: bool,
}

impl Root {
    /// Walks the tree below `start` in name order.
    ///
    /// `visit` is called for each entry; for a directory its answer says whether to go in.
    pub fn walk(
        &self,
        start: &str,
        limits: WalkLimits,
        visit: &mut dyn FnMut(&WalkEntry<'_>) -> bool,
    ) -> Walk {
        let mut walk = Walk::default();
        let device = self.identity(start).map(|identity| identity.dev);
        let mut pending = vec![(start.trim_matches('/').to_owned(), 0_usize)];
        while let Some((directory, depth)) = pending.pop() {
            let entries = match self.list(&directory, limits.directory_entries) {
                Ok(entries) => entries,
                Err(RootError::Missing { .. }) => continue,
                Err(error) => {
                    walk.unseen.push((directory, error.to_string()));
                    continue;
                }
            };
            let mut below = Vec::new();
            for entry in entries {
                if walk.entries == limits.entries {
                    walk.truncated = true;
                    return walk;
                }
                walk.entries += 1;
                let path = if directory.is_empty() {
                    entry.name.clone()
                } else {
                    format!("{directory}/{}", entry.name)
                };
                let enter = visit(&WalkEntry {
                    path: &path,
                    name: &entry.name,
                    kind: entry.kind,
                });
                if entry.kind != EntryKind::Directory || !enter {
                    continue;
                }
                if depth == limits.depth {
                    walk.unseen
                        .push((path, format!("more than {} directories deep", limits.depth)));
                } else if self.identity(&path).map(|identity| identity.dev) == device {
                    below.push((path, depth + 1));
                } else {
                    walk.unseen.push((path, "another file system".to_owned()));
                }
            }
            // The stack gives the last one first.
            pending.extend(below.into_iter().rev());
        }
        walk
    }
}
