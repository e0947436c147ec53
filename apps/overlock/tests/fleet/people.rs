//! What people do with a fleet from the command line.

use super::server::{Served, package_sets, reported, runtime};
use overlock_load::draw::Random;
use serde_json::Value;

fn items(list: &Value) -> &[Value] {
    list.get("items").and_then(Value::as_array).unwrap()
}

fn word<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap()
}

#[test]
fn a_role_that_was_given_is_listed_and_taken_back() {
    let served = Served::new();
    served.set_up();
    let nobody = served.says(&["group", "grants"]);
    assert!(nobody.starts_with("nobody"), "{nobody}");
    served.says(&["group", "set", "web", "--where", "'web' in host.tags"]);
    let who = "oidc-group:/ops";
    served.says(&[
        "group", "grant", who, "--role", "operator", "--group", "web",
    ]);
    let grants = served.json(&["group", "grants"]);
    let [grant] = items(&grants) else {
        panic!("{grants}");
    };
    assert_eq!(
        (word(grant, "/subject"), word(grant, "/role")),
        (who, "operator@web")
    );
    let id = word(grant, "/id");
    let table = served.says(&["group", "grants"]);
    assert!(table.contains(id) && table.contains(who), "{table}");
    let taken = served.says(&["group", "revoke", id]);
    assert_eq!(taken.trim(), format!("{id} revoked"));
    assert!(items(&served.json(&["group", "grants"])).is_empty());
    let twice = served.run(&["group", "revoke", id]);
    assert_eq!(twice.status.code(), Some(2), "{twice:?}");
}

#[test]
fn a_token_for_enrolment_is_listed_and_withdrawn() {
    let served = Served::new();
    served.set_up();
    let made = served.json(&["host", "token", "--uses", "7", "--tag", "web"]);
    let tokens = served.json(&["host", "tokens"]);
    let [token] = items(&tokens) else {
        panic!("{tokens}");
    };
    let id = word(&made, "/id");
    assert_eq!(word(token, "/id"), id);
    let secret = word(&made, "/token").rsplit('.').next().unwrap();
    let table = served.says(&["host", "tokens"]);
    assert!(table.contains(id) && table.contains("web"), "{table}");
    assert!(!table.contains(secret) && !tokens.to_string().contains(secret));
    let withdrawn = served.says(&["host", "withdraw", id]);
    assert_eq!(withdrawn.trim(), format!("{id} withdrawn"));
    let tokens = served.json(&["host", "tokens"]);
    assert!(
        tokens.pointer("/items/0/revoked").unwrap().is_string(),
        "{tokens}"
    );
    let twice = served.run(&["host", "withdraw", id]);
    assert_eq!(twice.status.code(), Some(2), "{twice:?}");
}

#[test]
fn a_host_is_explained_as_its_server_knows_it_and_forgotten() {
    let test = "a_host_is_explained_as_its_server_knows_it_and_forgotten";
    let Some(sets) = package_sets(test, 1) else {
        return;
    };
    let served = Served::new();
    let secret = served.set_up().secret(1);
    runtime().block_on(async {
        let mut random = Random(5);
        reported(&served, &secret, "web-1", &sets[0], &mut random).await;
    });
    served.await_judged(1);
    // No feeds are at hand: that is what is said, not that all is well.
    let explained = served.json(&["explain", "cve-2024-6387", "--host", "web-1"]);
    assert_eq!(word(&explained, "/schema"), "overlock.explain/1");
    assert_eq!(word(&explained, "/vulnerability"), "CVE-2024-6387");
    let table = served.says(&["explain", "CVE-2024-6387", "--host", "web-1"]);
    assert!(table.starts_with("CVE-2024-6387"), "{table}");
    assert!(table.contains("not known: no advisories"), "{table}");
    let other = served.run(&["explain", "CVE-2024-6387", "--host", "web-2"]);
    assert_eq!(other.status.code(), Some(2), "{other:?}");
    let both = served.run(&["explain", "CVE-2024-6387", "--host", "web-1", "--root", "/"]);
    assert_eq!(both.status.code(), Some(2), "{both:?}");

    let unsure = served.run(&["host", "forget", "web-1"]);
    assert_eq!(unsure.status.code(), Some(2), "{unsure:?}");
    assert_eq!(items(&served.json(&["host", "list"])).len(), 1);
    let forgotten = served.says(&["host", "forget", "web-1", "--yes"]);
    assert_eq!(forgotten.trim(), "web-1 forgotten");
    assert!(items(&served.json(&["host", "list"])).is_empty());
    let twice = served.run(&["host", "forget", "web-1", "--yes"]);
    assert_eq!(twice.status.code(), Some(2), "{twice:?}");
}
