//! Hosts from their enrolment to their end, as the API tells it.

use super::World;
use crate::directory::Place;
use axum::http::Method;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_host_is_enrolled_by_the_api_confirmed_looked_at_and_forgotten() {
    let world = World::start().await;
    let user = world.user(&["admin"]).await;
    let body = json!({ "needs_confirmation": true, "tags": ["web"], "group": "web" });
    let made = user.post("/api/v1/enrolment-tokens", body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    let token = made["token"].as_str().unwrap();
    assert!(made["command"].as_str().unwrap().contains(token));
    let secret = token.rsplit('.').next().unwrap();
    let guest = crate::testing::guest::Guest::with_token(&world.server, 1, secret).await;
    world.follow().await;
    let path = format!("/api/v1/hosts/{}", guest.host.id);
    let host = user.json(&path).await;
    assert_eq!(
        (&host["standing"], &host["group"]),
        (&json!("unconfirmed"), &json!("web"))
    );
    assert_eq!(host["facts"]["tags"], json!(["web"]));
    let key = host["fingerprint"].as_str().unwrap().to_owned();
    let act = |what: &str, body| {
        let path = format!("{path}/{what}");
        let user = &user;
        async move { user.post(&path, body).await }
    };
    let wrong = act("confirm", json!({ "fingerprint": "00" })).await;
    assert_eq!(wrong.status, 409, "{}", wrong.text());
    let right = act("confirm", json!({ "fingerprint": key.to_uppercase() })).await;
    assert_eq!(right.status, 204, "{}", right.text());
    world.follow().await;
    assert_eq!(user.json(&path).await["standing"], "active");
    assert_eq!(act("look", json!({})).await.status, 204);
    let release = json!({ "reason": "the twin is off" });
    assert_eq!(act("release", release.clone()).await.status, 409);
    // In quarantine here, though it could not be written down.
    let shared = world.server.shared();
    let entry = shared.directory.get(&guest.host.id).unwrap();
    assert!(entry.quarantine());
    let head = shared.store.log_head().await.unwrap().rows;
    assert_eq!(act("release", release.clone()).await.status, 204);
    assert_eq!(entry.place(), Place::Welcome);
    let rows = shared.store.log_since(head, 9).await.unwrap();
    assert!(
        rows.iter().any(|row| row.body.contains("the twin is off")),
        "{rows:?}"
    );
    assert_eq!(act("release", release).await.status, 409);
    assert_eq!(act("revoke", json!({ "reason": "" })).await.status, 400);
    assert_eq!(act("revoke", json!({ "reason": "sold" })).await.status, 204);
    world.follow().await;
    let host = user.json(&path).await;
    assert_eq!(
        (&host["standing"], &host["standing_why"]),
        (&json!("revoked"), &json!("sold"))
    );
    assert_eq!(
        user.send(Method::DELETE, &path, &[], None).await.status,
        204
    );
    world.follow().await;
    assert_eq!(user.get(&path).await.status, 404);
    let one = world.server.shared().own.verifying.acquire().await.unwrap();
    let busy = user.post("/api/v1/log/verify", json!({})).await;
    assert_eq!((busy.status.as_u16(), &*busy.code()), (429, "too_many"));
    assert!(busy.headers.contains_key("retry-after"));
    drop(one);
    let verdict = user.post("/api/v1/log/verify", json!({})).await.json();
    assert_eq!(verdict["holds"], true, "{verdict}");
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_are_merged_and_held_to_the_version_that_was_read() {
    let world = World::start().await;
    let guest = world.host(1, &["web"]).await;
    let user = world.user(&["operator@web"]).await;
    let path = format!("/api/v1/hosts/{}/facts", guest.host.id);
    let read = user.get(&path).await;
    let etag = read.headers["etag"].to_str().unwrap().to_owned();
    let patch = |body| {
        let (user, path, etag) = (&user, &path, &etag);
        async move {
            user.send(Method::PATCH, path, &[("if-match", etag)], Some(body))
                .await
        }
    };
    let answer = patch(json!({ "facts": { "owner": "ada" } })).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["facts"]["tags"], json!(["web"]));
    let answer = patch(json!({ "facts": { "owner": "bob" } })).await;
    assert_eq!((answer.status.as_u16(), &*answer.code()), (412, "changed"));
    assert_eq!(user.json(&path).await["facts"]["facts"]["owner"], "ada");
    let many = json!({ "hosts": { "web-1": { "criticality": "high", "cluster": "shop" } } });
    let answer = user
        .send(Method::PUT, "/api/v1/hosts/facts", &[], Some(many))
        .await;
    assert_eq!(answer.json()["set"], 1, "{}", answer.text());
    let facts = &user.json(&path).await["facts"];
    assert_eq!(
        (&facts["facts"]["criticality"], &facts["cluster"]),
        (&json!("high"), &json!("shop"))
    );
    assert_eq!(facts["facts"]["owner"], "ada");
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_host_has_is_told_as_it_sent_it() {
    let world = World::start().await;
    let guest = world.host(1, &["web"]).await;
    let twin = world.host(2, &["web"]).await;
    let user = world.user(&["viewer"]).await;
    let path = format!("/api/v1/hosts/{}", guest.host.id);
    let inventory = user.json(&format!("{path}/inventory")).await;
    assert_eq!(inventory["schema"], "overlock.inventory/1");
    assert_eq!(inventory["packages"][0]["name"], "openssl");
    let before = user
        .get(&format!("{path}/inventory?at=2020-01-01T00:00:00Z"))
        .await;
    assert_eq!(before.status, 404);
    let timeline = user.json(&format!("{path}/timeline")).await;
    assert_eq!(timeline["items"][0]["kind"], "reported", "{timeline}");
    let exposures = user.json(&format!("{path}/exposures?limit=1000")).await;
    assert_eq!(
        exposures["coverage"]["advisories_unknown"], true,
        "{exposures}"
    );
    let explained = user.json(&format!("{path}/explain/CVE-2024-5535")).await;
    assert!(!explained["unknown"].as_array().unwrap().is_empty());
    // Two hosts of one name are told apart by their ids.
    let answer = user.get("/api/v1/hosts/web-1").await;
    assert_eq!((answer.status.as_u16(), &*answer.code()), (409, "conflict"));
    let list = user
        .json("/api/v1/packages/hosts?name=openssl&below=3.0.12")
        .await;
    assert_eq!(list["hosts"], 2, "{list}");
    assert_eq!(list["items"][1]["version"], "3.0.11-1");
    let list = user
        .json("/api/v1/packages/hosts?name=openssl&below=3.0.11-1")
        .await;
    assert_eq!(list["hosts"], 0);
    let clears = user
        .json("/api/v1/packages/clears?source=openssl&to=3.0.14-1")
        .await;
    assert_eq!(clears["exposures"], 0);
    let rows = user.json("/api/v1/hosts?where=host.uncovered").await;
    assert_eq!(rows["denominator"]["hosts"], 2, "{rows}");
    let summary = user.json("/api/v1/summary").await;
    assert_eq!(summary["denominator"]["uncovered"], 2, "{summary}");
    assert!(rows.to_string().contains(twin.host.id.as_str()));
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_for_all_and_numbers_are_for_who_sees_the_whole_fleet() {
    let world = World::start().await;
    assert_eq!(world.client.get("/healthz").await.text(), "ok\n");
    assert_eq!(world.client.get("/readyz").await.text(), "ok\n");
    assert_eq!(world.client.get("/metrics").await.status, 401);
    world.host(1, &["web"]).await;
    let user = world.user(&["viewer"]).await;
    let text = user.get("/metrics").await.text();
    assert!(text.contains("overlock_hosts{which=\"all\"} 1"), "{text}");
    assert!(
        text.contains("route=\"/healthz\",status=\"200\"} 1"),
        "{text}"
    );
    assert!(text.ends_with("# EOF\n"));
    world.server.stop().await;
}
