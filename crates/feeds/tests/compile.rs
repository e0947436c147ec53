//! From feeds on disk to tables: which feed may speak for what, what is made anew, what a damaged file does.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop at once"
)]

use overlock_feeds::check::Parsers;
use overlock_feeds::compile::{Manifest, Remake, compile};
use overlock_feeds::mirror::Mirror;
use overlock_feeds::parse::Limits;
use overlock_feeds::progress::Silent;
use overlock_feeds::publishers::find;
use overlock_feeds::store::Store;
use overlock_feeds::sync::{Options, sync};
use overlock_feeds::tables::Tables;
use overlock_model::Timestamp;
use overlock_model::advisory::Ecosystem;
use std::fs;
use std::io::Write;
use std::path::Path;

const DSA: &str = "[01 Feb 2024] DSA-5617-1 chromium - security update\n\t{CVE-2024-1284}\n\
                   \t[bookworm] - chromium 121.0.6167.160-1~deb12u1\n";

/// A record of the Python export that names an npm package in passing, and one version no parser knows.
const OSV: &str = r#"{"id":"GHSA-aaaa-bbbb-cccc","modified":"2024-01-01T00:00:00Z","aliases":["CVE-2024-0001"],"affected":[
 {"package":{"ecosystem":"PyPI","name":"jinja2"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"3.1.3"}]}]},
 {"package":{"ecosystem":"PyPI","name":"odd"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"0.7.10p1-odd"}]}]},
 {"package":{"ecosystem":"npm","name":"left-pad"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"1.3.0"}]}]}]}"#;

fn world() -> (tempfile::TempDir, tempfile::TempDir) {
    let (mirror, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let put = |id: &str, bytes: &[u8]| {
        let path = mirror.path().join(find(id).unwrap().mirror_path().unwrap());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    put("debian-dsa", DSA.as_bytes());
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file(
        "GHSA-aaaa-bbbb-cccc.json",
        zip::write::SimpleFileOptions::default(),
    )
    .unwrap();
    zip.write_all(OSV.as_bytes()).unwrap();
    put("osv-pypi", zip.finish().unwrap().get_ref());
    let feeds = ["debian-dsa", "osv-pypi"].map(|id| find(id).unwrap());
    let options = Options {
        mirror: Some(Mirror::Folder(mirror.path().to_owned())),
        ..Options::default()
    };
    let store = Store::new(data.path());
    let report = sync(
        &store,
        &feeds,
        &options,
        &Parsers::default(),
        Timestamp::UNIX_EPOCH,
        &Silent,
    )
    .unwrap();
    assert_eq!(report.failures().count(), 0, "{report:?}");
    (mirror, data)
}

fn compiled(data: &Path, remake: Remake) -> Manifest {
    let store = Store::new(data);
    let locked = store.lock().unwrap();
    compile(&locked, data, &Limits::default(), remake).unwrap()
}

#[test]
fn a_feed_speaks_only_for_its_own_ecosystem() {
    let (_mirror, data) = world();
    let manifest = compiled(data.path(), Remake::IfChanged);
    let ecosystems: Vec<&str> = manifest
        .tables
        .iter()
        .map(|table| table.ecosystem.as_str())
        .collect();
    // Three npm packages in a Python feed would make all of npm look judged.
    assert_eq!(ecosystems, ["debian:12", "pypi"]);
    let tables = Tables::open(data.path()).unwrap();
    assert!(tables.advisories(&Ecosystem("npm".to_owned())).is_none());
    let pypi = tables.advisories(&Ecosystem("pypi".to_owned())).unwrap();
    assert!(pypi.package("jinja2").is_some());
    assert!(!pypi.fixed_only());
    assert!(
        tables
            .advisories(&Ecosystem::release("debian", "12"))
            .unwrap()
            .fixed_only()
    );
}

#[test]
fn tables_at_rest_answer_as_before() {
    let (_mirror, data) = world();
    compiled(data.path(), Remake::IfChanged);
    let tables = Tables::open(data.path()).unwrap();
    let pypi = tables.advisories(&Ecosystem("pypi".to_owned())).unwrap();
    assert!(pypi.package("jinja2").is_some());
    tables.rest();
    // What was lent before is read from the file again, and so is what is asked for anew.
    assert!(pypi.package("jinja2").is_some());
    let debian = tables
        .advisories(&Ecosystem::release("debian", "12"))
        .unwrap();
    assert!(debian.fixed_only());
}

#[test]
fn versions_that_no_parser_knows_are_counted_with_their_feed() {
    let (_mirror, data) = world();
    for _ in 0..2 {
        let manifest = compiled(data.path(), Remake::IfChanged);
        let quarantined = |id| {
            manifest
                .feeds
                .iter()
                .find(|feed| feed.id == id)
                .unwrap()
                .quarantined
        };
        assert_eq!((quarantined("osv-pypi"), quarantined("debian-dsa")), (1, 0));
    }
}

#[test]
fn the_same_feeds_make_the_same_generation_and_a_damaged_table_is_made_anew() {
    let (_mirror, data) = world();
    let first = compiled(data.path(), Remake::IfChanged);
    let generation = fs::read_to_string(data.path().join("index/current")).unwrap();
    let table = data
        .path()
        .join("index")
        .join(&generation)
        .join("debian-12.adv");
    let good = fs::read(&table).unwrap();
    let mut bad = good.clone();
    let last = bad.len() - 1;
    bad[last] ^= 1;
    fs::write(&table, &bad).unwrap();
    assert_eq!(compiled(data.path(), Remake::IfChanged), first);
    assert_eq!(fs::read(&table).unwrap(), good);
    assert_eq!(
        fs::read_to_string(data.path().join("index/current")).unwrap(),
        generation
    );
}

#[test]
fn a_generation_that_is_gone_is_no_tables_and_no_panic() {
    let (_mirror, data) = world();
    compiled(data.path(), Remake::IfChanged);
    for content in ["", "../../../etc", "0123456789abcdef", "zzzzzzzzzzzzzzzz"] {
        fs::write(data.path().join("index/current"), content).unwrap();
        assert!(Tables::open(data.path()).is_none(), "{content}");
    }
}
