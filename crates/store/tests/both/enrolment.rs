//! Enrolment and certificates: a token lets in whom it says, as often as it says, and nobody else.

use crate::world::{
    World, accept, at, both, by, digest, enrol, host, new_host, report, taken, token,
};
use overlock_model::asset::Standing;
use overlock_protocol::Section;
use overlock_store::{
    Certificate, CertificateStanding, Enrolment, EnrolmentRefusal, NewHost, Past, StandingChange,
    StoreError, Uses,
};

both!(
    a_single_use_token_lets_one_host_in,
    two_replicas_cannot_both_use_a_token,
    a_lost_answer_can_be_asked_again_with_the_same_key_only,
    tokens_end_and_can_be_withdrawn,
    a_known_id_with_another_key_needs_a_bound_token,
    a_bound_token_brings_history_back,
    whoever_had_the_key_before_is_out_in_the_same_transaction,
    a_quarantined_host_does_not_help_itself_out,
    a_host_may_have_to_be_confirmed,
    certificates_are_current_until_revoked_or_over,
);

fn refused(enrolment: Enrolment) -> EnrolmentRefusal {
    match enrolment {
        Enrolment::Refused(refusal) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

fn past(enrolment: Enrolment) -> Past {
    match enrolment {
        Enrolment::Enrolled { past, .. } => past,
        other => panic!("refused: {other:?}"),
    }
}

async fn a_single_use_token_lets_one_host_in(world: World) {
    let store = world.open().await;
    let secret = digest("secret");
    store
        .add_enrolment_token(&token("t", Uses::Once), secret, &by(0))
        .await
        .unwrap();
    let unknown = store
        .enrol(digest("other"), &new_host(1), at(1))
        .await
        .unwrap();
    assert_eq!(refused(unknown), EnrolmentRefusal::Unknown);
    assert_eq!(
        past(store.enrol(secret, &new_host(1), at(1)).await.unwrap()),
        Past::New
    );
    let again = store.enrol(secret, &new_host(2), at(1)).await.unwrap();
    assert_eq!(refused(again), EnrolmentRefusal::UsedUp);
    assert_eq!(store.host_count().await.unwrap(), 1);
    let known = store.host(&host(1)).await.unwrap().unwrap();
    assert_eq!(
        (known.standing, known.key),
        (Standing::Active, Some(new_host(1).key))
    );
    assert_eq!(store.enrolment_tokens().await.unwrap()[0].uses_left, 0);
    let twice = store
        .add_enrolment_token(&token("t", Uses::Once), digest("x"), &by(0))
        .await;
    assert!(
        matches!(twice, Err(StoreError::Conflict { .. })),
        "{twice:?}"
    );
}

async fn two_replicas_cannot_both_use_a_token(world: World) {
    let stores = [world.open().await, world.open().await];
    for round in 0..10_u8 {
        let secret = digest(&format!("secret {round}"));
        let one = token(&format!("t{round}"), Uses::Once);
        stores[0]
            .add_enrolment_token(&one, secret, &by(0))
            .await
            .unwrap();
        let (a, b) = (new_host(2 * round + 1), new_host(2 * round + 2));
        let (a, b) = tokio::join!(
            stores[0].enrol(secret, &a, at(1)),
            stores[1].enrol(secret, &b, at(1)),
        );
        let refusals: Vec<_> = [a.unwrap(), b.unwrap()]
            .into_iter()
            .filter(|answer| *answer == Enrolment::Refused(EnrolmentRefusal::UsedUp))
            .collect();
        assert_eq!(refusals.len(), 1);
    }
    assert_eq!(stores[0].host_count().await.unwrap(), 10);
}

async fn a_lost_answer_can_be_asked_again_with_the_same_key_only(world: World) {
    let store = world.open().await;
    let secret = digest("secret");
    store
        .add_enrolment_token(&token("t", Uses::Once), secret, &by(0))
        .await
        .unwrap();
    store.enrol(secret, &new_host(1), at(1)).await.unwrap();
    let head = store.log_head().await.unwrap();
    assert_eq!(
        past(store.enrol(secret, &new_host(1), at(2)).await.unwrap()),
        Past::Repeated
    );
    let thief = NewHost {
        key: digest("thief"),
        ..new_host(1)
    };
    assert_eq!(
        refused(store.enrol(secret, &thief, at(2)).await.unwrap()),
        EnrolmentRefusal::UsedUp
    );
    assert_eq!(store.log_head().await.unwrap(), head);
}

async fn tokens_end_and_can_be_withdrawn(world: World) {
    let store = world.open().await;
    let (first, second) = (digest("1"), digest("2"));
    store
        .add_enrolment_token(&token("a", Uses::Times(3)), first, &by(0))
        .await
        .unwrap();
    store
        .add_enrolment_token(&token("b", Uses::Once), second, &by(0))
        .await
        .unwrap();
    assert_eq!(
        refused(store.enrol(first, &new_host(1), at(900)).await.unwrap()),
        EnrolmentRefusal::Expired
    );
    assert!(store.revoke_enrolment_token("b", &by(1)).await.unwrap());
    assert!(!store.revoke_enrolment_token("b", &by(1)).await.unwrap());
    assert_eq!(
        refused(store.enrol(second, &new_host(1), at(2)).await.unwrap()),
        EnrolmentRefusal::Unknown
    );
}

async fn a_known_id_with_another_key_needs_a_bound_token(world: World) {
    let store = world.open().await;
    enrol(&store, 2).await;
    let secret = digest("open");
    store
        .add_enrolment_token(&token("open", Uses::Times(9)), secret, &by(0))
        .await
        .unwrap();
    let thief = NewHost {
        key: digest("thief"),
        ..new_host(1)
    };
    assert_eq!(
        refused(store.enrol(secret, &thief, at(1)).await.unwrap()),
        EnrolmentRefusal::NeedsBoundToken
    );
    assert_eq!(
        store.host(&host(1)).await.unwrap().unwrap().key,
        Some(new_host(1).key)
    );
    // Its own key is its own proof.
    assert_eq!(
        past(store.enrol(secret, &new_host(1), at(1)).await.unwrap()),
        Past::Adopted
    );
    // A token bound to one host does not turn another one into it.
    let mut bound = token("bound", Uses::Once);
    bound.bound = Some(host(1));
    store
        .add_enrolment_token(&bound, digest("bound"), &by(0))
        .await
        .unwrap();
    assert_eq!(
        refused(
            store
                .enrol(digest("bound"), &new_host(2), at(1))
                .await
                .unwrap()
        ),
        EnrolmentRefusal::BoundToAnother
    );
}

async fn a_bound_token_brings_history_back(world: World) {
    let store = world.open().await;
    enrol(&store, 1).await;
    let state = taken(&accept(&store, report(1, 1, None, Section::Packages, &["a"])).await);
    let revoked = Standing::Revoked {
        since: at(2),
        why: "re-installed".into(),
    };
    let change = StandingChange::new(&Standing::Active, &revoked);
    store.set_standing(&host(1), &change, &by(2)).await.unwrap();
    let mut bound = token("bound", Uses::Once);
    bound.bound = Some(host(1));
    store
        .add_enrolment_token(&bound, digest("bound"), &by(3))
        .await
        .unwrap();
    // The re-installed machine has drawn a new id; it becomes the old host.
    let enrolment = store
        .enrol(digest("bound"), &new_host(77), at(4))
        .await
        .unwrap();
    assert_eq!(
        enrolment,
        Enrolment::Enrolled {
            host: host(1),
            past: Past::Adopted,
            standing: Standing::Active
        }
    );
    let known = store.host(&host(1)).await.unwrap().unwrap();
    assert_eq!((known.state, known.enrolled), (Some(state), at(0)));
    assert_eq!(
        (known.key, known.standing),
        (Some(new_host(77).key), Standing::Active)
    );
    assert_eq!(store.host(&host(77)).await.unwrap(), None);
    assert_eq!(store.timeline(&host(1), 9).await.unwrap().len(), 1);
}

async fn whoever_had_the_key_before_is_out_in_the_same_transaction(world: World) {
    let store = world.open().await;
    enrol(&store, 1).await;
    let certificate = |serial: &str, key| Certificate {
        fingerprint: digest(serial),
        serial: serial.into(),
        host: host(1),
        key,
        not_before: at(0),
        not_after: at(1000),
    };
    let standing = async |serial: &str| {
        store
            .certificate_standing(&host(1), digest(serial), at(9))
            .await
            .unwrap()
    };
    let out = |since| CertificateStanding::Revoked {
        since: at(since),
        why: "the host was enrolled anew".into(),
    };
    store
        .issued(&certificate("01", new_host(1).key), &by(0))
        .await
        .unwrap();
    let mut bound = token("bound", Uses::Once);
    bound.bound = Some(host(1));
    store
        .add_enrolment_token(&bound, digest("bound"), &by(0))
        .await
        .unwrap();
    let head = store.log_head().await.unwrap().rows;
    let enrolled = store.enrol(digest("bound"), &new_host(77), at(4)).await;
    assert_eq!(past(enrolled.unwrap()), Past::Adopted);
    assert_eq!(standing("01").await, out(4));
    let rows = store.log_since(head, 9).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert!(rows[0].body.contains("\"revoked\":1"), "{}", rows[0].body);
    // Of an enrolment that was cut off before it revoked; its own key's stays, which an earlier answer may have brought.
    let own = certificate("03", new_host(77).key);
    store
        .issued(&certificate("02", digest("former")), &by(5))
        .await
        .unwrap();
    store.issued(&own, &by(5)).await.unwrap();
    let again = store.enrol(digest("bound"), &new_host(77), at(6)).await;
    assert_eq!(past(again.unwrap()), Past::Repeated);
    assert_eq!(standing("02").await, out(6));
    assert_eq!(standing("03").await, CertificateStanding::Current);
}

async fn a_quarantined_host_does_not_help_itself_out(world: World) {
    let store = world.open().await;
    enrol(&store, 1).await;
    let standing = Standing::Quarantined {
        since: at(1),
        why: "two addresses".into(),
    };
    let change = StandingChange::new(&Standing::Active, &standing);
    store.set_standing(&host(1), &change, &by(1)).await.unwrap();
    store
        .add_enrolment_token(&token("t", Uses::Times(2)), digest("t"), &by(0))
        .await
        .unwrap();
    let enrolment = store.enrol(digest("t"), &new_host(1), at(2)).await.unwrap();
    assert_eq!(refused(enrolment), EnrolmentRefusal::NeedsBoundToken);
    assert_eq!(
        store.host(&host(1)).await.unwrap().unwrap().standing,
        standing
    );
}

async fn a_host_may_have_to_be_confirmed(world: World) {
    let store = world.open().await;
    let mut careful = token("t", Uses::Once);
    careful.needs_confirmation = true;
    store
        .add_enrolment_token(&careful, digest("t"), &by(0))
        .await
        .unwrap();
    let enrolment = store.enrol(digest("t"), &new_host(1), at(2)).await.unwrap();
    assert_eq!(
        enrolment,
        Enrolment::Enrolled {
            host: host(1),
            past: Past::New,
            standing: Standing::Unconfirmed
        }
    );
}

async fn certificates_are_current_until_revoked_or_over(world: World) {
    let store = world.open().await;
    enrol(&store, 2).await;
    let certificate = |serial: &str, from: i64| Certificate {
        fingerprint: digest(serial),
        serial: serial.into(),
        host: host(1),
        key: digest("key"),
        not_before: at(from),
        not_after: at(from + 100),
    };
    store.issued(&certificate("01", 0), &by(0)).await.unwrap();
    store.issued(&certificate("02", 50), &by(50)).await.unwrap();
    let standing = async |serial: &str, number, now| {
        store
            .certificate_standing(&host(number), digest(serial), at(now))
            .await
            .unwrap()
    };
    assert_eq!(standing("01", 1, 99).await, CertificateStanding::Current);
    assert_eq!(standing("01", 1, 100).await, CertificateStanding::Expired);
    assert_eq!(standing("01", 2, 99).await, CertificateStanding::Unknown);
    assert_eq!(standing("03", 1, 99).await, CertificateStanding::Unknown);
    let known = store.host(&host(1)).await.unwrap().unwrap();
    assert_eq!(
        (known.certificate_serial.as_deref(), known.certificate_until),
        (Some("02"), Some(at(150)))
    );
    assert_eq!(
        store
            .all_certificates(None, 10, at(120))
            .await
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        store
            .revoke_certificates(&host(1), "lost", &by(60))
            .await
            .unwrap(),
        2
    );
    assert_eq!(
        store
            .revoke_certificates(&host(1), "lost", &by(61))
            .await
            .unwrap(),
        0
    );
    assert_eq!(
        standing("02", 1, 70).await,
        CertificateStanding::Revoked {
            since: at(60),
            why: "lost".into()
        }
    );
    assert_eq!(
        store.certificates(&host(1)).await.unwrap()[0].revoked,
        Some(at(60))
    );
}
