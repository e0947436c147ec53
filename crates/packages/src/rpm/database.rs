//! Finding the rpm database under a root and reading it whole.

use super::bytes_at::BytesAt;
use super::entry::{EntryError, package};
use super::header::Header;
use super::lock::Locks;
use super::ndb;
use super::sqlite::{Sqlite, Value};
use crate::PackagesError;
use overlock_model::inventory::Unseen;
use overlock_model::package::Package;
use overlock_rootfs::{Root, RootError};
use std::fs::File;

/// Where rpm keeps its database: the classic place, and where image-based and newer systems moved it to.
const FOLDERS: [&str; 3] = ["/var/lib/rpm", "/usr/lib/sysimage/rpm", "/usr/share/rpm"];
/// Most packages of one host.
const MAX_PACKAGES: usize = 1_000_000;
/// How often a database that changes while it is read is read again.
const ATTEMPTS: usize = 3;
/// First bytes of a rollback journal that holds an unfinished transaction.
const JOURNAL_MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
const REBUILD_HINT: &str = "run `rpmdb --rebuilddb` on the host with rpm 4.16 or later, which writes rpmdb.sqlite; \
                            or scan an inventory file written from `rpm -qa`";
const DAMAGED_HINT: &str =
    "check it with `rpmdb --verifydb` on the host; `rpmdb --rebuilddb` repairs most damage";

/// What an rpm database holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// Path of the database file.
    pub database: String,
    /// Packages, sorted by name, architecture and version as text; versionlocks are set as holds.
    pub packages: Vec<Package>,
    /// Public keys, which rpm keeps as packages named `gpg-pubkey` and which are left out.
    pub public_keys: u64,
    /// Entries that could not be read, and why.
    pub unseen: Vec<Unseen>,
}

/// Reads the rpm database under a root; `None` when there is none.
///
/// The places are tried in order and the first database with packages is taken; an empty one counts only when no
/// other has any. The `-wal` next to an SQLite database is taken into account. No lock is taken: a database that
/// changes while it is read is read again, and reported when it never rests.
///
/// # Errors
/// When a database is damaged as a whole, may not be read, is in the old Berkeley format, or keeps changing.
pub fn installed(root: &Root) -> Result<Option<Installed>, PackagesError> {
    let mut empty = None;
    for folder in FOLDERS {
        let found = match sqlite(root, &format!("{folder}/rpmdb.sqlite"))? {
            Some(found) => Some(found),
            None => native(root, &format!("{folder}/Packages.db"))?,
        };
        match found {
            Some(mut found) if !found.packages.is_empty() || !found.unseen.is_empty() => {
                Locks::read(root, &mut found.unseen).hold(&mut found.packages);
                return Ok(Some(found));
            }
            found => {
                // An empty database next to an old one was made by accident; the host is not empty.
                berkeley(root, &format!("{folder}/Packages"))?;
                empty = empty.or(found);
            }
        }
    }
    Ok(empty)
}

fn sqlite(root: &Root, path: &str) -> Result<Option<Installed>, PackagesError> {
    let companions = [path.to_owned(), format!("{path}-wal")];
    for _ in 0..ATTEMPTS {
        let before = companions.each_ref().map(|path| root.identity(path));
        let Some(file) = open(root, path)? else {
            return Ok(None);
        };
        refuse_journal(root, path)?;
        let wal = open(root, &format!("{path}-wal"))?;
        let outcome = collect_sqlite(path, &file, wal.as_ref());
        if companions.each_ref().map(|path| root.identity(path)) == before {
            return outcome.map(Some);
        }
    }
    Err(PackagesError::Format {
        path: path.to_owned(),
        line: None,
        why: "it changed each time it was read".to_owned(),
        hint: Some("a package transaction is running; scan again when it is done"),
    })
}

fn collect_sqlite(path: &str, file: &File, wal: Option<&File>) -> Result<Installed, PackagesError> {
    let mut collected = Collected::default();
    Sqlite::open(file, wal)
        .and_then(|database| {
            database.rows("Packages", |number, values| match values {
                [_, Value::Blob(blob), ..] => collected.add(&number.to_string(), blob),
                _ => collected.miss(&number.to_string(), "its row holds no header"),
            })
        })
        .map_err(|error| damaged(path, &error))?;
    collected.finish(path)
}

