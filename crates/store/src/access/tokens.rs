//! API tokens, known by the SHA-256 of their secret, and the first admin.

use super::{Grant, Role, Scope};
use crate::Store;
use crate::batch::Statement;
use crate::columns::{Columns, free_text, json_text, micros};
use crate::database::Writing;
use crate::error::{Doing, StoreError};
use crate::log::{By, Entry};
use jiff::Timestamp;
use overlock_model::plan::Digest;
use serde_json::json;
use sqlx::Arguments;
use sqlx::any::AnyRow;

/// A token for the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// Its public name.
    pub id: String,
    /// What somebody calls it.
    pub name: String,
    /// What it may do.
    pub grants: Vec<Grant>,
    /// Whether it ends with its first use, which is to log somebody in.
    pub once: bool,
    /// When it ends.
    pub expires: Option<Timestamp>,
}

/// A token as it is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownApiToken {
    /// The token.
    pub token: ApiToken,
    /// When it was made.
    pub created: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When it was last used.
    pub used: Option<Timestamp>,
    /// When it was withdrawn.
    pub revoked: Option<Timestamp>,
}

/// What became of the wish for a first admin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstAdmin {
    /// The token is there.
    Created,
    /// Somebody is admin already; nothing was written.
    Exists,
}

/// What is done with it even where somebody is admin already.
const ACTIVE: &str = "revoked IS NULL AND (expires IS NULL OR expires > $1)";

impl Store {
    /// Keeps a new token by the SHA-256 of its secret.
    ///
    /// # Errors
    /// When the database fails, or has this id or secret.
    pub async fn add_api_token(
        &self,
        token: &ApiToken,
        secret: Digest,
        by: &By,
    ) -> Result<(), StoreError> {
        let mut writing = self.write().await?;
        add(&mut writing, token, secret, by).await?;
        writing.commit().await
    }

    /// Keeps the one-time token of the first admin. While somebody is admin it is refused unless `force` says otherwise,
    /// which is for a person with a shell on the server who has lost all other ways.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn create_first_admin(
        &self,
        id: &str,
        secret: Digest,
        expires: Timestamp,
        force: bool,
        by: &By,
    ) -> Result<FirstAdmin, StoreError> {
        let mut writing = self.write().await?;
        if !force && has_admin(&mut writing, by.at).await? {
            return Ok(FirstAdmin::Exists);
        }
        let token = ApiToken {
            id: id.to_owned(),
            name: "first admin".to_owned(),
            grants: vec![Grant {
                role: Role::Admin,
                scope: Scope::All,
            }],
            once: true,
            expires: Some(expires),
        };
        add(&mut writing, &token, secret, by).await?;
        writing.commit().await?;
        Ok(FirstAdmin::Created)
    }

    /// Whether somebody may manage access now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn has_admin(&self, now: Timestamp) -> Result<bool, StoreError> {
        let mut writing = self.write_unlogged().await?;
        has_admin(&mut writing, now).await
    }

    /// The token of a secret, where it may be used now. One that can be used once is used up by this.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn api_token(
        &self,
        secret: Digest,
        now: Timestamp,
    ) -> Result<Option<KnownApiToken>, StoreError> {
        let row = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT * FROM api_tokens WHERE secret = $2 AND {ACTIVE}"
        )))
        .bind(micros(now))
        .bind(secret.bytes().as_slice())
        .fetch_optional(&self.pool)
        .await
        .doing("reading a token")?;
        let Some(found) = row.as_ref().map(known).transpose()? else {
            return Ok(None);
        };
        if !found.token.once {
            return Ok(Some(found));
        }
        let id = found.token.id.clone();
        let by = By {
            actor: crate::Actor::Token(id.clone()),
            at: now,
        };
        // Of two that come together only one finds it unused.
        let redeemed = self.end_api_token(&id, "api_token.redeem", &by).await?;
        Ok(redeemed.then_some(found))
    }

    /// All tokens, newest first; old ones too.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn api_tokens(&self) -> Result<Vec<KnownApiToken>, StoreError> {
        sqlx::query("SELECT * FROM api_tokens ORDER BY created DESC, id")
            .fetch_all(&self.pool)
            .await
            .doing("reading tokens")?
            .iter()
            .map(known)
            .collect()
    }

    /// Withdraws a token; false when there is none that is still in force.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revoke_api_token(&self, id: &str, by: &By) -> Result<bool, StoreError> {
        self.end_api_token(id, "api_token.revoke", by).await
    }

    /// Writes when tokens were last used, in one transaction without a row in the log.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn used_api_tokens(&self, used: &[(String, Timestamp)]) -> Result<(), StoreError> {
        let mut sorted = used.to_vec();
        // The same id twice in one statement would leave it open which one counts.
        sorted.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
        sorted.dedup_by(|a, b| a.0 == b.0);
        let mut writing = self.write_unlogged().await?;
        Statement {
            doing: "writing the use of tokens",
            before: "WITH v (id, used) AS (",
            columns: 2,
            after: ") UPDATE api_tokens SET used = v.used FROM v WHERE api_tokens.id = v.id",
        }
        .run(writing.connection(), &sorted, |(id, at), to| {
            to.add(id.as_str())?;
            to.add(micros(*at))
        })
        .await?;
        writing.commit().await
    }

    async fn end_api_token(
        &self,
        id: &str,
        kind: &'static str,
        by: &By,
    ) -> Result<bool, StoreError> {
        let mut writing = self.write().await?;
        let changed =
            sqlx::query("UPDATE api_tokens SET revoked = $2 WHERE id = $1 AND revoked IS NULL")
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
            .log(by, Entry::new(kind, json!({ "token": id })))
            .await?;
        writing.commit().await?;
        Ok(true)
    }
}

