//! What a host did and is about to do, written down before it is done (R4).
//!
//! Called by `overlock apply` and the agent, which own the journal while they work, and by `history`, which only looks.
//! It is one append-only text file of our own rather than a database, because a bit flipped anywhere must be seen and
//! must never bring back an earlier state; see `docs/decisions/0019-journal-by-own-code.md`.
//!
//! ```text
//! 0     block of even counts ┐ format, count, end, last hash, sum of these; written in turn
//! 4096  block of odd counts  ┘
//! 8192  HASH {"sequence":0,"at":…,"event":{"event":"opened","host":…}}
//!       HASH {"sequence":1,…}        HASH = SHA-256(hash of the line before, JSON)
//! ```
//!
//! An append writes its line behind the head, syncs, writes the head to the block that is two counts old, syncs, and
//! returns. So a crash leaves one of two states that [`Journal::open`] knows exactly; all else is damage.

mod error;
mod file;
mod head;
mod line;
pub mod runs;
mod verify;

pub use error::{JournalError, Place};
pub use file::FILE_BYTES_MAX;
pub use line::LINE_BYTES_MAX;
pub use runs::Run;

use file::{Appender, Lock};
use jiff::Timestamp;
use overlock_model::plan::HostId;
use overlock_model::run::{Entry, Event, RunId};
use std::path::Path;

/// What is kept free for the run that is under way: no run begins with less.
const RUN_BYTES: u64 = 16 << 20;

/// How often a look is tried while the owner writes; each try sees the file at another time.
const LOOKS: u32 = 8;

/// A host's journal, owned by this process.
#[derive(Debug)]
pub struct Journal {
    appender: Appender,
    entries: Vec<Entry>,
    host: HostId,
    /// Held until drop.
    _lock: Lock,
}

impl Journal {
    /// Opens the journal in the folder `path`, or begins one there, and verifies all of it.
    ///
    /// Folder and file are made for their owner alone (0700, 0600). `new_host` is called for a new journal only; `now` is
    /// the time of its first entry, [`Event::Opened`]. What an append that was cut off left is put right: the entry is
    /// there whole, or not at all.
    ///
    /// # Errors
    /// [`JournalError::InUse`] while somebody else has it open, [`JournalError::Damaged`] if anything does not hold; the
    /// file is then left as it is. A journal that is there is never replaced by a new one.
    pub fn open(
        path: &Path,
        new_host: impl FnOnce() -> HostId,
        now: Timestamp,
    ) -> Result<Self, JournalError> {
        let lock = file::own(path)?;
        let name = path.join(file::NAME);
        if file::find(&name, true)?.is_none() {
            let first = Entry {
                sequence: 0,
                at: now,
                event: Event::Opened { host: new_host() },
            };
            file::give_birth(path, &first)?;
        }
        let damage = |why| JournalError::Damaged {
            path: name.clone(),
            place: Place::File,
            why,
        };
        let file = file::find(&name, true)?.ok_or_else(|| damage("it has just gone away"))?;
        let verified = file::load(&file, FILE_BYTES_MAX).map_err(|flaw| flaw.of(name.clone()))?;
        let host = runs::host(&verified.entries)
            .cloned()
            .ok_or_else(|| damage("it does not say whose it is"))?;
        let appender = Appender::settle(name, file, &verified)?;
        Ok(Self {
            appender,
            entries: verified.entries,
            host,
            _lock: lock,
        })
    }

    /// A look at the journal in the folder `path`, also while its owner writes to it; `None` if there is none.
    ///
    /// Takes no lock and changes nothing. It may show one entry more than is acknowledged: the one just being written.
    ///
    /// # Errors
    /// As [`Journal::open`], without `InUse`.
    pub fn read(path: &Path) -> Result<Option<Vec<Entry>>, JournalError> {
        let name = path.join(file::NAME);
        let mut look = 1;
        loop {
            let Some(file) = file::find(&name, false)? else {
                return Ok(None);
            };
            match file::load_as_long_as_now(&file) {
                Ok(verified) => return Ok(Some(verified.entries)),
                // A block or a line half written looks like damage; real damage stays.
                Err(error::Flaw::Damage { .. }) if look < LOOKS => look += 1,
                Err(flaw) => return Err(flaw.of(name)),
            }
        }
    }

    /// All entries, oldest first; never empty.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Whose journal it is.
    #[must_use]
    pub fn host(&self) -> &HostId {
        &self.host
    }

    /// The highest generation seen; a plan below it is refused. 0 when none was seen.
    #[must_use]
    pub fn generation_floor(&self) -> u64 {
        runs::generation_floor(&self.entries)
    }

    /// Writes an event; when this returns the entry survives loss of power.
    ///
    /// # Errors
    /// The entry is not in the journal, which can be written to again; only after [`JournalError::Unsettled`] it must be
    /// opened again to know. What the event announces must not be done. [`JournalError::TooLarge`] above
    /// [`LINE_BYTES_MAX`]; [`JournalError::Full`] near [`FILE_BYTES_MAX`], for [`Event::Started`] already 16 MiB before,
    /// so that a run under way can end.
    pub fn append(&mut self, at: Timestamp, event: Event) -> Result<&Entry, JournalError> {
        if matches!(event, Event::Opened { .. }) {
            return Err(JournalError::OpenedTwice);
        }
        let head = self.appender.head();
        let entry = Entry {
            sequence: head.count,
            at,
            event,
        };
        let (line, hash) = line::write(&head.last, &entry).map_err(JournalError::Json)?;
        if line.len() > LINE_BYTES_MAX {
            return Err(JournalError::TooLarge {
                bytes: line.len(),
                max: LINE_BYTES_MAX,
            });
        }
        let next = head.after(line.len(), hash);
        let free = match entry.event {
            Event::Started { .. } => RUN_BYTES,
            _ => 0,
        };
        if next.end.saturating_add(free) > FILE_BYTES_MAX {
            return Err(JournalError::Full {
                path: self.appender.path().to_owned(),
                max: FILE_BYTES_MAX,
            });
        }
        self.appender.append(&line, next)?;
        if let Event::Adopted { host } = &entry.event {
            self.host = host.clone();
        }
        Ok(self.entries.push_mut(entry))
    }

    /// The number of the run that comes next, from 1.
    #[must_use]
    pub fn next_run(&self) -> RunId {
        runs::next_run(&self.entries)
    }

    /// All runs, in the order in which they began.
    #[must_use]
    pub fn runs(&self) -> Vec<Run<'_>> {
        runs::runs(&self.entries)
    }

    /// The entries of one run, oldest first.
    #[must_use]
    pub fn run(&self, id: RunId) -> Vec<&Entry> {
        runs::of_run(&self.entries, id)
    }

    /// The run that has begun and not ended.
    #[must_use]
    pub fn open_run(&self) -> Option<RunId> {
        runs::open_run(&self.entries)
    }
}
