//! Episodes of hosts: one packed blob of the open ones each, and one for each batch that ended.
//!
//! A fleet has millions of episodes, nearly all of which change together with their host; a row for each would be most
//! of the database. Selections over them are made in memory, from what [`Store::all_open_episodes`] gives at the start.

mod packed;

use crate::Store;
use crate::batch::{Statement, select_in};
use crate::columns::{Columns, micros};
use crate::database::Writing;
use crate::error::{Doing, StoreError};
use crate::log::{By, Entry};
use jiff::Timestamp;
use overlock_model::episode::{Episode, EpisodeKey, EpisodeState};
use overlock_model::plan::{Digest, HostId, to_canonical};
use serde::Serialize;
use serde_json::json;
use sqlx::Arguments;
use std::collections::{BTreeMap, HashSet};

/// What judging a host came to.
#[derive(Debug, Clone)]
pub struct Judged {
    /// Which host.
    pub host: HostId,
    /// When, by the server's clock.
    pub at: Timestamp,
    /// [`crate::Host::revision`] that was judged.
    pub revision: i64,
    /// [`crate::JudgedWith::number`] of the judgement that this one goes on from; 0 where there was none.
    pub after: i64,
    /// Digest of the tables it was judged with, as text.
    pub tables: String,
    /// All episodes that have not ended, in the order of their keys.
    pub open: Vec<Episode>,
    /// The episodes that have ended by this judgement.
    pub ended: Vec<Episode>,
    /// What changed, for the log.
    pub transitions: Vec<Transition>,
}

/// An episode that came to another state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Transition {
    /// Which episode.
    #[serde(flatten)]
    pub key: EpisodeKey,
    /// [`Episode::ordinal`].
    pub ordinal: u32,
    /// From this state; none when it was opened.
    pub from: Option<EpisodeState>,
    /// To this one.
    pub to: EpisodeState,
}

/// What became of a judgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JudgedOutcome {
    /// It is in the database, under this number.
    Written(i64),
    /// The host was judged again or has reported again since; nothing was written.
    Stale,
    /// There is no such host.
    Unknown,
}

/// The episodes of a host that have not ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenEpisodes {
    /// Number of the judgement that wrote them; 0 before the first.
    pub number: i64,
    /// In the order of their keys.
    pub episodes: Vec<Episode>,
}

/// How many transitions the log names; the rest is in its counts and its digest.
const NAMED: usize = 16;

impl Store {
    /// Writes judgements in one transaction with their rows in the log; outcomes are in the order of the judgements.
    ///
    /// A judgement that found nothing new writes which tables and revision it looked at, and no row in the log.
    ///
    /// # Errors
    /// When the database fails: then nothing of any of them was written.
    pub async fn judged(&self, judgements: &[Judged]) -> Result<Vec<JudgedOutcome>, StoreError> {
        if judgements.is_empty() {
            return Ok(Vec::new());
        }
        let mut writing = self.write().await?;
        let known = load(&mut writing, judgements).await?;
        let mut hosts = HashSet::new();
        let mut accepted = Vec::new();
        let mut outcomes = Vec::with_capacity(judgements.len());
        for judged in judgements {
            outcomes.push(match known.get(&judged.host) {
                None => JudgedOutcome::Unknown,
                Some((revision, number))
                    if *revision == judged.revision
                        && *number == judged.after
                        && hosts.insert(&judged.host) =>
                {
                    accepted.push(Written::of(judged, number + 1)?);
                    JudgedOutcome::Written(number + 1)
                }
                Some(_) => JudgedOutcome::Stale,
            });
        }
        if accepted.is_empty() {
            return Ok(outcomes);
        }
        write(&mut writing, &accepted).await?;
        writing.commit().await?;
        Ok(outcomes)
    }

    /// The episodes of a host that have not ended.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn open_episodes(&self, host: &HostId) -> Result<OpenEpisodes, StoreError> {
        let row = sqlx::query(
            "SELECT j.number, e.packed FROM judgements j JOIN open_episodes e ON e.host = j.host WHERE j.host = $1",
        )
        .bind(host.as_str())
        .fetch_optional(&self.pool)
        .await
        .doing("reading episodes")?;
        row.map_or_else(
            || Ok(OpenEpisodes::default()),
            |row| {
                Ok(OpenEpisodes {
                    number: row.int("number")?,
                    episodes: packed::read("open_episodes.packed", &row.bytes("packed")?)?,
                })
            },
        )
    }

    /// A page of all hosts' episodes that have not ended, by id: of hosts after one, at most `limit` hosts.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn all_open_episodes(
        &self,
        after: Option<&HostId>,
        limit: u32,
    ) -> Result<Vec<(HostId, OpenEpisodes)>, StoreError> {
        sqlx::query(
            "SELECT j.host, j.number, e.packed FROM judgements j JOIN open_episodes e ON e.host = j.host \
             WHERE j.host > $1 ORDER BY j.host LIMIT $2",
        )
        .bind(after.map_or("", HostId::as_str))
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .doing("reading episodes")?
        .iter()
        .map(|row| {
            let episodes = OpenEpisodes {
                number: row.int("number")?,
                episodes: packed::read("open_episodes.packed", &row.bytes("packed")?)?,
            };
            Ok((row.host("host")?, episodes))
        })
        .collect()
    }

    /// The episodes of a host that have ended, newest first, from at most `batches` judgements.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn ended_episodes(
        &self,
        host: &HostId,
        batches: u32,
    ) -> Result<Vec<Episode>, StoreError> {
        let rows = sqlx::query(
            "SELECT packed FROM ended_episodes WHERE host = $1 ORDER BY number DESC LIMIT $2",
        )
        .bind(host.as_str())
        .bind(i64::from(batches))
        .fetch_all(&self.pool)
        .await
        .doing("reading episodes")?;
        let mut episodes = Vec::new();
        for row in &rows {
            episodes.extend(packed::read(
                "ended_episodes.packed",
                &row.bytes("packed")?,
            )?);
        }
        Ok(episodes)
    }
}

