//! Which files with language packages came from packages of the operating system.
//!
//! dpkg, apk and pacman list their files, so for them the answer is exact. rpm's lists are not read: there everything
//! below `/usr` but `/usr/local` counts as rpm's, unless the installer's own note says otherwise.

use super::cache::Key;
use foldhash::HashMap;
use memchr::memchr_iter;
use overlock_model::inventory::Unseen;
use overlock_rootfs::Root;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Largest file list of one package; the longest real ones have 60,000 lines.
const LIST_BYTES_MAX: u64 = 32 << 20;
/// Largest database of apk.
const APK_BYTES_MAX: u64 = 512 << 20;
/// Most packages of one database.
const PACKAGES_MAX: usize = 200_000;

const DPKG_LISTS: &str = "var/lib/dpkg/info";
/// Distroless images keep one file for each package and no lists, but checksums.
const DPKG_SUMS: &str = "var/lib/dpkg/status.d";
const APK: [&str; 2] = ["lib/apk/db/installed", "usr/lib/apk/db/installed"];
const PACMAN: &str = "var/lib/pacman/local";
const RPM: [&str; 6] = [
    "usr/lib/sysimage/rpm/Packages.db",
    "usr/lib/sysimage/rpm/rpmdb.sqlite",
    "usr/share/rpm/rpmdb.sqlite",
    "var/lib/rpm/Packages",
    "var/lib/rpm/Packages.db",
    "var/lib/rpm/rpmdb.sqlite",
];

/// Answers that hold while the databases are unchanged; part of the cache.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ownership {
    databases: Vec<Option<Key>>,
    /// Path to whether a package owns it.
    answers: BTreeMap<String, bool>,
}

/// Ownership of the paths asked for.
pub(super) struct Owned {
    rpm: bool,
    record: Ownership,
}

impl Owned {
    /// Whether a package of the operating system brought `path`.
    pub fn is_owned(&self, path: &str, by_user: bool) -> bool {
        self.record.answers.get(path) == Some(&true)
            || self.rpm && !by_user && is_place_of_rpm(path)
    }

    /// The answers, for the cache.
    pub fn into_record(self) -> Ownership {
        self.record
    }
}

fn is_place_of_rpm(path: &str) -> bool {
    match path.split_once('/') {
        Some(("usr", rest)) => !rest.starts_with("local/"),
        Some((top, _)) => matches!(top, "bin" | "sbin" | "lib" | "lib64"),
        None => false,
    }
}

/// Asks the databases under `root` about `paths` (no leading slash); `known` answers without reading a list.
pub(super) fn owned(
    root: &Root,
    known: Option<&Ownership>,
    paths: &[&str],
    unseen: &mut Vec<Unseen>,
) -> Owned {
    let databases: Vec<Option<Key>> = [DPKG_LISTS, DPKG_SUMS, PACMAN]
        .into_iter()
        .chain(APK)
        .map(|path| root.identity(path).map(Key::from))
        .collect();
    let rpm = RPM.iter().any(|path| root.exists(path));
    if let Some(known) = known {
        let answered = paths.iter().all(|path| known.answers.contains_key(*path));
        if answered && known.databases == databases {
            return Owned {
                rpm,
                record: known.clone(),
            };
        }
    }
    let mut asked = Asked::new(paths);
    if !paths.is_empty() {
        asked.dpkg(root, unseen);
        asked.apk(root, unseen);
        asked.pacman(root, unseen);
    }
    Owned {
        rpm,
        record: Ownership {
            databases,
            answers: asked.answers(),
        },
    }
}

/// Paths without a leading slash, each under both spellings of a merged `/usr`, and whether one was found.
struct Asked<'a> {
    paths: &'a [&'a str],
    found: Vec<bool>,
    spellings: HashMap<Vec<u8>, usize>,
}

