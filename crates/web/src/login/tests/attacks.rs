//! What a provider that is not to be believed, a thief of codes, or another site can try, and what each gets.

use super::idp::{Alg, Fault};
use super::*;

/// What each attack gets. None of them logs anybody in, and none stands in the way of an honest login after it.
const ATTACKS: &[(Fault, &str)] = &[
    (Fault::Expired, "unauthenticated"),
    (Fault::FromTheFuture, "unauthenticated"),
    (Fault::WrongAudience, "unauthenticated"),
    (Fault::SecondAudience, "unauthenticated"),
    (Fault::OtherParty, "unauthenticated"),
    (Fault::WrongIssuer, "unauthenticated"),
    (Fault::WrongNonce, "unauthenticated"),
    (Fault::NoNonce, "unauthenticated"),
    (Fault::UnknownKey, "unauthenticated"),
    (Fault::KeyOfAnother, "unauthenticated"),
    (Fault::AlgNone, "unauthenticated"),
    (Fault::AlgNoneWithSignature, "unauthenticated"),
    (Fault::SharedSecretIsThePublicKey, "unauthenticated"),
    (Fault::SharedSecretIsTheClientSecret, "unauthenticated"),
    (Fault::WrongSignature, "unauthenticated"),
    (Fault::ClaimsChanged, "unauthenticated"),
    (Fault::GroupsAreNumbers, "unauthenticated"),
    (Fault::NoSubject, "unauthenticated"),
    (Fault::PersonDenied, "unauthenticated"),
    (Fault::AnswerOfAnotherIssuer, "unauthenticated"),
    (Fault::OtherState, "unauthenticated"),
    (Fault::NoCode, "unauthenticated"),
    (Fault::WrongCode, "unauthenticated"),
    (Fault::NotAToken, "unavailable"),
    (Fault::NoIdToken, "unavailable"),
    (Fault::TokenEndpointFails, "unavailable"),
    (Fault::TokenEndpointRefusesTheClient, "unavailable"),
    (Fault::TokenEndpointRedirects, "unavailable"),
    (Fault::HugeAnswer, "unavailable"),
    (Fault::EndlessNesting, "unavailable"),
    (Fault::NotJson, "unavailable"),
];

