//! The log: whatever is done to its rows behind our back is found, and it goes with the change or not at all.

use crate::world::{World, accept, at, both, by, enrol, report};
use overlock_protocol::Section;
use overlock_store::{LogBreak, LogVerdict, Store, StoreError};

both!(
    the_chain_holds_and_is_followed_by_number,
    a_changed_column_is_found,
    a_removed_row_is_found,
    an_added_or_moved_row_is_found,
    a_changed_head_is_found,
    a_change_whose_log_row_cannot_be_written_does_not_happen,
    writers_on_two_replicas_make_one_chain,
);

/// Five rows: a token and four hosts.
async fn logged(world: &World) -> Store {
    let store = world.open().await;
    enrol(&store, 4).await;
    store
}

async fn verdict(store: &Store) -> LogVerdict {
    store.verify_log(|_, _| {}).await.unwrap()
}

async fn broken_at(store: &Store) -> i64 {
    match verdict(store).await {
        LogVerdict::Broken(LogBreak { seq, .. }) => seq,
        LogVerdict::Holds(head) => panic!("it holds: {head:?}"),
    }
}

async fn the_chain_holds_and_is_followed_by_number(world: World) {
    let store = world.open().await;
    assert!(matches!(verdict(&store).await, LogVerdict::Holds(head) if head.rows == 0));
    enrol(&store, 4).await;
    let head = store.log_head().await.unwrap();
    assert_eq!(verdict(&store).await, LogVerdict::Holds(head));
    let mut heard = Vec::new();
    store
        .verify_log(|done, of| heard.push((done, of)))
        .await
        .unwrap();
    assert_eq!(heard, [(5, 5)]);
    let page = store.log_since(1, 2).await.unwrap();
    assert_eq!(page.iter().map(|row| row.seq).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(page[1].previous, page[0].hash);
    assert_eq!(page[0].at, at(0));
    assert_eq!(store.log_since(4, 9).await.unwrap()[0].hash, head.hash);
    assert!(store.log_since(5, 9).await.unwrap().is_empty());
}

async fn a_changed_column_is_found(world: World) {
    let store = logged(&world).await;
    let raw = world.raw().await;
    let head = store.log_head().await.unwrap();
    for change in [
        "written = written + 1",
        "kind = 'enroll'",
        "actor = 'host'",
        "host = NULL",
        "host = ''",
        "body = body || ' '",
        "previous = (SELECT hash FROM log WHERE seq = 1)",
        "hash = (SELECT hash FROM log WHERE seq = 1)",
        // What ends one column begins the next: only framing tells these apart.
        "kind = 'enrolh', actor = substr(actor, 2)",
    ] {
        sqlx::query("CREATE TABLE saved AS SELECT * FROM log")
            .execute(&raw)
            .await
            .unwrap();
        let sql = format!("UPDATE log SET {change} WHERE seq = 3");
        sqlx::query(sqlx::AssertSqlSafe(sql))
            .execute(&raw)
            .await
            .unwrap();
        assert_eq!(broken_at(&store).await, 3, "{change}");
        for sql in [
            "DELETE FROM log",
            "INSERT INTO log SELECT * FROM saved",
            "DROP TABLE saved",
        ] {
            sqlx::query(sql).execute(&raw).await.unwrap();
        }
        assert_eq!(verdict(&store).await, LogVerdict::Holds(head), "{change}");
    }
    sqlx::query("UPDATE log SET seq = 9 WHERE seq = 3")
        .execute(&raw)
        .await
        .unwrap();
    assert_eq!(broken_at(&store).await, 3);
}

async fn a_removed_row_is_found(world: World) {
    let store = logged(&world).await;
    let raw = world.raw().await;
    sqlx::query("CREATE TABLE saved AS SELECT * FROM log")
        .execute(&raw)
        .await
        .unwrap();
    for gone in 1..=5_i64 {
        sqlx::query("DELETE FROM log WHERE seq = $1")
            .bind(gone)
            .execute(&raw)
            .await
            .unwrap();
        assert_eq!(broken_at(&store).await, gone);
        sqlx::query("INSERT INTO log SELECT * FROM saved WHERE seq = $1")
            .bind(gone)
            .execute(&raw)
            .await
            .unwrap();
    }
    sqlx::query("DELETE FROM log WHERE seq > 2")
        .execute(&raw)
        .await
        .unwrap();
    assert_eq!(broken_at(&store).await, 3);
    sqlx::query("DELETE FROM log").execute(&raw).await.unwrap();
    assert_eq!(broken_at(&store).await, 1);
}

async fn an_added_or_moved_row_is_found(world: World) {
    let store = logged(&world).await;
    let raw = world.raw().await;
    let copy = "INSERT INTO log SELECT $1, written, kind, actor, host, body, previous, hash FROM log WHERE seq = 5";
    for (added, found) in [(6_i64, 6), (0, 1), (-4, 1)] {
        sqlx::query(copy).bind(added).execute(&raw).await.unwrap();
        assert_eq!(broken_at(&store).await, found);
        sqlx::query("DELETE FROM log WHERE seq = $1")
            .bind(added)
            .execute(&raw)
            .await
            .unwrap();
    }
    for (from, to) in [(2_i64, 100_i64), (3, 2), (100, 3)] {
        sqlx::query("UPDATE log SET seq = $2 WHERE seq = $1")
            .bind(from)
            .bind(to)
            .execute(&raw)
            .await
            .unwrap();
    }
    assert_eq!(broken_at(&store).await, 2);
}

async fn a_changed_head_is_found(world: World) {
    let store = logged(&world).await;
    let raw = world.raw().await;
    for (change, back) in [
        (
            "UPDATE log_head SET row_count = 4",
            "UPDATE log_head SET row_count = 5",
        ),
        (
            "UPDATE log_head SET row_count = 6",
            "UPDATE log_head SET row_count = 5",
        ),
        (
            "UPDATE log_head SET hash = (SELECT hash FROM log WHERE seq = 1)",
            "UPDATE log_head SET hash = (SELECT hash FROM log WHERE seq = 5)",
        ),
        ("UPDATE log_head SET id = 2", "UPDATE log_head SET id = 1"),
    ] {
        sqlx::query(change).execute(&raw).await.unwrap();
        if change.contains("id = 2") {
            // The chain itself holds; but nothing can be written any more.
            assert!(matches!(
                store.write_something().await,
                Err(StoreError::Damaged { .. })
            ));
        } else {
            broken_at(&store).await;
        }
        sqlx::query(back).execute(&raw).await.unwrap();
    }
    sqlx::query("DELETE FROM log_head")
        .execute(&raw)
        .await
        .unwrap();
    assert_eq!(broken_at(&store).await, 0);
}

trait Something {
    async fn write_something(&self) -> Result<(), StoreError>;
}

impl Something for Store {
    async fn write_something(&self) -> Result<(), StoreError> {
        self.set_setting("x", b"y", &by(9)).await
    }
}

async fn a_change_whose_log_row_cannot_be_written_does_not_happen(world: World) {
    let store = logged(&world).await;
    let raw = world.raw().await;
    // Somebody took the next number.
    let copy = "INSERT INTO log SELECT 6, written, kind, actor, host, body, previous, hash FROM log WHERE seq = 5";
    sqlx::query(copy).execute(&raw).await.unwrap();
    assert!(matches!(
        store.write_something().await,
        Err(StoreError::Conflict { .. })
    ));
    assert_eq!(store.setting("x").await.unwrap(), None);
    let refused = store
        .accept(&[report(1, 1, None, Section::Packages, &["a"])])
        .await;
    assert!(refused.is_err());
    assert!(
        store
            .sections(&crate::world::host(1))
            .await
            .unwrap()
            .is_empty()
    );
    sqlx::query("DELETE FROM log WHERE seq = 6")
        .execute(&raw)
        .await
        .unwrap();
    store.write_something().await.unwrap();
    crate::world::taken(&accept(&store, report(1, 1, None, Section::Packages, &["a"])).await);
    assert!(matches!(verdict(&store).await, LogVerdict::Holds(head) if head.rows == 7));
}

async fn writers_on_two_replicas_make_one_chain(world: World) {
    let stores = [world.open().await, world.open().await];
    let write = async |store: &Store, name: &str| {
        for round in 0..20 {
            store
                .set_setting(&format!("{name}{round}"), b"", &by(1))
                .await
                .unwrap();
        }
    };
    tokio::join!(
        write(&stores[0], "a"),
        write(&stores[1], "b"),
        write(&stores[0], "c")
    );
    assert!(matches!(verdict(&stores[1]).await, LogVerdict::Holds(head) if head.rows == 60));
}
