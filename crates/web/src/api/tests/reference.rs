//! The description says what is served, and the page shows it.

use super::World;
use crate::api::openapi::{describe, openapi};
use serde_json::Value;
use std::collections::BTreeSet;

fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(target)) = map.get("$ref") {
                found.insert(target);
            }
            map.values().for_each(|value| references(value, found));
        }
        Value::Array(list) => list.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_is_described_nothing_else_is_and_every_reference_leads_somewhere() {
    let world = World::start().await;
    let table = world.server.table();
    let document = describe(table);
    let served: BTreeSet<(String, String)> = table
        .iter()
        .map(|info| (info.path.to_owned(), info.method.as_str().to_lowercase()))
        .collect();
    let mut described = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            described.insert((path.clone(), method.clone()));
            assert!(!operation["summary"].as_str().unwrap().is_empty(), "{path}");
            assert!(
                ids.insert(operation["operationId"].as_str().unwrap()),
                "{path}"
            );
        }
    }
    assert_eq!(served, described);
    assert!(served.len() > 40, "{}", served.len());
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 20);
    for target in found {
        let pointer = target.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{target}");
    }
    assert_eq!(openapi(table), openapi(table));
    assert_eq!(
        world.client.get("/api/v1/openapi.json").await.text(),
        openapi(table)
    );
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_every_route_and_schema_and_lets_nothing_in() {
    let world = World::start().await;
    let answer = world.client.get("/api/docs").await;
    assert_eq!(answer.status, 200);
    let policy = answer.headers["content-security-policy"].to_str().unwrap();
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-"),
        "{policy}"
    );
    let page = answer.text();
    let document = describe(world.server.table());
    for path in document["paths"].as_object().unwrap().keys() {
        assert!(page.contains(&format!("<code>{path}</code>")), "{path}");
    }
    for name in document["components"]["schemas"]
        .as_object()
        .unwrap()
        .keys()
    {
        assert!(page.contains(&format!("id=\"schema-{name}\"")), "{name}");
    }
    for link in page.split("href=\"#").skip(1) {
        let target = link.split('"').next().unwrap();
        assert!(page.contains(&format!("id=\"{target}\"")), "{target}");
    }
    assert!(!page.contains("<script") && !page.contains("http://"));
    world.server.stop().await;
}
