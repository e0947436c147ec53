//! Taking in reports: many hosts' changed sections in one transaction, all of it or nothing.
//!
//! Each report says which state it was made against. Where the host has moved on since (another replica was faster, or
//! the agent repeats itself after a lost answer) only that host's report is answered with what is there now.

use crate::Store;
use crate::batch::{Statement, select_in};
use crate::columns::{Columns, json_text, micros};
use crate::contents::{Content, intern};
use crate::database::Writing;
use crate::error::StoreError;
use crate::hosts::standing;
use crate::log::{By, Entry};
use crate::sections::section;
use jiff::Timestamp;
use overlock_model::asset::Standing;
use overlock_model::plan::{Digest, HostId};
use overlock_protocol::content::Labels;
use overlock_protocol::{Section, SectionDigests, state_digest};
use serde_json::{Value, json};
use sqlx::Arguments;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// A checked report of one host.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// Which host.
    pub host: HostId,
    /// When it came, by the server's clock.
    pub at: Timestamp,
    /// [`crate::Host::state`] that it was made against; none for a first report.
    pub expected: Option<Digest>,
    /// The sections that changed, whole.
    pub changed: BTreeMap<Section, Content>,
    /// The sections that are no longer sent.
    pub dropped: BTreeSet<Section>,
    /// The host's labels, where that section changed.
    pub labels: Option<Labels>,
}

/// What became of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the database.
    Accepted {
        /// The host's revision now.
        revision: i64,
        /// The host's state now.
        state: Digest,
        /// What the host has now.
        sections: SectionDigests,
    },
    /// Everything in it was there already; nothing was written.
    Unchanged {
        /// The host's revision.
        revision: i64,
        /// The host's state.
        state: Digest,
    },
    /// It was made against another state; nothing was written.
    Conflict {
        /// The host's state.
        state: Option<Digest>,
        /// What the host has.
        sections: SectionDigests,
    },
    /// Nothing is taken from a host of this standing.
    Refused(Standing),
    /// There is no such host.
    Unknown,
}

/// A host inside the transaction.
struct Known {
    standing: Standing,
    revision: i64,
    state: Option<Digest>,
    sections: BTreeMap<Section, Current>,
}

#[derive(Clone, Copy)]
struct Current {
    digest: Digest,
    revision: i64,
    since: i64,
}

