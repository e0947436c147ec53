//! Upgrades: an older database is brought forward with what it holds; a newer one is left alone. And faults.

use crate::world::{World, accept, at, both, by, enrol, host, report, taken};
use overlock_protocol::Section;
use overlock_store::{Database, LogVerdict, Store, StoreError};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

both!(
    a_database_of_the_first_form_is_upgraded_in_place,
    a_newer_database_is_refused_and_left_as_it_is,
    a_changed_migration_is_refused,
    replicas_that_start_together_make_one_database,
    what_was_answered_is_there_after_reopening,
);

async fn a_database_of_the_first_form_is_upgraded_in_place(world: World) {
    let old = Store::open_as_of(&world.database, 1).await.unwrap();
    assert!(!world.tables().await.contains(&"settings".to_owned()));
    enrol(&old, 3).await;
    let state = taken(&accept(&old, report(1, 1, None, Section::Packages, &["a"])).await);
    let head = old.log_head().await.unwrap();
    old.close().await;

    let new = world.open().await;
    assert_eq!(
        new.host(&host(1)).await.unwrap().unwrap().state,
        Some(state)
    );
    assert_eq!(new.host_count().await.unwrap(), 3);
    assert_eq!(
        new.verify_log(|_, _| {}).await.unwrap(),
        LogVerdict::Holds(head)
    );
    new.set_setting("x", b"y", &by(9)).await.unwrap();
    assert_eq!(new.setting("x").await.unwrap().as_deref(), Some(&b"y"[..]));
}

async fn a_newer_database_is_refused_and_left_as_it_is(world: World) {
    let store = world.open().await;
    enrol(&store, 1).await;
    store.close().await;
    let raw = world.raw().await;
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         SELECT 99, 'future', success, checksum, 0 FROM _sqlx_migrations WHERE version = 1",
    )
    .execute(&raw)
    .await
    .unwrap();
    for _ in 0..2 {
        let error = Store::open(&world.database).await.unwrap_err();
        assert!(
            matches!(
                error,
                StoreError::Newer {
                    found: 99,
                    known: 2
                }
            ),
            "{error:?}"
        );
        assert!(error.hint().is_some());
    }
    sqlx::query("DELETE FROM _sqlx_migrations WHERE version = 99")
        .execute(&raw)
        .await
        .unwrap();
    assert_eq!(world.open().await.host_count().await.unwrap(), 1);
}

async fn a_changed_migration_is_refused(world: World) {
    world.open().await.close().await;
    let raw = world.raw().await;
    sqlx::query("UPDATE _sqlx_migrations SET checksum = (SELECT checksum FROM _sqlx_migrations WHERE version = 2) WHERE version = 1")
        .execute(&raw)
        .await
        .unwrap();
    let error = Store::open(&world.database).await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
}

async fn replicas_that_start_together_make_one_database(world: World) {
    let (a, b, c) = tokio::join!(
        Store::open(&world.database),
        Store::open(&world.database),
        Store::open(&world.database),
    );
    for store in [a, b, c] {
        store.unwrap().ping().await.unwrap();
    }
}

async fn what_was_answered_is_there_after_reopening(world: World) {
    let store = world.open().await;
    enrol(&store, 1).await;
    let state = taken(&accept(&store, report(1, 1, None, Section::Packages, &["a"])).await);
    // No close: the first pool is simply gone.
    drop(store);
    assert_eq!(
        world
            .open()
            .await
            .host(&host(1))
            .await
            .unwrap()
            .unwrap()
            .state,
        Some(state)
    );
}

#[test]
fn the_file_is_for_its_owner_only() {
    crate::world::run(async {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::in_folder(&folder.path().join("da ta?#%"));
        let store = Store::open(&database).await.unwrap();
        store.set_setting("x", b"y", &by(1)).await.unwrap();
        let server = folder.path().join("da ta?#%/server");
        let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&server), 0o700);
        for name in ["overlock.db", "overlock.db-wal", "overlock.db-shm"] {
            assert_eq!(mode(&server.join(name)), 0o600, "{name}");
        }
    });
}

#[test]
fn a_file_that_is_no_database_is_damaged() {
    crate::world::run(async {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        std::fs::write(&path, vec![b'x'; 8_192]).unwrap();
        let error = Store::open(&Database::Sqlite(path)).await.unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
    });
}

/// A file system without much room.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=4m,mode=0700", "tmpfs"])
            .arg(folder.path())
            .status();
        assert!(mounted.unwrap().success());
        Self(folder)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(self.0.path()).status());
    }
}

#[test]
fn a_full_disk_is_told_and_nothing_is_written() {
    if !overlock_testkit::root("a_full_disk_is_told_and_nothing_is_written") {
        return;
    }
    crate::world::run(async {
        let disk = SmallDisk::mount();
        let store = Store::open(&Database::in_folder(disk.0.path()))
            .await
            .unwrap();
        enrol(&store, 1).await;
        let filler = disk.0.path().join("filler");
        std::fs::write(&filler, vec![0; 1 << 20]).unwrap();
        let big = vec![7; 3 << 20];
        let full = store.set_setting("big", &big, &by(1)).await;
        assert!(matches!(full, Err(StoreError::Full { .. })), "{full:?}");
        assert!(full.unwrap_err().is_passing());
        assert_eq!(store.setting("big").await.unwrap(), None);
        std::fs::remove_file(filler).unwrap();
        store.set_setting("small", b"y", &by(1)).await.unwrap();
        assert!(matches!(
            store.verify_log(|_, _| {}).await.unwrap(),
            LogVerdict::Holds(_)
        ));
        store.close().await;
    });
}

#[test]
fn postgres_gone_is_told_and_back_again_is_noticed() {
    let Some(cluster) = overlock_testkit::postgres::own_postgres("postgres_gone_is_told") else {
        return;
    };
    crate::world::run(async {
        let database = Database::parse(&cluster.create_database()).unwrap();
        let store = Store::open(&database).await.unwrap();
        enrol(&store, 1).await;
        for stop in [
            overlock_testkit::postgres::Postgres::stop,
            overlock_testkit::postgres::Postgres::kill,
        ] {
            let before = store.log_head().await.unwrap();
            stop(&cluster);
            let gone = store.set_setting("x", b"y", &by(1)).await;
            assert!(
                matches!(gone, Err(StoreError::Unavailable { .. })),
                "{gone:?}"
            );
            let gone = store.host(&host(1)).await;
            assert!(
                matches!(gone, Err(StoreError::Unavailable { .. })),
                "{gone:?}"
            );
            cluster.restart();
            assert_eq!(store.log_head().await.unwrap(), before);
            store.set_setting("x", b"y", &by(1)).await.unwrap();
            assert_eq!(store.host(&host(1)).await.unwrap().unwrap().enrolled, at(0));
        }
    });
}