/// Revision and number of the last judgement of each host that is there.
async fn load(
    writing: &mut Writing,
    judgements: &[Judged],
) -> Result<BTreeMap<HostId, (i64, i64)>, StoreError> {
    let rows = select_in(
        writing.connection(),
        "reading hosts",
        (
            "SELECT h.id, h.revision, j.number FROM hosts h LEFT JOIN judgements j ON j.host = h.id WHERE h.id IN",
            "",
        ),
        judgements,
        |judged, to| to.add(judged.host.as_str()),
    )
    .await?;
    rows.iter()
        .map(|row| {
            let number = row.optional_int("number")?.unwrap_or(0);
            Ok((row.host("id")?, (row.int("revision")?, number)))
        })
        .collect()
}

/// A judgement as it is written.
struct Written<'a> {
    judged: &'a Judged,
    number: i64,
    /// None where nothing changed.
    open: Option<Vec<u8>>,
    ended: Option<Vec<u8>>,
}

impl<'a> Written<'a> {
    fn of(judged: &'a Judged, number: i64) -> Result<Self, StoreError> {
        let first = judged.after == 0;
        let changed = first || !judged.transitions.is_empty() || !judged.ended.is_empty();
        Ok(Self {
            judged,
            number,
            open: changed.then(|| packed::write(&judged.open)).transpose()?,
            ended: (!judged.ended.is_empty())
                .then(|| packed::write(&judged.ended))
                .transpose()?,
        })
    }

    fn entry(&self) -> Result<Option<(By, Entry)>, StoreError> {
        let transitions = &self.judged.transitions;
        if transitions.is_empty() {
            return Ok(None);
        }
        let damaged = |error| StoreError::damaged("log.body", error);
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for transition in transitions {
            let from = transition.from.map_or("new", EpisodeState::as_str);
            *counts
                .entry(format!("{from}>{}", transition.to.as_str()))
                .or_default() += 1;
        }
        let all = to_canonical(transitions).map_err(damaged)?;
        let named: Vec<&Transition> = transitions.iter().take(NAMED).collect();
        let body = json!({
            "judgement": self.number,
            "revision": self.judged.revision,
            "tables": self.judged.tables,
            "counts": counts,
            "first": named,
            "sha256": Digest::of(&all),
        });
        Ok(Some((
            By::server(self.judged.at),
            Entry::of("episodes", &self.judged.host, body),
        )))
    }
}

async fn write(writing: &mut Writing, all: &[Written<'_>]) -> Result<(), StoreError> {
    const DOING: &str = "writing episodes";
    let count = |episodes: &[Episode]| i64::try_from(episodes.len()).unwrap_or(i64::MAX);
    Statement {
        doing: DOING,
        before: "INSERT INTO judgements (host, number, revision, tables, judged)",
        columns: 5,
        after: " ON CONFLICT (host) DO UPDATE SET number = excluded.number, revision = excluded.revision, \
                tables = excluded.tables, judged = excluded.judged",
    }
    .run(writing.connection(), all, |written, to| {
        to.add(written.judged.host.as_str())?;
        to.add(written.number)?;
        to.add(written.judged.revision)?;
        to.add(written.judged.tables.as_str())?;
        to.add(micros(written.judged.at))
    })
    .await?;
    let open: Vec<_> = all
        .iter()
        .filter_map(|written| Some((written, written.open.as_ref()?)))
        .collect();
    Statement {
        doing: DOING,
        before: "INSERT INTO open_episodes (host, episode_count, packed)",
        columns: 3,
        after: " ON CONFLICT (host) DO UPDATE SET episode_count = excluded.episode_count, packed = excluded.packed",
    }
    .run(writing.connection(), &open, |(written, packed), to| {
        to.add(written.judged.host.as_str())?;
        to.add(count(&written.judged.open))?;
        to.add(packed.as_slice())
    })
    .await?;
    let ended: Vec<_> = all
        .iter()
        .filter_map(|written| Some((written, written.ended.as_ref()?)))
        .collect();
    Statement {
        doing: DOING,
        before: "INSERT INTO ended_episodes (host, number, ended, episode_count, packed)",
        columns: 5,
        after: "",
    }
    .run(writing.connection(), &ended, |(written, packed), to| {
        to.add(written.judged.host.as_str())?;
        to.add(written.number)?;
        to.add(micros(written.judged.at))?;
        to.add(count(&written.judged.ended))?;
        to.add(packed.as_slice())
    })
    .await?;
    let mut log = Vec::new();
    for written in all {
        log.extend(written.entry()?);
    }
    writing.log_all(log).await
}
