//! Mirrors, as a folder and over HTTP, and the updateinfo of repositories.

use std::path::Path;
use std::process::Command;

use aws_lc_rs::digest;
use overlock_feeds::mirror::Mirror;
use overlock_feeds::publishers::{Presence, Publisher};
use overlock_feeds::sync::Outcome;
use overlock_feeds::{Cause, FeedFormat};
use overlock_model::advisory::Ecosystem;

use crate::server::{Reply, Server};
use crate::world::*;

fn put(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn with_folder_mirror() -> (World, tempfile::TempDir) {
    let mut world = World::new();
    let folder = tempfile::tempdir().unwrap();
    world.options.mirror = Some(Mirror::parse(folder.path().to_str().unwrap()).unwrap());
    (world, folder)
}

#[test]
fn folder_mirror_is_read_directly_and_an_unchanged_file_is_not_read_again() {
    let (world, folder) = with_folder_mirror();
    put(folder.path(), "feeds.example.org/My Feeds/list", "one\n");
    let feed = feed("https://feeds.example.org/My%20Feeds/list");
    assert_eq!(updated(&world.sync(&feed)), (1, 0));
    assert!(matches!(world.sync(&feed).outcome, Outcome::Unchanged));
    put(
        folder.path(),
        "feeds.example.org/My Feeds/list",
        "one\ntwo\n",
    );
    assert_eq!(updated(&world.sync(&feed)), (2, 0));
    assert_eq!(world.kept().unwrap(), "one\ntwo\n");
}

#[test]
fn folder_mirror_obeys_the_same_limits() {
    let (world, folder) = with_folder_mirror();
    put(folder.path(), "feeds.example.org/list", &"x\n".repeat(501));
    let outcome = world.sync(&feed("https://feeds.example.org/list"));
    assert!(matches!(cause(&outcome), Cause::TooLarge { limit: 1000 }));
    let outcome = world.sync(&feed("https://feeds.example.org/absent"));
    assert!(matches!(cause(&outcome), Cause::Absent));
    let outcome = world.sync(&feed("https://feeds.example.org/list/below-a-file"));
    assert!(matches!(cause(&outcome), Cause::Absent));
    let outcome = world.sync(&feed("https://feeds.example.org/a%2f..%2f..%2flist"));
    assert!(matches!(cause(&outcome), Cause::Address));
}

#[test]
fn pipe_in_a_mirror_is_not_waited_for() {
    let (world, folder) = with_folder_mirror();
    put(folder.path(), "feeds.example.org/other", "");
    let pipe = folder.path().join("feeds.example.org/list");
    assert!(Command::new("mkfifo").arg(pipe).status().unwrap().success());
    let outcome = world.sync(&feed("https://feeds.example.org/list"));
    assert!(matches!(cause(&outcome), Cause::Absent));
}

#[test]
fn http_mirror_is_asked_with_its_credentials_which_show_nowhere() {
    let server = Server::start(|head, number| {
        assert!(
            head.starts_with("GET /base/feeds.example.org/My%20Feeds/list "),
            "{head}"
        );
        assert!(
            head.to_ascii_lowercase().contains("authorization: basic "),
            "{head}"
        );
        match number {
            0 => Reply::with("200 OK", &["ETag: \"v1\""], "one\n"),
            _ => Reply::with("403 Forbidden", &[], ""),
        }
    });
    let mut world = World::new();
    let address = server
        .url("/base/")
        .replace("http://", "http://user:secret@");
    world.options.mirror = Some(Mirror::parse(&address).unwrap());
    let feed = feed("https://feeds.example.org/My%20Feeds/list");
    updated(&world.sync(&feed));
    let outcome = world.sync(&feed);
    assert!(matches!(cause(&outcome), Cause::Status { status: 403 }));
    let state = std::fs::read_to_string(world.path("feeds/list/state.json")).unwrap();
    let shown = format!(
        "{} {}",
        failure(&outcome).0,
        overlock_model::one_line::in_one_line(failure(&outcome).0)
    );
    for text in [state, shown] {
        assert!(text.contains("/base/feeds.example.org/"), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
}

#[test]
fn words_of_one_mirror_are_not_told_to_another() {
    let first = Server::start(|_, _| Reply::with("200 OK", &["ETag: \"v1\""], "one\n"));
    let second = Server::start(|_, _| Reply::with("200 OK", &["ETag: \"v1\""], "one\ntwo\n"));
    let mut world = World::new();
    let feed = feed("https://feeds.example.org/list");
    world.options.mirror = Some(Mirror::parse(&first.url("/")).unwrap());
    updated(&world.sync(&feed));
    world.options.mirror = Some(Mirror::parse(&second.url("/")).unwrap());
    assert_eq!(updated(&world.sync(&feed)), (2, 0));
    assert!(
        !second.heads()[0]
            .to_ascii_lowercase()
            .contains("if-none-match")
    );
}

fn repository(url: &str) -> Publisher {
    Publisher {
        format: FeedFormat::Updateinfo,
        ecosystem: Some(Ecosystem::release("almalinux", "9")),
        presence: Presence::Optional,
        ..feed(url)
    }
}

fn repomd(checksum: &str, size: usize) -> String {
    format!(
        "<repomd><data type=\"updateinfo\"><checksum type=\"sha256\">{checksum}</checksum>\
         <location href=\"repodata/u.xml\"/><size>{size}</size></data></repomd>"
    )
}

fn sha256(text: &str) -> String {
    let hash = digest::digest(&digest::SHA256, text.as_bytes());
    hash.as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[test]
fn updateinfo_is_found_by_way_of_the_repositorys_metadata() {
    let content = "one\ntwo\n";
    let metadata = repomd(&sha256(content), content.len());
    let server = Server::start(move |head, _| match head.split(' ').nth(1).unwrap() {
        "/os/repodata/repomd.xml" => Reply::ok(&metadata),
        "/os/repodata/u.xml" => Reply::ok(content),
        other => panic!("{other}"),
    });
    let world = World::new();
    let feed = repository(&server.url("/os/repodata/repomd.xml"));
    assert_eq!(updated(&world.sync(&feed)), (2, 0));
    let state = world.store.state("list").unwrap().unwrap();
    assert_eq!(state.ecosystem, Some(Ecosystem("almalinux:9".to_owned())));
    assert!(matches!(world.sync(&feed).outcome, Outcome::Unchanged));
    assert_eq!(
        server.heads().len(),
        3,
        "the second time only the metadata is asked for"
    );
}

#[test]
fn updateinfo_that_is_not_the_announced_one_is_refused() {
    let (world, folder) = with_folder_mirror();
    let feed = repository("https://repo.example.org/os/repodata/repomd.xml");
    let at = "repo.example.org/os/repodata";
    put(folder.path(), &format!("{at}/u.xml"), "one\n");
    put(
        folder.path(),
        &format!("{at}/repomd.xml"),
        &repomd(&sha256("other"), 4),
    );
    assert!(matches!(cause(&world.sync(&feed)), Cause::Checksum { .. }));
    put(
        folder.path(),
        &format!("{at}/repomd.xml"),
        &repomd(&sha256("one\n"), 5),
    );
    assert!(matches!(
        cause(&world.sync(&feed)),
        Cause::Length {
            received: 4,
            announced: 5
        }
    ));
    put(folder.path(), &format!("{at}/repomd.xml"), "<html>");
    assert!(matches!(cause(&world.sync(&feed)), Cause::Repomd { .. }));
    put(
        folder.path(),
        &format!("{at}/repomd.xml"),
        &repomd(&sha256("one\n"), 4),
    );
    assert_eq!(updated(&world.sync(&feed)), (1, 0));
}

#[test]
fn repository_without_updateinfo_offers_none() {
    let (world, folder) = with_folder_mirror();
    put(
        folder.path(),
        "repo.example.org/os/repodata/repomd.xml",
        "<repomd></repomd>",
    );
    let feed = repository("https://repo.example.org/os/repodata/repomd.xml");
    assert!(matches!(world.sync(&feed).outcome, Outcome::NotOffered));
}
