//! Fetching, keeping, showing and carrying feeds; what a scan does without them.

use crate::debian;
use crate::world::{Ran, World, texts, with};
use serde_json::Value;
use std::fs::{self, File};
use std::io::Write;

const LISTS: &str = "debian-dsa,debian-dla";

fn sync(world: &World, more: &[&str]) -> Ran {
    let arguments = [
        &["feeds", "sync", "--only", LISTS, "--format", "json"],
        more,
    ]
    .concat();
    world.run(&arguments)
}

fn outcome<'a>(report: &'a Value, feed: &str) -> &'a str {
    with(&report["feeds"], "feed", feed)["outcome"]
        .as_str()
        .unwrap()
}

/// A list of as many advisories as told, each as plain as the next.
fn list(count: u32) -> String {
    (0..count)
        .map(|number| {
            format!(
                "[01 Nov 2026] DSA-{}-1 openssl - security update\n\t{{CVE-2025-{}}}\n\
                 \t[bookworm] - openssl 3.0.14-1~deb12u1\n",
                1000 + number,
                10_000 + number
            )
        })
        .collect::<String>()
        + debian::DSA
}

#[test]
fn second_sync_finds_all_unchanged() {
    let world = debian::world();
    let first = sync(&world, &[]).clear().json();
    assert_eq!(first["schema"], "overlock.feed-sync/1");
    assert_eq!(outcome(&first, "debian-dsa"), "updated");
    assert_eq!(with(&first["feeds"], "feed", "debian-dsa")["records"], 5);
    let second = sync(&world, &[]).clear().json();
    assert_eq!(outcome(&second, "debian-dsa"), "unchanged");
    assert_eq!(outcome(&second, "debian-dla"), "unchanged");
    let unknown = world.run(&["feeds", "sync", "--only", "debian-xyz"]);
    unknown.refuses(2, &["debian-xyz", "hint: "]);
}

#[test]
fn bad_feed_keeps_the_last_good_one_and_says_so() {
    let world = debian::world();
    let before = world.scan();
    for bad in [
        b"<html>502 Bad Gateway</html>".to_vec(),
        Vec::new(),
        vec![0xff; 4096],
        b"[01 Nov".to_vec(),
    ] {
        world.feed("debian-dsa", &bad);
        let ran = sync(&world, &[]);
        let ran = ran.exits(2).says(&["1 of 2 feeds were not taken in"]);
        let line = with(&ran.json()["feeds"], "feed", "debian-dsa").clone();
        assert_eq!(line["outcome"], "failed_last_good_kept");
        assert!(
            line["why"].as_str().unwrap().contains("debian-dsa"),
            "{line}"
        );
        assert_eq!(world.scan()["exposures"], before["exposures"]);
        let status = world
            .run(&["feeds", "status", "--format", "json"])
            .clear()
            .json();
        let status = with(&status["feeds"], "id", "debian-dsa");
        assert_eq!(status["records"], 5);
        assert!(status["last_error"].is_string(), "{status}");
    }
    world.feed("debian-dsa", debian::DSA);
    sync(&world, &[]).clear();
    let status = world
        .run(&["feeds", "status", "--format", "json"])
        .clear()
        .json();
    assert!(with(&status["feeds"], "id", "debian-dsa")["last_error"].is_null());
}

#[test]
fn feed_that_is_gone_is_the_environments_failure() {
    let world = debian::world();
    fs::remove_file(world.feed_path("debian-dla")).unwrap();
    let ran = sync(&world, &[]).exits(3).says(&["hint: "]);
    assert_eq!(
        outcome(&ran.json(), "debian-dsa"),
        "updated",
        "one failure does not stop the others"
    );
    assert_eq!(outcome(&ran.json(), "debian-dla"), "failed");
}

