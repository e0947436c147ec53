//! Enrolment: tokens that let new hosts in, and the one transaction that uses one and adds the host.

use crate::Store;
use crate::certificates;
use crate::columns::{Columns, free_text, json_text, micros};
use crate::database::Writing;
use crate::error::{Doing, StoreError};
use crate::hosts::{self, NewRow};
use crate::log::{By, Entry};
use jiff::Timestamp;
use overlock_model::asset::{HostFacts, Standing};
use overlock_model::plan::{Digest, HostId};
use serde_json::json;
use sqlx::any::AnyRow;

/// Why the certificates of a host end that is enrolled again.
const ANEW: &str = "the host was enrolled anew";

/// How often a token may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uses {
    /// Once; a repeat by the same host with the same key is answered as before, since the answer may have been lost.
    Once,
    /// This often.
    Times(u32),
}

/// A token for enrolment. Its secret is not in it, nor in the database: only the secret's SHA-256.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnrolmentToken {
    /// Its public name.
    pub id: String,
    /// How often it may be used.
    pub uses: Uses,
    /// The only host that it lets in again; that host keeps its history, whoever the machine says it is.
    pub bound: Option<HostId>,
    /// The group that hosts come into.
    pub group: Option<String>,
    /// What is said of new hosts from the start: tags, environment …
    pub facts: HostFacts,
    /// Whether somebody must confirm a host's key before its reports are taken.
    pub needs_confirmation: bool,
    /// When it ends.
    pub expires: Timestamp,
}

/// A token as it is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownToken {
    /// What it allows.
    pub token: EnrolmentToken,
    /// How often it may still be used.
    pub uses_left: u32,
    /// When it was made.
    pub created: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When it was withdrawn.
    pub revoked: Option<Timestamp>,
}

/// Who asks to be taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewHost {
    /// The id in the agent's state directory.
    pub id: HostId,
    /// Its name.
    pub name: String,
    /// `/etc/machine-id`, or empty.
    pub machine_id: String,
    /// Version of its agent.
    pub agent: String,
    /// SHA-256 of its public key (SubjectPublicKeyInfo), which it has shown to hold.
    pub key: Digest,
}

/// What became of a wish to be taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Enrolment {
    /// It is a host of this fleet.
    Enrolled {
        /// Who it is from now on.
        host: HostId,
        /// Whether it was known before.
        past: Past,
        /// Its standing: active, or waiting to be confirmed.
        standing: Standing,
    },
    /// It is not.
    Refused(EnrolmentRefusal),
}

/// What there is of an enrolled host from before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Past {
    /// Nothing.
    New,
    /// Its history, which goes on.
    Adopted,
    /// The same enrolment: its answer was lost.
    Repeated,
}

/// Why a token was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnrolmentRefusal {
    /// No token has this secret, or it was withdrawn.
    #[error("the token is not known")]
    Unknown,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// It was used as often as it may be.
    #[error("the token is used up")]
    UsedUp,
    /// It is for another host than the one that has this id.
    #[error("the token is bound to another host")]
    BoundToAnother,
    /// A host with this id is there, with another key: only a token bound to it lets it in again.
    #[error("a host with this id is enrolled with another key; it needs a token bound to it")]
    NeedsBoundToken,
}

