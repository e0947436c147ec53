//! One bounded door to a file tree.
//!
//! Every reader of a host's files (package databases, `os-release`, repositories, language packages) goes through a
//! [`Root`]. It is shaped so that three mistakes cannot be made: a symbolic link of a foreign root cannot lead out
//! of it (`openat2` with `RESOLVE_IN_ROOT` makes every link, `..` and absolute target relative to the root), a
//! hostile file cannot fill memory (each read names its limit), and a FIFO or device in the tree cannot block or
//! act (only regular files are opened, without blocking).

#![forbid(unsafe_code)]

mod walk;

pub use walk::{Walk, WalkEntry, WalkLimits};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// A directory taken as `/` of the tree to read.
#[derive(Debug)]
pub struct Root {
    fd: OwnedFd,
    path: PathBuf,
}

/// What the file system says of a file; equal identities mean equal content for every cache of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    /// Device number.
    pub dev: u64,
    /// Inode number.
    pub inode: u64,
    /// Time of last modification in nanoseconds since 1970.
    pub mtime_ns: i128,
    /// Size in bytes.
    pub size: u64,
}

/// One entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// File name; bytes that are not UTF-8 are replaced, and such a name cannot be opened again.
    pub name: String,
    /// What it is, without following a link.
    pub kind: EntryKind,
}

/// Kinds of directory entry that matter to readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryKind {
    /// Regular file.
    File,
    /// Directory.
    Directory,
    /// Symbolic link.
    Link,
    /// Anything else.
    Other,
}

/// Why a file of the tree could not be read.
#[derive(Debug, thiserror::Error)]
pub enum RootError {
    /// It is not there.
    #[error("`{path}` does not exist")]
    Missing {
        /// Path inside the root.
        path: String,
    },
    /// The caller may not read it.
    #[error("`{path}` may not be read")]
    Denied {
        /// Path inside the root.
        path: String,
    },
    /// It is larger than the reader allows.
    #[error("`{path}` is larger than {limit} bytes")]
    TooLarge {
        /// Path inside the root.
        path: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// It is not a regular file or not a directory, as was asked for.
    #[error("`{path}` is not {wanted}")]
    WrongKind {
        /// Path inside the root.
        path: String,
        /// What was wanted.
        wanted: &'static str,
    },
    /// The file system failed.
    #[error("`{path}` cannot be read")]
    Io {
        /// Path inside the root.
        path: String,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
}

impl RootError {
    /// Whether the path simply is not there.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing { .. })
    }

    /// Whether permission was lacking.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Denied { .. })
    }

    fn from_errno(path: &str, errno: Errno) -> Self {
        let path = path.to_owned();
        match errno {
            Errno::NOENT | Errno::NOTDIR => Self::Missing { path },
            Errno::ACCESS | Errno::PERM => Self::Denied { path },
            other => Self::Io {
                path,
                source: other.into(),
            },
        }
    }
}

