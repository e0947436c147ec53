//! How a root is replaced by a copy of a snapshot, so that a loss of power at any point leaves a whole root to boot.
//!
//! 1. **copy**: `overlock/next-M` becomes a writable snapshot of `overlock/run-N`. One that a cut left is made anew.
//! 2. **write down**: path and number of the root, number of the copy, in the folder of run M; synced. The numbers say
//!    from now on how far it went: nothing else is believed.
//! 3. **carry**: the state directory with the journal and its generation floor, which must never go back in time (R5),
//!    the unit that goes on after the boot, pins; each whole or not at all; synced. The copy is now what shall boot.
//! 4. **exchange**: `@` and `overlock/next-M` change names by one `renameat2(RENAME_EXCHANGE)`. Before it the old root
//!    boots, after it the new one; there is no instant without an `@`.
//! 5. **nested**: subvolumes that were nested in the old root are renamed into the new one, where the snapshot has empty
//!    folders for them. Not before the exchange: then a cut would boot the old root without its data. Between the two a
//!    cut would boot the new one without it; btrfs keeps such folders unwritable, and the first look after the boot moves
//!    what is left and boots again. 4 and 5 follow each other within milliseconds behind a sync, and btrfs writes both
//!    out at once unless somebody else's sync falls between them.
//! 6. **default**: where the old root was the default subvolume, the new one becomes it. A host that boots by name has
//!    changed with 4, one that boots by default changes here; until here it boots the old root, which is whole too.
//! 7. **name**: what was replaced is called `overlock/replaced-M`; synced.
//!
//! If 5 fails, it is undone, the names are exchanged back, and the host goes on as it was. A call in between or after
//! goes on from what the numbers say; until the boot it carries the state over once more, since the journal has grown.

use super::top::Top;
use super::{
    Back, Btrfs, FOLDER, PutBack, SnapshotError, btrfs, device_number, replaced, snapshot,
};
use crate::durable;
use crate::snapshot::carry::carry;
use crate::snapshot::{NoSnapshots, first_lines};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::Path;

/// Where a swap is written down, below a run's folder.
const FILE: &str = "swap";

/// What is done, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// A writable copy of the snapshot.
    Copy,
    /// Path and numbers.
    WriteDown,
    /// What must not go back in time.
    Carry,
    /// The two roots change names.
    Exchange,
    /// Nested subvolumes move over.
    Nested,
    /// The default subvolume.
    Default,
    /// The replaced root gets its name.
    Name,
}

/// What was written down of a swap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Swap {
    /// Of the root, in the top level.
    path: String,
    /// Number of the root that is replaced.
    former: u64,
    /// Number of the one that takes its place.
    pub next: u64,
}

impl Swap {
    /// The one of a run; `None` where none was written down.
    pub fn read(folder: &Path) -> Option<Self> {
        let text = fs::read_to_string(folder.join(FILE)).ok()?;
        let mut words = text.trim_end_matches('\n').splitn(3, ' ');
        Some(Self {
            former: words.next()?.parse().ok()?,
            next: words.next()?.parse().ok()?,
            path: words.next()?.to_owned(),
        })
    }

    fn write(&self, folder: &Path) -> io::Result<()> {
        let text = format!("{} {} {}\n", self.former, self.next, self.path);
        durable::write(&folder.join(FILE), &text)
    }
}

pub(super) fn put_back(
    root: &Btrfs,
    back: &Back<'_>,
    before: &mut dyn FnMut(Act) -> Result<(), SnapshotError>,
) -> Result<PutBack, SnapshotError> {
    let top = root.open()?;
    let swapping = Swapping {
        root,
        back,
        top: &top,
        next: format!("{FOLDER}/next-{}", back.by),
        replaced: replaced(back.by.0),
    };
    let written = Swap::read(back.folder);
    let subvolumes = top.subvolumes()?;
    let swap = match written {
        Some(swap) if subvolumes.id(&swap.path) == Some(swap.next) => swap,
        _ => {
            let swap = swapping.prepare(before)?;
            before(Act::Carry)?;
            swapping.carry(&swapping.next)?;
            top.sync()?;
            before(Act::Exchange)?;
            swapping.exchange(&swap)?;
            swap
        }
    };
    let runs = swap.next == root.id;
    before(Act::Nested)?;
    let mut notes = match swapping.move_nested(&swap) {
        Ok(notes) => notes,
        Err(error) if runs => return Err(error),
        Err(error) => {
            // What was moved is back already.
            swapping.exchange(&swap)?;
            top.sync()?;
            return Err(error);
        }
    };
    let moved = notes.len();
    before(Act::Default)?;
    if top.default()? == swap.former {
        top.set_default(swap.next)?;
    }
    top.sync()?;
    before(Act::Name)?;
    if top.subvolumes()?.id(&swapping.next) == Some(swap.former) {
        top.rename(&swapping.next, &swapping.replaced)?;
    }
    if runs && moved == 0 {
        top.sync()?;
        return Ok(PutBack::Runs);
    }
    if !runs {
        // Also what was written since an earlier call.
        swapping.carry(&swap.path)?;
    }
    top.sync()?;
    notes.push(format!(
        "the root that is replaced is kept as {}",
        swapping.replaced
    ));
    Ok(PutBack::AwaitsBoot(notes))
}