#[test]
fn feed_that_shrinks_is_refused_until_it_is_accepted() {
    let world = debian::world();
    world.feed("debian-dsa", list(200));
    sync(&world, &[]).clear();
    world.feed("debian-dsa", debian::DSA);
    let refused = sync(&world, &[]).exits(2).says(&["--accept-shrink"]);
    assert_eq!(
        outcome(&refused.json(), "debian-dsa"),
        "failed_last_good_kept"
    );
    let records = |world: &World| {
        let status = world
            .run(&["feeds", "status", "--format", "json"])
            .clear()
            .json();
        with(&status["feeds"], "id", "debian-dsa")["records"]
            .as_u64()
            .unwrap()
    };
    assert_eq!(records(&world), 205);
    let accepted = sync(&world, &["--accept-shrink"]).clear();
    assert_eq!(outcome(&accepted.json(), "debian-dsa"), "updated");
    assert_eq!(records(&world), 5);
}

#[test]
fn unreadable_records_are_counted_and_the_rest_is_taken() {
    let world = debian::world();
    let spoiled = list(50)
        + "[99 Foo 2026] DSA-9999-1 openssl - security update\n\t{CVE-2026-9}\n\t[bookworm] - openssl 1\n";
    world.feed("debian-dsa", spoiled);
    let report = sync(&world, &[]).clear().json();
    let line = with(&report["feeds"], "feed", "debian-dsa");
    assert_eq!(line["quarantined"], 1);
    assert_eq!(line["records"], 55);
    let status = world.run(&["feeds", "status"]).clear();
    assert!(status.text().contains("quarantined"), "{}", status.text());
}

#[test]
fn feeds_are_carried_to_a_host_without_network() {
    let world = debian::world();
    let report = world.scan();
    let file = world.arg("feeds.overlock");
    world.run(&["feeds", "export", &file]).clear();
    let mut other = World::new();
    other.mirror = Some(other.path("nowhere"));
    debian::root(&other);
    other.run(&["feeds", "import", &file]).clear();
    let carried = other
        .run(&[
            "scan",
            "--offline",
            "--root",
            &other.arg("root"),
            "--format",
            "json",
        ])
        .clear()
        .json();
    for part in ["exposures", "updates", "held", "coverage", "feeds"] {
        assert_eq!(carried[part], report[part], "{part}");
    }
}

#[test]
fn damaged_archive_changes_nothing() {
    let world = debian::world();
    world.scan();
    let file = world.arg("feeds.overlock");
    world.run(&["feeds", "export", &file]).clear();
    let whole = fs::read(&file).unwrap();
    let other = World::new();
    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x40;
    for (name, content) in [
        ("cut", whole[..whole.len() / 2].to_vec()),
        ("flipped", flipped),
        ("empty", Vec::new()),
        ("text", b"not an archive".to_vec()),
    ] {
        let bad = other.write(name, content);
        let ran = other.run(&["feeds", "import", &bad]);
        assert_eq!(ran.code, Some(2), "{name}: {ran:?}");
        assert!(
            ran.stderr.contains("error: ") && !ran.stderr.contains("panicked"),
            "{}",
            ran.stderr
        );
    }
    other
        .run(&["feeds", "import", &other.arg("missing")])
        .exits(3)
        .says(&["missing"]);
}

#[test]
fn scan_without_advisories_lists_what_the_package_manager_knows_and_is_not_green() {
    let mut world = debian::world();
    world.mirror = Some(world.path("nowhere"));
    let offline = [
        "scan",
        "--offline",
        "--root",
        &world.arg("root"),
        "--format",
        "json",
    ];
    let report = world.run(&offline).clear().json();
    assert_eq!(report["coverage"]["advisories_unknown"], true);
    assert_eq!(report["coverage"]["not_covered"], debian::PACKAGES);
    assert!(report["exposures"].as_array().unwrap().is_empty());
    assert_eq!(
        texts(&report["updates"], "package"),
        ["openssl"],
        "from a security origin"
    );
    assert_eq!(
        with(&report["held"], "package", "redis-server")["reason"]["why"],
        "blocked"
    );
    // With the network tried and failed it is the same, and said.
    let tried = world
        .run(&["scan", "--root", &world.arg("root")])
        .clear()
        .says(&["warning: "]);
    assert!(tried.text().contains("NOT KNOWN"), "{}", tried.text());
    assert!(tried.text().contains("advisories"), "{}", tried.text());
    assert!(!tried.text().contains("CLEAR"));
}

