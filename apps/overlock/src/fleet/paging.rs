//! Lists that come in pages: all of them as one answer.

use super::client::Client;
use crate::exit::Failure;
use serde_json::Value;

/// Pages that are asked for at most: a million hosts have a thousand.
const PAGES_MAX: usize = 10_000;

/// The whole list: the first page's document with the `items` of all.
pub fn all(client: &Client, path: &str, query: &[(&str, String)]) -> Result<Value, Failure> {
    let mut query = query.to_vec();
    query.push(("limit", "1000".to_owned()));
    let mut whole: Value = client.get(path, &query)?;
    let mut next = take_next(&mut whole);
    for _ in 1..PAGES_MAX {
        let Some(cursor) = next else {
            return Ok(whole);
        };
        let mut query = query.clone();
        query.push(("cursor", cursor));
        let mut page: Value = client.get(path, &query)?;
        next = take_next(&mut page);
        let more = page.get_mut("items").and_then(Value::as_array_mut);
        if let (Some(items), Some(more)) =
            (whole.get_mut("items").and_then(Value::as_array_mut), more)
        {
            items.append(more);
        }
    }
    Err(Failure::environment(anyhow::anyhow!(
        "the server's list has no end"
    )))
}

fn take_next(page: &mut Value) -> Option<String> {
    match page.as_object_mut()?.remove("next")? {
        Value::String(cursor) => Some(cursor),
        _ => None,
    }
}
