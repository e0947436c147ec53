//! Idempotency keys: a request that is sent twice is carried out once, and answered the same.

use crate::Store;
use crate::columns::{Columns, micros};
use crate::error::{Doing, StoreError};
use jiff::Timestamp;
use overlock_model::plan::Digest;

/// What is known of a key when a request comes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// Nothing: carry the request out, then [`Store::finish`].
    New,
    /// The same request is being carried out.
    Running,
    /// The same request was carried out.
    Done(Kept),
    /// The key was used for another request.
    Another,
}

/// An answer that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// HTTP status.
    pub status: u16,
    /// Body, as the caller packed it.
    pub response: Vec<u8>,
}

impl Store {
    /// Takes a key of an actor for a request. A key whose time is over is free again: of a request that never finished
    /// this is soon, of one that did it is later.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin(
        &self,
        (actor, key): (&str, &str),
        request: Digest,
        now: Timestamp,
        expires: Timestamp,
    ) -> Result<Begun, StoreError> {
        const DOING: &str = "taking an idempotency key";
        let mut writing = self.write_unlogged().await?;
        let taken = sqlx::query(
            "INSERT INTO idempotency (actor, idempotency_key, request, expires) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (actor, idempotency_key) DO UPDATE SET request = excluded.request, status = NULL, \
             response = NULL, expires = excluded.expires WHERE idempotency.expires <= $5",
        )
        .bind(actor)
        .bind(key)
        .bind(request.bytes().as_slice())
        .bind(micros(expires))
        .bind(micros(now))
        .execute(writing.connection())
        .await
        .doing(DOING)?
        .rows_affected();
        if taken > 0 {
            writing.commit().await?;
            return Ok(Begun::New);
        }
        let row =
            sqlx::query("SELECT * FROM idempotency WHERE actor = $1 AND idempotency_key = $2")
                .bind(actor)
                .bind(key)
                .fetch_one(writing.connection())
                .await
                .doing(DOING)?;
        if row.digest("request")? != request {
            return Ok(Begun::Another);
        }
        let Some(status) = row.optional_int("status")? else {
            return Ok(Begun::Running);
        };
        Ok(Begun::Done(Kept {
            status: u16::try_from(status)
                .map_err(|_| StoreError::damaged("idempotency.status", status))?,
            response: row.bytes("response")?,
        }))
    }

    /// Keeps the answer of a request that was carried out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn finish(
        &self,
        (actor, key): (&str, &str),
        request: Digest,
        kept: &Kept,
        expires: Timestamp,
    ) -> Result<(), StoreError> {
        let mut writing = self.write_unlogged().await?;
        sqlx::query(
            "UPDATE idempotency SET status = $4, response = $5, expires = $6 \
             WHERE actor = $1 AND idempotency_key = $2 AND request = $3",
        )
        .bind(actor)
        .bind(key)
        .bind(request.bytes().as_slice())
        .bind(i64::from(kept.status))
        .bind(kept.response.as_slice())
        .bind(micros(expires))
        .execute(writing.connection())
        .await
        .doing("keeping an answer")?;
        writing.commit().await
    }

    /// Gives a key back, whose request was refused before it did anything.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn give_back(
        &self,
        (actor, key): (&str, &str),
        request: Digest,
    ) -> Result<(), StoreError> {
        let mut writing = self.write_unlogged().await?;
        sqlx::query(
            "DELETE FROM idempotency WHERE actor = $1 AND idempotency_key = $2 AND request = $3 AND status IS NULL",
        )
        .bind(actor)
        .bind(key)
        .bind(request.bytes().as_slice())
        .execute(writing.connection())
        .await
        .doing("giving an idempotency key back")?;
        writing.commit().await
    }
}
