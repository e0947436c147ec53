//! Sessions, idempotency keys, settings, leases.

use crate::world::{World, at, both, by, digest};
use overlock_store::{Begun, Kept};

both!(
    sessions_end,
    a_key_is_for_one_request,
    replicas_agree_on_a_setting,
    a_lease_has_one_holder,
);

async fn sessions_end(world: World) {
    let store = world.open().await;
    assert!(
        store
            .add_session(digest("s"), b"one", at(10))
            .await
            .unwrap()
    );
    assert!(
        !store
            .add_session(digest("s"), b"two", at(10))
            .await
            .unwrap()
    );
    assert!(
        store
            .save_session(digest("s"), b"three", at(20))
            .await
            .unwrap()
    );
    // One that was ended does not come back by a write that was under way.
    assert!(!store.save_session(digest("t"), b"", at(20)).await.unwrap());
    assert!(store.add_session(digest("t"), b"", at(20)).await.unwrap());
    assert_eq!(
        store.session(digest("s"), at(19)).await.unwrap().as_deref(),
        Some(&b"three"[..])
    );
    assert_eq!(
        store.session(digest("t"), at(19)).await.unwrap().as_deref(),
        Some(&b""[..])
    );
    assert_eq!(store.session(digest("s"), at(20)).await.unwrap(), None);
    store.delete_session(digest("t")).await.unwrap();
    assert_eq!(store.forget_expired(at(20)).await.unwrap(), 1);
}

async fn a_key_is_for_one_request(world: World) {
    let stores = [world.open().await, world.open().await];
    let key = ("user:1", "k");
    let request = digest("request");
    let (a, b) = tokio::join!(
        stores[0].begin(key, request, at(0), at(60)),
        stores[1].begin(key, request, at(0), at(60)),
    );
    let mut begun = [a.unwrap(), b.unwrap()];
    begun.sort_by_key(|begun| *begun != Begun::New);
    assert_eq!(begun, [Begun::New, Begun::Running]);
    let store = &stores[0];
    assert_eq!(
        store
            .begin(key, digest("another"), at(1), at(60))
            .await
            .unwrap(),
        Begun::Another
    );
    assert_eq!(
        store
            .begin(("user:2", "k"), request, at(1), at(60))
            .await
            .unwrap(),
        Begun::New
    );
    let kept = Kept {
        status: 201,
        response: b"{}".to_vec(),
    };
    store.finish(key, request, &kept, at(900)).await.unwrap();
    assert_eq!(
        store.begin(key, request, at(899), at(999)).await.unwrap(),
        Begun::Done(kept)
    );
    assert_eq!(
        store.begin(key, request, at(900), at(999)).await.unwrap(),
        Begun::New
    );
    store.give_back(key, request).await.unwrap();
    assert_eq!(
        store
            .begin(key, digest("another"), at(901), at(999))
            .await
            .unwrap(),
        Begun::New
    );
}

async fn replicas_agree_on_a_setting(world: World) {
    let stores = [world.open().await, world.open().await];
    assert_eq!(stores[0].setting("fleet").await.unwrap(), None);
    let (by_a, by_b) = (by(1), by(1));
    let (a, b) = tokio::join!(
        stores[0].setting_or("fleet", b"a", &by_a),
        stores[1].setting_or("fleet", b"b", &by_b),
    );
    assert_eq!(a.unwrap(), b.unwrap());
    stores[0]
        .set_setting("fleet", b"secret", &by(2))
        .await
        .unwrap();
    assert_eq!(
        stores[1].setting("fleet").await.unwrap().as_deref(),
        Some(&b"secret"[..])
    );
    let log = stores[0].log_since(0, 10).await.unwrap();
    assert_eq!(log.len(), 2);
    assert!(log.iter().all(|row| !row.body.contains("secret")));
}

async fn a_lease_has_one_holder(world: World) {
    let stores = [world.open().await, world.open().await];
    let (a, b) = tokio::join!(
        stores[0].claim("judging", "a", at(0), at(30)),
        stores[1].claim("judging", "b", at(0), at(30)),
    );
    let mut leases: Vec<_> = [a.unwrap(), b.unwrap()].into_iter().flatten().collect();
    let lease = leases.pop().unwrap();
    assert!(leases.is_empty());
    let store = &stores[0];
    assert_eq!(
        store.claim("judging", "c", at(29), at(60)).await.unwrap(),
        None
    );
    let again = store
        .claim("judging", &lease.holder, at(10), at(40))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(again.generation, lease.generation);
    assert!(store.renew(&lease, at(50)).await.unwrap());
    assert_eq!(
        store.claim("judging", "c", at(45), at(60)).await.unwrap(),
        None
    );
    let other = store
        .claim("judging", "c", at(50), at(90))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(other.generation, lease.generation + 1);
    assert!(!store.renew(&lease, at(99)).await.unwrap());
    assert!(!store.release(&lease).await.unwrap());
    assert!(store.release(&other).await.unwrap());
    assert!(
        store
            .claim("judging", "d", at(51), at(99))
            .await
            .unwrap()
            .is_some()
    );
}
