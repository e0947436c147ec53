//! Real compiled tables, read into memory.

use anyhow::{Context as _, Result};
use overlock_fleet::{Changed, Knowledge};
use overlock_index::{AdvisoryIndex, ThreatIndex};
use overlock_matching::Advisories;
use overlock_model::advisory::Ecosystem;
use overlock_model::threat::Threat;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

pub struct World {
    tables: BTreeMap<Ecosystem, Vec<u8>>,
    threats: Vec<u8>,
    hidden: RefCell<Option<String>>,
}

impl World {
    pub fn open(data: &Path) -> Result<Self> {
        let index = data.join("index");
        let generation = fs::read_to_string(index.join("current")).with_context(|| {
            format!(
                "no tables in `{}`; `cargo xtask bench` makes them",
                data.display()
            )
        })?;
        let folder = index.join(generation.trim());
        let manifest: serde_json::Value =
            serde_json::from_slice(&fs::read(folder.join("manifest.json"))?)?;
        let mut tables = BTreeMap::new();
        for table in manifest["tables"].as_array().into_iter().flatten() {
            let (Some(ecosystem), Some(file)) =
                (table["ecosystem"].as_str(), table["file"].as_str())
            else {
                continue;
            };
            tables.insert(
                Ecosystem(ecosystem.to_owned()),
                fs::read(folder.join(file))?,
            );
        }
        Ok(Self {
            tables,
            threats: fs::read(folder.join("threats.thr"))?,
            hidden: RefCell::new(None),
        })
    }

    /// From now on this advisory has not come out yet.
    pub fn hide(&self, name: Option<&str>) {
        *self.hidden.borrow_mut() = name.map(str::to_owned);
    }

    /// What is spoken of differently once it has.
    pub fn changed_by(&self, name: &str) -> Changed {
        let mut changed = Changed::default();
        for ecosystem in self.tables.keys() {
            let Some(table) = self.index(ecosystem) else {
                continue;
            };
            let packages: BTreeSet<String> = table
                .packages()
                .filter(|rows| {
                    rows.fixed()
                        .chain(rows.other())
                        .any(|row| row.vulnerability() == name)
                })
                .map(|rows| rows.name().to_owned())
                .collect();
            if !packages.is_empty() {
                changed.ecosystems.insert(ecosystem.clone(), Some(packages));
            }
        }
        changed
    }
}

impl Advisories for World {
    fn index(&self, ecosystem: &Ecosystem) -> Option<AdvisoryIndex<'_>> {
        AdvisoryIndex::open(self.tables.get(ecosystem)?).ok()
    }

    fn is_rejected(&self, vulnerability: &str) -> bool {
        self.hidden.borrow().as_deref() == Some(vulnerability)
            || ThreatIndex::open(&self.threats)
                .is_ok_and(|threats| threats.is_rejected(vulnerability))
    }
}

impl Knowledge for World {
    fn threat(&self, vulnerability: &str) -> Threat {
        ThreatIndex::open(&self.threats)
            .ok()
            .and_then(|threats| threats.threat(vulnerability))
            .unwrap_or_default()
    }
}
