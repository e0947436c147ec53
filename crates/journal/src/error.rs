//! What can go wrong with a journal, and what to do about it.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Where in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The file itself: no regular file, or beyond the largest size.
    File,
    /// The two blocks at the beginning.
    Head,
    /// The entry at this position, from 0, or what stands where it should be.
    Entry {
        /// Its position.
        sequence: u64,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => f.write_str("its file"),
            Self::Head => f.write_str("its head"),
            Self::Entry { sequence } => write!(f, "entry {sequence}"),
        }
    }
}

/// A journal could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another process has it open, or this one has twice.
    #[error("the journal in `{}` is in use", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// It is not as it was written. The file is left as it is and nothing of it is used.
    #[error("the journal `{}` is damaged at {place}: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where.
        place: Place,
        /// What does not hold.
        why: &'static str,
    },
    /// An entry holds and this program cannot read it: it was written by a newer one.
    #[error("entry {sequence} of the journal `{}` is of a kind this program does not know", path.display())]
    Unknown {
        /// The file.
        path: PathBuf,
        /// The entry's position.
        sequence: u64,
        /// What it does not know.
        #[source]
        cause: serde_json::Error,
    },
    /// The operating system said no while the journal was opened or read.
    #[error("cannot {doing} `{}`", path.display())]
    Access {
        /// What was tried.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: io::Error,
    },
    /// The entry could not be written and is **not** in the journal, which is as it was before.
    #[error("cannot write to the journal `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: io::Error,
    },
    /// Writing failed, and so did taking it back: whether the entry is in the journal is known when it is opened again.
    /// This handle writes no more.
    #[error("the journal `{}` must be opened again before anything is written to it", path.display())]
    Unsettled {
        /// The file.
        path: PathBuf,
        /// Why not; `None` where it failed before.
        #[source]
        cause: Option<io::Error>,
    },
    /// The entry is larger than an entry can be; the journal is as it was.
    #[error("an entry of {bytes} bytes does not fit into the journal; {max} is the most")]
    TooLarge {
        /// Its bytes.
        bytes: usize,
        /// The most.
        max: usize,
    },
    /// The journal has reached its largest size; no run can begin.
    #[error("the journal `{}` is full: {max} bytes", path.display())]
    Full {
        /// The file.
        path: PathBuf,
        /// The most.
        max: u64,
    },
    /// Only the first entry says whose journal it is; no other may.
    #[error("a journal is opened once; the event `opened` cannot be added")]
    OpenedTwice,
    /// The entry has no JSON, which would be our bug.
    #[error("the entry cannot be written as JSON")]
    Json(#[source] serde_json::Error),
}

impl JournalError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::InUse { .. } => Some("another run is at work on this host; wait until it ends"),
            Self::Damaged { .. } => Some(
                "the file is kept as it is and no run begins until `overlock repair` or a person has looked at it",
            ),
            Self::Unknown { .. } => {
                Some("use the version of overlock that wrote it, or a newer one")
            }
            Self::Write { .. } | Self::Unsettled { .. } => {
                Some("make space or mend the disk, then try again")
            }
            Self::Full { .. } => Some(
                "move the file to an archive; a new journal then begins, with new run numbers and no generation floor",
            ),
            Self::Access { .. } => {
                Some("the journal belongs to root; look at the folder's owner and mode")
            }
            Self::TooLarge { .. } | Self::OpenedTwice | Self::Json(_) => None,
        }
    }

    /// The program's exit code.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::InUse { .. }
            | Self::Unknown { .. }
            | Self::Access { .. }
            | Self::Write { .. }
            | Self::Unsettled { .. }
            | Self::Full { .. } => 3,
            Self::Damaged { .. } => 6,
            Self::TooLarge { .. } | Self::OpenedTwice | Self::Json(_) => 70,
        }
    }
}

/// What is wrong with the bytes of a journal, before its name is added.
#[derive(Debug)]
pub enum Flaw {
    /// They are not what was written.
    Damage {
        /// Where.
        place: Place,
        /// What does not hold.
        why: &'static str,
    },
    /// They are, and are not understood.
    Unknown {
        /// The entry's position.
        sequence: u64,
        /// What is not known.
        cause: serde_json::Error,
    },
    /// They could not be read.
    Io(io::Error),
}

impl Flaw {
    pub fn damage(place: Place, why: &'static str) -> Self {
        Self::Damage { place, why }
    }

    pub fn of(self, path: PathBuf) -> JournalError {
        match self {
            Self::Damage { place, why } => JournalError::Damaged { path, place, why },
            Self::Unknown { sequence, cause } => JournalError::Unknown {
                path,
                sequence,
                cause,
            },
            Self::Io(cause) => JournalError::Access {
                doing: "read",
                path,
                cause,
            },
        }
    }
}

impl From<io::Error> for Flaw {
    fn from(cause: io::Error) -> Self {
        Self::Io(cause)
    }
}