struct Swapping<'a> {
    root: &'a Btrfs,
    back: &'a Back<'a>,
    top: &'a Top,
    next: String,
    replaced: String,
}

impl Swapping<'_> {
    /// Acts 1 and 2, from the beginning.
    fn prepare(
        &self,
        before: &mut dyn FnMut(Act) -> Result<(), SnapshotError>,
    ) -> Result<Swap, SnapshotError> {
        let (root, top) = (self.root, self.top);
        // Another run's swap, which has not booted.
        if root.path.starts_with(&format!("{FOLDER}/")) {
            return Err(NoSnapshots::Replaced.into());
        }
        let subvolumes = top.subvolumes()?;
        let name = snapshot(self.back.snapshot.0);
        if subvolumes.id(&name).is_none() || !top.is_untouched(&name)? {
            return Err(SnapshotError::Missing(name));
        }
        if subvolumes.id(&self.replaced).is_some() {
            return Err(SnapshotError::Taken(self.replaced.clone()));
        }
        // Going away under our feet, with the journal in it.
        let state = self.below_root(self.back.folder);
        let nested = subvolumes.nested(root.id, &root.path);
        if let Some(one) = nested.iter().find(|one| state.starts_with(one)) {
            return Err(SnapshotError::StateNested(root.root.join(one)));
        }
        before(Act::Copy)?;
        if subvolumes.id(&self.next).is_some() {
            top.delete(&self.next, root.id)?;
        }
        let (from, to) = (top.path(&name), top.path(&self.next));
        let arguments = ["subvolume", "snapshot"].map(OsStr::new);
        btrfs(
            arguments
                .into_iter()
                .chain([from.as_os_str(), to.as_os_str()]),
        )?;
        let program = self.below_root(self.back.needed);
        if !to.join(program).is_file() {
            top.delete(&self.next, root.id)?;
            return Err(SnapshotError::NoProgramInside {
                snapshot: name,
                path: self.back.needed.to_owned(),
            });
        }
        let next = top.subvolumes()?.id(&self.next);
        let swap = Swap {
            path: root.path.clone(),
            former: root.id,
            next: next.ok_or(SnapshotError::Printed("btrfs subvolume list"))?,
        };
        before(Act::WriteDown)?;
        let folder = self.back.folder;
        swap.write(folder)
            .map_err(SnapshotError::io("write down the swap in", folder))?;
        Ok(swap)
    }

    /// A path of the running root as seen from the root of one that does not run.
    fn below_root<'a>(&self, path: &'a Path) -> &'a Path {
        path.strip_prefix(&self.root.root).unwrap_or(path)
    }

    /// Brings along what lies in the root's own subvolume; what lies elsewhere stays there.
    fn carry(&self, into: &str) -> Result<(), SnapshotError> {
        let own = device_number(&self.root.root);
        for path in self.back.carried {
            let there = path.ancestors().find_map(device_number);
            if there == own {
                let to = self.top.path(into).join(self.below_root(path));
                carry(path, &to).map_err(SnapshotError::io("bring along", path))?;
            }
        }
        Ok(())
    }

    /// Its own undoing when done again.
    fn exchange(&self, swap: &Swap) -> Result<(), SnapshotError> {
        let (root, next) = (self.top.path(&swap.path), self.top.path(&self.next));
        renameat_with(CWD, &root, CWD, &next, RenameFlags::EXCHANGE)
            .map_err(|errno| SnapshotError::io("exchange", &root)(errno.into()))
    }

    /// Moves what is nested in the old root; all of it or nothing.
    fn move_nested(&self, swap: &Swap) -> Result<Vec<String>, SnapshotError> {
        let subvolumes = self.top.subvolumes()?;
        let Some(former) = subvolumes.path(swap.former) else {
            return Ok(Vec::new());
        };
        let (from, to) = (self.top.path(former), self.top.path(&swap.path));
        let mut moved: Vec<String> = Vec::new();
        for one in subvolumes.nested(swap.former, former) {
            // Its folder is not in the snapshot, or is an ordinary one there: it stays with the root that was replaced,
            // which is then never removed.
            if !has_place(&to.join(&one)) {
                continue;
            }
            if let Err(error) = fs::rename(from.join(&one), to.join(&one)) {
                for one in moved.iter().rev() {
                    fs::rename(to.join(one), from.join(one))
                        .map_err(SnapshotError::io("move back", &from.join(one)))?;
                }
                return Err(SnapshotError::io("move", &from.join(&one))(error));
            }
            moved.push(one);
        }
        let told = moved.iter().map(|one| format!("/{one} stays as it is"));
        Ok(first_lines(told.collect()))
    }
}

/// Whether a subvolume can be moved there: nothing is there, or the empty folder that a snapshot has for it.
fn has_place(path: &Path) -> bool {
    match fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            path.parent().is_some_and(Path::is_dir)
        }
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_down_is_read() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Swap::read(folder.path()), None);
        let swap = Swap {
            path: "a b/@".to_owned(),
            former: 256,
            next: 271,
        };
        swap.write(folder.path()).unwrap();
        assert_eq!(Swap::read(folder.path()), Some(swap));
    }
}
