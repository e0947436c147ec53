//! Sessions: whose they are, when they end, and who may make changes by them.

use super::*;
use overlock_model::plan::Digest;

#[tokio::test]
async fn a_session_that_somebody_else_knows_is_worth_nothing_after_login() {
    let site = Site::start().await;
    let mut thief = site.browser();
    thief.begin("").await;
    // The victim is given the thief's cookie, and logs in with it.
    let mut victim = Browser {
        site: &site,
        cookie: thief.cookie.clone(),
    };
    victim.logged_in().await;
    assert_ne!(victim.cookie, thief.cookie);
    assert_eq!(thief.says("/api/v1/session").await, "unauthenticated");
    assert!(victim.says("/api/v1/session").await.contains("Ada Example"));
    // Who logs in again is somebody new: the id of before is dead, and so is its token against other sites.
    let before = victim.cookie.clone();
    let csrf = victim.csrf().await;
    victim.logged_in().await;
    assert_ne!(victim.csrf().await, csrf);
    let mut old = Browser {
        site: &site,
        cookie: before,
    };
    assert_eq!(old.says("/api/v1/session").await, "unauthenticated");
}

#[tokio::test]
async fn the_store_does_not_hold_the_id() {
    let site = Site::start().await;
    let mut browser = site.browser();
    browser.logged_in().await;
    let id = browser.cookie.clone().unwrap();
    assert_eq!(id.len(), 22);
    let hashed = Digest::of(id.as_bytes());
    let content = site
        .store
        .session(hashed, site.now())
        .await
        .unwrap()
        .unwrap();
    assert!(!String::from_utf8(content).unwrap().contains(&id));
}

#[tokio::test]
async fn a_cookie_of_ones_own_making_opens_nothing() {
    let site = Site::start().await;
    for made in [
        "",
        "x",
        "AAAAAAAAAAAAAAAAAAAAAA",
        "../../etc/passwd",
        &"A".repeat(5000),
    ] {
        let mut browser = Browser {
            site: &site,
            cookie: Some(made.to_owned()),
        };
        assert_eq!(
            browser.says("/api/v1/session").await,
            "unauthenticated",
            "{made}"
        );
    }
}

#[tokio::test]
async fn a_session_ends_an_hour_after_its_last_use() {
    let site = Site::start().await;
    let mut browser = site.browser();
    browser.logged_in().await;
    site.pass(SignedDuration::from_mins(59));
    assert!(
        browser
            .says("/api/v1/session")
            .await
            .contains("Ada Example")
    );
    site.pass(SignedDuration::from_mins(59));
    assert!(
        browser
            .says("/api/v1/session")
            .await
            .contains("Ada Example")
    );
    site.pass(SignedDuration::from_mins(60));
    assert_eq!(browser.says("/api/v1/session").await, "unauthenticated");
    site.store.forget_expired(site.now()).await.unwrap();
    assert_eq!(browser.says("/api/v1/session").await, "unauthenticated");
}

#[tokio::test]
async fn a_session_ends_twelve_hours_after_the_login() {
    let site = Site::start().await;
    let mut browser = site.browser();
    browser.logged_in().await;
    for _ in 0..23 {
        site.pass(SignedDuration::from_mins(30));
        assert!(
            browser
                .says("/api/v1/session")
                .await
                .contains("Ada Example")
        );
    }
    site.pass(SignedDuration::from_mins(30));
    assert_eq!(browser.says("/api/v1/session").await, "unauthenticated");
}

#[tokio::test]
async fn a_clock_that_is_set_back_gives_no_session_more_time() {
    let site = Site::start().await;
    let mut browser = site.browser();
    browser.logged_in().await;
    site.pass(SignedDuration::from_hours(-24));
    assert_eq!(browser.says("/api/v1/session").await, "unauthenticated");
}

