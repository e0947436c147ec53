//! Leases: work that one replica does at a time, claimed by compare-and-set, without a leader.

use crate::Store;
use crate::columns::{Columns, micros};
use crate::error::{Doing, StoreError};
use jiff::Timestamp;

/// A claim on some work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Which work.
    pub name: String,
    /// Which replica.
    pub holder: String,
    /// Until when, unless renewed.
    pub until: Timestamp,
    /// Grows with each new holder: whoever still works under an older one can be told apart.
    pub generation: i64,
}

impl Store {
    /// Claims work, or claims it on: none while another holds it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn claim(
        &self,
        name: &str,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Lease>, StoreError> {
        let mut writing = self.write_unlogged().await?;
        let row = sqlx::query(
            "INSERT INTO leases (name, holder, until, generation) VALUES ($1, $2, $3, 1) \
             ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until, \
             generation = leases.generation + CASE WHEN leases.holder = excluded.holder THEN 0 ELSE 1 END \
             WHERE leases.until <= $4 OR leases.holder = excluded.holder RETURNING generation",
        )
        .bind(name)
        .bind(holder)
        .bind(micros(until))
        .bind(micros(now))
        .fetch_optional(writing.connection())
        .await
        .doing("claiming a lease")?;
        let Some(row) = row else {
            return Ok(None);
        };
        let lease = Lease {
            name: name.to_owned(),
            holder: holder.to_owned(),
            until,
            generation: row.int("generation")?,
        };
        writing.commit().await?;
        Ok(Some(lease))
    }

    /// Makes a lease longer; false when somebody else has it by now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn renew(&self, lease: &Lease, until: Timestamp) -> Result<bool, StoreError> {
        self.change(lease, until).await
    }

    /// Gives a lease up; false when somebody else has it by now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn release(&self, lease: &Lease) -> Result<bool, StoreError> {
        self.change(lease, Timestamp::UNIX_EPOCH).await
    }

    async fn change(&self, lease: &Lease, until: Timestamp) -> Result<bool, StoreError> {
        let mut writing = self.write_unlogged().await?;
        let changed = sqlx::query(
            "UPDATE leases SET until = $4 WHERE name = $1 AND holder = $2 AND generation = $3",
        )
        .bind(&lease.name)
        .bind(&lease.holder)
        .bind(lease.generation)
        .bind(micros(until))
        .execute(writing.connection())
        .await
        .doing("changing a lease")?
        .rows_affected();
        writing.commit().await?;
        Ok(changed > 0)
    }
}
