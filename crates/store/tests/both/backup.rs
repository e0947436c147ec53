//! Backups: what was there comes back on either engine, and what is damaged is refused with nothing written.

use crate::episodes::episode;
use crate::world::{World, accept, at, both, by, digest, enrol, host, report};
use overlock_model::episode::EpisodeState;
use overlock_protocol::Section;
use overlock_store::{
    Grant, HostGroup, Judged, LogVerdict, Role, Scope, Seen, Store, StoreError, Subject,
    check_backup,
};
use std::path::Path;

both!(
    a_backup_restores_into_both_engines,
    a_damaged_backup_is_refused_and_nothing_is_written,
    a_backup_is_not_restored_over_anything,
    a_backup_with_a_broken_log_is_refused,
    a_backup_names_every_table_and_column,
);

/// A bit of everything.
async fn filled(world: &World) -> Store {
    let store = world.open().await;
    enrol(&store, 5).await;
    for number in 1..=5 {
        accept(
            &store,
            report(number, 1, None, Section::Packages, &["a\u{0}", "b"]),
        )
        .await;
    }
    let seen = Seen {
        host: host(1),
        at: at(5),
        address: "192.0.2.1".into(),
        instance: "i".into(),
        count: 1,
        clock_offset_us: None,
    };
    store.seen(&[seen]).await.unwrap();
    let judged = Judged {
        host: host(1),
        at: at(5),
        revision: 1,
        after: 0,
        tables: "t".into(),
        open: vec![episode(1, EpisodeState::Exposed)],
        ended: vec![episode(2, EpisodeState::Gone)],
        transitions: vec![],
    };
    store.judged(&[judged]).await.unwrap();
    store
        .set_setting("authority.key", &[0, 255, 7], &by(6))
        .await
        .unwrap();
    store
        .user_came("u", ("local", "u"), "Ünï 'quoted' \\", at(7))
        .await
        .unwrap();
    let grant = Grant {
        role: Role::Admin,
        scope: Scope::Group("web".into()),
    };
    store
        .grant("g", &Subject::User("u".into()), &grant, &by(7))
        .await
        .unwrap();
    let group = HostGroup {
        name: "web".into(),
        selection: "true".into(),
        owner: "u".into(),
    };
    store.set_host_group(&group, &by(7)).await.unwrap();
    store
        .create_first_admin("t", digest("t"), at(900), false, &by(8))
        .await
        .unwrap();
    store
}

async fn same(a: &Store, b: &Store) {
    assert_eq!(
        a.hosts(None, 100).await.unwrap(),
        b.hosts(None, 100).await.unwrap()
    );
    assert_eq!(
        a.log_since(0, 100).await.unwrap(),
        b.log_since(0, 100).await.unwrap()
    );
    assert_eq!(
        a.open_episodes(&host(1)).await.unwrap(),
        b.open_episodes(&host(1)).await.unwrap()
    );
    assert_eq!(
        a.ended_episodes(&host(1), 9).await.unwrap(),
        b.ended_episodes(&host(1), 9).await.unwrap()
    );
    assert_eq!(
        a.timeline(&host(3), 9).await.unwrap(),
        b.timeline(&host(3), 9).await.unwrap()
    );
    let digest = a.sections(&host(1)).await.unwrap()[&Section::Packages];
    assert_eq!(
        a.content(digest).await.unwrap(),
        b.content(digest).await.unwrap()
    );
    assert_eq!(
        a.setting("authority.key").await.unwrap(),
        b.setting("authority.key").await.unwrap()
    );
    assert_eq!(a.users().await.unwrap(), b.users().await.unwrap());
    assert_eq!(a.grants().await.unwrap(), b.grants().await.unwrap());
    assert_eq!(
        a.host_groups().await.unwrap(),
        b.host_groups().await.unwrap()
    );
    assert_eq!(a.api_tokens().await.unwrap(), b.api_tokens().await.unwrap());
    assert_eq!(
        a.enrolment_tokens().await.unwrap(),
        b.enrolment_tokens().await.unwrap()
    );
}

async fn a_backup_restores_into_both_engines(world: World) {
    let store = filled(&world).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup");
    let backup = store.backup(&file, at(50)).await.unwrap();
    assert_eq!(backup.rows["hosts"], 5);
    assert_eq!(check_backup(&file).unwrap(), backup);
    let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let others = [
        Some(World::sqlite()),
        World::postgres("a_backup_restores_into_both_engines"),
    ];
    for other in others.into_iter().flatten() {
        let restored = other.open().await;
        assert_eq!(restored.restore(&file).await.unwrap(), backup);
        same(&store, &restored).await;
        assert!(matches!(
            restored.verify_log(|_, _| {}).await.unwrap(),
            LogVerdict::Holds(_)
        ));
        // It goes on from there, and its own backup says the same.
        restored.set_setting("x", b"y", &by(60)).await.unwrap();
        assert!(matches!(
            restored.verify_log(|_, _| {}).await.unwrap(),
            LogVerdict::Holds(_)
        ));
    }
}

