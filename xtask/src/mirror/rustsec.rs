//! RustSec's form: Markdown whose front matter is TOML in a fence, `crates/NAME/RUSTSEC-….md`.
//!
//! The shared data holds the front matter as JSON; here it becomes TOML again, with the same facts.

use super::records::{Entry, plain};
use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value};

/// The file of one advisory in the archive of `advisory-db`.
pub fn entry(line: &[u8]) -> Result<Entry> {
    let mut record: Map<String, Value> = serde_json::from_slice(line)?;
    let path = text(record.remove("_path")).context("no `_path`")?;
    let markdown = text(record.remove("_markdown")).context("no `_markdown`")?;
    ensure!(
        path.split('/').all(|part| plain(part).is_ok()),
        "`{path}` leaves the archive"
    );
    let front = toml::to_string_pretty(&without_nulls(Value::Object(record)))?;
    let content = format!("```toml\n{}\n```\n\n{markdown}", front.trim_end());
    Ok(Entry {
        name: format!("advisory-db-main/{path}"),
        content: content.into_bytes(),
    })
}

fn text(value: Option<Value>) -> Option<String> {
    match value {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

/// TOML has no word for nothing: a key without a value is not written.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key, without_nulls(value)))
            .collect(),
        Value::Array(items) => items
            .into_iter()
            .filter(|item| !item.is_null())
            .map(without_nulls)
            .collect(),
        other => other,
    }
}

/// Facts of the front matter, as the data holds them; what a reader of the archive gets.
#[cfg(test)]
pub fn facts(content: &str) -> Value {
    let (front, _) = content
        .strip_prefix("```toml\n")
        .unwrap()
        .split_once("\n```\n")
        .unwrap();
    serde_json::to_value(front.parse::<toml::Table>().unwrap()).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_advisory_parses_back_to_the_same_facts() {
        let Some(shared) = overlock_testkit::shared("every_advisory_parses_back_to_the_same_facts")
        else {
            return;
        };
        let file = shared.join("data/rustsec-advisories.jsonl.zst");
        let count = super::super::lines::each(&file, |line| {
            let entry = entry(line)?;
            let content = String::from_utf8(entry.content)?;
            let mut record: Map<String, Value> = serde_json::from_slice(line)?;
            let path = text(record.remove("_path")).unwrap();
            let markdown = text(record.remove("_markdown")).unwrap();
            assert_eq!(entry.name, format!("advisory-db-main/{path}"));
            assert_eq!(
                facts(&content),
                without_nulls(Value::Object(record)),
                "{path}"
            );
            assert!(content.ends_with(&markdown), "{path}");
            Ok(())
        });
        assert_eq!(count.unwrap(), 1_225);
    }
}
