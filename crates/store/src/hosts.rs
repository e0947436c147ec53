//! Hosts: who they are, their standing, what people say of them. What they send is in [`crate::sections`].

use crate::Store;
use crate::columns::{Columns, free_text, json_text, micros};
use crate::error::{Doing, StoreError};
use crate::log::{By, Entry};
use crate::presence::Presence;
use jiff::Timestamp;
use overlock_model::asset::{HostFacts, Standing};
use overlock_model::plan::{Digest, HostId};
use overlock_protocol::Section;
use overlock_protocol::content::Labels;
use serde_json::json;
use sqlx::any::AnyRow;
use std::collections::BTreeSet;

/// A host as it is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Who.
    pub id: HostId,
    /// Its name; two hosts may have the same.
    pub name: String,
    /// Its standing with the server.
    pub standing: Standing,
    /// `/etc/machine-id`, or empty.
    pub machine_id: String,
    /// Version of its agent.
    pub agent: String,
    /// The group it was enrolled into.
    pub group: Option<String>,
    /// When it was first enrolled.
    pub enrolled: Timestamp,
    /// When and where it was last seen.
    pub presence: Presence,
    /// SHA-256 of the public key (SubjectPublicKeyInfo) it was enrolled or renewed with.
    pub key: Option<Digest>,
    /// Serial number of its newest certificate.
    pub certificate_serial: Option<String>,
    /// When that certificate ends.
    pub certificate_until: Option<Timestamp>,
    /// Sections that its owner has switched off.
    pub switched_off: BTreeSet<Section>,
    /// Whether it has the root helper.
    pub helper: bool,
    /// What people say of it.
    pub facts: HostFacts,
    /// What it says of itself.
    pub labels: Labels,
    /// Counts the reports that changed something.
    pub revision: i64,
    /// [`overlock_protocol::state_digest`] of what was last accepted; none before the first report.
    pub state: Option<Digest>,
    /// What it was last judged with; none before the first time.
    pub judged: Option<JudgedWith>,
}

/// What a host's episodes were last made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JudgedWith {
    /// Counts the host's judgements that wrote something.
    pub number: i64,
    /// [`Host::revision`] that was judged.
    pub revision: i64,
    /// Digest of the tables it was judged with, as text.
    pub tables: String,
    /// When.
    pub at: Timestamp,
}

/// What an agent says at its start, as far as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Greeted {
    /// Version of the agent.
    pub agent: String,
    /// `/etc/machine-id`, or empty.
    pub machine_id: String,
    /// What its owner has switched off.
    pub switched_off: BTreeSet<Section>,
    /// Whether the root helper is there.
    pub helper: bool,
}

/// Another standing for a host, and what must still be so, since it was decided by that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StandingChange<'a> {
    /// What it stands as now; only the kind of standing is compared.
    pub from: &'a Standing,
    /// What it is to stand as.
    pub to: &'a Standing,
    /// The key that it has; none where the key does not matter.
    pub key: Option<Digest>,
    /// Why, for the log, where the standing itself does not say so.
    pub reason: Option<&'a str>,
}

impl<'a> StandingChange<'a> {
    /// Whatever key the host has, and without a reason beside what the standing says.
    #[must_use]
    pub fn new(from: &'a Standing, to: &'a Standing) -> Self {
        Self {
            from,
            to,
            key: None,
            reason: None,
        }
    }
}

/// What became of a [`StandingChange`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StandingSet {
    /// It is so.
    Set,
    /// Nothing changed: the host stands otherwise, or has another key, than was thought.
    Otherwise,
    /// There is no such host.
    NoHost,
}

const SELECT: &str = "SELECT h.*, p.seen, p.address, p.instance, p.message_count, p.clock_offset_us, p.instances, \
     j.number AS judged_number, j.revision AS judged_revision, j.tables AS judged_tables, j.judged AS judged_at \
     FROM hosts h LEFT JOIN presence p ON p.host = h.id LEFT JOIN judgements j ON j.host = h.id";