impl Store {
    /// Keeps a new token by the SHA-256 of its secret.
    ///
    /// # Errors
    /// When the database fails, or has this id or secret.
    pub async fn add_enrolment_token(
        &self,
        token: &EnrolmentToken,
        secret: Digest,
        by: &By,
    ) -> Result<(), StoreError> {
        let (reusable, uses) = match token.uses {
            Uses::Once => (0, 1),
            Uses::Times(times) => (1, i64::from(times)),
        };
        let mut writing = self.write().await?;
        sqlx::query(
            "INSERT INTO enrolment_tokens (id, secret, reusable, uses_left, bound_host, group_name, facts, \
             needs_confirmation, created, created_by, expires) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .bind(&token.id)
        .bind(secret.bytes().as_slice())
        .bind(reusable)
        .bind(uses)
        .bind(token.bound.as_ref().map(HostId::as_str))
        .bind(token.group.as_deref().map(free_text))
        .bind(json_text("enrolment_tokens.facts", &token.facts)?)
        .bind(i64::from(token.needs_confirmation))
        .bind(micros(by.at))
        .bind(by.actor.to_string())
        .bind(micros(token.expires))
        .execute(writing.connection())
        .await
        .doing("keeping a token")?;
        let body = json!({
            "token": token.id,
            "uses": uses,
            "bound": token.bound,
            "group": token.group,
            "needs_confirmation": token.needs_confirmation,
            "expires": token.expires,
        });
        writing.log(by, Entry::new("token.add", body)).await?;
        writing.commit().await
    }

    /// Withdraws a token; false when there is none that is still in force.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revoke_enrolment_token(&self, id: &str, by: &By) -> Result<bool, StoreError> {
        let mut writing = self.write().await?;
        let changed = sqlx::query(
            "UPDATE enrolment_tokens SET revoked = $2 WHERE id = $1 AND revoked IS NULL",
        )
        .bind(id)
        .bind(micros(by.at))
        .execute(writing.connection())
        .await
        .doing("withdrawing a token")?
        .rows_affected();
        if changed == 0 {
            return Ok(false);
        }
        writing
            .log(by, Entry::new("token.revoke", json!({ "token": id })))
            .await?;
        writing.commit().await?;
        Ok(true)
    }

    /// All tokens, newest first; old ones too.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn enrolment_tokens(&self) -> Result<Vec<KnownToken>, StoreError> {
        sqlx::query("SELECT * FROM enrolment_tokens ORDER BY created DESC, id")
            .fetch_all(&self.pool)
            .await
            .doing("reading tokens")?
            .iter()
            .map(known)
            .collect()
    }

    /// Uses a token and takes the host in, in one transaction: two replicas cannot both use the same one. It revokes the
    /// certificates that a host had before: whoever has its former key is out from here.
    ///
    /// # Errors
    /// When the database fails; a refusal is an answer.
    pub async fn enrol(
        &self,
        secret: Digest,
        new: &NewHost,
        at: Timestamp,
    ) -> Result<Enrolment, StoreError> {
        let mut writing = self.write().await?;
        let row = sqlx::query("SELECT * FROM enrolment_tokens WHERE secret = $1")
            .bind(secret.bytes().as_slice())
            .fetch_optional(writing.connection())
            .await
            .doing("reading a token")?;
        let refused = |refusal| Ok(Enrolment::Refused(refusal));
        let Some(row) = row else {
            return refused(EnrolmentRefusal::Unknown);
        };
        let known = known(&row)?;
        if known.revoked.is_some() {
            return refused(EnrolmentRefusal::Unknown);
        }
        if known.token.expires <= at {
            return refused(EnrolmentRefusal::Expired);
        }
        let id = known.token.bound.as_ref().unwrap_or(&new.id);
        let there = hosts::find(writing.connection(), id).await?;
        let same_key = match &there {
            Some(there) => there.optional_digest("key_digest")? == Some(new.key),
            None => false,
        };
        if known.uses_left == 0 {
            let repeated = known.token.uses == Uses::Once
                && same_key
                && row.optional_text("used_by")?.as_deref() == Some(id.as_str());
            let Some(there) = there.filter(|_| repeated) else {
                return refused(EnrolmentRefusal::UsedUp);
            };
            // An enrolment that this database took before it revoked in the same transaction may have been cut off.
            if certificates::revoke(&mut writing, id, Some(new.key), ANEW, at).await? > 0 {
                let body = json!({ "token": known.token.id, "key": new.key, "repeated": true });
                let by = By::host(id.clone(), at);
                writing.log(&by, Entry::of("enrol", id, body)).await?;
                writing.commit().await?;
            }
            return Ok(Enrolment::Enrolled {
                host: id.clone(),
                past: Past::Repeated,
                standing: hosts::standing(&there)?,
            });
        }
        if *id != new.id && hosts::find(writing.connection(), &new.id).await?.is_some() {
            return refused(EnrolmentRefusal::BoundToAnother);
        }
        if let Some(there) = &there {
            let standing = hosts::standing(there)?;
            // Whoever holds the key of a managed host is that host; one in quarantine or revoked needs a person.
            let itself = same_key && matches!(standing, Standing::Active | Standing::Unconfirmed);
            if known.token.bound.is_none() && !itself && standing != Standing::Unmanaged {
                return refused(EnrolmentRefusal::NeedsBoundToken);
            }
        }
        let enrolment = admit(&mut writing, &known, there.as_ref(), new, at).await?;
        writing.commit().await?;
        Ok(enrolment)
    }
}

