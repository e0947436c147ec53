//! Whether the log is what was written: every row's hash taken again, from the first to the head.

use super::{Hashed, Head, genesis, hash};
use crate::Store;
use crate::columns::Columns;
use crate::error::{Doing, StoreError};
use overlock_model::plan::Digest;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

/// Rows read at a time.
const PAGE: i64 = 1_000;

/// What a look at the whole log found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogVerdict {
    /// Every row holds, up to this head.
    Holds(Head),
    /// The first place where it does not.
    Broken(LogBreak),
}

/// A place where the log is not what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogBreak {
    /// Number of the row.
    pub seq: i64,
    /// What is wrong there.
    pub what: String,
}

impl Store {
    /// Takes every hash of the log again; `progress` hears how many rows were looked at, of how many.
    ///
    /// # Errors
    /// When the database fails; a log that does not hold is a verdict.
    pub async fn verify_log(
        &self,
        progress: impl FnMut(i64, i64),
    ) -> Result<LogVerdict, StoreError> {
        let mut snapshot = self.snapshot().await?;
        verify(&mut snapshot, progress).await
    }
}

pub(crate) async fn verify(
    connection: &mut AnyConnection,
    mut progress: impl FnMut(i64, i64),
) -> Result<LogVerdict, StoreError> {
    const DOING: &str = "reading the log";
    let broken = |seq, what: &str| {
        Ok(LogVerdict::Broken(LogBreak {
            seq,
            what: what.to_owned(),
        }))
    };
    let heads = sqlx::query("SELECT id, row_count, hash FROM log_head")
        .fetch_all(&mut *connection)
        .await
        .doing(DOING)?;
    let [head] = heads.as_slice() else {
        return broken(0, "the head is not one row");
    };
    let (Ok(rows), Ok(last)) = (head.int("row_count"), head.digest("hash")) else {
        return broken(0, "the head cannot be read");
    };
    // Before the first page, so that rows numbered below it are seen as well.
    let (mut seq, mut previous) = (0, genesis());
    let mut after = i64::MIN;
    loop {
        let page = sqlx::query("SELECT * FROM log WHERE seq > $1 ORDER BY seq LIMIT $2")
            .bind(after)
            .bind(PAGE)
            .fetch_all(&mut *connection)
            .await
            .doing(DOING)?;
        if page.is_empty() {
            break;
        }
        for row in &page {
            match step(row, seq + 1, previous) {
                Ok(digest) => previous = digest,
                Err(what) => return broken(seq + 1, &what),
            }
            seq += 1;
        }
        after = seq;
        progress(seq, rows);
    }
    if seq < rows {
        return broken(
            seq + 1,
            "the row is missing, and with it the end of the log",
        );
    }
    if seq > rows {
        return broken(rows + 1, "the row lies after the head");
    }
    if previous != last {
        return broken(seq, "the head has another hash than the last row");
    }
    Ok(LogVerdict::Holds(Head { rows, hash: last }))
}

fn step(row: &AnyRow, expected: i64, previous: Digest) -> Result<Digest, String> {
    let read = |error: StoreError| error.to_string();
    let seq = row.int("seq").map_err(read)?;
    if seq != expected {
        return Err(format!("the row is missing; the next one is {seq}"));
    }
    if row.digest("previous").map_err(read)? != previous {
        return Err("it does not follow the row before".to_owned());
    }
    let digest = hash(&Hashed {
        seq,
        at: row.int("written").map_err(read)?,
        kind: &row.text("kind").map_err(read)?,
        actor: &row.text("actor").map_err(read)?,
        host: row.optional_text("host").map_err(read)?.as_deref(),
        body: &row.text("body").map_err(read)?,
        previous,
    });
    if row.digest("hash").map_err(read)? != digest {
        return Err("its hash is not that of its columns".to_owned());
    }
    Ok(digest)
}
