//! Access: tokens, the first admin, people, grants, groups.

use crate::world::{World, at, both, by, digest};
use overlock_store::{ApiToken, FirstAdmin, Grant, HostGroup, Role, Scope, Subject};

both!(
    a_token_is_known_by_its_secret_until_it_ends,
    a_one_time_token_is_redeemed_once,
    there_is_one_first_admin_unless_forced,
    people_grants_and_groups_come_back,
);

fn grant(role: Role, group: Option<&str>) -> Grant {
    Grant {
        role,
        scope: group.map_or(Scope::All, |group| Scope::Group(group.into())),
    }
}

fn token(id: &str, once: bool) -> ApiToken {
    ApiToken {
        id: id.into(),
        name: "reporting".into(),
        grants: vec![
            grant(Role::Viewer, Some("web")),
            grant(Role::Operator, None),
        ],
        once,
        expires: Some(at(100)),
    }
}

async fn a_token_is_known_by_its_secret_until_it_ends(world: World) {
    let store = world.open().await;
    store
        .add_api_token(&token("a", false), digest("s"), &by(1))
        .await
        .unwrap();
    let found = async |secret: &str, now| store.api_token(digest(secret), at(now)).await.unwrap();
    assert_eq!(found("s", 99).await.unwrap().token, token("a", false));
    assert_eq!(found("s", 100).await, None);
    assert_eq!(found("t", 50).await, None);
    store
        .used_api_tokens(&[
            ("a".into(), at(60)),
            ("a".into(), at(70)),
            ("x".into(), at(1)),
        ])
        .await
        .unwrap();
    assert_eq!(store.api_tokens().await.unwrap()[0].used, Some(at(70)));
    assert!(store.revoke_api_token("a", &by(80)).await.unwrap());
    assert!(!store.revoke_api_token("a", &by(80)).await.unwrap());
    assert_eq!(found("s", 90).await, None);
}

async fn a_one_time_token_is_redeemed_once(world: World) {
    let stores = [world.open().await, world.open().await];
    for round in 0..5 {
        let id = format!("t{round}");
        let secret = digest(&id);
        stores[0]
            .add_api_token(&token(&id, true), secret, &by(1))
            .await
            .unwrap();
        let (a, b) = tokio::join!(
            stores[0].api_token(secret, at(2)),
            stores[1].api_token(secret, at(2))
        );
        assert_eq!([a.unwrap(), b.unwrap()].iter().flatten().count(), 1);
    }
}

async fn there_is_one_first_admin_unless_forced(world: World) {
    let store = world.open().await;
    assert!(!store.has_admin(at(0)).await.unwrap());
    let create = async |id: &str, now: i64, force| {
        store
            .create_first_admin(id, digest(id), at(now + 100), force, &by(now))
            .await
            .unwrap()
    };
    assert_eq!(create("a", 0, false).await, FirstAdmin::Created);
    assert!(store.has_admin(at(1)).await.unwrap());
    assert_eq!(create("b", 1, false).await, FirstAdmin::Exists);
    assert_eq!(store.api_token(digest("b"), at(2)).await.unwrap(), None);
    assert_eq!(create("c", 1, true).await, FirstAdmin::Created);
    // Never used, and over: nobody could get in otherwise.
    assert_eq!(create("d", 200, false).await, FirstAdmin::Created);
    store
        .grant(
            "g",
            &Subject::User("u".into()),
            &grant(Role::Admin, None),
            &by(201),
        )
        .await
        .unwrap();
    assert_eq!(create("e", 900, false).await, FirstAdmin::Exists);
    store.withdraw("g", &by(901)).await.unwrap();
    // An admin of one group is not an admin of access.
    store
        .grant(
            "h",
            &Subject::User("u".into()),
            &grant(Role::Admin, Some("web")),
            &by(902),
        )
        .await
        .unwrap();
    assert_eq!(create("f", 903, false).await, FirstAdmin::Created);
}

async fn people_grants_and_groups_come_back(world: World) {
    let store = world.open().await;
    let who = ("https://login.example.org", "subject-1");
    let first = store.user_came("u1", who, "Ann", at(1)).await.unwrap();
    let head = store.log_head().await.unwrap();
    let again = store.user_came("u2", who, "Ann B.", at(2)).await.unwrap();
    assert_eq!((first.id.as_str(), again.id.as_str()), ("u1", "u1"));
    assert_eq!(
        (again.name.as_str(), again.created, again.seen),
        ("Ann B.", at(1), Some(at(2)))
    );
    assert_eq!(store.log_head().await.unwrap(), head);
    assert!(store.set_user_disabled("u1", true, &by(3)).await.unwrap());
    assert_eq!(
        store.user("u1").await.unwrap().unwrap().disabled,
        Some(at(3))
    );
    assert!(store.set_user_disabled("u1", false, &by(4)).await.unwrap());
    assert_eq!(store.users().await.unwrap()[0].disabled, None);
    assert!(!store.set_user_disabled("u9", true, &by(4)).await.unwrap());

    let group = HostGroup {
        name: "web".into(),
        selection: "'web' in host.tags".into(),
        owner: "ann".into(),
    };
    store.set_host_group(&group, &by(5)).await.unwrap();
    let changed = HostGroup {
        selection: "true".into(),
        ..group
    };
    store.set_host_group(&changed, &by(6)).await.unwrap();
    assert_eq!(store.host_groups().await.unwrap(), [changed]);
    let to = Subject::OidcGroup("admins".into());
    store
        .grant("1", &to, &grant(Role::Approver, Some("web")), &by(7))
        .await
        .unwrap();
    store
        .grant(
            "2",
            &Subject::User("u1".into()),
            &grant(Role::Author, None),
            &by(8),
        )
        .await
        .unwrap();
    let grants = store.grants().await.unwrap();
    assert_eq!(grants[0].subject, to);
    assert_eq!(grants[0].grant, grant(Role::Approver, Some("web")));
    assert_eq!(
        (grants[1].grant.role, grants[1].created),
        (Role::Author, at(8))
    );
    assert!(store.delete_host_group("web", &by(9)).await.unwrap());
    assert!(!store.delete_host_group("web", &by(9)).await.unwrap());
    let left = store.grants().await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].id, "2");
}