/// Everything that a round of reports writes.
#[derive(Default)]
struct Changes<'a> {
    contents: BTreeMap<Digest, &'a Content>,
    closed: Vec<(&'a HostId, Section, i64, i64)>,
    opened: Vec<(&'a HostId, Section, Current)>,
    states: Vec<(&'a HostId, i64, Digest)>,
    labels: Vec<(&'a HostId, String)>,
    log: Vec<(By, Entry)>,
}

impl Store {
    /// Takes in reports in one transaction; the outcomes are in the order of the reports, and come after the commit.
    ///
    /// # Errors
    /// When the database fails: then nothing of any of them was written.
    pub async fn accept(&self, reports: &[Accepted]) -> Result<Vec<Outcome>, StoreError> {
        if reports.is_empty() {
            return Ok(Vec::new());
        }
        let mut writing = self.write().await?;
        let mut outcomes: Vec<Option<Outcome>> = vec![None; reports.len()];
        let mut wrote = false;
        let mut rest: Vec<usize> = (0..reports.len()).collect();
        // A second report of one host builds on the first: it has its turn in the next round.
        while !rest.is_empty() {
            let mut hosts = HashSet::new();
            let (round, later): (Vec<usize>, Vec<usize>) = rest.into_iter().partition(|at| {
                reports
                    .get(*at)
                    .is_some_and(|report| hosts.insert(&report.host))
            });
            rest = later;
            let of_round: Vec<(usize, &Accepted)> = round
                .into_iter()
                .filter_map(|at| reports.get(at).map(|report| (at, report)))
                .collect();
            let ids: Vec<&HostId> = of_round.iter().map(|(_, report)| &report.host).collect();
            let known = load(&mut writing, &ids).await?;
            let mut changes = Changes::default();
            for (at, report) in of_round {
                let outcome = match known.get(&report.host) {
                    Some(known) => changes.add(report, known)?,
                    None => Outcome::Unknown,
                };
                if let Some(slot) = outcomes.get_mut(at) {
                    *slot = Some(outcome);
                }
            }
            wrote |= !changes.states.is_empty();
            changes.write(&mut writing).await?;
        }
        if wrote {
            writing.commit().await?;
        }
        Ok(outcomes
            .into_iter()
            .map(|outcome| outcome.unwrap_or(Outcome::Unknown))
            .collect())
    }
}

async fn load(
    writing: &mut Writing,
    ids: &[&HostId],
) -> Result<BTreeMap<HostId, Known>, StoreError> {
    let mut known = BTreeMap::new();
    let rows = select_in(
        writing.connection(),
        "reading hosts",
        (
            "SELECT id, standing, standing_since, standing_why, revision, state FROM hosts WHERE id IN",
            "",
        ),
        ids,
        |id, to| to.add(id.as_str()),
    )
    .await?;
    for row in &rows {
        known.insert(
            row.host("id")?,
            Known {
                standing: standing(row)?,
                revision: row.int("revision")?,
                state: row.optional_digest("state")?,
                sections: BTreeMap::new(),
            },
        );
    }
    let rows = select_in(
        writing.connection(),
        "reading sections",
        (
            "SELECT host, section, digest, revision, since FROM host_sections WHERE until IS NULL AND host IN",
            "",
        ),
        ids,
        |id, to| to.add(id.as_str()),
    )
    .await?;
    for row in &rows {
        if let Some(known) = known.get_mut(&row.host("host")?) {
            known.sections.insert(
                section(row)?,
                Current {
                    digest: row.digest("digest")?,
                    revision: row.int("revision")?,
                    since: row.int("since")?,
                },
            );
        }
    }
    Ok(known)
}

impl<'a> Changes<'a> {
    /// Decides about one report, and notes what it writes.
    fn add(&mut self, report: &'a Accepted, known: &Known) -> Result<Outcome, StoreError> {
        match &known.standing {
            Standing::Active => {}
            other => return Ok(Outcome::Refused(other.clone())),
        }
        let before: SectionDigests = known
            .sections
            .iter()
            .map(|(section, current)| (*section, current.digest))
            .collect();
        let mut sections = before.clone();
        for section in &report.dropped {
            sections.remove(section);
        }
        for (section, content) in &report.changed {
            sections.insert(*section, content.digest());
        }
        let state = state_digest(&sections);
        if known.state == Some(state) {
            return Ok(Outcome::Unchanged {
                revision: known.revision,
                state,
            });
        }
        if report.expected != known.state {
            return Ok(Outcome::Conflict {
                state: known.state,
                sections: before,
            });
        }
        let revision = known.revision + 1;
        // The server's clock may have been set back; a span never ends before it began.
        let at = known
            .sections
            .values()
            .map(|current| current.since)
            .fold(micros(report.at), i64::max);
        let mut told = serde_json::Map::new();
        for section in Section::ALL {
            let (old, new) = (before.get(&section), sections.get(&section));
            if old == new {
                continue;
            }
            if let Some(current) = known.sections.get(&section) {
                self.closed
                    .push((&report.host, section, current.revision, at));
            }
            if let Some(content) = report.changed.get(&section) {
                self.contents.insert(content.digest(), content);
                self.opened.push((
                    &report.host,
                    section,
                    Current {
                        digest: content.digest(),
                        revision,
                        since: at,
                    },
                ));
            }
            told.insert(section.as_str().to_owned(), json!([old, new]));
        }
        if let Some(labels) = &report.labels {
            self.labels
                .push((&report.host, json_text("hosts.labels", labels)?));
        }
        self.states.push((&report.host, revision, state));
        let body = json!({
            "revision": revision,
            "sections": Value::Object(told),
            "state": state,
        });
        self.log.push((
            By::host(report.host.clone(), report.at),
            Entry::of("inventory", &report.host, body),
        ));
        Ok(Outcome::Accepted {
            revision,
            state,
            sections,
        })
    }

    async fn write(self, writing: &mut Writing) -> Result<(), StoreError> {
        const DOING: &str = "writing sections";
        intern(writing.connection(), &self.contents).await?;
        Statement {
            doing: DOING,
            before: "WITH v (host, section, revision, until) AS (",
            columns: 4,
            after: ") UPDATE host_sections SET until = v.until FROM v WHERE host_sections.host = v.host \
                    AND host_sections.section = v.section AND host_sections.revision = v.revision",
        }
        .run(
            writing.connection(),
            &self.closed,
            |(host, section, revision, until), to| {
                to.add(host.as_str())?;
                to.add(section.as_str())?;
                to.add(*revision)?;
                to.add(*until)
            },
        )
        .await?;
        Statement {
            doing: DOING,
            before: "INSERT INTO host_sections (host, section, revision, digest, since)",
            columns: 5,
            after: "",
        }
        .run(
            writing.connection(),
            &self.opened,
            |(host, section, current), to| {
                to.add(host.as_str())?;
                to.add(section.as_str())?;
                to.add(current.revision)?;
                to.add(current.digest.bytes().as_slice())?;
                to.add(current.since)
            },
        )
        .await?;
        Statement {
            doing: DOING,
            before: "WITH v (host, revision, state) AS (",
            columns: 3,
            after: ") UPDATE hosts SET revision = v.revision, state = v.state FROM v WHERE hosts.id = v.host",
        }
        .run(
            writing.connection(),
            &self.states,
            |(host, revision, state), to| {
                to.add(host.as_str())?;
                to.add(*revision)?;
                to.add(state.bytes().as_slice())
            },
        )
        .await?;
        Statement {
            doing: DOING,
            before: "WITH v (host, labels) AS (",
            columns: 2,
            after: ") UPDATE hosts SET labels = v.labels FROM v WHERE hosts.id = v.host",
        }
        .run(writing.connection(), &self.labels, |(host, labels), to| {
            to.add(host.as_str())?;
            to.add(labels.as_str())
        })
        .await?;
        writing.log_all(self.log).await
    }
}
