//! ETags, cursors, idempotency keys, slips in requests, streams.

use super::{World, names};
use axum::http::Method;
use http_body_util::BodyExt as _;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn who_has_an_answer_already_is_not_sent_it_again() {
    let world = World::start().await;
    let user = world.user(&["admin"]).await;
    for path in [
        "/api/v1/groups",
        "/api/v1/hosts",
        "/api/v1/summary",
        "/api/v1/openapi.json",
    ] {
        let first = user.get(path).await;
        let etag = first.headers["etag"].to_str().unwrap();
        assert!(etag.starts_with('"'), "{etag}");
        let headers = [("if-none-match", etag)];
        let again = user.send(Method::GET, path, &headers, None).await;
        assert_eq!(
            (again.status.as_u16(), again.body.len()),
            (304, 0),
            "{path}"
        );
        let other = [("if-none-match", "\"other\"")];
        assert_eq!(user.send(Method::GET, path, &other, None).await.status, 200);
    }
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_give_every_host_once_and_a_cursor_is_of_one_list() {
    let world = World::start().await;
    let user = world.user(&["admin"]).await;
    let all: Vec<String> = (0..25).map(|at| format!("host-{at:02}")).collect();
    let answer = user
        .post("/api/v1/hosts/unmanaged", json!({ "names": all }))
        .await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(answer.json()["added"], 25);
    world.follow().await;
    let mut seen = Vec::new();
    let mut path = "/api/v1/hosts?limit=10".to_owned();
    loop {
        let page = user.json(&path).await;
        assert_eq!(
            page["denominator"]["hosts"].as_u64().unwrap(),
            25 + u64::from(seen.len() >= 10)
        );
        seen.extend(names(&page).into_iter().map(str::to_owned));
        let Some(next) = page["next"].as_str() else {
            break;
        };
        assert_eq!(
            user.get(&format!("/api/v1/log?cursor={next}")).await.code(),
            "invalid"
        );
        let other = format!("/api/v1/hosts?standing=active&cursor={next}");
        assert_eq!(user.get(&other).await.code(), "invalid");
        if seen.len() == 10 {
            // Before what was seen: it must neither shift the pages nor come twice.
            user.post("/api/v1/hosts/unmanaged", json!({ "names": ["aaa"] }))
                .await;
            world.follow().await;
        }
        path = format!("/api/v1/hosts?limit=10&cursor={next}");
    }
    assert_eq!(seen, all);
    for (limit, status) in [
        ("0", 400),
        ("1", 200),
        ("1000", 200),
        ("1001", 400),
        ("x", 400),
    ] {
        let path = format!("/api/v1/hosts?limit={limit}");
        assert_eq!(user.get(&path).await.status, status, "{limit}");
    }
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_sent_again_makes_one_thing_and_gives_the_same_answer() {
    let world = World::start().await;
    let user = world.user(&["admin"]).await;
    let key = [("idempotency-key", "3f0c-1")];
    let body = json!({ "name": "ci", "role": "viewer" });
    let send =
        |body: serde_json::Value| user.send(Method::POST, "/api/v1/tokens", &key, Some(body));
    let first = send(body.clone()).await;
    assert_eq!(first.status, 201, "{}", first.text());
    let again = send(body.clone()).await;
    assert_eq!((again.status.as_u16(), again.text()), (201, first.text()));
    let other = send(json!({ "name": "ci", "role": "admin" })).await;
    assert_eq!(
        (other.status.as_u16(), &*other.code()),
        (422, "idempotency_mismatch")
    );
    let somebody = world.user(&["admin"]).await;
    let theirs = somebody
        .send(Method::POST, "/api/v1/tokens", &key, Some(body.clone()))
        .await;
    assert_ne!(theirs.text(), first.text());
    // What was refused did not use up its key.
    let key = [("idempotency-key", "3f0c-2")];
    let wrong = json!({ "name": "ci", "role": "viewer", "group": "nowhere" });
    let answer = user
        .send(Method::POST, "/api/v1/tokens", &key, Some(wrong))
        .await;
    assert_eq!(answer.status, 400);
    let answer = user
        .send(Method::POST, "/api/v1/tokens", &key, Some(body))
        .await;
    assert_eq!(answer.status, 201);
    let long = "k".repeat(129);
    let key = [("idempotency-key", long.as_str())];
    let answer = user
        .send(
            Method::POST,
            "/api/v1/tokens",
            &key,
            Some(json!({ "name": "x", "role": "viewer" })),
        )
        .await;
    assert_eq!(answer.status, 400);
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slip_in_a_request_is_told_by_its_name() {
    let world = World::start().await;
    let user = world.user(&["admin"]).await;
    for path in [
        "/api/v1/hosts?wher=true",
        "/api/v1/exposures?wher=true",
        "/api/v1/summary?wher=true",
        "/api/v1/log?wher=1",
        "/api/v1/tokens?wher=1",
        "/api/v1/feeds?wher=1",
    ] {
        let answer = user.get(path).await;
        assert_eq!(
            (answer.status.as_u16(), &*answer.code()),
            (400, "invalid"),
            "{path}"
        );
        assert!(answer.text().contains("wher"), "{path}: {}", answer.text());
    }
    for (path, body) in [
        (
            "/api/v1/tokens",
            json!({ "name": "a", "role": "viewer", "admin": true }),
        ),
        ("/api/v1/enrolment-tokens", json!({ "admin": true })),
        (
            "/api/v1/grants",
            json!({ "subject": "oidc-group:a", "role": "viewer", "admin": true }),
        ),
        (
            "/api/v1/hosts/unmanaged",
            json!({ "names": ["a"], "admin": true }),
        ),
    ] {
        let answer = user.post(path, body).await;
        assert_eq!(
            (answer.status.as_u16(), &*answer.code()),
            (400, "invalid"),
            "{path}"
        );
        assert!(answer.text().contains("admin"), "{path}: {}", answer.text());
    }
    let answer = user.get("/api/v1/hosts?where=host.nme%20==%20'a'").await;
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("nme"), "{}", answer.text());
    let answer = user
        .send(
            Method::POST,
            "/api/v1/tokens",
            &[("content-type", "text/plain")],
            None,
        )
        .await;
    assert_eq!(answer.status, 415);
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_begins_after_the_row_that_was_seen_and_ends_with_the_server() {
    let world = World::start().await;
    let guest = world.host(1, &["web"]).await;
    let all = world.user(&["admin"]).await;
    let some = world.user(&["operator@db"]).await;
    let head = all.json("/api/v1/log").await["head"].as_i64().unwrap();
    assert!(head > 3);
    let read = |bearer: String, last: i64| {
        let client = world.client.clone();
        async move {
            let request = axum::http::Request::get("/api/v1/events")
                .header("host", "localhost")
                .header("authorization", bearer)
                .header("last-event-id", last.to_string())
                .body(http_body_util::Full::<axum::body::Bytes>::default())
                .unwrap();
            let stream = client.connect().await.unwrap();
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(hyper_util::rt::TokioIo::new(stream))
                    .await
                    .unwrap();
            tokio::spawn(connection);
            let answer = sender.send_request(request).await.unwrap();
            assert_eq!(answer.status(), 200);
            assert_eq!(answer.headers()["content-type"], "text/event-stream");
            (sender, answer.into_body())
        }
    };
    let (_sender, mut body) = read(all.bearer.clone(), 1).await;
    let mut text = String::new();
    while !text.contains(&format!("id: {head}\n")) {
        let frame = body.frame().await.unwrap().unwrap();
        text.push_str(std::str::from_utf8(&frame.into_data().unwrap()).unwrap());
    }
    assert!(
        text.contains("id: 2\n") && !text.contains("id: 1\n"),
        "{text}"
    );
    assert!(text.contains(guest.host.id.as_str()));
    // What comes later comes too.
    all.post("/api/v1/hosts/unmanaged", json!({ "names": ["later"] }))
        .await;
    while !text.contains("event: host.add\n") {
        let frame = body.frame().await.unwrap().unwrap();
        text.push_str(std::str::from_utf8(&frame.into_data().unwrap()).unwrap());
    }
    let (_other, mut theirs) = read(some.bearer.clone(), 0).await;
    world.server.stop().await;
    let rest = body.collect().await.unwrap().to_bytes();
    assert!(!String::from_utf8_lossy(&rest).contains("event: token"));
    let mut seen = String::new();
    while let Some(Ok(frame)) = theirs.frame().await {
        seen.push_str(std::str::from_utf8(&frame.into_data().unwrap()).unwrap());
    }
    assert!(!seen.contains("id: "), "{seen}");
}
