//! What people say of hosts, from options and files to what the API takes.

use crate::cli::SetFacts;
use crate::exit::Failure;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::path::Path;

/// Most names in a file.
const NAMES_MAX: usize = 1_000_000;

/// Names, one in each line; empty lines and those that begin with `#` are passed over.
pub fn names(bytes: &[u8]) -> Result<Vec<String>, Failure> {
    let text = std::str::from_utf8(bytes).map_err(Failure::input)?;
    let names: Vec<String> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect();
    if names.len() > NAMES_MAX {
        return Err(Failure::input(anyhow::anyhow!(
            "the file names more than {NAMES_MAX} hosts"
        )));
    }
    Ok(names)
}

/// A file of facts: a table for each host.
pub fn of_file(path: &Path, bytes: &[u8]) -> Result<Value, Failure> {
    let read = || -> anyhow::Result<Value> {
        let text = std::str::from_utf8(bytes)?;
        let tables: Map<String, Value> = toml::from_str(text)?;
        for (host, facts) in &tables {
            anyhow::ensure!(
                facts.is_object(),
                "`{host}` is no table of facts: write [{host}] and below it criticality = \"high\""
            );
        }
        Ok(json!({ "hosts": tables }))
    };
    read()
        .map_err(|error| Failure::input(error.context(format!("cannot use `{}`", path.display()))))
}

/// The change that options ask for, in the form of JSON Merge Patch (RFC 7396).
pub fn patch(args: &SetFacts, now: Option<&Value>) -> Result<Value, Failure> {
    let mut facts = Map::new();
    put(&mut facts, "criticality", args.criticality);
    put(&mut facts, "exposure", args.exposure);
    put(&mut facts, "environment", args.environment.as_deref());
    put(&mut facts, "owner", args.owner.as_deref());
    put(&mut facts, "business_impact", args.business_impact);
    put(&mut facts, "pci_scope", args.pci_scope);
    put(&mut facts, "role", args.role);
    let mut patch = Map::new();
    put(&mut patch, "cluster", args.cluster.as_deref());
    put(&mut patch, "failure_domain", args.failure_domain.as_deref());
    if !facts.is_empty() {
        patch.insert("facts".to_owned(), Value::Object(facts));
    }
    if !args.tag.is_empty() || !args.untag.is_empty() {
        let mut tags: std::collections::BTreeSet<String> = now
            .and_then(|now| now.get("tags"))
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        tags.extend(args.tag.iter().cloned());
        for tag in &args.untag {
            tags.remove(tag);
        }
        put(&mut patch, "tags", Some(tags));
    }
    if patch.is_empty() {
        return Err(
            Failure::input(anyhow::anyhow!("nothing is to be set")).hint(
                "give a fact, such as --criticality high; `overlock host set --help` lists them",
            ),
        );
    }
    Ok(Value::Object(patch))
}

fn put<T: Serialize>(map: &mut Map<String, Value>, name: &str, value: Option<T>) {
    if let Some(value) = value.and_then(|value| serde_json::to_value(value).ok()) {
        map.insert(name.to_owned(), value);
    }
}

/// Values of an object in words: `criticality high, tags web`.
pub fn words(value: &Value) -> String {
    let Some(object) = value.as_object() else {
        return value.to_string();
    };
    let words: Vec<String> = object
        .iter()
        .filter_map(|(name, value)| match value {
            Value::Null => None,
            Value::Object(_) => Some(words(value)).filter(|words| words != "-"),
            Value::String(text) => Some(format!("{name} {text}")),
            Value::Array(list) => {
                let list: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
                (!list.is_empty()).then(|| format!("{name} {}", list.join(" ")))
            }
            other => Some(format!("{name} {other}")),
        })
        .collect();
    if words.is_empty() {
        "-".to_owned()
    } else {
        words.join(", ").replace('_', " ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_facts_is_a_table_for_each_host() {
        let path = Path::new("facts.toml");
        let good = of_file(path, b"[web-1]\ncriticality = \"high\"\n").unwrap();
        assert_eq!(
            good.pointer("/hosts/web-1/criticality"),
            Some(&json!("high"))
        );
        let error = of_file(path, b"web-1 = 3\n").unwrap_err();
        assert!(format!("{:#}", error.error).contains("`web-1` is no table"));
    }

    #[test]
    fn facts_in_words_leave_out_what_is_unknown() {
        let facts =
            json!({"facts": {"criticality": "very_high", "owner": null}, "tags": ["a", "b"]});
        assert_eq!(words(&facts), "criticality very high, tags a b");
        assert_eq!(words(&json!({})), "-");
    }
}