#[tokio::test]
async fn a_session_that_is_used_is_written_now_and_then_only() {
    let site = Site::start().await;
    let mut browser = site.browser();
    browser.logged_in().await;
    site.pass(SignedDuration::from_mins(4));
    let answer = browser.get("/api/v1/session").await;
    assert!(!answer.headers.contains_key("set-cookie"));
    assert_eq!(answer.json()["ends"], "2031-05-06T13:00:00Z");
    site.pass(SignedDuration::from_mins(1));
    assert_eq!(
        browser.get("/api/v1/session").await.json()["ends"],
        "2031-05-06T13:05:00Z"
    );
}

#[tokio::test]
async fn logout_ends_the_session_everywhere() {
    let site = Site::start().await;
    let mut browser = site.browser();
    browser.logged_in().await;
    let cookie = browser.cookie.clone();
    let csrf = browser.csrf().await;
    let path = "/api/v1/logout";
    let refused = browser.send(Method::POST, path, &[], "").await;
    assert_eq!(problem(&refused), "cross_site");
    assert!(
        browser
            .says("/api/v1/session")
            .await
            .contains("Ada Example")
    );
    let done = browser
        .send(Method::POST, path, &[("x-csrf-token", &csrf)], "")
        .await;
    assert_eq!(done.status, StatusCode::NO_CONTENT);
    assert_eq!(browser.cookie, None);
    browser.cookie = cookie;
    assert_eq!(browser.says("/api/v1/session").await, "unauthenticated");
    // Again, and without a session: there is nothing to end.
    for _ in 0..2 {
        let done = browser.send(Method::POST, path, &[], "").await;
        assert_eq!(done.status, StatusCode::NO_CONTENT);
        browser.cookie = None;
    }
}

#[tokio::test]
async fn a_request_that_still_runs_does_not_bring_a_session_back() {
    let site = Site::start().await;
    site.grant_ops().await;
    let mut browser = site.browser();
    browser.logged_in().await;
    let csrf = browser.csrf().await;
    let mut other = Browser {
        site: &site,
        cookie: browser.cookie.clone(),
    };
    let slow = async {
        assert_eq!(other.says("/api/v1/slow").await, "done");
    };
    let logout = async {
        site.world.gate.entered.notified().await;
        browser
            .send(
                Method::POST,
                "/api/v1/logout",
                &[("x-csrf-token", &csrf)],
                "",
            )
            .await;
        site.world.gate.leave.notify_one();
    };
    tokio::join!(slow, logout);
    assert_eq!(other.says("/api/v1/session").await, "unauthenticated");
}

#[tokio::test]
async fn a_change_by_session_needs_the_token_and_our_origin() {
    let site = Site::start().await;
    site.grant_ops().await;
    let mut browser = site.browser();
    browser.logged_in().await;
    let mut other = site.browser();
    other.logged_in().await;
    let (csrf, of_another) = (browser.csrf().await, other.csrf().await);
    let origin = site.origin.clone();
    let path = "/api/v1/name";
    for (headers, outcome) in [
        (vec![], "cross_site"),
        (vec![("x-csrf-token", "")], "cross_site"),
        (vec![("x-csrf-token", of_another.as_str())], "cross_site"),
        (vec![("origin", origin.as_str())], "cross_site"),
        (
            vec![
                ("x-csrf-token", csrf.as_str()),
                ("origin", "https://evil.example"),
            ],
            "cross_site",
        ),
        (
            vec![("x-csrf-token", csrf.as_str()), ("origin", "null")],
            "cross_site",
        ),
        (
            vec![
                ("x-csrf-token", csrf.as_str()),
                ("sec-fetch-site", "cross-site"),
            ],
            "cross_site",
        ),
        (vec![("x-csrf-token", csrf.as_str())], "Ada Example"),
        (
            vec![("x-csrf-token", csrf.as_str()), ("origin", origin.as_str())],
            "Ada Example",
        ),
    ] {
        let answer = browser.send(Method::POST, path, &headers, "").await;
        assert_eq!(problem(&answer), outcome, "{headers:?}");
    }
}