fn native(root: &Root, path: &str) -> Result<Option<Installed>, PackagesError> {
    for _ in 0..ATTEMPTS {
        let before = root.identity(path);
        let Some(file) = open(root, path)? else {
            return Ok(None);
        };
        let mut collected = Collected::default();
        let outcome = ndb::blobs(&file, |number, blob| match blob {
            Ok(blob) => collected.add(&number.to_string(), blob),
            Err(error) => collected.miss(&number.to_string(), &error.to_string()),
        });
        if root.identity(path) == before {
            outcome.map_err(|error| damaged(path, &error))?;
            return collected.finish(path).map(Some);
        }
    }
    Err(PackagesError::format(
        path,
        "it changed each time it was read",
    ))
}

/// The old `Packages` file is not read; that it is there is an error, so that such a host is not taken for empty.
fn berkeley(root: &Root, path: &str) -> Result<(), PackagesError> {
    if open(root, path)?.is_none() {
        return Ok(());
    }
    Err(PackagesError::Unsupported {
        path: path.to_owned(),
        what: "the Berkeley DB of rpm before 4.16".to_owned(),
        hint: REBUILD_HINT,
    })
}

fn refuse_journal(root: &Root, path: &str) -> Result<(), PackagesError> {
    let journal = format!("{path}-journal");
    let mut magic = [0; 8];
    match open(root, &journal)? {
        Some(file) if file.read_at(0, &mut magic).is_ok() && magic == JOURNAL_MAGIC => {
            Err(PackagesError::Format {
                path: journal,
                line: None,
                why: "it holds a transaction that was cut short".to_owned(),
                hint: Some("run `rpm -qa` as root on the host, which rolls it back"),
            })
        }
        _ => Ok(()),
    }
}

fn open(root: &Root, path: &str) -> Result<Option<File>, PackagesError> {
    match root.open_file(path) {
        Ok(file) => Ok(Some(file)),
        Err(RootError::Missing { .. }) => Ok(None),
        Err(error) => Err(PackagesError::read(path, error)),
    }
}

fn damaged(path: &str, error: &dyn std::error::Error) -> PackagesError {
    let cause = error
        .source()
        .map(|cause| format!(": {cause}"))
        .unwrap_or_default();
    PackagesError::Format {
        path: path.to_owned(),
        line: None,
        why: format!("{error}{cause}"),
        hint: Some(DAMAGED_HINT),
    }
}

/// Packages gathered from one database, whatever its format.
#[derive(Default)]
struct Collected {
    packages: Vec<Package>,
    public_keys: u64,
    unseen: Vec<Unseen>,
    overflow: bool,
}

impl Collected {
    fn add(&mut self, number: &str, blob: &[u8]) {
        if self.packages.len() >= MAX_PACKAGES {
            self.overflow = true;
            return;
        }
        match Header::parse(blob)
            .map_err(EntryError::from)
            .and_then(|header| package(&header))
        {
            Ok(package) => self.packages.push(package),
            Err(EntryError::PublicKey) => self.public_keys += 1,
            Err(error) => self.miss(number, &error.to_string()),
        }
    }

    fn miss(&mut self, number: &str, why: &str) {
        if self.unseen.len() < MAX_PACKAGES {
            self.unseen.push(Unseen {
                what: format!("rpm database entry {number}"),
                why: why.to_owned(),
            });
        }
    }

    fn finish(mut self, path: &str) -> Result<Installed, PackagesError> {
        if self.overflow {
            return Err(PackagesError::format(
                path,
                format!("it holds more than {MAX_PACKAGES} packages"),
            ));
        }
        self.packages
            .sort_by(|a, b| (&a.name, &a.arch, &a.version).cmp(&(&b.name, &b.arch, &b.version)));
        Ok(Installed {
            database: path.to_owned(),
            packages: self.packages,
            public_keys: self.public_keys,
            unseen: self.unseen,
        })
    }
}