#[test]
fn data_directory_that_cannot_be_written_is_told() {
    let world = debian::world();
    world.write("file", "in the way");
    let unwritable = |arguments: &[&str]| {
        let mut command = world.command(arguments);
        command.env("OVERLOCK_DATA", world.path("file/data"));
        Ran::of(command)
    };
    unwritable(&["feeds", "sync", "--only", LISTS]).refuses(3, &["file/data"]);
    let scan = unwritable(&["scan", "--root", &world.arg("root"), "--format", "json"]).clear();
    assert_eq!(scan.json()["coverage"]["advisories_unknown"], true);
    assert!(scan.stderr.contains("warning: "), "{}", scan.stderr);
    unwritable(&["feeds", "status"]).refuses(3, &["file/data"]);
}

#[test]
fn clock_of_1970_is_noticed() {
    let mut world = debian::world();
    world.now = "1970-01-02T00:00:00Z".to_owned();
    let report = world.scan();
    assert_eq!(report["exposures"].as_array().unwrap().len(), 4);
    let unseen = with(&report["host"]["unseen"], "what", "the time");
    assert!(
        unseen["why"].as_str().unwrap().contains("1970-01-02"),
        "{unseen}"
    );
    assert!(
        report["generated"]
            .as_str()
            .unwrap()
            .starts_with("2026-11-"),
        "{}",
        report["generated"]
    );
    let table = world.run(&["scan", "--root", &world.arg("root")]).clear();
    assert!(table.text().contains("the time"), "{}", table.text());
    assert!(
        world
            .run(&["feeds", "status"])
            .clear()
            .text()
            .contains("future")
    );
    // The lists of advisories must not be taken for newer than they are when the clock is right again.
    world.now = crate::world::NOW.to_owned();
    sync(&world, &[]).clear();
}