impl<'a> Asked<'a> {
    fn new(paths: &'a [&'a str]) -> Self {
        let mut spellings = HashMap::default();
        for (index, path) in paths.iter().enumerate() {
            let other = path
                .strip_prefix("usr/")
                .map_or_else(|| format!("usr/{path}"), ToOwned::to_owned);
            spellings.insert(path.as_bytes().to_vec(), index);
            spellings.entry(other.into_bytes()).or_insert(index);
        }
        Self {
            paths,
            found: vec![false; paths.len()],
            spellings,
        }
    }

    fn mark(&mut self, path: &[u8]) {
        let path = path.strip_prefix(b"/").unwrap_or(path);
        if let Some(found) = self
            .spellings
            .get(path)
            .and_then(|index| self.found.get_mut(*index))
        {
            *found = true;
        }
    }

    fn answers(self) -> BTreeMap<String, bool> {
        self.paths
            .iter()
            .map(|path| (*path).to_owned())
            .zip(self.found)
            .collect()
    }

    fn dpkg(&mut self, root: &Root, unseen: &mut Vec<Unseen>) {
        for (folder, ending) in [(DPKG_LISTS, ".list"), (DPKG_SUMS, ".md5sums")] {
            for name in names(root, folder, unseen) {
                if !name.ends_with(ending) {
                    continue;
                }
                let bytes = read(root, &format!("{folder}/{name}"), LIST_BYTES_MAX, unseen);
                for line in lines(&bytes) {
                    // A line of checksums is 32 digits, two spaces and the path.
                    self.mark(if ending == ".list" {
                        line
                    } else {
                        line.get(34..).unwrap_or_default()
                    });
                }
            }
        }
    }

    /// `F:` names a directory and each `R:` after it a file in it (apk-tools, `apk-v2` database format).
    fn apk(&mut self, root: &Root, unseen: &mut Vec<Unseen>) {
        for path in APK {
            let bytes = read(root, path, APK_BYTES_MAX, unseen);
            let mut file = Vec::new();
            let mut folder = 0;
            for line in lines(&bytes) {
                if let Some(name) = line.strip_prefix(b"F:") {
                    file.clear();
                    file.extend_from_slice(name);
                    if !name.is_empty() {
                        file.push(b'/');
                    }
                    folder = file.len();
                } else if let Some(name) = line.strip_prefix(b"R:") {
                    file.truncate(folder);
                    file.extend_from_slice(name);
                    self.mark(&file);
                }
            }
        }
    }

    fn pacman(&mut self, root: &Root, unseen: &mut Vec<Unseen>) {
        for name in names(root, PACMAN, unseen) {
            let bytes = read(
                root,
                &format!("{PACMAN}/{name}/files"),
                LIST_BYTES_MAX,
                unseen,
            );
            for line in lines(&bytes) {
                self.mark(line);
            }
        }
    }
}

fn names(root: &Root, folder: &str, unseen: &mut Vec<Unseen>) -> Vec<String> {
    match root.list_optional(folder, PACKAGES_MAX) {
        Ok(entries) => entries.into_iter().map(|entry| entry.name).collect(),
        Err(error) => {
            miss(folder, &error, unseen);
            Vec::new()
        }
    }
}

fn read(root: &Root, path: &str, limit: u64, unseen: &mut Vec<Unseen>) -> Vec<u8> {
    match root.read_optional(path, limit) {
        Ok(bytes) => bytes.unwrap_or_default(),
        Err(error) => {
            miss(path, &error, unseen);
            Vec::new()
        }
    }
}

fn miss(path: &str, error: &overlock_rootfs::RootError, unseen: &mut Vec<Unseen>) {
    unseen.push(Unseen {
        what: path.to_owned(),
        why: format!(
            "files of the operating system are not told apart: {}",
            super::search::reason(error)
        ),
    });
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut start = 0;
    memchr_iter(b'\n', bytes)
        .chain([bytes.len()])
        .map(move |end| {
            let line = bytes.get(start..end).unwrap_or_default();
            start = end + 1;
            line
        })
}
