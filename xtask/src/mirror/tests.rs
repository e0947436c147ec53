//! The mirror as a reader sees it.

use super::layout::Layout;
use super::*;
use std::io::Read;
use zip::ZipArchive;

/// The sources but the largest, laid out in a temporary folder.
fn laid_out(test: &str) -> Option<(tempfile::TempDir, Layout)> {
    let data = overlock_testkit::shared(test)?.join("data");
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::new(folder.path());
    for source in sources::all().iter().filter(|source| !source.is_large()) {
        source.lay(&data, &layout).unwrap();
    }
    Some((folder, layout))
}

#[test]
fn mirror_holds_every_record_in_the_publishers_place() {
    let Some((folder, layout)) = laid_out("mirror_holds_every_record_in_the_publishers_place")
    else {
        return;
    };
    for (feed, records) in [
        ("osv-almalinux", 5_637),
        ("osv-pypi", 2_661),
        ("rustsec", 1_225),
        ("nodejs-security-wg", 468 + 171),
    ] {
        let archive = ZipArchive::new(fs::File::open(layout.path(feed).unwrap()).unwrap()).unwrap();
        assert_eq!(archive.len(), records, "{feed}");
    }
    let path = layout.path("alpine-secdb-v3.11-main").unwrap();
    assert!(
        path.ends_with("secdb.alpinelinux.org/v3.11/main.json"),
        "{}",
        path.display()
    );
    let branch: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    assert_eq!(branch["packages"].as_array().unwrap().len(), 175);
    let list = fs::read_to_string(layout.path("debian-dsa").unwrap()).unwrap();
    assert!(list.starts_with('['), "the list is plain text");
    let parts = fs::read_dir(folder.path()).unwrap().count();
    assert!(
        parts >= 5,
        "each publisher has a folder of its own, there are {parts}"
    );
}

#[test]
fn record_in_an_archive_is_the_one_of_the_data() {
    let Some((_folder, layout)) = laid_out("record_in_an_archive_is_the_one_of_the_data") else {
        return;
    };
    let mut archive =
        ZipArchive::new(fs::File::open(layout.path("osv-almalinux").unwrap()).unwrap()).unwrap();
    let mut text = String::new();
    archive
        .by_name("ALSA-2025:10073.json")
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    let record: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(record["id"], "ALSA-2025:10073");
    assert_eq!(
        record["affected"][0]["package"]["ecosystem"],
        "AlmaLinux:10"
    );
}

#[test]
fn every_source_is_a_feed_of_some_publisher() {
    let layout = Layout::new(Path::new("/nowhere"));
    for feed in [
        "vulnrichment",
        "debian-dsa",
        "cisa-kev",
        "epss",
        "eol-debian",
        "debian-support-ended-12",
    ] {
        assert!(layout.path(feed).is_ok(), "{feed}");
    }
    assert!(layout.path("no-such-feed").is_err());
}
