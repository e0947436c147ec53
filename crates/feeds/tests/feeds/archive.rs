//! Export, import, and archives that lie.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use overlock_feeds::archive::{ArchiveError, export, import};
use overlock_feeds::mirror::Mirror;
use overlock_feeds::progress::Silent;
use overlock_feeds::sync::{Outcome, SyncReport};
use overlock_feeds::{Cause, Shrink};
use zip::write::SimpleFileOptions;

use crate::world::*;

/// A world with the feeds `list` and `more`, exported.
fn exported() -> (World, PathBuf) {
    let mut world = World::new();
    let mirror = world.path("mirror");
    std::fs::create_dir_all(mirror.join("h.example.org")).unwrap();
    std::fs::write(mirror.join("h.example.org/list"), "one\ntwo\n").unwrap();
    std::fs::write(mirror.join("h.example.org/more"), "three\n").unwrap();
    world.options.mirror = Some(Mirror::Folder(mirror));
    let feeds = [
        feed("https://h.example.org/list"),
        named("more", "https://h.example.org/more"),
    ];
    assert_eq!(
        world
            .try_sync(&feeds, "2026-01-02T03:04:05Z")
            .unwrap()
            .exit_code(),
        0
    );
    let file = world.path("feeds.zip");
    let done = export(&world.store, &file, at("2026-01-03T00:00:00Z")).unwrap();
    assert_eq!(done.feeds, ["list", "more"]);
    assert_eq!(done.size_bytes, std::fs::metadata(&file).unwrap().len());
    (world, file)
}

fn take(world: &World, file: &Path) -> Result<SyncReport, ArchiveError> {
    import(&world.store, file, Shrink::Refuse, &Lines, &Silent)
}

/// The archive's members, to be changed and written again.
fn members(file: &Path) -> Vec<(String, Vec<u8>)> {
    let mut archive = zip::ZipArchive::new(std::fs::File::open(file).unwrap()).unwrap();
    (0..archive.len())
        .map(|index| {
            let mut member = archive.by_index(index).unwrap();
            let mut bytes = Vec::new();
            member.read_to_end(&mut bytes).unwrap();
            (member.name().unwrap().into_owned(), bytes)
        })
        .collect()
}

