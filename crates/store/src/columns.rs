//! Values of a row, checked on the way out: what a column holds that we never write is damage, not a guess.

use crate::error::StoreError;
use jiff::Timestamp;
use overlock_model::plan::{Digest, HostId};
use serde::de::DeserializeOwned;
use sqlx::any::AnyRow;
use sqlx::{Any, Decode, Row, Type};

/// Reads columns by name.
pub(crate) trait Columns {
    fn value<'r, T: Decode<'r, Any> + Type<Any>>(
        &'r self,
        column: &'static str,
    ) -> Result<T, StoreError>;

    fn text(&self, column: &'static str) -> Result<String, StoreError> {
        self.value(column)
    }

    fn optional_text(&self, column: &'static str) -> Result<Option<String>, StoreError> {
        self.value(column)
    }

    fn int(&self, column: &'static str) -> Result<i64, StoreError> {
        self.value(column)
    }

    fn optional_int(&self, column: &'static str) -> Result<Option<i64>, StoreError> {
        self.value(column)
    }

    /// Two-way columns are integers, since SQLite has no others.
    fn flag(&self, column: &'static str) -> Result<bool, StoreError> {
        Ok(self.int(column)? != 0)
    }

    fn bytes(&self, column: &'static str) -> Result<Vec<u8>, StoreError> {
        self.value(column)
    }

    fn time(&self, column: &'static str) -> Result<Timestamp, StoreError> {
        time_of(column, self.int(column)?)
    }

    fn optional_time(&self, column: &'static str) -> Result<Option<Timestamp>, StoreError> {
        self.optional_int(column)?
            .map(|microseconds| time_of(column, microseconds))
            .transpose()
    }

    fn digest(&self, column: &'static str) -> Result<Digest, StoreError> {
        digest_of(column, &self.bytes(column)?)
    }

    fn optional_digest(&self, column: &'static str) -> Result<Option<Digest>, StoreError> {
        self.value::<Option<Vec<u8>>>(column)?
            .map(|bytes| digest_of(column, &bytes))
            .transpose()
    }

    fn host(&self, column: &'static str) -> Result<HostId, StoreError> {
        HostId::try_from(self.text(column)?).map_err(|error| StoreError::damaged(column, error))
    }

    fn json<T: DeserializeOwned>(&self, column: &'static str) -> Result<T, StoreError> {
        serde_json::from_str(&self.text(column)?)
            .map_err(|error| StoreError::damaged(column, error))
    }
}

impl Columns for AnyRow {
    fn value<'r, T: Decode<'r, Any> + Type<Any>>(
        &'r self,
        column: &'static str,
    ) -> Result<T, StoreError> {
        self.try_get(column)
            .map_err(|error| StoreError::damaged(column, error))
    }
}

pub(crate) fn time_of(column: &str, microseconds: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_microsecond(microseconds).map_err(|error| StoreError::damaged(column, error))
}

pub(crate) fn digest_of(column: &str, bytes: &[u8]) -> Result<Digest, StoreError> {
    <[u8; 32]>::try_from(bytes)
        .map(Digest::from_bytes)
        .map_err(|_| StoreError::damaged(column, format!("{} bytes instead of 32", bytes.len())))
}

/// A value as JSON text. Our own types have no maps with odd keys, so that this never fails.
pub(crate) fn json_text<T: serde::Serialize>(
    column: &'static str,
    value: &T,
) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::damaged(column, error))
}

/// Free text from outside: PostgreSQL cannot store the character NUL, and one database must not refuse what the other
/// takes.
pub(crate) fn free_text(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// The fraction of the very last second cannot be read back as microseconds.
pub(crate) fn micros(time: Timestamp) -> i64 {
    time.as_microsecond()
        .min(Timestamp::MAX.as_second().saturating_mul(1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_that_is_written_can_be_read() {
        for time in [Timestamp::MIN, Timestamp::UNIX_EPOCH, Timestamp::MAX] {
            assert!(time_of("at", micros(time)).is_ok(), "{time}");
        }
    }
}
