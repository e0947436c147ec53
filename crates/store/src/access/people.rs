//! People, what they were granted, and the groups of hosts that grants speak of.

use super::{Grant, Scope, role};
use crate::Store;
use crate::columns::{Columns, free_text, micros};
use crate::error::{Doing, StoreError};
use crate::log::{By, Entry};
use jiff::Timestamp;
use serde_json::json;
use sqlx::any::AnyRow;

/// A person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Our id.
    pub id: String,
    /// Who vouches for them: an OIDC issuer, or `local`.
    pub issuer: String,
    /// Their id there.
    pub subject: String,
    /// Their name, for people to read.
    pub name: String,
    /// When they first came.
    pub created: Timestamp,
    /// When they last came.
    pub seen: Option<Timestamp>,
    /// Since when they may not come any more.
    pub disabled: Option<Timestamp>,
}

/// To whom something is granted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A [`User`], by id.
    User(String),
    /// A group that the OIDC issuer says people are in.
    OidcGroup(String),
}

/// A grant as it is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownGrant {
    /// Its id.
    pub id: String,
    /// To whom.
    pub subject: Subject,
    /// What, over which hosts.
    pub grant: Grant,
    /// When.
    pub created: Timestamp,
    /// By whom.
    pub created_by: String,
}

/// A named selection of hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostGroup {
    /// Its name.
    pub name: String,
    /// Which hosts: a condition in CEL.
    pub selection: String,
    /// Who answers for it.
    pub owner: String,
}

impl Subject {
    fn columns(&self) -> (&'static str, &str) {
        match self {
            Self::User(id) => ("user", id),
            Self::OidcGroup(group) => ("oidc_group", group),
        }
    }
}

