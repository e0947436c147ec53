//! The journal's file: its birth, its lock, and the two writes of an append.

use crate::error::{Flaw, JournalError, Place};
use crate::head::Head;
use crate::line;
use crate::verify::{Left, Verified, verify};
use overlock_model::run::Entry;
use rustix::fs::OFlags;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The journal's name in its folder.
pub const NAME: &str = "journal";

/// The name it has until its first entry is safe on disk.
const UNBORN: &str = "journal.new";

/// The largest file that is read or written, in bytes; some 25,000 runs of twenty short entries.
pub const FILE_BYTES_MAX: u64 = 128 << 20;

/// No link is followed, and something that is no file cannot make us wait.
fn careful(options: &mut OpenOptions) -> &mut OpenOptions {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    options.custom_flags(flags.bits().cast_signed())
}

/// That the folder is ours.
#[derive(Debug)]
pub struct Lock(File);

impl Drop for Lock {
    /// Closing is not enough: a child that another thread has just forked holds the same lock until it becomes its program.
    fn drop(&mut self) {
        self.0.unlock().ok();
    }
}

fn access(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> JournalError {
    let path = path.to_owned();
    move |cause| JournalError::Access { doing, path, cause }
}

/// Makes the folder, for its owner alone, if it is not there, and takes its lock.
///
/// The lock is on the folder, so that it is there before the journal is; it goes with the process, however that ends.
pub fn own(folder: &Path) -> Result<Lock, JournalError> {
    if !folder.is_dir() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(access("make the folder", folder))?;
        if let Some(parent) = folder.parent().filter(|parent| parent.is_dir()) {
            sync(parent).map_err(access("write the folder", parent))?;
        }
    }
    let lock = File::open(folder).map_err(access("open the folder", folder))?;
    match lock.try_lock() {
        Ok(()) => Ok(Lock(lock)),
        Err(TryLockError::WouldBlock) => Err(JournalError::InUse {
            path: folder.to_owned(),
        }),
        Err(TryLockError::Error(cause)) => Err(access("lock the folder", folder)(cause)),
    }
}

/// Writes a journal with one entry. It is there whole or not at all.
pub fn give_birth(folder: &Path, first: &Entry) -> Result<(), JournalError> {
    let empty = Head::empty();
    let (line, hash) = line::write(&empty.last, first).map_err(JournalError::Json)?;
    let mut bytes = empty.to_block();
    bytes.extend(empty.after(line.len(), hash).to_block());
    bytes.extend(line);
    let unborn = folder.join(UNBORN);
    let write = || {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = careful(&mut options).open(&unborn)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&unborn, folder.join(NAME))?;
        sync(folder)
    };
    write().map_err(|cause| {
        // What is left of it would be overwritten next time; without it the disk has its space back.
        fs::remove_file(&unborn).ok();
        JournalError::Write {
            path: folder.join(NAME),
            cause,
        }
    })
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Opens the journal's file; `None` if there is none.
pub fn find(path: &Path, writable: bool) -> Result<Option<File>, JournalError> {
    let mut options = OpenOptions::new();
    match careful(options.read(true).write(writable)).open(path) {
        Ok(file) => {
            let metadata = file.metadata().map_err(access("read", path))?;
            let damage = |why| Flaw::damage(Place::File, why).of(path.to_owned());
            if !metadata.is_file() {
                return Err(damage("it is no regular file"));
            }
            if metadata.len() > FILE_BYTES_MAX {
                return Err(damage("it is larger than a journal can be"));
            }
            Ok(Some(file))
        }
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(access("open", path)(cause)),
    }
}

/// Reads everything up to `end`.
pub fn load(file: &File, end: u64) -> Result<Verified, Flaw> {
    verify(&mut BufReader::with_capacity(1 << 16, file.take(end)))
}

/// Reads what is there at this instant. The owner may append any number of entries while we read; with the end taken
/// first, at most one of them is seen that the head does not count yet.
pub fn load_as_long_as_now(file: &File) -> Result<Verified, Flaw> {
    load(file, file.metadata()?.len())
}

