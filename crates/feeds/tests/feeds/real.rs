//! The real parsers behind the sync: small files in the publishers' formats, and a bomb.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use overlock_feeds::Cause;
use overlock_feeds::check::Parsers;
use overlock_feeds::mirror::Mirror;
use overlock_feeds::progress::Silent;
use overlock_feeds::publishers::{Publisher, find};
use overlock_feeds::sync::{FeedOutcome, Outcome, sync};

use crate::world::*;

/// Syncs one feed of the table from a folder that holds these bytes at its place.
fn real(world: &mut World, publisher: &Publisher, content: &[u8]) -> FeedOutcome {
    let mirror = world.path("mirror");
    let path = mirror.join(publisher.mirror_path().unwrap());
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
    world.options.mirror = Some(Mirror::Folder(mirror));
    let now = at("2026-11-22T00:00:00Z");
    let feeds = std::slice::from_ref(publisher);
    let checker = Parsers::default();
    let mut report = sync(&world.store, feeds, &world.options, &checker, now, &Silent).unwrap();
    report.feeds.remove(0)
}

fn gzip(bytes: impl Iterator<Item = u8>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let mut block = Vec::with_capacity(1 << 16);
    for byte in bytes {
        block.push(byte);
        if block.len() == 1 << 16 {
            encoder.write_all(&block).unwrap();
            block.clear();
        }
    }
    encoder.write_all(&block).unwrap();
    encoder.finish().unwrap()
}

const SCORES: &str = "#model_version:v2025.03.14,score_date:2026-01-01T00:00:00+0000\n\
    cve,epss,percentile\nCVE-2024-0001,0.5,0.9\nCVE-2024-0002,0.1,0.2\n";

#[test]
fn epss_is_taken_in_with_its_own_date() {
    let mut world = World::new();
    let epss = find("epss").unwrap();
    let outcome = real(&mut world, &epss, &gzip(SCORES.bytes()));
    assert_eq!(updated(&outcome), (2, 0));
    let status = world.store.state("epss").unwrap().unwrap().status;
    assert_eq!(status.dated, Some(at("2026-01-01T00:00:00Z")));
}

#[test]
fn gzip_bomb_is_refused_and_the_last_good_copy_stays() {
    let mut world = World::new();
    let epss = find("epss").unwrap();
    updated(&real(&mut world, &epss, &gzip(SCORES.bytes())));
    // 64 MiB of one byte pack into 64 kB: far over the ratio that the parsers allow.
    let bomb = gzip(SCORES.bytes().chain(std::iter::repeat_n(b'\n', 64 << 20)));
    assert!(bomb.len() < 1 << 17);
    let outcome = real(&mut world, &epss, &bomb);
    assert!(
        matches!(cause(&outcome), Cause::Unparsable(_)),
        "{outcome:?}"
    );
    assert_eq!(
        world
            .store
            .good("epss")
            .unwrap()
            .unwrap()
            .state
            .status
            .records,
        2
    );
}

#[test]
fn publishers_own_files_are_taken_in_whole() {
    let Some(shared) = overlock_testkit::shared("publishers_own_files_are_taken_in_whole") else {
        return;
    };
    let mut world = World::new();
    let unpacked = |name: &str| {
        let mut bytes = Vec::new();
        let file = std::fs::File::open(shared.join("data").join(name)).unwrap();
        GzDecoder::new(file).read_to_end(&mut bytes).unwrap();
        bytes
    };
    let plain = |name: &str| std::fs::read(shared.join("data").join(name)).unwrap();
    // Records as the data's own description counts them. The parsers leave aside sound records that say nothing for
    // us (advisories without a fixed version, repairs of an update); their own tests count those.
    let feeds = [
        ("debian-dsa", unpacked("debian-DSA-list.txt.gz"), 6_485),
        ("debian-dla", unpacked("debian-DLA-list.txt.gz"), 4_890),
        ("cisa-kev", unpacked("cisa-kev.json.gz"), 1_404),
        ("epss", plain("epss_scores-2026-08-16.csv.gz"), 360_142),
    ];
    for (id, content, count) in feeds {
        let outcome = real(&mut world, &find(id).unwrap(), &content);
        let (records, quarantined) = updated(&outcome);
        assert!(
            records * 100 >= count * 95 && records <= count,
            "{outcome:?}"
        );
        assert_eq!(quarantined, 0, "{outcome:?}");
        assert!(outcome.notes.is_empty(), "{outcome:?}");
    }
    for id in [
        "eol-debian",
        "eol-ubuntu",
        "debian-support-limited",
        "debian-support-ended-12",
    ] {
        let publisher = find(id).unwrap();
        let name = publisher.url.rsplit('/').next().unwrap();
        updated(&real(
            &mut world,
            &publisher,
            &plain(&format!("eol/{name}")),
        ));
    }
}

#[test]
fn every_feed_of_the_table_refuses_pages_garbage_and_nothing() {
    let mut world = World::new();
    for publisher in overlock_feeds::publishers::all() {
        for content in [
            &b"<!DOCTYPE html><html><body>sign in</body></html>"[..],
            b"\x00\xff\x00\xff",
            b"",
        ] {
            let outcome = real(&mut world, &publisher, content);
            let plain_list = publisher.format == overlock_feeds::FeedFormat::DebianSupport;
            assert!(
                matches!(outcome.outcome, Outcome::Failed { .. }) || plain_list,
                "{outcome:?}"
            );
        }
    }
}