/// Kind of the rows of [`Store::ask_to_look`], which change nothing of their host.
pub const LOOK: &str = "host.look";

impl Store {
    /// One host.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn host(&self, id: &HostId) -> Result<Option<Host>, StoreError> {
        sqlx::query(sqlx::AssertSqlSafe(format!("{SELECT} WHERE h.id = $1")))
            .bind(id.as_str())
            .fetch_optional(&self.pool)
            .await
            .doing("reading a host")?
            .as_ref()
            .map(host)
            .transpose()
    }

    /// The hosts of a name, by id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn hosts_named(&self, name: &str) -> Result<Vec<Host>, StoreError> {
        sqlx::query(sqlx::AssertSqlSafe(format!(
            "{SELECT} WHERE h.name = $1 ORDER BY h.id"
        )))
        .bind(free_text(name))
        .fetch_all(&self.pool)
        .await
        .doing("reading hosts")?
        .iter()
        .map(host)
        .collect()
    }

    /// A page of all hosts, by id: those after one, at most `limit`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn hosts(&self, after: Option<&HostId>, limit: u32) -> Result<Vec<Host>, StoreError> {
        sqlx::query(sqlx::AssertSqlSafe(format!(
            "{SELECT} WHERE h.id > $1 ORDER BY h.id LIMIT $2"
        )))
        .bind(after.map_or("", HostId::as_str))
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .doing("reading hosts")?
        .iter()
        .map(host)
        .collect()
    }

    /// How many hosts there are.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn host_count(&self) -> Result<i64, StoreError> {
        sqlx::query("SELECT COUNT(*) AS hosts FROM hosts")
            .fetch_one(&self.pool)
            .await
            .doing("counting hosts")?
            .int("hosts")
    }

    /// Sets what people say of a host; false when there is no such host.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_facts(
        &self,
        id: &HostId,
        facts: &HostFacts,
        by: &By,
    ) -> Result<bool, StoreError> {
        let text = json_text("hosts.facts", facts)?;
        let mut writing = self.write().await?;
        let changed = sqlx::query("UPDATE hosts SET facts = $2 WHERE id = $1")
            .bind(id.as_str())
            .bind(text)
            .execute(writing.connection())
            .await
            .doing("setting facts")?
            .rows_affected();
        if changed == 0 {
            return Ok(false);
        }
        writing
            .log(by, Entry::of("host.facts", id, json!({ "facts": facts })))
            .await?;
        writing.commit().await?;
        Ok(true)
    }

    /// Sets a host's standing, if it still is what the change was decided by.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_standing(
        &self,
        id: &HostId,
        change: &StandingChange<'_>,
        by: &By,
    ) -> Result<StandingSet, StoreError> {
        const DOING: &str = "setting a standing";
        let (since, why) = standing_columns(change.to);
        let mut writing = self.write().await?;
        let changed = sqlx::query(
            "UPDATE hosts SET standing = $2, standing_since = $3, standing_why = $4 \
             WHERE id = $1 AND standing = $5 AND key_digest = COALESCE($6, key_digest)",
        )
        .bind(id.as_str())
        .bind(change.to.word())
        .bind(since)
        .bind(why)
        .bind(change.from.word())
        .bind(change.key.map(|key| key.bytes().to_vec()))
        .execute(writing.connection())
        .await
        .doing(DOING)?
        .rows_affected();
        if changed == 0 {
            return Ok(match find(writing.connection(), id).await? {
                Some(_) => StandingSet::Otherwise,
                None => StandingSet::NoHost,
            });
        }
        let mut body = json!(change.to);
        if let (Some(reason), Some(body)) = (change.reason, body.as_object_mut()) {
            body.insert("reason".into(), json!(free_text(reason)));
        }
        writing
            .log(by, Entry::of("host.standing", id, body))
            .await?;
        writing.commit().await?;
        Ok(StandingSet::Set)
    }

    /// Keeps what an agent said at its start; true when it was something new. An empty machine-id is unknown, and leaves
    /// the one that is known.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn greeted(
        &self,
        id: &HostId,
        greeted: &Greeted,
        by: &By,
    ) -> Result<bool, StoreError> {
        let switched_off = json_text("hosts.switched_off", &greeted.switched_off)?;
        let (agent, machine_id) = (free_text(&greeted.agent), free_text(&greeted.machine_id));
        let same = sqlx::query(
            "SELECT id FROM hosts WHERE id = $1 AND agent = $2 \
             AND machine_id = COALESCE(NULLIF($3, ''), machine_id) AND switched_off = $4 AND helper = $5",
        )
        .bind(id.as_str())
        .bind(&agent)
        .bind(&machine_id)
        .bind(&switched_off)
        .bind(i64::from(greeted.helper))
        .fetch_optional(&self.pool)
        .await
        .doing("reading a host")?;
        if same.is_some() {
            return Ok(false);
        }
        let mut writing = self.write().await?;
        let changed = sqlx::query(
            "UPDATE hosts SET agent = $2, machine_id = COALESCE(NULLIF($3, ''), machine_id), switched_off = $4, \
             helper = $5 WHERE id = $1",
        )
        .bind(id.as_str())
        .bind(&agent)
        .bind(&machine_id)
        .bind(switched_off)
        .bind(i64::from(greeted.helper))
        .execute(writing.connection())
        .await
        .doing("keeping what an agent said")?
        .rows_affected();
        if changed == 0 {
            return Ok(false);
        }
        let body = json!({
            "agent": agent,
            "machine_id": machine_id,
            "switched_off": greeted.switched_off,
            "helper": greeted.helper,
        });
        writing.log(by, Entry::of("host.agent", id, body)).await?;
        writing.commit().await?;
        Ok(true)
    }

    /// Adds a host without an agent, known from elsewhere; false when there is one with this id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_unmanaged(
        &self,
        id: &HostId,
        name: &str,
        facts: &HostFacts,
        by: &By,
    ) -> Result<bool, StoreError> {
        let mut writing = self.write().await?;
        if find(writing.connection(), id).await?.is_some() {
            return Ok(false);
        }
        let new = NewRow {
            id,
            name,
            standing: &Standing::Unmanaged,
            machine_id: "",
            agent: "",
            group: None,
            key: None,
            facts,
        };
        insert(writing.connection(), &new, by.at).await?;
        let body = json!({ "name": free_text(name), "facts": facts });
        writing.log(by, Entry::of("host.add", id, body)).await?;
        writing.commit().await?;
        Ok(true)
    }

    /// Notes that somebody wants a host's agent to look now, for whichever replica holds its connection. False when there is
    /// no such host.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn ask_to_look(&self, id: &HostId, by: &By) -> Result<bool, StoreError> {
        let mut writing = self.write().await?;
        if find(writing.connection(), id).await?.is_none() {
            return Ok(false);
        }
        writing.log(by, Entry::of(LOOK, id, json!({}))).await?;
        writing.commit().await?;
        Ok(true)
    }

    /// Forgets a host with its sections, history and episodes; its rows in the log stay. False when there is none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_host(&self, id: &HostId, by: &By) -> Result<bool, StoreError> {
        let mut writing = self.write().await?;
        let Some(row) = find(writing.connection(), id).await? else {
            return Ok(false);
        };
        sqlx::query("DELETE FROM certificates WHERE host = $1")
            .bind(id.as_str())
            .execute(writing.connection())
            .await
            .doing("forgetting certificates")?;
        sqlx::query("DELETE FROM hosts WHERE id = $1")
            .bind(id.as_str())
            .execute(writing.connection())
            .await
            .doing("forgetting a host")?;
        let body = json!({ "name": row.text("name")? });
        writing.log(by, Entry::of("host.delete", id, body)).await?;
        writing.commit().await?;
        Ok(true)
    }
}