impl Root {
    /// Opens `path` as a root.
    ///
    /// # Errors
    /// When it is not a directory or may not be opened.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, RootError> {
        let path = path.as_ref();
        let fd = rustix::fs::openat(
            CWD,
            path,
            OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        )
        .map_err(|errno| RootError::from_errno(&path.display().to_string(), errno))?;
        Ok(Self {
            fd,
            path: path.to_owned(),
        })
    }

    /// The path this root was opened by, for messages.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether this is the tree of the running system.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.path == Path::new("/")
    }

    /// Opens a regular file for reading.
    ///
    /// # Errors
    /// When it is missing, not permitted, or no regular file.
    pub fn open_file(&self, path: &str) -> Result<File, RootError> {
        let fd = self.openat2(path, OFlags::RDONLY | OFlags::NONBLOCK)?;
        let stat = rustix::fs::fstat(&fd).map_err(|errno| RootError::from_errno(path, errno))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(RootError::WrongKind {
                path: path.to_owned(),
                wanted: "a regular file",
            });
        }
        Ok(File::from(fd))
    }

    /// Reads a whole file of at most `limit` bytes.
    ///
    /// # Errors
    /// As [`Root::open_file`], and [`RootError::TooLarge`].
    pub fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, RootError> {
        let file = self.open_file(path)?;
        let io = |source| RootError::Io {
            path: path.to_owned(),
            source,
        };
        let size = file.metadata().map_err(io)?.len();
        let too_large = || RootError::TooLarge {
            path: path.to_owned(),
            limit,
        };
        if size > limit {
            return Err(too_large());
        }
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1);
        file.take(limit + 1).read_to_end(&mut bytes).map_err(io)?;
        // The file may have grown since, and /proc files say 0.
        if bytes.len() as u64 > limit {
            return Err(too_large());
        }
        Ok(bytes)
    }

    /// As [`Root::read`]; a file that is not there is `None`.
    ///
    /// # Errors
    /// As [`Root::read`], without the missing case.
    pub fn read_optional(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, RootError> {
        match self.read(path, limit) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Lists a directory, sorted by name, at most `limit` entries.
    ///
    /// # Errors
    /// When it is missing, not permitted, no directory, or holds more than `limit` entries.
    pub fn list(&self, path: &str, limit: usize) -> Result<Vec<Entry>, RootError> {
        let fd = self.openat2(path, OFlags::RDONLY | OFlags::DIRECTORY)?;
        let wrong = |errno| RootError::from_errno(path, errno);
        let mut entries = Vec::new();
        for entry in rustix::fs::Dir::new(fd).map_err(wrong)? {
            let entry = entry.map_err(wrong)?;
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            if entries.len() == limit {
                return Err(RootError::TooLarge {
                    path: path.to_owned(),
                    limit: limit as u64,
                });
            }
            let name = String::from_utf8_lossy(name).into_owned();
            let kind = match entry.file_type() {
                FileType::RegularFile => EntryKind::File,
                FileType::Directory => EntryKind::Directory,
                FileType::Symlink => EntryKind::Link,
                FileType::Unknown => self.kind_of(&format!("{path}/{name}")),
                _ => EntryKind::Other,
            };
            entries.push(Entry { name, kind });
        }
        entries.sort();
        Ok(entries)
    }

    /// As [`Root::list`]; a directory that is not there has no entries.
    ///
    /// # Errors
    /// As [`Root::list`], without the missing case.
    pub fn list_optional(&self, path: &str, limit: usize) -> Result<Vec<Entry>, RootError> {
        match self.list(path, limit) {
            Err(error) if error.is_missing() => Ok(Vec::new()),
            other => other,
        }
    }

    /// Identity of a file, links followed inside the root; `None` when it cannot be looked at.
    #[must_use]
    pub fn identity(&self, path: &str) -> Option<Identity> {
        let fd = self.openat2(path, OFlags::PATH).ok()?;
        let stat = rustix::fs::fstat(&fd).ok()?;
        Some(Identity::from_stat(&stat))
    }

    /// Whether something is there under this name, links followed inside the root.
    #[must_use]
    pub fn exists(&self, path: &str) -> bool {
        self.openat2(path, OFlags::PATH).is_ok()
    }

    /// Where a symbolic link points, as written in it; `None` when it is no link.
    #[must_use]
    pub fn link_target(&self, path: &str) -> Option<String> {
        let fd = self.openat2(path, OFlags::PATH | OFlags::NOFOLLOW).ok()?;
        let target = rustix::fs::readlinkat(&fd, "", Vec::new()).ok()?;
        target.into_string().ok()
    }

    fn kind_of(&self, path: &str) -> EntryKind {
        let Ok(fd) = self.openat2(path, OFlags::PATH | OFlags::NOFOLLOW) else {
            return EntryKind::Other;
        };
        match rustix::fs::statat(&fd, "", AtFlags::EMPTY_PATH) {
            Ok(stat) => match FileType::from_raw_mode(stat.st_mode) {
                FileType::RegularFile => EntryKind::File,
                FileType::Directory => EntryKind::Directory,
                FileType::Symlink => EntryKind::Link,
                _ => EntryKind::Other,
            },
            Err(_) => EntryKind::Other,
        }
    }

    fn openat2(&self, path: &str, flags: OFlags) -> Result<OwnedFd, RootError> {
        let relative = match path.trim_start_matches('/') {
            "" => ".",
            relative => relative,
        };
        openat2(
            &self.fd,
            relative,
            flags | OFlags::CLOEXEC,
            Mode::empty(),
            ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS,
        )
        .map_err(|errno| RootError::from_errno(path, errno))
    }
}

impl Identity {
    fn from_stat(stat: &rustix::fs::Stat) -> Self {
        // The types of these fields differ between architectures.
        #[allow(
            clippy::unnecessary_cast,
            clippy::useless_conversion,
            reason = "differs by architecture"
        )]
        Self {
            dev: stat.st_dev as u64,
            inode: stat.st_ino as u64,
            mtime_ns: i128::from(stat.st_mtime) * 1_000_000_000 + i128::from(stat.st_mtime_nsec),
            size: u64::try_from(stat.st_size).unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests;