#[tokio::test]
async fn no_attack_on_the_answer_logs_anybody_in() {
    let limits = LoginLimits {
        attempts: 1_000,
        ..LoginLimits::default()
    };
    let site = Site::with(limits, |_| {}).await;
    for alg in [Alg::Rs256, Alg::Es256] {
        site.idp.alg(alg);
        for (fault, code) in ATTACKS {
            site.idp.fault(*fault);
            let mut browser = site.browser();
            let answer = browser.login().await;
            assert_eq!(problem(&answer), *code, "{alg:?} {fault:?}");
            assert_eq!(
                browser.says("/api/v1/session").await,
                "unauthenticated",
                "{fault:?}"
            );
            site.idp.fault(None);
            browser.logged_in().await;
        }
    }
    assert_eq!(site.store.users().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_provider_that_does_not_describe_itself_rightly_is_not_used() {
    for fault in [
        Fault::DiscoveryFails,
        Fault::DiscoveryOfAnotherIssuer,
        Fault::DiscoveryWithoutTls,
    ] {
        let site = Site::start().await;
        site.idp.fault(fault);
        assert_eq!(
            site.browser().says("/api/v1/login").await,
            "unavailable",
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn a_provider_with_a_certificate_of_somebody_else_is_not_spoken_to() {
    let other = Authority::open(&Authority::make("other", Timestamp::now()).unwrap()).unwrap();
    let site = Site::with(LoginLimits::default(), |settings| {
        settings.trust = Trust::Only(other.pem().to_owned());
    })
    .await;
    assert_eq!(site.browser().says("/api/v1/login").await, "unavailable");
    assert_eq!(site.idp.asked().discovery, 0);
}

#[tokio::test]
async fn an_answer_works_once() {
    let site = Site::start().await;
    let mut browser = site.browser();
    let callback = browser.begin("").await;
    let before = browser.cookie.clone();
    assert_eq!(browser.get(&callback).await.status, StatusCode::SEE_OTHER);
    assert_eq!(site.idp.asked().token, 1);
    assert_eq!(browser.says(&callback).await, "unauthenticated");
    // With the cookie of before it is of no use either.
    let mut thief = Browser {
        site: &site,
        cookie: before,
    };
    assert_eq!(thief.says(&callback).await, "unauthenticated");
    assert_eq!(thief.says("/api/v1/session").await, "unauthenticated");
    assert_eq!(site.idp.asked().token, 0);
    // A code that was used is of no use in a login of its own.
    let code = callback
        .split('&')
        .find(|part| part.contains("code="))
        .unwrap();
    let code = code.rsplit("code=").next().unwrap();
    let mut other = site.browser();
    let own = other.begin("").await;
    let state = own
        .split('&')
        .find(|part| part.starts_with("state="))
        .unwrap();
    let mixed = format!("{}?code={code}&{state}", oidc::CALLBACK);
    assert_eq!(other.says(&mixed).await, "unauthenticated");
    assert_eq!(site.idp.asked().token, 1);
}

#[tokio::test]
async fn of_answers_that_come_together_one_logs_in() {
    let site = Site::start().await;
    let mut browser = site.browser();
    let callback = browser.begin("").await;
    let mut others: Vec<_> = (0..8)
        .map(|_| Browser {
            site: &site,
            cookie: browser.cookie.clone(),
        })
        .collect();
    let mut waiting = Vec::new();
    for browser in &mut others {
        waiting.push(browser.get(&callback));
    }
    let mut entered = 0;
    for answer in futures(waiting).await {
        if answer.status == StatusCode::SEE_OTHER {
            entered += 1;
        } else {
            assert_eq!(problem(&answer), "unauthenticated");
        }
    }
    assert_eq!(entered, 1);
    assert_eq!(site.idp.asked().token, 1);
}

/// All at once, on one thread.
async fn futures<F: Future<Output = Answer>>(waiting: Vec<F>) -> Vec<Answer> {
    let mut waiting: Vec<_> = waiting.into_iter().map(Box::pin).collect();
    let mut done: Vec<Option<Answer>> = waiting.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, answer) in waiting.iter_mut().zip(&mut done) {
            if answer.is_none()
                && let std::task::Poll::Ready(ready) = future.as_mut().poll(context)
            {
                *answer = Some(ready);
            }
        }
        if done.iter().all(Option::is_some) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    done.into_iter().flatten().collect()
}

#[tokio::test]
async fn an_answer_is_of_no_use_in_another_browser() {
    let site = Site::start().await;
    let callback = site.browser().begin("").await;
    // Without a session, and with a login of one's own.
    let mut thief = site.browser();
    assert_eq!(thief.says(&callback).await, "unauthenticated");
    thief.begin("").await;
    assert_eq!(thief.says(&callback).await, "unauthenticated");
    assert_eq!(site.idp.asked().token, 0);
    assert_eq!(thief.says("/api/v1/session").await, "unauthenticated");
}

#[tokio::test]
async fn a_login_takes_ten_minutes_at_most_and_a_browser_begins_few() {
    let site = Site::start().await;
    let mut browser = site.browser();
    let callback = browser.begin("").await;
    site.pass(SignedDuration::from_mins(10));
    assert_eq!(browser.says(&callback).await, "unauthenticated");
    // Kept alive by a later one, it is over all the same.
    let callback = browser.begin("").await;
    site.pass(SignedDuration::from_mins(9));
    browser.begin("").await;
    site.pass(SignedDuration::from_mins(1));
    assert_eq!(browser.says(&callback).await, "unauthenticated");

    let first = browser.begin("").await;
    let second = browser.begin("").await;
    for _ in 0..4 {
        browser.begin("").await;
    }
    assert_eq!(browser.says(&first).await, "unauthenticated");
    assert_eq!(browser.get(&second).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn one_address_begins_a_bounded_number_of_logins() {
    let site = Site::start().await;
    for _ in 0..30 {
        assert_eq!(
            site.browser().get("/api/v1/login").await.status,
            StatusCode::SEE_OTHER
        );
    }
    let answer = site.browser().get("/api/v1/login").await;
    assert_eq!(problem(&answer), "too_many");
    assert_eq!(answer.headers["retry-after"], "60");
    site.pass(SignedDuration::from_mins(1));
    site.browser().logged_in().await;
}

#[tokio::test]
async fn nobody_is_sent_to_another_site_after_login() {
    let site = Site::start().await;
    for next in [
        "//evil.example",
        "/%5Cevil.example",
        "https:%2F%2Fevil.example",
        "/%09/evil.example",
    ] {
        let mut browser = site.browser();
        let callback = browser.begin(&format!("?next={next}")).await;
        let end = browser.get(&callback).await;
        assert_eq!(location(&end), format!("{}/", site.origin), "{next}");
    }
}
