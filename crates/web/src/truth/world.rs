//! The compiled tables as the fleet asks for them.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use overlock_feeds::compile::Manifest;
use overlock_feeds::tables::Tables;
use overlock_fleet::{Changed, Knowledge, changed_packages};
use overlock_host::support::support;
use overlock_index::AdvisoryIndex;
use overlock_matching::{Advisories, Context};
use overlock_model::advisory::Ecosystem;
use overlock_model::feed::FeedStatus;
use overlock_model::os::Os;
use overlock_model::plan::Digest;
use overlock_model::threat::Threat;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Which tables these are, and how new: of two, the one whose feeds were fetched later is the newer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TablesId {
    /// SHA-256 over what the tables hold.
    pub digest: Digest,
    /// When the newest of their feeds was fetched.
    pub fetched: Option<Timestamp>,
}

/// Tables, or none: then nothing is known, which is told as that.
#[derive(Debug)]
pub struct World {
    tables: Option<Tables>,
    id: TablesId,
    today: Date,
    #[cfg(test)]
    built: BTreeMap<Ecosystem, Vec<u8>>,
}

impl World {
    /// Of tables that a test has built.
    #[cfg(test)]
    pub(crate) fn built(built: BTreeMap<Ecosystem, Vec<u8>>, fetched: Timestamp) -> Self {
        let digests: Vec<Digest> = built.values().map(|table| Digest::of(table)).collect();
        let id = TablesId {
            digest: Digest::of(format!("{digests:?}").as_bytes()),
            fetched: Some(fetched),
        };
        Self {
            built,
            id,
            ..Self::unknown(fetched)
        }
    }

    /// Those in a data directory.
    #[must_use]
    pub fn open(data: &Path, now: Timestamp) -> Self {
        Self::of(Tables::open(data), now)
    }

    /// None.
    #[must_use]
    pub fn unknown(now: Timestamp) -> Self {
        Self::of(None, now)
    }

    fn of(tables: Option<Tables>, now: Timestamp) -> Self {
        for damage in tables.iter().flat_map(Tables::damage) {
            tracing::error!(
                error = &damage as &dyn std::error::Error,
                "a table cannot be used"
            );
        }
        Self {
            id: id(tables.as_ref().map(Tables::manifest)),
            tables,
            today: now.to_zoned(TimeZone::UTC).date(),
            #[cfg(test)]
            built: BTreeMap::new(),
        }
    }

    /// Which tables these are.
    #[must_use]
    pub fn id(&self) -> &TablesId {
        &self.id
    }

    /// The day that support of releases is told by.
    #[must_use]
    pub fn today(&self) -> Date {
        self.today
    }

    /// The feeds behind them, with their age.
    #[must_use]
    pub fn feeds(&self) -> &[FeedStatus] {
        self.manifest().map_or(&[], |manifest| &manifest.feeds)
    }

    /// Gives back the memory of tables that nothing is looked up in just now.
    pub(crate) fn rest(&self) {
        if let Some(tables) = &self.tables {
            tables.rest();
        }
    }

    fn manifest(&self) -> Option<&Manifest> {
        self.tables.as_ref().map(Tables::manifest)
    }

    /// What must be matched anew when these tables follow others.
    #[must_use]
    pub fn changed_since(&self, before: &Self) -> Changed {
        let (Some(old), Some(new)) = (before.manifest(), self.manifest()) else {
            return Changed {
                everywhere: true,
                ..Changed::default()
            };
        };
        let everywhere = old.threats_sha256 != new.threats_sha256
            || old.release_dates != new.release_dates
            || old.support_ended != new.support_ended
            || before.today != self.today;
        let sums = |manifest: &Manifest| -> BTreeMap<Ecosystem, String> {
            manifest
                .tables
                .iter()
                .map(|table| (table.ecosystem.clone(), table.sha256.clone()))
                .collect()
        };
        let (old, new) = (sums(old), sums(new));
        let ecosystems = old
            .keys()
            .chain(new.keys())
            .filter(|ecosystem| old.get(*ecosystem) != new.get(*ecosystem))
            .map(|ecosystem| {
                let both = before.index(ecosystem).zip(self.index(ecosystem));
                (
                    ecosystem.clone(),
                    both.map(|(old, new)| changed_packages(&old, &new)),
                )
            })
            .collect();
        Changed {
            ecosystems,
            everywhere,
        }
    }
}

fn id(manifest: Option<&Manifest>) -> TablesId {
    let Some(manifest) = manifest else {
        return TablesId {
            digest: Digest::of(b""),
            fetched: None,
        };
    };
    let mut text = format!("{}\n", manifest.threats_sha256);
    for table in &manifest.tables {
        text.push_str(&format!("{} {}\n", table.ecosystem.as_str(), table.sha256));
    }
    for (release, sources) in &manifest.support_ended {
        text.push_str(&format!("{release} {sources:?}\n"));
    }
    TablesId {
        digest: Digest::of(text.as_bytes()),
        fetched: manifest.feeds.iter().filter_map(|feed| feed.fetched).max(),
    }
}

impl Advisories for World {
    fn index(&self, ecosystem: &Ecosystem) -> Option<AdvisoryIndex<'_>> {
        #[cfg(test)]
        if let Some(built) = self.built.get(ecosystem) {
            return AdvisoryIndex::open(built).ok();
        }
        self.tables.as_ref()?.advisories(ecosystem)
    }

    fn is_rejected(&self, vulnerability: &str) -> bool {
        self.tables
            .as_ref()
            .and_then(Tables::threats)
            .is_some_and(|threats| threats.is_rejected(vulnerability))
    }
}

impl Knowledge for World {
    fn threat(&self, vulnerability: &str) -> Threat {
        self.tables
            .as_ref()
            .and_then(Tables::threats)
            .and_then(|threats| threats.threat(vulnerability))
            .unwrap_or_default()
    }

    fn context(&self, os: &Os) -> Context {
        let dates = self
            .manifest()
            .map_or(&[][..], |manifest| &manifest.release_dates);
        let ended = os.ecosystem().and_then(|ecosystem| {
            self.manifest()?
                .support_ended
                .get(ecosystem.as_str())
                .cloned()
        });
        Context {
            support: Some(support(os, dates, self.today)),
            support_ended: ended.unwrap_or_default(),
            vex: Vec::new(),
        }
    }
}