/// Uses the token and writes the host and the log.
async fn admit(
    writing: &mut Writing,
    known: &KnownToken,
    there: Option<&AnyRow>,
    new: &NewHost,
    at: Timestamp,
) -> Result<Enrolment, StoreError> {
    const DOING: &str = "taking a host in";
    let token = &known.token;
    let id = token.bound.as_ref().unwrap_or(&new.id);
    let standing = if token.needs_confirmation {
        Standing::Unconfirmed
    } else {
        Standing::Active
    };
    sqlx::query(
        "UPDATE enrolment_tokens SET uses_left = uses_left - 1, used_by = $2 WHERE id = $1",
    )
    .bind(&token.id)
    .bind(id.as_str())
    .execute(writing.connection())
    .await
    .doing(DOING)?;
    let mut revoked = 0;
    let past = if there.is_some() {
        revoked = certificates::revoke(writing, id, None, ANEW, at).await?;
        sqlx::query(
            "UPDATE hosts SET name = $2, standing = $3, standing_since = NULL, standing_why = NULL, machine_id = $4, \
             agent = $5, key_digest = $6 WHERE id = $1",
        )
        .bind(id.as_str())
        .bind(free_text(&new.name))
        .bind(standing.word())
        .bind(free_text(&new.machine_id))
        .bind(free_text(&new.agent))
        .bind(new.key.bytes().as_slice())
        .execute(writing.connection())
        .await
        .doing(DOING)?;
        Past::Adopted
    } else {
        let row = NewRow {
            id,
            name: &new.name,
            standing: &standing,
            machine_id: &new.machine_id,
            agent: &new.agent,
            group: token.group.as_deref(),
            key: Some(new.key),
            facts: &token.facts,
        };
        hosts::insert(writing.connection(), &row, at).await?;
        Past::New
    };
    let body = json!({
        "token": token.id,
        "name": free_text(&new.name),
        "asked_as": new.id,
        "key": new.key,
        "adopted": past == Past::Adopted,
        "revoked": revoked,
        "standing": standing.word(),
    });
    let by = By::host(id.clone(), at);
    writing.log(&by, Entry::of("enrol", id, body)).await?;
    Ok(Enrolment::Enrolled {
        host: id.clone(),
        past,
        standing,
    })
}

fn known(row: &AnyRow) -> Result<KnownToken, StoreError> {
    let left = row.int("uses_left")?;
    let uses_left =
        u32::try_from(left).map_err(|_| StoreError::damaged("enrolment_tokens.uses_left", left))?;
    let bound = row
        .optional_text("bound_host")?
        .map(HostId::try_from)
        .transpose()
        .map_err(|error| StoreError::damaged("enrolment_tokens.bound_host", error))?;
    Ok(KnownToken {
        token: EnrolmentToken {
            id: row.text("id")?,
            uses: if row.flag("reusable")? {
                Uses::Times(uses_left)
            } else {
                Uses::Once
            },
            bound,
            group: row.optional_text("group_name")?,
            facts: row.json("facts")?,
            needs_confirmation: row.flag("needs_confirmation")?,
            expires: row.time("expires")?,
        },
        uses_left,
        created: row.time("created")?,
        created_by: row.text("created_by")?,
        revoked: row.optional_time("revoked")?,
    })
}
