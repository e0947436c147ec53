//! The compiled tables of the current generation, mapped into memory as they are asked for.

use crate::compile::{CURRENT, MANIFEST, MANIFEST_SCHEMA, Manifest, THREATS};
use memmap2::{Mmap, UncheckedAdvice};
use overlock_index::{AdvisoryIndex, IndexError, ThreatIndex};
use overlock_model::advisory::Ecosystem;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

const MANIFEST_BYTES_MAX: u64 = 16 << 20;

/// Why the tables cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TablesError {
    /// A table is damaged.
    #[error("table `{path}` cannot be used")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: IndexError,
    },
}

/// The tables of one generation.
#[derive(Debug)]
pub struct Tables {
    folder: PathBuf,
    manifest: Manifest,
    advisories: BTreeMap<Ecosystem, (String, OnceLock<Option<Mmap>>)>,
    threats: OnceLock<Option<Mmap>>,
}

impl Tables {
    /// Opens the current generation in `data`; `None` when nothing was compiled yet, or by another version.
    #[must_use]
    pub fn open(data: &Path) -> Option<Self> {
        let index = data.join("index");
        let generation = bounded(&index.join(CURRENT), 64)?;
        let generation = String::from_utf8(generation).ok()?;
        if generation.len() != 16 || !generation.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let folder = index.join(generation);
        let manifest = manifest(&folder)?;
        let advisories = manifest
            .tables
            .iter()
            .filter(|table| !table.file.contains('/'))
            .map(|table| {
                (
                    table.ecosystem.clone(),
                    (table.file.clone(), OnceLock::new()),
                )
            })
            .collect();
        Some(Self {
            folder,
            manifest,
            advisories,
            threats: OnceLock::new(),
        })
    }

    /// What the generation holds.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The advisory table of an ecosystem; `None` when there is none or it is damaged ([`Tables::damage`] tells).
    #[must_use]
    pub fn advisories(&self, ecosystem: &Ecosystem) -> Option<AdvisoryIndex<'_>> {
        let (file, slot) = self.advisories.get(ecosystem)?;
        let map = slot.get_or_init(|| map(&self.folder.join(file))).as_ref()?;
        AdvisoryIndex::open(map).ok()
    }

    /// The threat table; `None` when there is none or it is damaged.
    #[must_use]
    pub fn threats(&self) -> Option<ThreatIndex<'_>> {
        let map = self
            .threats
            .get_or_init(|| map(&self.folder.join(THREATS)))
            .as_ref()?;
        ThreatIndex::open(map).ok()
    }

    /// Tables whose header does not hold, with the reason.
    #[must_use]
    pub fn damage(&self) -> Vec<TablesError> {
        let mut damaged = Vec::new();
        let mut note = |file: &str, error: Option<IndexError>| {
            if let Some(source) = error {
                damaged.push(TablesError::Damaged {
                    path: self.folder.join(file),
                    source,
                });
            }
        };
        for (file, slot) in self.advisories.values() {
            let bytes = slot
                .get_or_init(|| map(&self.folder.join(file)))
                .as_deref()
                .unwrap_or_default();
            note(file, AdvisoryIndex::open(bytes).err());
        }
        let bytes = self
            .threats
            .get_or_init(|| map(&self.folder.join(THREATS)))
            .as_deref()
            .unwrap_or_default();
        note(THREATS, ThreatIndex::open(bytes).err());
        damaged
    }

    /// Gives back the memory that mapped tables take; what is asked for next is read from their files again. For a server,
    /// which asks them much when something is new and then not at all for hours.
    pub fn rest(&self) {
        let advisories = self.advisories.values().map(|(_, slot)| slot);
        for map in advisories
            .chain([&self.threats])
            .filter_map(|slot| slot.get()?.as_ref())
        {
            give_back(map);
        }
    }
}

#[expect(
    unsafe_code,
    reason = "a server at rest would keep tables in memory for hours"
)]
fn give_back(map: &Mmap) {
    // SAFETY: nothing is ever written through the map, so that every page can be read from the file again, at any time.
    let given = unsafe { map.unchecked_advise(UncheckedAdvice::DontNeed) };
    // Otherwise the pages stay, as they would without asking.
    drop(given);
}

pub(crate) fn manifest(folder: &Path) -> Option<Manifest> {
    let bytes = bounded(&folder.join(MANIFEST), MANIFEST_BYTES_MAX)?;
    let manifest: Manifest = serde_json::from_slice(&bytes).ok()?;
    (manifest.schema == MANIFEST_SCHEMA).then_some(manifest)
}

fn bounded(path: &Path, limit: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)
        .ok()?
        .take(limit + 1)
        .read_to_end(&mut bytes)
        .ok()?;
    (bytes.len() as u64 <= limit).then_some(bytes)
}

#[expect(
    unsafe_code,
    reason = "mapping a file is what makes a scan start at once"
)]
fn map(path: &Path) -> Option<Mmap> {
    let file = File::open(path).ok()?;
    // SAFETY: tables are written once under a new name and only ever unlinked, never changed in place; whoever may
    // write the data directory otherwise can already act as us.
    unsafe { Mmap::map(&file) }.ok()
}
