//! What hosts have, and had: digests of sections with their history. Written by [`crate::accept`].

use crate::Store;
use crate::batch::select_in;
use crate::columns::{Columns, micros};
use crate::error::{Doing, StoreError};
use crate::log::{By, Entry};
use jiff::Timestamp;
use overlock_model::plan::{Digest, HostId};
use overlock_protocol::{Section, SectionDigests};
use serde_json::json;
use sqlx::Arguments;
use sqlx::any::AnyRow;
use std::collections::BTreeMap;

/// A content that a host had in a section, from when to when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SectionSpan {
    /// Which section.
    pub section: Section,
    /// Which content.
    pub digest: Digest,
    /// The host's revision that brought it.
    pub revision: i64,
    /// From then on, by the server's clock.
    pub since: Timestamp,
    /// Until then; none for what it has now.
    pub until: Option<Timestamp>,
}

/// What was forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pruned {
    /// Spans of history.
    pub spans: u64,
    /// Contents that nothing referred to any more.
    pub contents: u64,
}

impl Store {
    /// What a host has now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sections(&self, host: &HostId) -> Result<SectionDigests, StoreError> {
        let rows = sqlx::query(
            "SELECT section, digest FROM host_sections WHERE host = $1 AND until IS NULL",
        )
        .bind(host.as_str())
        .fetch_all(&self.pool)
        .await
        .doing("reading sections")?;
        digests(&rows)
    }

    /// What a host had at some time, as far as history goes back.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sections_at(
        &self,
        host: &HostId,
        time: Timestamp,
    ) -> Result<SectionDigests, StoreError> {
        let rows = sqlx::query(
            "SELECT section, digest FROM host_sections \
             WHERE host = $1 AND since <= $2 AND (until IS NULL OR until > $2)",
        )
        .bind(host.as_str())
        .bind(micros(time))
        .fetch_all(&self.pool)
        .await
        .doing("reading sections")?;
        digests(&rows)
    }

    /// Everything a host had, newest first, at most `limit` spans.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn timeline(
        &self,
        host: &HostId,
        limit: u32,
    ) -> Result<Vec<SectionSpan>, StoreError> {
        sqlx::query(
            "SELECT section, digest, revision, since, until FROM host_sections \
             WHERE host = $1 ORDER BY revision DESC, section LIMIT $2",
        )
        .bind(host.as_str())
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .doing("reading a timeline")?
        .iter()
        .map(|row| {
            Ok(SectionSpan {
                section: section(row)?,
                digest: row.digest("digest")?,
                revision: row.int("revision")?,
                since: row.time("since")?,
                until: row.optional_time("until")?,
            })
        })
        .collect()
    }

    /// What some hosts have now, with when it came; hosts that have never reported are left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn current_sections(
        &self,
        hosts: &[HostId],
    ) -> Result<BTreeMap<HostId, Vec<SectionSpan>>, StoreError> {
        const DOING: &str = "reading sections";
        let mut connection = self.pool.acquire().await.doing(DOING)?;
        let rows = select_in(
            &mut connection,
            DOING,
            (
                "SELECT host, section, digest, revision, since FROM host_sections WHERE until IS NULL AND host IN",
                "",
            ),
            hosts,
            |host, to| to.add(host.as_str()),
        )
        .await?;
        let mut spans: BTreeMap<HostId, Vec<SectionSpan>> = BTreeMap::new();
        for row in &rows {
            spans
                .entry(row.host("host")?)
                .or_default()
                .push(SectionSpan {
                    section: section(row)?,
                    digest: row.digest("digest")?,
                    revision: row.int("revision")?,
                    since: row.time("since")?,
                    until: None,
                });
        }
        Ok(spans)
    }

    /// What the hosts after one have now, at most `limit` hosts, in the order of their ids; for the start of a server.
    /// Hosts that have never reported are left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn all_sections(
        &self,
        after: Option<&HostId>,
        limit: u32,
    ) -> Result<BTreeMap<HostId, SectionDigests>, StoreError> {
        let rows = sqlx::query(
            "SELECT host, section, digest FROM host_sections WHERE until IS NULL AND host IN \
             (SELECT id FROM hosts WHERE id > $1 AND state IS NOT NULL ORDER BY id LIMIT $2)",
        )
        .bind(after.map_or("", HostId::as_str))
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .doing("reading sections")?;
        let mut hosts: BTreeMap<HostId, SectionDigests> = BTreeMap::new();
        for row in &rows {
            hosts
                .entry(row.host("host")?)
                .or_default()
                .insert(section(row)?, row.digest("digest")?);
        }
        Ok(hosts)
    }

    /// Forgets history that ended before a time, and contents that nothing refers to any more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn prune(&self, before: Timestamp, by: &By) -> Result<Pruned, StoreError> {
        const DOING: &str = "forgetting history";
        let mut writing = self.write().await?;
        let spans = sqlx::query("DELETE FROM host_sections WHERE until IS NOT NULL AND until < $1")
            .bind(micros(before))
            .execute(writing.connection())
            .await
            .doing(DOING)?
            .rows_affected();
        let contents = sqlx::query(
            "DELETE FROM contents WHERE NOT EXISTS \
             (SELECT 1 FROM host_sections WHERE host_sections.digest = contents.digest)",
        )
        .execute(writing.connection())
        .await
        .doing(DOING)?
        .rows_affected();
        let pruned = Pruned { spans, contents };
        if spans + contents > 0 {
            let body = json!({ "before": before, "spans": spans, "contents": contents });
            writing.log(by, Entry::new("history.prune", body)).await?;
            writing.commit().await?;
        }
        Ok(pruned)
    }
}

pub(crate) fn section(row: &AnyRow) -> Result<Section, StoreError> {
    let word = row.text("section")?;
    Section::from_word(&word).ok_or_else(|| StoreError::damaged("host_sections.section", word))
}

fn digests(rows: &[AnyRow]) -> Result<SectionDigests, StoreError> {
    rows.iter()
        .map(|row| Ok((section(row)?, row.digest("digest")?)))
        .collect()
}