async fn a_damaged_backup_is_refused_and_nothing_is_written(world: World) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup");
    filled(&World::sqlite())
        .await
        .backup(&file, at(50))
        .await
        .unwrap();
    let good = std::fs::read(&file).unwrap();
    let target = world.open().await;
    let refused = async |bytes: &[u8], what: &str| {
        std::fs::write(&file, bytes).unwrap();
        let error = target.restore(&file).await.unwrap_err();
        assert!(
            matches!(error, StoreError::Damaged { .. }),
            "{what}: {error:?}"
        );
        assert_eq!(target.host_count().await.unwrap(), 0, "{what}");
        assert_eq!(target.log_head().await.unwrap().rows, 0, "{what}");
    };
    for length in [0, 10, 4_095, 4_096, 4_100, good.len() - 1] {
        refused(&good[..length], &format!("cut at {length}")).await;
    }
    for at in (4_096..good.len()).step_by(97) {
        let mut bytes = good.clone();
        bytes[at] ^= 0x10;
        refused(&bytes, &format!("flipped at {at}")).await;
    }
    let mut longer = good.clone();
    longer.extend(b"more");
    refused(&longer, "longer").await;
    let header = String::from_utf8(good[..4_096].to_vec()).unwrap();
    for (from, to) in [
        ("\"hosts\":5", "\"hosts\":4"),
        ("backup/1", "backup/2"),
        ("{\"schema", "[\"schema"),
    ] {
        let mut bytes = header.replacen(from, to, 1).into_bytes();
        bytes.extend(&good[4_096..]);
        refused(&bytes, to).await;
    }
    let mut bytes = header.replacen("\"form\":2", "\"form\":9", 1).into_bytes();
    bytes.extend(&good[4_096..]);
    std::fs::write(&file, bytes).unwrap();
    let newer = target.restore(&file).await.unwrap_err();
    assert!(
        matches!(newer, StoreError::Newer { found: 9, .. }),
        "{newer:?}"
    );
    // The good one still goes in.
    std::fs::write(&file, &good).unwrap();
    target.restore(&file).await.unwrap();
    assert_eq!(target.host_count().await.unwrap(), 5);
}

async fn a_backup_is_not_restored_over_anything(world: World) {
    let store = filled(&world).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup");
    store.backup(&file, at(50)).await.unwrap();
    let head = store.log_head().await.unwrap();
    assert!(matches!(
        store.restore(&file).await,
        Err(StoreError::NotEmpty)
    ));
    assert_eq!(store.log_head().await.unwrap(), head);
    let missing = store.restore(Path::new("/nonexistent/backup")).await;
    assert!(
        matches!(missing, Err(StoreError::File { .. })),
        "{missing:?}"
    );
    let nowhere = store.backup(Path::new("/nonexistent/backup"), at(50)).await;
    assert!(
        matches!(nowhere, Err(StoreError::File { .. })),
        "{nowhere:?}"
    );
    let names: Vec<_> = folder.path().read_dir().unwrap().collect();
    assert_eq!(names.len(), 1);
}

async fn a_backup_with_a_broken_log_is_refused(world: World) {
    let store = filled(&world).await;
    let raw = world.raw().await;
    sqlx::query("UPDATE log SET body = '{}' WHERE seq = 3")
        .execute(&raw)
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup");
    store.backup(&file, at(50)).await.unwrap();
    let target = World::sqlite();
    let target = target.open().await;
    let error = target.restore(&file).await.unwrap_err();
    assert!(error.to_string().contains("row 3 of the log"), "{error}");
    assert_eq!(target.host_count().await.unwrap(), 0);
}

async fn a_backup_names_every_table_and_column(world: World) {
    let store = filled(&world).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup");
    let backup = store.backup(&file, at(50)).await.unwrap();
    let mut tables = world.tables().await;
    tables.retain(|table| {
        !["sessions", "idempotency", "leases", "_sqlx_migrations"].contains(&table.as_str())
    });
    assert_eq!(backup.rows.keys().cloned().collect::<Vec<_>>(), tables);
    let text = zstd::stream::decode_all(&std::fs::read(&file).unwrap()[4_096..]).unwrap();
    let text = String::from_utf8(text).unwrap();
    for table in tables {
        let line = text
            .lines()
            .find(|line| line.contains(&format!("\"table\":\"{table}\"")))
            .unwrap();
        let mut columns: Vec<&str> = line
            .split('"')
            .skip(1)
            .step_by(2)
            .skip(1)
            .filter(|word| *word != "table" && *word != table)
            .collect();
        // The first words are the name of the list.
        columns.retain(|word| *word != "columns");
        columns.sort_unstable();
        let mut there = world.columns(&table).await;
        there.retain(|column| *column != table || columns.contains(&column.as_str()));
        assert_eq!(columns, there, "{table}");
    }
}
