//! What the server keeps for itself by name: the authority's certificate and key, the fleet's id, the feeds' generation.
//!
//! The authority's key stands here as it is: whoever reads the database can issue certificates. That is why the file of
//! SQLite has the mode 0600, and why a backup is as secret as the database.

use crate::Store;
use crate::columns::Columns;
use crate::error::{Doing, StoreError};
use crate::log::{By, Entry};
use serde_json::json;

impl Store {
    /// A setting.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn setting(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        sqlx::query("SELECT content FROM settings WHERE name = $1")
            .bind(name)
            .fetch_optional(&self.pool)
            .await
            .doing("reading a setting")?
            .map(|row| row.bytes("content"))
            .transpose()
    }

    /// Writes a setting; the log says which, and not what.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_setting(&self, name: &str, content: &[u8], by: &By) -> Result<(), StoreError> {
        let mut writing = self.write().await?;
        sqlx::query(
            "INSERT INTO settings (name, content) VALUES ($1, $2) \
             ON CONFLICT (name) DO UPDATE SET content = excluded.content",
        )
        .bind(name)
        .bind(content)
        .execute(writing.connection())
        .await
        .doing("writing a setting")?;
        writing
            .log(by, Entry::new("setting.set", json!({ "name": name })))
            .await?;
        writing.commit().await
    }

    /// Writes a setting unless it is there, and returns what is there then: replicas that start together agree on one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn setting_or(
        &self,
        name: &str,
        content: &[u8],
        by: &By,
    ) -> Result<Vec<u8>, StoreError> {
        let mut writing = self.write().await?;
        let added = sqlx::query(
            "INSERT INTO settings (name, content) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
        )
        .bind(name)
        .bind(content)
        .execute(writing.connection())
        .await
        .doing("writing a setting")?
        .rows_affected();
        if added > 0 {
            writing
                .log(by, Entry::new("setting.set", json!({ "name": name })))
                .await?;
            writing.commit().await?;
            return Ok(content.to_vec());
        }
        sqlx::query("SELECT content FROM settings WHERE name = $1")
            .bind(name)
            .fetch_one(writing.connection())
            .await
            .doing("reading a setting")?
            .bytes("content")
    }
}