/// A host's row as it is, inside a transaction.
pub(crate) async fn find(
    connection: &mut sqlx::AnyConnection,
    id: &HostId,
) -> Result<Option<AnyRow>, StoreError> {
    sqlx::query("SELECT * FROM hosts WHERE id = $1")
        .bind(id.as_str())
        .fetch_optional(connection)
        .await
        .doing("reading a host")
}

/// A host that is not there yet.
pub(crate) struct NewRow<'a> {
    pub id: &'a HostId,
    pub name: &'a str,
    pub standing: &'a Standing,
    pub machine_id: &'a str,
    pub agent: &'a str,
    pub group: Option<&'a str>,
    pub key: Option<Digest>,
    pub facts: &'a HostFacts,
}

pub(crate) async fn insert(
    connection: &mut sqlx::AnyConnection,
    new: &NewRow<'_>,
    at: Timestamp,
) -> Result<(), StoreError> {
    const DOING: &str = "adding a host";
    let (since, why) = standing_columns(new.standing);
    sqlx::query(
        "INSERT INTO hosts (id, name, standing, standing_since, standing_why, machine_id, agent, group_name, enrolled, \
         key_digest, switched_off, helper, facts, labels, revision) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, '[]', 0, $11, '{}', 0)",
    )
    .bind(new.id.as_str())
    .bind(free_text(new.name))
    .bind(new.standing.word())
    .bind(since)
    .bind(why)
    .bind(free_text(new.machine_id))
    .bind(free_text(new.agent))
    .bind(new.group.map(free_text))
    .bind(micros(at))
    .bind(new.key.map(|key| key.bytes().to_vec()))
    .bind(json_text("hosts.facts", new.facts)?)
    .execute(&mut *connection)
    .await
    .doing(DOING)?;
    sqlx::query("INSERT INTO presence (host, message_count, instances) VALUES ($1, 0, '[]')")
        .bind(new.id.as_str())
        .execute(connection)
        .await
        .doing(DOING)
        .map(drop)
}

