//! Sessions of people who have logged in, by the SHA-256 of their id; no row in the log.

use crate::Store;
use crate::columns::{Columns, micros};
use crate::error::{Doing, StoreError};
use jiff::Timestamp;
use overlock_model::plan::Digest;

impl Store {
    /// Adds a session; false when there is one with this id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_session(
        &self,
        id: Digest,
        content: &[u8],
        expires: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut writing = self.write_unlogged().await?;
        let added = sqlx::query(
            "INSERT INTO sessions (id, content, expires) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING",
        )
        .bind(id.bytes().as_slice())
        .bind(content)
        .bind(micros(expires))
        .execute(writing.connection())
        .await
        .doing("adding a session")?
        .rows_affected();
        writing.commit().await?;
        Ok(added > 0)
    }

    /// Writes a session that is there; false when it is not, so that one that was ended meanwhile stays so.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn save_session(
        &self,
        id: Digest,
        content: &[u8],
        expires: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut writing = self.write_unlogged().await?;
        let changed = sqlx::query("UPDATE sessions SET content = $2, expires = $3 WHERE id = $1")
            .bind(id.bytes().as_slice())
            .bind(content)
            .bind(micros(expires))
            .execute(writing.connection())
            .await
            .doing("writing a session")?
            .rows_affected();
        writing.commit().await?;
        Ok(changed > 0)
    }

    /// A session that has not ended.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn session(&self, id: Digest, now: Timestamp) -> Result<Option<Vec<u8>>, StoreError> {
        sqlx::query("SELECT content FROM sessions WHERE id = $1 AND expires > $2")
            .bind(id.bytes().as_slice())
            .bind(micros(now))
            .fetch_optional(&self.pool)
            .await
            .doing("reading a session")?
            .map(|row| row.bytes("content"))
            .transpose()
    }

    /// Ends a session; false when there is none, so that of two who end it one knows that it was first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_session(&self, id: Digest) -> Result<bool, StoreError> {
        let mut writing = self.write_unlogged().await?;
        let deleted = sqlx::query("DELETE FROM sessions WHERE id = $1")
            .bind(id.bytes().as_slice())
            .execute(writing.connection())
            .await
            .doing("ending a session")?
            .rows_affected();
        writing.commit().await?;
        Ok(deleted > 0)
    }

    /// Forgets sessions and kept answers that have ended; returns how many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_expired(&self, now: Timestamp) -> Result<u64, StoreError> {
        const DOING: &str = "forgetting what has ended";
        let mut writing = self.write_unlogged().await?;
        let mut count = 0;
        for sql in [
            "DELETE FROM sessions WHERE expires <= $1",
            "DELETE FROM idempotency WHERE expires <= $1",
        ] {
            count += sqlx::query(sql)
                .bind(micros(now))
                .execute(writing.connection())
                .await
                .doing(DOING)?
                .rows_affected();
        }
        writing.commit().await?;
        Ok(count)
    }
}
