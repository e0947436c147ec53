//! The tables of a backup, in an order in which rows can be written again.

use crate::columns::Columns;
use crate::error::StoreError;
use serde_json::Value;
use sqlx::Arguments;
use sqlx::any::{AnyArguments, AnyRow};

/// What a column holds; each may be null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Integer,
    Bytes,
}

/// A table.
pub(super) struct Table {
    pub name: &'static str,
    /// How many of the first columns are its key.
    pub key: usize,
    pub columns: &'static [(&'static str, Kind)],
}

use Kind::{Bytes, Integer, Text};

#[rustfmt::skip]
pub(super) const TABLES: &[Table] = &[
    Table { name: "hosts", key: 1, columns: &[
        ("id", Text), ("name", Text), ("standing", Text), ("standing_since", Integer), ("standing_why", Text),
        ("machine_id", Text), ("agent", Text), ("group_name", Text), ("enrolled", Integer), ("key_digest", Bytes),
        ("certificate_serial", Text), ("certificate_until", Integer), ("switched_off", Text), ("helper", Integer),
        ("facts", Text), ("labels", Text), ("revision", Integer), ("state", Bytes),
    ] },
    Table { name: "presence", key: 1, columns: &[
        ("host", Text), ("seen", Integer), ("address", Text), ("instance", Text), ("message_count", Integer),
        ("clock_offset_us", Integer), ("instances", Text),
    ] },
    Table { name: "enrolment_tokens", key: 1, columns: &[
        ("id", Text), ("secret", Bytes), ("reusable", Integer), ("uses_left", Integer), ("bound_host", Text),
        ("group_name", Text), ("facts", Text), ("needs_confirmation", Integer), ("created", Integer),
        ("created_by", Text), ("expires", Integer), ("revoked", Integer), ("used_by", Text),
    ] },
    Table { name: "certificates", key: 1, columns: &[
        ("fingerprint", Bytes), ("serial", Text), ("host", Text), ("key_digest", Bytes), ("not_before", Integer),
        ("not_after", Integer), ("revoked", Integer), ("revoked_why", Text),
    ] },
    Table { name: "contents", key: 1, columns: &[
        ("digest", Bytes), ("line_count", Integer), ("size_bytes", Integer), ("packed", Bytes),
    ] },
    Table { name: "host_sections", key: 3, columns: &[
        ("host", Text), ("section", Text), ("revision", Integer), ("digest", Bytes), ("since", Integer),
        ("until", Integer),
    ] },
    Table { name: "judgements", key: 1, columns: &[
        ("host", Text), ("number", Integer), ("revision", Integer), ("tables", Text), ("judged", Integer),
    ] },
    Table { name: "open_episodes", key: 1, columns: &[
        ("host", Text), ("episode_count", Integer), ("packed", Bytes),
    ] },
    Table { name: "ended_episodes", key: 2, columns: &[
        ("host", Text), ("number", Integer), ("ended", Integer), ("episode_count", Integer), ("packed", Bytes),
    ] },
    Table { name: "log", key: 1, columns: &[
        ("seq", Integer), ("written", Integer), ("kind", Text), ("actor", Text), ("host", Text), ("body", Text),
        ("previous", Bytes), ("hash", Bytes),
    ] },
    Table { name: "log_head", key: 1, columns: &[("id", Integer), ("row_count", Integer), ("hash", Bytes)] },
    Table { name: "users", key: 1, columns: &[
        ("id", Text), ("issuer", Text), ("subject", Text), ("name", Text), ("created", Integer), ("seen", Integer),
        ("disabled", Integer),
    ] },
    Table { name: "api_tokens", key: 1, columns: &[
        ("id", Text), ("secret", Bytes), ("name", Text), ("grants", Text), ("once", Integer), ("created", Integer),
        ("created_by", Text), ("expires", Integer), ("used", Integer), ("revoked", Integer),
    ] },
    Table { name: "grants", key: 1, columns: &[
        ("id", Text), ("subject_kind", Text), ("subject", Text), ("role", Text), ("host_group", Text),
        ("created", Integer), ("created_by", Text),
    ] },
    Table { name: "host_groups", key: 1, columns: &[
        ("name", Text), ("selection", Text), ("owner", Text), ("created", Integer),
    ] },
    Table { name: "settings", key: 1, columns: &[("name", Text), ("content", Bytes)] },
];

impl Table {
    pub fn names(&self) -> Vec<&'static str> {
        self.columns.iter().map(|(name, _)| *name).collect()
    }

    pub fn named(name: &str) -> Option<&'static Self> {
        TABLES.iter().find(|table| table.name == name)
    }
}

impl Kind {
    pub fn read(self, row: &AnyRow, column: &'static str) -> Result<Value, StoreError> {
        Ok(match self {
            Self::Text => row.optional_text(column)?.map(Value::from),
            Self::Integer => row.optional_int(column)?.map(Value::from),
            Self::Bytes => row
                .value::<Option<Vec<u8>>>(column)?
                .map(|bytes| Value::from(super::hex(&bytes))),
        }
        .unwrap_or(Value::Null))
    }

    pub fn bind(
        self,
        value: &Value,
        to: &mut AnyArguments,
    ) -> Result<(), sqlx::error::BoxDynError> {
        match (self, value) {
            (Self::Text, Value::Null) => to.add(None::<String>),
            (Self::Text, Value::String(text)) => to.add(text.as_str()),
            (Self::Integer, Value::Null) => to.add(None::<i64>),
            (Self::Integer, Value::Number(number)) => {
                to.add(number.as_i64().ok_or("a number that is no integer")?)
            }
            (Self::Bytes, Value::Null) => to.add(None::<Vec<u8>>),
            (Self::Bytes, Value::String(text)) => {
                to.add(super::unhex(text).ok_or("bytes that are no hex")?)
            }
            _ => Err("a value of another kind than its column".into()),
        }
    }
}