/// The place where entries are appended.
#[derive(Debug)]
pub struct Appender {
    path: PathBuf,
    file: File,
    head: Head,
    former: Head,
    settled: bool,
}

impl Appender {
    /// Puts right what a crash left: a part of a line is cut away, a whole one gets its head.
    pub fn settle(path: PathBuf, file: File, verified: &Verified) -> Result<Self, JournalError> {
        let appender = Self {
            path,
            file,
            head: verified.head,
            former: verified.former,
            settled: true,
        };
        let settle = || {
            // What a killed process wrote may be in memory only, and is acted on from here on.
            appender.file.sync_all()?;
            match verified.left {
                Left::Nothing => Ok(()),
                Left::PartOfLine => appender.cut(),
                Left::WholeLine => appender.acknowledge(&appender.head),
            }
        };
        settle().map_err(|cause| JournalError::Write {
            path: appender.path.clone(),
            cause,
        })?;
        Ok(appender)
    }

    pub fn head(&self) -> &Head {
        &self.head
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes one line and acknowledges it; both are on disk when this returns.
    pub fn append(&mut self, line: &[u8], head: Head) -> Result<(), JournalError> {
        if !self.settled {
            return Err(self.unsettled(None));
        }
        if let Err(cause) = self.write_line(line) {
            return Err(self.take_back(cause, Self::cut));
        }
        if let Err(cause) = self.acknowledge(&head) {
            // The block first: with it broken and the line cut away, nothing would explain the file.
            return Err(self.take_back(cause, |it| {
                it.acknowledge(&it.former)?;
                it.cut()
            }));
        }
        self.former = self.head;
        self.head = head;
        Ok(())
    }

    fn write_line(&self, line: &[u8]) -> io::Result<()> {
        self.file.write_all_at(line, self.head.end)?;
        self.file.sync_data()
    }

    fn acknowledge(&self, head: &Head) -> io::Result<()> {
        self.file.write_all_at(&head.to_block(), head.offset())?;
        self.file.sync_data()
    }

    fn cut(&self) -> io::Result<()> {
        self.file.set_len(self.head.end)?;
        self.file.sync_all()
    }

    fn take_back(
        &mut self,
        cause: io::Error,
        undo: impl FnOnce(&Self) -> io::Result<()>,
    ) -> JournalError {
        if undo(self).is_err() {
            self.settled = false;
            return self.unsettled(Some(cause));
        }
        JournalError::Write {
            path: self.path.clone(),
            cause,
        }
    }

    fn unsettled(&self, cause: Option<io::Error>) -> JournalError {
        JournalError::Unsettled {
            path: self.path.clone(),
            cause,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use overlock_model::plan::HostId;
    use overlock_model::run::Event;

    #[test]
    fn append_that_can_neither_be_done_nor_taken_back_ends_the_handle() {
        let folder = tempfile::tempdir().unwrap();
        let entry = |sequence, event| Entry {
            sequence,
            at: jiff::Timestamp::UNIX_EPOCH,
            event,
        };
        let host = HostId::from_random([1; 16]);
        give_birth(folder.path(), &entry(0, Event::Opened { host })).unwrap();
        let path = folder.path().join(NAME);
        let file = find(&path, false).unwrap().unwrap();
        let verified = load(&file, FILE_BYTES_MAX).unwrap();
        // Opened for reading only, so that each write and each cut fails.
        let mut appender = Appender::settle(path.clone(), file, &verified).unwrap();
        let seen = entry(1, Event::GenerationSeen { generation: 1 });
        let (line, hash) = line::write(&appender.head.last, &seen).unwrap();
        let next = appender.head.after(line.len(), hash);
        let first = appender.append(&line, next);
        assert!(matches!(
            first,
            Err(JournalError::Unsettled { cause: Some(_), .. })
        ));
        // Even with a file that could be written to.
        appender.file = find(&path, true).unwrap().unwrap();
        let second = appender.append(&line, next);
        assert!(matches!(
            second,
            Err(JournalError::Unsettled { cause: None, .. })
        ));
        let mut again = Appender::settle(path, appender.file, &verified).unwrap();
        again.append(&line, next).unwrap();
    }
}