pub(crate) fn standing_columns(standing: &Standing) -> (Option<i64>, Option<String>) {
    match standing {
        Standing::Quarantined { since, why } | Standing::Revoked { since, why } => {
            (Some(micros(*since)), Some(free_text(why)))
        }
        Standing::Unconfirmed | Standing::Active | Standing::Unmanaged => (None, None),
    }
}

pub(crate) fn standing(row: &AnyRow) -> Result<Standing, StoreError> {
    let since_and_why = || {
        let since = row.time("standing_since")?;
        Ok::<_, StoreError>((
            since,
            row.optional_text("standing_why")?.unwrap_or_default(),
        ))
    };
    match row.text("standing")?.as_str() {
        "unconfirmed" => Ok(Standing::Unconfirmed),
        "active" => Ok(Standing::Active),
        "unmanaged" => Ok(Standing::Unmanaged),
        "quarantined" => since_and_why().map(|(since, why)| Standing::Quarantined { since, why }),
        "revoked" => since_and_why().map(|(since, why)| Standing::Revoked { since, why }),
        other => Err(StoreError::damaged("hosts.standing", other)),
    }
}

fn host(row: &AnyRow) -> Result<Host, StoreError> {
    let judged = row
        .optional_int("judged_number")?
        .map(|number| {
            Ok::<_, StoreError>(JudgedWith {
                number,
                revision: row.int("judged_revision")?,
                tables: row.text("judged_tables")?,
                at: row.time("judged_at")?,
            })
        })
        .transpose()?;
    Ok(Host {
        id: row.host("id")?,
        name: row.text("name")?,
        standing: standing(row)?,
        machine_id: row.text("machine_id")?,
        agent: row.text("agent")?,
        group: row.optional_text("group_name")?,
        enrolled: row.time("enrolled")?,
        presence: Presence::of(row)?,
        key: row.optional_digest("key_digest")?,
        certificate_serial: row.optional_text("certificate_serial")?,
        certificate_until: row.optional_time("certificate_until")?,
        switched_off: row.json("switched_off")?,
        helper: row.flag("helper")?,
        facts: row.json("facts")?,
        labels: row.json("labels")?,
        revision: row.int("revision")?,
        state: row.optional_digest("state")?,
        judged,
    })
}