#[test]
fn bombs_are_refused_and_the_last_good_feed_is_kept() {
    let world = debian::world();
    world.feed("osv-pypi", debian::zip(&[("A.json", br#"{"id": "PYSEC-2026-1", "modified": "2026-11-01T00:00:00Z", "affected": [{"package": {"ecosystem": "PyPI", "name": "a"}, "versions": ["1.0"]}]}"#)]));
    let only = |feed: &str| world.run(&["feeds", "sync", "--only", feed, "--format", "json"]);
    only("osv-pypi,epss").clear();
    let zeros = vec![b' '; 64 << 20];
    world.feed("osv-pypi", debian::zip(&[("A.json", &zeros)]));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(b"cve,epss,percentile\nCVE-2026-1,0.1,0.1\n")
        .unwrap();
    gzip.write_all(&vec![b'\n'; 64 << 20]).unwrap();
    world.feed("epss", gzip.finish().unwrap());
    for feed in ["osv-pypi", "epss"] {
        let ran = only(feed).exits(2);
        assert_eq!(
            outcome(&ran.json(), feed),
            "failed_last_good_kept",
            "{}",
            ran.text()
        );
    }
}

#[test]
fn nested_json_is_no_danger() {
    let world = debian::world();
    let deep = format!("{}1{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000));
    for feed in ["debian-tracker", "cisa-kev"] {
        world.feed(feed, &deep);
        world
            .run(&["feeds", "sync", "--only", feed])
            .exits(2)
            .says(&["error: "]);
    }
}

#[test]
fn two_syncs_do_not_run_at_once() {
    let world = debian::world();
    sync(&world, &[]).clear();
    let lock = File::options()
        .write(true)
        .open(world.data().join("feeds/lock"))
        .unwrap();
    lock.lock().unwrap();
    sync(&world, &[]).refuses(3, &["hint: "]).says(&["another"]);
    drop(lock);
    sync(&world, &[]).clear();
}

#[test]
fn damaged_tables_are_made_again_and_never_read_as_nothing_found() {
    let world = debian::world();
    let before = world.scan();
    let index = world.data().join("index");
    let mut files = Vec::new();
    gather(&index, &mut files);
    assert!(files.len() >= 2, "{files:?}");
    for file in &files {
        let whole = fs::read(file).unwrap();
        for damaged in [
            whole[..whole.len() / 2].to_vec(),
            Vec::new(),
            vec![0xff; whole.len()],
        ] {
            fs::write(file, &damaged).unwrap();
            let ran = world
                .run(&[
                    "scan",
                    "--offline",
                    "--root",
                    &world.arg("root"),
                    "--format",
                    "json",
                ])
                .clear();
            let report = ran.json();
            let told = !ran.stderr.is_empty() || report["coverage"]["advisories_unknown"] == true;
            assert!(
                report["exposures"] == before["exposures"] || told,
                "{} was damaged in silence: {} {}",
                file.display(),
                ran.text(),
                ran.stderr
            );
        }
        fs::write(file, whole).unwrap();
    }
    assert_eq!(world.scan(), before);
}

fn gather(folder: &std::path::Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, files);
        } else {
            files.push(path);
        }
    }
    files.sort();
}

/// A file system of its own, filled to the brim, takes the place of the data directory.
#[test]
fn full_disk_loses_nothing() {
    let test = "full_disk_loses_nothing";
    if !overlock_testkit::root(test) || overlock_testkit::tool(test, "unshare").is_none() {
        return;
    }
    let world = debian::world();
    world.write("big", list(6_000));
    let script = r#"
        set -u
        mount -t tmpfs -o size=600k none "$OVERLOCK_DATA" || exit 77
        "$OVERLOCK" feeds sync >/dev/null 2>&1
        "$OVERLOCK" scan --offline --root "$ROOT" --format json > "$OUT/before" || exit 1
        cp "$OUT/big" "$FEED"
        "$OVERLOCK" feeds sync --only debian-dsa > "$OUT/sync" 2> "$OUT/error"
        echo $? > "$OUT/code"
        "$OVERLOCK" scan --offline --root "$ROOT" --format json > "$OUT/after" || exit 1
    "#;
    fs::create_dir(world.data()).unwrap();
    let mut command = std::process::Command::new("unshare");
    command
        .args(["--mount", "sh", "-c", script])
        .env("OVERLOCK", env!("CARGO_BIN_EXE_overlock"))
        .env("OVERLOCK_DATA", world.data())
        .env("OVERLOCK_NOW", &world.now)
        .env("OVERLOCK_MIRROR", world.path("mirror"))
        .env("ROOT", world.path("root"))
        .env("OUT", world.path(""))
        .env("FEED", world.feed_path("debian-dsa"));
    let ran = Ran::of(command);
    if ran.code == Some(77) || ran.stderr.contains("unshare") {
        overlock_testkit::skip(test, "no file system can be mounted here");
        return;
    }
    let ran = ran.clear();
    let read = |name: &str| fs::read_to_string(world.path(name)).unwrap();
    assert_eq!(
        read("code"),
        "3\n",
        "{}{}{}",
        read("sync"),
        read("error"),
        ran.stderr
    );
    assert!(read("error").contains("error: "), "{}", read("error"));
    let exposures = |name: &str| -> Value {
        serde_json::from_str::<Value>(&read(name)).unwrap()["exposures"].clone()
    };
    assert_eq!(exposures("before").as_array().unwrap().len(), 4);
    assert_eq!(exposures("after"), exposures("before"));
}
