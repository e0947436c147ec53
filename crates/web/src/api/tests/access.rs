//! Nobody reaches what is not theirs: a walk over every route that the server has.

use super::{World, names};
use crate::access::{Needed, Permission};
use axum::body::Bytes;
use axum::http::header::HOST;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderValue, Method, Request, Uri};
use http_body_util::Full;
use serde_json::json;

/// A path of the route, with a host, a name or an id where it wants one.
fn path_of(route: &str, host: &str) -> String {
    route
        .replace("{host}", host)
        .replace("{vulnerability}", "CVE-2024-5535")
        .replace("{package}", "openssl")
        .replace("{group}", "web")
        .replace("{token}", "0123")
        .replace("{grant}", "0123")
}

/// Changes of a path that lead nowhere, or to the same route with the same check.
fn tricks(path: &str) -> Vec<String> {
    let last = path.rfind('/').unwrap();
    vec![
        format!("/{path}"),
        format!("{path}/"),
        format!("{path}//"),
        format!("{path};x"),
        format!("{path}/."),
        format!("{path}/x/.."),
        format!("{path}%2f"),
        format!("{path}%00"),
        format!("{}/%2e{}", &path[..last], &path[last..]),
        format!("{}%2f{}", &path[..last], &path[last + 1..]),
        format!("/%61pi{}", path.strip_prefix("/api").unwrap_or(path)),
        path.to_uppercase(),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_refuses_who_has_no_credentials_or_a_role_that_does_not_do() {
    let world = World::start().await;
    let host = world.host(1, &["web"]).await.host.id.to_string();
    let mut walked = 0;
    for info in world.server.table() {
        let (permission, everywhere) = match info.needed {
            Needed::Permission(permission) => (permission, false),
            Needed::Everywhere(permission) => (permission, true),
            Needed::Public | Needed::Enrol | Needed::Agent => continue,
        };
        walked += 1;
        let path = path_of(info.path, &host);
        let json = [("content-type", "application/json")];
        let answer = world
            .client
            .send(info.method.clone(), &path, &json, "{}")
            .await;
        assert_eq!(answer.status, 401, "{} {path}", info.method);
        for bearer in ["Bearer x", "Bearer ovlk_00", "Basic eDp5", ""] {
            let headers = [("authorization", bearer)];
            let answer = world
                .client
                .send(info.method.clone(), &path, &headers, "")
                .await;
            assert_eq!(answer.status, 401, "{} {path} {bearer}", info.method);
        }
        // A role that holds anything but this permission, and one that holds it over a group only.
        let without = match permission {
            Permission::Read => None,
            Permission::Author => Some("operator"),
            _ => Some("author"),
        };
        if let Some(role) = without {
            let user = world.user(&[role]).await;
            let answer = user
                .send(info.method.clone(), &path, &[], Some(json!({})))
                .await;
            assert_eq!(answer.status, 403, "{} {path} as {role}", info.method);
        }
        if everywhere {
            let user = world.user(&["admin@web"]).await;
            let answer = user
                .send(info.method.clone(), &path, &[], Some(json!({})))
                .await;
            assert_eq!(answer.status, 403, "{} {path} as admin@web", info.method);
        }
    }
    assert!(walked > 30, "{walked}");
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_spelling_of_a_path_leads_around_its_check() {
    let world = World::start().await;
    let host = world.host(1, &["web"]).await.host.id.to_string();
    for info in world.server.table() {
        let path = path_of(info.path, &host);
        for trick in tricks(&path) {
            if trick == path || !trick.starts_with('/') {
                continue;
            }
            // Not from text: `//x` would be read as the address of a host.
            let path: PathAndQuery = trick.parse().unwrap();
            let mut request = Request::new(Full::<Bytes>::default());
            *request.method_mut() = info.method.clone();
            *request.uri_mut() = Uri::from(path);
            let host = HeaderValue::from_static("localhost");
            request.headers_mut().insert(HOST, host);
            let answer = world.client.try_send(request).await.unwrap();
            assert!(
                matches!(answer.status.as_u16(), 400 | 401 | 404 | 405),
                "{} {trick}: {}",
                info.method,
                answer.status
            );
        }
    }
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_groups_role_sees_and_changes_nothing_of_a_host() {
    let world = World::start().await;
    let guest = world.host(1, &["web"]).await;
    let id = guest.host.id.to_string();
    let stranger = world.user(&["admin@db"]).await;
    let mut walked = 0;
    for info in world.server.table() {
        if !info.path.contains("{host}") {
            continue;
        }
        walked += 1;
        for host in [&*id, "web-1"] {
            let path = path_of(info.path, host);
            let body = json!({ "reason": "x", "fingerprint": "00", "tags": ["db"] });
            // A GET takes no body.
            let body = (info.method != Method::GET).then_some(body);
            let answer = stranger.send(info.method.clone(), &path, &[], body).await;
            assert_eq!(
                answer.status,
                404,
                "{} {path}: {}",
                info.method,
                answer.text()
            );
            assert!(!answer.text().contains(&id));
        }
    }
    assert!(walked > 10, "{walked}");
    for path in [
        "/api/v1/hosts",
        "/api/v1/exposures",
        "/api/v1/exposures/CVE-2024-5535/hosts",
        "/api/v1/packages/hosts?name=openssl",
        "/api/v1/summary",
        "/api/v1/log",
    ] {
        let answer = stranger.json(path).await;
        assert!(!answer.to_string().contains(&id), "{path}: {answer}");
        if path != "/api/v1/log" {
            assert_eq!(answer["denominator"]["hosts"], 0, "{path}");
        }
    }
    let body = json!({ "hosts": { id.clone(): { "tags": ["db"] } } });
    let answer = stranger
        .send(Method::PUT, "/api/v1/hosts/facts", &[], Some(body))
        .await;
    assert_eq!(answer.status, 404);
    let owner = world.user(&["viewer@web"]).await;
    assert_eq!(names(&owner.json("/api/v1/hosts").await), ["web-1"]);
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gives_more_than_they_have() {
    let world = World::start().await;
    let boss = world.user(&["admin@web"]).await;
    for (role, group, status) in [
        ("viewer", json!("web"), 201),
        ("admin", json!("web"), 201),
        ("viewer", json!("db"), 403),
        ("viewer", json!(null), 403),
    ] {
        let body = json!({ "name": "ci", "role": role, "group": group });
        let answer = boss.post("/api/v1/tokens", body).await;
        assert_eq!(answer.status, status, "{role} {group}");
        let body = json!({ "subject": "oidc-group:ops", "role": role, "group": group });
        let answer = boss.post("/api/v1/grants", body).await;
        assert_eq!(answer.status, status, "{role} {group}: {}", answer.text());
    }
    let body = json!({ "group": "db" });
    assert_eq!(
        boss.post("/api/v1/enrolment-tokens", body).await.status,
        403
    );
    let body = json!({});
    assert_eq!(
        boss.post("/api/v1/enrolment-tokens", body).await.status,
        403
    );
    // Nor does a token put its hosts among those of others.
    for (facts, status) in [
        (json!({ "group": "web" }), 201),
        (json!({ "group": "web", "tags": ["web", "blue"] }), 201),
        (json!({ "group": "web", "tags": ["db"] }), 403),
        (json!({ "group": "web", "facts": { "tags": ["db"] } }), 403),
    ] {
        let answer = boss.post("/api/v1/enrolment-tokens", facts.clone()).await;
        assert_eq!(answer.status, status, "{facts}: {}", answer.text());
    }
    // Whoever writes groups could otherwise reach any host by a role over a group.
    let author = world.user(&["author"]).await;
    let body = json!({ "where": "true" });
    let answer = author
        .send(Method::PUT, "/api/v1/groups/web", &[], Some(body.clone()))
        .await;
    assert_eq!(answer.status, 403, "{}", answer.text());
    let answer = author
        .send(Method::PUT, "/api/v1/groups/new", &[], Some(body))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_made_works_until_it_is_withdrawn() {
    let world = World::start().await;
    let admin = world.user(&["admin"]).await;
    let body = json!({ "name": "ci", "role": "viewer" });
    let made = admin.post("/api/v1/tokens", body).await.json();
    let bearer = format!("Bearer {}", made["token"].as_str().unwrap());
    let headers = [("authorization", bearer.as_str())];
    let summary = || {
        world
            .client
            .send(Method::GET, "/api/v1/summary", &headers, "")
    };
    assert_eq!(summary().await.status, 200);
    let list = admin.json("/api/v1/tokens").await.to_string();
    assert!(!list.contains(made["token"].as_str().unwrap()));
    let path = format!("/api/v1/tokens/{}", made["id"].as_str().unwrap());
    let answer = admin.send(Method::DELETE, &path, &[], None).await;
    assert_eq!(answer.status, 204);
    assert_eq!(summary().await.status, 401);
    world.server.stop().await;
}
