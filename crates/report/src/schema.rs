//! The published JSON Schemas, made from the same types that are written and read.
//!
//! `cargo xtask` writes them to `docs/schemas` and checks that they have not drifted. The report's schema describes
//! what we write, so that a reader may count on each field; the inventory's describes what we accept, so that a
//! hand-written file needs little.

use overlock_model::explanation::{EXPLAIN_SCHEMA, ExplainReport};
use overlock_model::feed::{
    FEED_STATUS_SCHEMA, FEED_SYNC_SCHEMA, FeedStatusReport, FeedSyncReport,
};
use overlock_model::inventory::{INVENTORY_SCHEMA, Inventory};
use overlock_model::mitigation::{MITIGATIONS_SCHEMA, MitigationReport};
use overlock_model::plan::{PLAN_FILE_SCHEMA, PlanFile};
use overlock_model::run::{EVENT_SCHEMA, EventLine, HISTORY_SCHEMA, HistoryReport};
use overlock_model::scan::{SCAN_SCHEMA, ScanReport};
use overlock_model::schedule::{SCHEDULE_SCHEMA, ScheduleReport};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

/// File name and content of each schema.
#[must_use]
pub fn schemas() -> Vec<(&'static str, Value)> {
    vec![
        ("overlock.scan-1.json", written::<ScanReport>(SCAN_SCHEMA)),
        (
            "overlock.inventory-1.json",
            accepted::<Inventory>(INVENTORY_SCHEMA),
        ),
        (
            "overlock.explain-1.json",
            written::<ExplainReport>(EXPLAIN_SCHEMA),
        ),
        (
            "overlock.feed-status-1.json",
            written::<FeedStatusReport>(FEED_STATUS_SCHEMA),
        ),
        (
            "overlock.feed-sync-1.json",
            written::<FeedSyncReport>(FEED_SYNC_SCHEMA),
        ),
        (
            "overlock.plan-file-1.json",
            written::<PlanFile>(PLAN_FILE_SCHEMA),
        ),
        (
            "overlock.history-1.json",
            written::<HistoryReport>(HISTORY_SCHEMA),
        ),
        ("overlock.event-1.json", written::<EventLine>(EVENT_SCHEMA)),
        (
            "overlock.schedule-1.json",
            written::<ScheduleReport>(SCHEDULE_SCHEMA),
        ),
        (
            "overlock.mitigations-1.json",
            written::<MitigationReport>(MITIGATIONS_SCHEMA),
        ),
    ]
}

/// What we write: each field may be counted on.
fn written<T: JsonSchema>(name: &str) -> Value {
    let generator = SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator();
    publish(generator.into_root_schema_for::<T>().to_value(), name)
}

/// What we accept: little is required.
fn accepted<T: JsonSchema>(name: &str) -> Value {
    let generator = SchemaSettings::draft2020_12()
        .for_deserialize()
        .into_generator();
    publish(generator.into_root_schema_for::<T>().to_value(), name)
}

/// Names the schema and pins its `schema` field.
fn publish(mut schema: Value, name: &str) -> Value {
    let urn = format!("urn:{}", name.replace(['.', '/'], ":"));
    if let Some(root) = schema.as_object_mut() {
        root.insert("$id".to_owned(), json!(urn));
        root.insert("title".to_owned(), json!(name));
    }
    if let Some(field) = schema
        .pointer_mut("/properties/schema")
        .and_then(Value::as_object_mut)
    {
        field.remove("default");
        field.insert("const".to_owned(), json!(name));
    }
    schema
}
