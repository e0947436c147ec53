//! When and where hosts were last seen: written in batches, apart from everything else, without a row in the log.

use crate::Store;
use crate::batch::{Statement, select_in};
use crate::columns::{Columns, free_text, json_text, micros};
use crate::error::StoreError;
use jiff::Timestamp;
use overlock_model::plan::HostId;
use serde::{Deserialize, Serialize};
use sqlx::Arguments;
use sqlx::any::AnyRow;
use std::collections::BTreeMap;

/// How many instances of a host are remembered: enough to show a copy of a key at work.
const INSTANCES: usize = 8;

/// A sign of life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Of which host.
    pub host: HostId,
    /// When, by the server's clock.
    pub at: Timestamp,
    /// From which address.
    pub address: String,
    /// Which run of the agent.
    pub instance: String,
    /// The message's count within that run.
    pub count: u64,
    /// How far the host's clock is ahead of the server's, where it said its time.
    pub clock_offset_us: Option<i64>,
}

/// When and where a host was last seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Presence {
    /// When; none before the first time.
    pub seen: Option<Timestamp>,
    /// Its address then.
    pub address: Option<String>,
    /// The run of its agent then.
    pub instance: Option<String>,
    /// The count of the message then.
    pub count: u64,
    /// How far its clock is ahead of the server's.
    pub clock_offset_us: Option<i64>,
    /// The last few runs and addresses, oldest first.
    pub instances: Vec<InstanceSeen>,
}

/// One run of an agent at one address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceSeen {
    /// Which run.
    pub instance: String,
    /// At which address.
    pub address: String,
    /// First seen.
    pub first: Timestamp,
}

impl Presence {
    pub(crate) fn of(row: &AnyRow) -> Result<Self, StoreError> {
        let instances: Option<String> = row.optional_text("instances")?;
        Ok(Self {
            seen: row.optional_time("seen")?,
            address: row.optional_text("address")?,
            instance: row.optional_text("instance")?,
            count: row
                .optional_int("message_count")?
                .and_then(|count| u64::try_from(count).ok())
                .unwrap_or_default(),
            clock_offset_us: row.optional_int("clock_offset_us")?,
            instances: instances.map_or_else(
                || Ok(Vec::new()),
                |text| {
                    serde_json::from_str(&text)
                        .map_err(|error| StoreError::damaged("presence.instances", error))
                },
            )?,
        })
    }

    /// This with a newer sign of life; an older one changes nothing.
    fn with(mut self, seen: &Seen) -> Self {
        if self.seen.is_some_and(|before| before > seen.at) {
            return self;
        }
        let address = free_text(&seen.address);
        let moved = self
            .instances
            .last()
            .is_none_or(|last| last.instance != seen.instance || last.address != address);
        if moved {
            // Two copies that take turns would fill the list with the same two.
            self.instances
                .retain(|known| known.instance != seen.instance || known.address != address);
            self.instances.push(InstanceSeen {
                instance: seen.instance.clone(),
                address: address.clone(),
                first: seen.at,
            });
            let surplus = self.instances.len().saturating_sub(INSTANCES);
            self.instances.drain(..surplus);
        }
        self.seen = Some(seen.at);
        self.address = Some(address);
        self.instance = Some(seen.instance.clone());
        self.count = seen.count;
        self.clock_offset_us = seen.clock_offset_us.or(self.clock_offset_us);
        self
    }
}

impl Store {
    /// Writes signs of life, in one transaction; hosts that are not there are passed over.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn seen(&self, signs: &[Seen]) -> Result<(), StoreError> {
        if signs.is_empty() {
            return Ok(());
        }
        let mut by_host: BTreeMap<&HostId, Vec<&Seen>> = BTreeMap::new();
        for sign in signs {
            by_host.entry(&sign.host).or_default().push(sign);
        }
        // In the order of their ids, so that two replicas never wait for each other.
        let hosts: Vec<&HostId> = by_host.keys().copied().collect();
        let mut writing = self.write_unlogged().await?;
        let known = select_in(
            writing.connection(),
            "reading presence",
            ("SELECT * FROM presence WHERE host IN", ""),
            &hosts,
            |host, to| to.add(host.as_str()),
        )
        .await?;
        let mut rows = Vec::with_capacity(known.len());
        for row in &known {
            let host = row.host("host")?;
            let mut presence = Presence::of(row)?;
            for sign in by_host.get(&host).into_iter().flatten() {
                presence = presence.with(sign);
            }
            let instances = json_text("presence.instances", &presence.instances)?;
            rows.push((host, presence, instances));
        }
        rows.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        Statement {
            doing: "writing presence",
            before: "WITH v (host, seen, address, instance, message_count, clock_offset_us, instances) AS (",
            columns: 7,
            after: ") UPDATE presence SET seen = v.seen, address = v.address, instance = v.instance, \
                    message_count = v.message_count, clock_offset_us = v.clock_offset_us, instances = v.instances \
                    FROM v WHERE presence.host = v.host",
        }
        .run(writing.connection(), &rows, |(host, presence, instances), to| {
            to.add(host.as_str())?;
            to.add(presence.seen.map(micros))?;
            to.add(presence.address.as_deref())?;
            to.add(presence.instance.as_deref())?;
            to.add(i64::try_from(presence.count).unwrap_or(i64::MAX))?;
            to.add(presence.clock_offset_us)?;
            to.add(instances.as_str())
        })
        .await?;
        writing.commit().await
    }
}
