use super::*;
use crate::access::{Anybody, Callers, Identified, Needs, Permission, Public};
use axum::body::Body;
use axum::http::StatusCode;
use axum::http::request::Parts;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

/// Knows callers by a header that says their roles.
struct World;

impl Callers for World {
    async fn caller(&self, _: &Peer, head: &Parts) -> Result<Identified, Problem> {
        let roles = head
            .headers
            .get("x-roles")
            .ok_or_else(|| Problem::new(Code::Unauthenticated, ""))?;
        Ok(Identified {
            actor: overlock_store::Actor::Token("1".into()),
            name: "test".into(),
            grants: roles
                .to_str()
                .unwrap()
                .split(' ')
                .map(|role| crate::access::parse_grant(role).unwrap())
                .collect(),
        })
    }
}

async fn echo(call: Call<World, crate::access::Caller>) -> Result<Response, Problem> {
    Ok(call.body.into_response())
}

async fn bug(_: Call<World, Anybody>) -> Result<Response, Problem> {
    panic!("the secret is 42")
}

fn router() -> Router {
    let limits = Limits {
        api_body_bytes: 16,
        ..Limits::default()
    };
    let packed = BodyLimits {
        bytes: 1 << 10,
        unpacked_bytes: 64,
    };
    Routes::with_limits(Arc::new(World), limits)
        .add(Route::post("/echo"), Needs(Permission::Operate), echo)
        .add(
            Route::post("/packed").body(packed),
            Needs(Permission::Read),
            echo,
        )
        .add(Route::get("/bug"), Public, bug)
        .add(Route::get("/read"), Needs(Permission::Read), echo)
        .finish()
}

async fn send(
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> (StatusCode, String) {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut request = request.body(Body::from(body)).unwrap();
    request.extensions_mut().insert(Peer {
        address: "192.0.2.1:1".parse().unwrap(),
        identity: None,
        received: crate::listen::Received::default(),
    });
    let response = router().oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8_lossy(&body).into_owned())
}

async fn code(method: Method, path: &str, headers: &[(&str, &str)], body: &[u8]) -> String {
    let (_, body) = send(method, path, headers, body.to_vec()).await;
    let problem: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
    problem["code"].as_str().unwrap_or(&body).to_owned()
}

#[tokio::test]
async fn nothing_gets_in_without_its_permission() {
    let post = || Method::POST;
    assert_eq!(code(post(), "/echo", &[], b"hi").await, "unauthenticated");
    assert_eq!(
        code(post(), "/echo", &[("x-roles", "viewer")], b"hi").await,
        "forbidden"
    );
    assert_eq!(
        code(post(), "/echo", &[("x-roles", "operator@web")], b"hi").await,
        "hi"
    );
    // Who may not come in is not read.
    let large = vec![b'x'; 1 << 20];
    assert_eq!(code(post(), "/echo", &[], &large).await, "unauthenticated");
    assert_eq!(
        code(post(), "/echo", &[("x-roles", "admin")], &large).await,
        "too_large"
    );
    assert_eq!(code(Method::GET, "/echo", &[], b"").await, "method_refused");
    assert_eq!(code(Method::GET, "/other", &[], b"").await, "not_found");
}

#[tokio::test]
async fn no_spelling_leads_around_the_check() {
    let admin = [("x-roles", "admin")];
    for path in [
        "//echo",
        "/echo/",
        "/echo;x",
        "/%65cho",
        "/./echo",
        "/x/../echo",
        "/echo%2f",
        "/echo//",
        "/ECHO",
    ] {
        for headers in [&[][..], &admin[..]] {
            let code = code(Method::POST, path, headers, b"hi").await;
            assert!(
                matches!(&*code, "path_refused" | "not_found"),
                "{path}: {code}"
            );
        }
    }
}

#[tokio::test]
async fn packed_bodies_are_taken_where_the_route_says_so_and_within_its_bound() {
    let zstd = [("x-roles", "viewer operator"), ("content-encoding", "zstd")];
    let pack = |plain: &[u8]| zstd::encode_all(plain, 3).unwrap();
    assert_eq!(
        code(Method::POST, "/packed", &zstd, &pack(b"hi")).await,
        "hi"
    );
    assert_eq!(
        code(Method::POST, "/packed", &zstd, &pack(&[0; 1 << 16])).await,
        "too_large"
    );
    assert_eq!(code(Method::POST, "/packed", &zstd, b"hi").await, "invalid");
    assert_eq!(
        code(Method::POST, "/echo", &zstd, b"hi").await,
        "unsupported_media"
    );
}

#[tokio::test]
async fn what_is_read_takes_no_body() {
    let viewer = [("x-roles", "viewer")];
    assert_eq!(code(Method::GET, "/read", &viewer, b"").await, "");
    assert_eq!(code(Method::GET, "/read", &viewer, b"x").await, "too_large");
}

#[tokio::test]
async fn a_bug_is_told_without_its_words() {
    let (status, body) = send(Method::GET, "/bug", &[], Vec::new()).await;
    assert_eq!(status, 500);
    assert!(!body.contains("42"), "{body}");
}