async fn add(
    writing: &mut Writing,
    token: &ApiToken,
    secret: Digest,
    by: &By,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO api_tokens (id, secret, name, grants, once, created, created_by, expires) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(&token.id)
    .bind(secret.bytes().as_slice())
    .bind(free_text(&token.name))
    .bind(json_text("api_tokens.grants", &token.grants)?)
    .bind(i64::from(token.once))
    .bind(micros(by.at))
    .bind(by.actor.to_string())
    .bind(token.expires.map(micros))
    .execute(writing.connection())
    .await
    .doing("keeping a token")?;
    let body = json!({
        "token": token.id,
        "name": free_text(&token.name),
        "grants": token.grants,
        "once": token.once,
        "expires": token.expires,
    });
    writing.log(by, Entry::new("api_token.add", body)).await
}

async fn has_admin(writing: &mut Writing, now: Timestamp) -> Result<bool, StoreError> {
    const DOING: &str = "looking for an admin";
    let granted =
        sqlx::query("SELECT id FROM grants WHERE role = 'admin' AND host_group IS NULL LIMIT 1")
            .fetch_optional(writing.connection())
            .await
            .doing(DOING)?;
    if granted.is_some() {
        return Ok(true);
    }
    let tokens = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT * FROM api_tokens WHERE {ACTIVE}"
    )))
    .bind(micros(now))
    .fetch_all(writing.connection())
    .await
    .doing(DOING)?;
    for row in &tokens {
        if known(row)?.token.grants.iter().any(Grant::is_full_admin) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn known(row: &AnyRow) -> Result<KnownApiToken, StoreError> {
    Ok(KnownApiToken {
        token: ApiToken {
            id: row.text("id")?,
            name: row.text("name")?,
            grants: row.json("grants")?,
            once: row.flag("once")?,
            expires: row.optional_time("expires")?,
        },
        created: row.time("created")?,
        created_by: row.text("created_by")?,
        used: row.optional_time("used")?,
        revoked: row.optional_time("revoked")?,
    })
}
