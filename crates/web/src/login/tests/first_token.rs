//! The one-time token of the first administrator.

use super::*;
use overlock_model::plan::Digest;
use overlock_store::{ApiToken, FirstAdmin};

const PATH: &str = "/api/v1/login/token";

async fn bare() -> Site {
    Site::serve(Idp::start(noon()).await, None, LoginLimits::default()).await
}

async fn setup(site: &Site, id: &str, secret: &str) {
    let expires = site.now() + SignedDuration::from_mins(60);
    let secret = Digest::of(secret.as_bytes());
    let made = site
        .store
        .create_first_admin(id, secret, expires, true, &site.by())
        .await;
    assert_eq!(made.unwrap(), FirstAdmin::Created);
}

async fn exchange(site: &Site, token: &str, name: &str) -> Answer {
    let body = serde_json::json!({"token": token, "name": name}).to_string();
    let headers = [("content-type", "application/json")];
    site.client.send(Method::POST, PATH, &headers, body).await
}

#[tokio::test]
async fn a_one_time_token_becomes_a_lasting_one_once() {
    let site = bare().await;
    setup(&site, "one", "once").await;
    let answer = exchange(&site, "once", " laptop ").await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(answer.headers["cache-control"], "no-store");
    let made = answer.json();
    assert_eq!(made["name"], "laptop");
    assert_eq!(made["expires"], "2031-08-04T12:00:00Z");
    let token = made["token"].as_str().unwrap();
    let known = site
        .store
        .api_token(Digest::of(token.as_bytes()), site.now())
        .await
        .unwrap()
        .unwrap();
    assert!(!known.token.once);
    assert!(known.token.grants.iter().all(Grant::is_full_admin));
    assert_eq!(known.created_by, "token:one");
    assert_eq!(
        problem(&exchange(&site, "once", "laptop").await),
        "unauthenticated"
    );
    // The lasting token cannot be exchanged, and is none the worse for the try.
    assert_eq!(
        problem(&exchange(&site, token, "x").await),
        "unauthenticated"
    );
    let again = site
        .store
        .api_token(Digest::of(token.as_bytes()), site.now())
        .await;
    assert!(again.unwrap().is_some());
}

#[tokio::test]
async fn every_token_that_is_refused_gets_the_same_answer() {
    let site = bare().await;
    setup(&site, "used", "used").await;
    exchange(&site, "used", "x").await;
    setup(&site, "withdrawn", "withdrawn").await;
    assert!(
        site.store
            .revoke_api_token("withdrawn", &site.by())
            .await
            .unwrap()
    );
    let lasting = ApiToken {
        id: "lasting".to_owned(),
        name: "x".to_owned(),
        grants: Vec::new(),
        once: false,
        expires: None,
    };
    let secret = Digest::of(b"lasting");
    site.store
        .add_api_token(&lasting, secret, &site.by())
        .await
        .unwrap();
    setup(&site, "over", "over").await;
    site.pass(SignedDuration::from_mins(60));
    let mut answers = Vec::new();
    let long = "x".repeat(1000);
    for token in ["used", "withdrawn", "lasting", "over", "never", "", &long] {
        let answer = exchange(&site, token, "x").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{token}");
        answers.push(answer.body);
    }
    assert!(answers.windows(2).all(|two| two[0] == two[1]));
}

#[tokio::test]
async fn a_wish_that_cannot_be_fulfilled_does_not_use_the_token_up() {
    let site = bare().await;
    setup(&site, "one", "once").await;
    for name in ["", "  ", "a\nb", &"x".repeat(201)] {
        assert_eq!(
            problem(&exchange(&site, "once", name).await),
            "invalid",
            "{name}"
        );
    }
    let headers = [("content-type", "application/json")];
    for body in [
        "",
        "{",
        r#"{"token":"once"}"#,
        r#"{"token":"once","name":"x","role":"admin"}"#,
    ] {
        let answer = site.client.send(Method::POST, PATH, &headers, body).await;
        assert_eq!(problem(&answer), "invalid", "{body}");
    }
    let plain = r#"{"token":"once","name":"x"}"#;
    let answer = site.client.send(Method::POST, PATH, &[], plain).await;
    assert_eq!(problem(&answer), "unsupported_media");
    assert_eq!(
        exchange(&site, "once", "x").await.status,
        StatusCode::CREATED
    );
}

#[tokio::test]
async fn a_body_above_four_kib_is_refused_unread() {
    let site = bare().await;
    setup(&site, "one", "once").await;
    let headers = [("content-type", "application/json")];
    let padded = |bytes: usize| format!("{:<bytes$}", r#"{"token":"once","name":"x"}"#);
    let send = async |bytes| {
        let body = padded(bytes);
        site.client.send(Method::POST, PATH, &headers, body).await
    };
    let above = send((4 << 10) + 1).await;
    assert_eq!(above.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(send(4 << 10).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn of_two_who_bring_it_together_one_gets_a_token() {
    let site = bare().await;
    setup(&site, "one", "once").await;
    let (one, other) = tokio::join!(exchange(&site, "once", "a"), exchange(&site, "once", "b"));
    let mut statuses = [one.status, other.status];
    statuses.sort();
    assert_eq!(statuses, [StatusCode::CREATED, StatusCode::UNAUTHORIZED]);
    assert_eq!(site.store.api_tokens().await.unwrap().len(), 2);
}

#[tokio::test]
async fn guesses_from_one_address_are_bounded() {
    let site = bare().await;
    setup(&site, "one", "once").await;
    for guess in 0..30 {
        let answer = exchange(&site, &guess.to_string(), "x").await;
        assert_eq!(problem(&answer), "unauthenticated");
    }
    // Now the right one is not even looked at.
    assert_eq!(problem(&exchange(&site, "once", "x").await), "too_many");
    site.pass(SignedDuration::from_mins(1));
    assert_eq!(
        exchange(&site, "once", "x").await.status,
        StatusCode::CREATED
    );
}
