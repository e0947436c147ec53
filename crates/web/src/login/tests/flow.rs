//! The way through, and what a person may do then.

use super::idp::{Alg, Person};
use super::*;
use serde_json::json;

#[tokio::test]
async fn a_person_logs_in_and_comes_back_to_where_they_wanted() {
    for alg in [Alg::Rs256, Alg::Es256] {
        let site = Site::start().await;
        site.idp.alg(alg);
        let mut browser = site.browser();
        assert_eq!(browser.says("/api/v1/session").await, "unauthenticated");
        let callback = browser.begin("?next=%2Fhosts%3Fwhere%3Dx").await;
        let end = browser.get(&callback).await;
        assert_eq!(end.status, StatusCode::SEE_OTHER);
        assert_eq!(location(&end), format!("{}/hosts?where=x", site.origin));
        assert_eq!(end.headers["referrer-policy"], "no-referrer");
        assert_eq!(end.headers["cache-control"], "no-store");

        let session = browser.get("/api/v1/session").await.json();
        assert_eq!(session["schema"], "overlock.session/1");
        assert_eq!(session["name"], "Ada Example");
        assert_eq!(session["email"], "ada@example.org");
        assert_eq!(session["groups"], json!(["/ops", "/staff"]));
        assert_eq!(session["issuer"], site.idp.issuer);
        assert_eq!(session["grants"], json!([]));
        assert_eq!(session["permissions"], json!([]));
        assert_eq!(session["ends"], "2031-05-06T13:00:00Z");
        let user = grants::user_id(&site.idp.issuer, "7c2f");
        assert_eq!(session["actor"], format!("user:{user}"));
        let known = site.store.user(&user).await.unwrap().unwrap();
        assert_eq!(
            (known.subject.as_str(), known.name.as_str()),
            ("7c2f", "Ada Example")
        );
    }
}

#[tokio::test]
async fn nobody_has_a_role_without_a_grant_and_what_is_taken_is_gone_at_once() {
    let site = Site::start().await;
    let mut browser = site.browser();
    browser.logged_in().await;
    assert_eq!(browser.says("/api/v1/name").await, "forbidden");
    site.grant_ops().await;
    assert_eq!(browser.says("/api/v1/name").await, "Ada Example");
    let session = browser.get("/api/v1/session").await.json();
    assert_eq!(session["grants"], json!(["viewer"]));
    assert_eq!(session["permissions"], json!(["read"]));
    assert!(site.store.withdraw("ops", &site.by()).await.unwrap());
    assert_eq!(browser.says("/api/v1/name").await, "forbidden");

    let user = grants::user_id(&site.idp.issuer, "7c2f");
    site.grant("ada", Subject::User(user.clone()), Role::Viewer)
        .await;
    assert_eq!(browser.says("/api/v1/name").await, "Ada Example");
    assert!(
        site.store
            .set_user_disabled(&user, true, &site.by())
            .await
            .unwrap()
    );
    assert_eq!(browser.says("/api/v1/name").await, "unauthenticated");
    assert_eq!(problem(&browser.login().await), "forbidden");
    assert!(
        site.store
            .set_user_disabled(&user, false, &site.by())
            .await
            .unwrap()
    );
    browser.logged_in().await;
    assert_eq!(browser.says("/api/v1/name").await, "Ada Example");
}

#[tokio::test]
async fn groups_count_as_of_the_login_and_a_text_is_one_group() {
    let site = Site::start().await;
    site.grant_ops().await;
    let mut browser = site.browser();
    let mut person = Person {
        subject: "b".to_owned(),
        name: String::new(),
        groups: json!("/ops"),
    };
    site.idp.person(person.clone());
    browser.logged_in().await;
    // Without a name the address of mail stands for it.
    assert_eq!(browser.says("/api/v1/name").await, "ada@example.org");
    person.groups = json!(["/staff"]);
    site.idp.person(person);
    assert_eq!(browser.says("/api/v1/name").await, "ada@example.org");
    browser.logged_in().await;
    assert_eq!(browser.says("/api/v1/name").await, "forbidden");
}

#[tokio::test]
async fn a_provider_may_want_the_secret_in_the_body() {
    let site = Site::start().await;
    site.idp.wants_secret_in_the_body();
    site.browser().logged_in().await;
}

#[tokio::test]
async fn without_a_provider_there_are_no_sessions() {
    let site = Site::start().await;
    let mut browser = site.browser();
    browser.logged_in().await;
    let cookie = browser.cookie.clone();
    let Site { idp, .. } = &site;
    let issuer = idp.issuer.clone();
    let bare = Site::serve(Idp::start(noon()).await, None, LoginLimits::default()).await;
    let mut browser = Browser {
        site: &bare,
        cookie,
    };
    assert_eq!(browser.says("/api/v1/login").await, "not_found");
    assert_eq!(
        browser
            .says(&format!("{}?state=x&code=y", oidc::CALLBACK))
            .await,
        "not_found"
    );
    assert_eq!(browser.says("/api/v1/session").await, "unauthenticated");
    assert_ne!(issuer, bare.idp.issuer);
}