impl Store {
    /// Keeps that a person has come: adds them under `id` where they are new, and returns them as they are remembered.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn user_came(
        &self,
        id: &str,
        (issuer, subject): (&str, &str),
        name: &str,
        at: Timestamp,
    ) -> Result<User, StoreError> {
        const DOING: &str = "keeping a user";
        let mut writing = self.write().await?;
        let added = sqlx::query(
            "INSERT INTO users (id, issuer, subject, name, created, seen) VALUES ($1, $2, $3, $4, $5, $5) \
             ON CONFLICT (issuer, subject) DO NOTHING",
        )
        .bind(id)
        .bind(issuer)
        .bind(subject)
        .bind(free_text(name))
        .bind(micros(at))
        .execute(writing.connection())
        .await
        .doing(DOING)?
        .rows_affected();
        if added > 0 {
            let body = json!({ "user": id, "issuer": issuer, "subject": subject });
            writing
                .log(&By::server(at), Entry::new("user.add", body))
                .await?;
        } else {
            sqlx::query("UPDATE users SET name = $3, seen = $4 WHERE issuer = $1 AND subject = $2")
                .bind(issuer)
                .bind(subject)
                .bind(free_text(name))
                .bind(micros(at))
                .execute(writing.connection())
                .await
                .doing(DOING)?;
        }
        let row = sqlx::query("SELECT * FROM users WHERE issuer = $1 AND subject = $2")
            .bind(issuer)
            .bind(subject)
            .fetch_one(writing.connection())
            .await
            .doing(DOING)?;
        writing.commit().await?;
        user(&row)
    }

    /// A person.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn user(&self, id: &str) -> Result<Option<User>, StoreError> {
        sqlx::query("SELECT * FROM users WHERE id = $1")
            .bind(id)
            .fetch_optional(&self.pool)
            .await
            .doing("reading a user")?
            .as_ref()
            .map(user)
            .transpose()
    }

    /// All people, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn users(&self) -> Result<Vec<User>, StoreError> {
        sqlx::query("SELECT * FROM users ORDER BY name, id")
            .fetch_all(&self.pool)
            .await
            .doing("reading users")?
            .iter()
            .map(user)
            .collect()
    }

    /// Lets a person come or not; false when there is no such person.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_user_disabled(
        &self,
        id: &str,
        disabled: bool,
        by: &By,
    ) -> Result<bool, StoreError> {
        let mut writing = self.write().await?;
        let changed = sqlx::query("UPDATE users SET disabled = $2 WHERE id = $1")
            .bind(id)
            .bind(disabled.then(|| micros(by.at)))
            .execute(writing.connection())
            .await
            .doing("changing a user")?
            .rows_affected();
        if changed == 0 {
            return Ok(false);
        }
        let body = json!({ "user": id, "disabled": disabled });
        writing.log(by, Entry::new("user.set", body)).await?;
        writing.commit().await?;
        Ok(true)
    }

    /// Grants something.
    ///
    /// # Errors
    /// When the database fails, or has this id.
    pub async fn grant(
        &self,
        id: &str,
        subject: &Subject,
        grant: &Grant,
        by: &By,
    ) -> Result<(), StoreError> {
        let (kind, name) = subject.columns();
        let group = match &grant.scope {
            Scope::All => None,
            Scope::Group(group) => Some(group.as_str()),
        };
        let mut writing = self.write().await?;
        sqlx::query(
            "INSERT INTO grants (id, subject_kind, subject, role, host_group, created, created_by) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(id)
        .bind(kind)
        .bind(name)
        .bind(grant.role.as_str())
        .bind(group)
        .bind(micros(by.at))
        .bind(by.actor.to_string())
        .execute(writing.connection())
        .await
        .doing("granting")?;
        let body = json!({ "grant": id, "to": [kind, name], "what": grant });
        writing.log(by, Entry::new("grant.add", body)).await?;
        writing.commit().await
    }

    /// Takes a grant back; false when there is none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn withdraw(&self, id: &str, by: &By) -> Result<bool, StoreError> {
        let mut writing = self.write().await?;
        let changed = sqlx::query("DELETE FROM grants WHERE id = $1")
            .bind(id)
            .execute(writing.connection())
            .await
            .doing("taking a grant back")?
            .rows_affected();
        if changed == 0 {
            return Ok(false);
        }
        writing
            .log(by, Entry::new("grant.remove", json!({ "grant": id })))
            .await?;
        writing.commit().await?;
        Ok(true)
    }

    /// All grants, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn grants(&self) -> Result<Vec<KnownGrant>, StoreError> {
        sqlx::query("SELECT * FROM grants ORDER BY created, id")
            .fetch_all(&self.pool)
            .await
            .doing("reading grants")?
            .iter()
            .map(known_grant)
            .collect()
    }

    /// Adds or changes a group of hosts.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_host_group(&self, group: &HostGroup, by: &By) -> Result<(), StoreError> {
        let mut writing = self.write().await?;
        sqlx::query(
            "INSERT INTO host_groups (name, selection, owner, created) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (name) DO UPDATE SET selection = excluded.selection, owner = excluded.owner",
        )
        .bind(free_text(&group.name))
        .bind(free_text(&group.selection))
        .bind(free_text(&group.owner))
        .bind(micros(by.at))
        .execute(writing.connection())
        .await
        .doing("keeping a group of hosts")?;
        let body =
            json!({ "name": group.name, "selection": group.selection, "owner": group.owner });
        writing.log(by, Entry::new("host_group.set", body)).await?;
        writing.commit().await
    }

    /// Removes a group of hosts, and the grants over it: under the same name they must not come to hold again. Tokens
    /// with that scope reach no host from then on. False when there is none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_host_group(&self, name: &str, by: &By) -> Result<bool, StoreError> {
        const DOING: &str = "removing a group of hosts";
        let mut writing = self.write().await?;
        let changed = sqlx::query("DELETE FROM host_groups WHERE name = $1")
            .bind(name)
            .execute(writing.connection())
            .await
            .doing(DOING)?
            .rows_affected();
        if changed == 0 {
            return Ok(false);
        }
        let grants = sqlx::query("DELETE FROM grants WHERE host_group = $1")
            .bind(name)
            .execute(writing.connection())
            .await
            .doing(DOING)?
            .rows_affected();
        let body = json!({ "name": name, "grants": grants });
        writing
            .log(by, Entry::new("host_group.delete", body))
            .await?;
        writing.commit().await?;
        Ok(true)
    }

    /// All groups of hosts, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn host_groups(&self) -> Result<Vec<HostGroup>, StoreError> {
        sqlx::query("SELECT * FROM host_groups ORDER BY name")
            .fetch_all(&self.pool)
            .await
            .doing("reading groups of hosts")?
            .iter()
            .map(|row| {
                Ok(HostGroup {
                    name: row.text("name")?,
                    selection: row.text("selection")?,
                    owner: row.text("owner")?,
                })
            })
            .collect()
    }
}

fn user(row: &AnyRow) -> Result<User, StoreError> {
    Ok(User {
        id: row.text("id")?,
        issuer: row.text("issuer")?,
        subject: row.text("subject")?,
        name: row.text("name")?,
        created: row.time("created")?,
        seen: row.optional_time("seen")?,
        disabled: row.optional_time("disabled")?,
    })
}

fn known_grant(row: &AnyRow) -> Result<KnownGrant, StoreError> {
    let name = row.text("subject")?;
    Ok(KnownGrant {
        id: row.text("id")?,
        subject: match row.text("subject_kind")?.as_str() {
            "user" => Subject::User(name),
            "oidc_group" => Subject::OidcGroup(name),
            other => return Err(StoreError::damaged("grants.subject_kind", other)),
        },
        grant: Grant {
            role: role("grants.role", &row.text("role")?)?,
            scope: row
                .optional_text("host_group")?
                .map_or(Scope::All, Scope::Group),
        },
        created: row.time("created")?,
        created_by: row.text("created_by")?,
    })
}