fn write(file: &Path, members: &[(String, Vec<u8>)]) {
    let mut archive = zip::ZipWriter::new(std::fs::File::create(file).unwrap());
    for (name, bytes) in members {
        archive
            .start_file(name.as_str(), SimpleFileOptions::default())
            .unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap();
}

/// Writes the archive again with its manifest changed.
fn with_manifest(file: &Path, from: &str, to: &str) {
    let mut members = members(file);
    let manifest = String::from_utf8(members[0].1.clone()).unwrap();
    assert!(manifest.contains(from), "{manifest}");
    members[0].1 = manifest.replace(from, to).into_bytes();
    write(file, &members);
}

#[test]
fn imported_feeds_are_the_exported_ones() {
    let (from, file) = exported();
    let to = World::new();
    let report = take(&to, &file).unwrap();
    assert_eq!(report.exit_code(), 0);
    assert_eq!(updated(&report.feeds[0]), (2, 0));
    for feed in ["list", "more"] {
        assert_eq!(
            to.store.state(feed).unwrap(),
            from.store.state(feed).unwrap()
        );
        assert_eq!(to.names(feed), from.names(feed));
    }
    assert!(matches!(
        take(&to, &file).unwrap().feeds[0].outcome,
        Outcome::Unchanged
    ));
}

#[test]
fn equal_feeds_give_equal_archives() {
    let (world, file) = exported();
    let again = world.path("again.zip");
    export(&world.store, &again, at("2026-01-03T00:00:00Z")).unwrap();
    assert_eq!(std::fs::read(file).unwrap(), std::fs::read(again).unwrap());
}

#[test]
fn newer_copy_is_not_replaced_by_an_older_archive() {
    let (world, file) = exported();
    std::fs::write(world.path("mirror/h.example.org/list"), "newer\n").unwrap();
    updated(&world.sync_at(&feed("https://h.example.org/list"), "2026-02-01T00:00:00Z"));
    let report = take(&world, &file).unwrap();
    assert!(matches!(report.feeds[0].outcome, Outcome::KeptNewer));
    assert_eq!(world.kept().unwrap(), "newer\n");
}

#[test]
fn nothing_to_export_is_an_error_and_leaves_no_file() {
    let world = World::new();
    let file = world.path("feeds.zip");
    let error = export(&world.store, &file, at("2026-01-03T00:00:00Z")).unwrap_err();
    assert!(matches!(error, ArchiveError::Nothing));
    assert!(!file.exists());
}

#[test]
fn changed_bytes_are_found_and_only_that_feed_is_refused() {
    let (_from, file) = exported();
    let mut changed = members(&file);
    changed[1].1 = b"one\nTWO\n".to_vec();
    write(&file, &changed);
    let to = World::new();
    let report = take(&to, &file).unwrap();
    assert!(matches!(cause(&report.feeds[0]), Cause::Checksum { .. }));
    assert_eq!(updated(&report.feeds[1]), (1, 0));
    assert_eq!(report.exit_code(), 2);
    assert_eq!(to.kept(), None);
    assert_eq!(to.names("list"), ["state.json"]);
}

#[test]
fn member_longer_or_shorter_than_announced_is_refused() {
    for content in [&b"one\ntwo\nthree\n"[..], b"one\n", &[b'x'; 1 << 20]] {
        let (_from, file) = exported();
        let mut changed = members(&file);
        changed[1].1 = content.to_vec();
        write(&file, &changed);
        let report = take(&World::new(), &file).unwrap();
        assert!(matches!(
            cause(&report.feeds[0]),
            Cause::Length {
                received: 0..=9,
                announced: 8
            }
        ));
    }
}

#[test]
fn announced_size_over_the_limit_is_refused() {
    let (_from, file) = exported();
    with_manifest(&file, "\"size_bytes\": 8", "\"size_bytes\": 99999999999");
    let report = take(&World::new(), &file).unwrap();
    assert!(matches!(cause(&report.feeds[0]), Cause::TooLarge { .. }));
}

#[test]
fn ids_that_are_paths_are_refused_before_anything_is_written() {
    for id in [
        "../list",
        "/etc/x",
        "a/b",
        "..",
        "",
        "LIST",
        "list\\u0000",
        "more",
    ] {
        let (_from, file) = exported();
        with_manifest(&file, "\"id\": \"list\"", &format!("\"id\": \"{id}\""));
        let to = World::new();
        let error = take(&to, &file).unwrap_err();
        assert!(
            matches!(error, ArchiveError::Unusable { .. }),
            "{id}: {error}"
        );
        assert!(!to.store.folder().exists());
    }
}

#[test]
fn hash_that_is_a_path_is_refused() {
    let (from, file) = exported();
    let hash = from
        .store
        .state("list")
        .unwrap()
        .unwrap()
        .status
        .sha256
        .unwrap();
    with_manifest(&file, &hash, "../../../../../../../../etc/cron.d/x");
    assert!(matches!(
        take(&World::new(), &file),
        Err(ArchiveError::Unusable { .. })
    ));
}

#[test]
fn feed_of_the_table_keeps_its_publishers_format() {
    let (_from, file) = exported();
    with_manifest(&file, "\"id\": \"list\"", "\"id\": \"epss\"");
    assert!(matches!(
        take(&World::new(), &file),
        Err(ArchiveError::Unusable { .. })
    ));
}

#[test]
fn other_files_are_no_archives() {
    let world = World::new();
    let (_from, good) = exported();
    let whole = std::fs::read(good).unwrap();
    let file = world.path("file");
    let half = &whole[..whole.len() / 2];
    for content in [&b""[..], b"PK\x03\x04", b"garbage", half] {
        std::fs::write(&file, content).unwrap();
        let error = take(&world, &file).unwrap_err();
        assert!(matches!(error, ArchiveError::Unusable { .. }), "{error}");
        assert_eq!(error.kind().exit_code(), 2);
    }
    write(&file, &[("list".to_owned(), b"one\n".to_vec())]);
    assert!(matches!(
        take(&world, &file),
        Err(ArchiveError::Unusable { .. })
    ));
    assert!(matches!(
        take(&world, &world.path("absent")),
        Err(ArchiveError::Disk { .. })
    ));
    assert!(matches!(
        take(&world, world.folder.path()),
        Err(ArchiveError::Unusable { .. })
    ));
}

#[test]
fn import_while_a_sync_runs_is_told_so() {
    let (world, file) = exported();
    let _held = world.store.lock().unwrap();
    assert!(matches!(take(&world, &file), Err(ArchiveError::Store(_))));
}
