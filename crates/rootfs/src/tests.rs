use super::*;
use std::fs;
use std::os::unix::fs::symlink;

fn world() -> (tempfile::TempDir, Root) {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("root/etc")).unwrap();
    fs::write(folder.path().join("secret"), b"outside").unwrap();
    fs::write(folder.path().join("root/etc/os-release"), b"ID=debian\n").unwrap();
    let root = Root::open(folder.path().join("root")).unwrap();
    (folder, root)
}

#[test]
fn links_never_lead_out_of_the_root() {
    let (folder, root) = world();
    let etc = folder.path().join("root/etc");
    symlink("../../../../secret", etc.join("up")).unwrap();
    symlink(folder.path().join("secret"), etc.join("absolute")).unwrap();
    symlink("/etc/os-release", etc.join("inside")).unwrap();
    assert!(root.read("/etc/up", 100).unwrap_err().is_missing());
    assert!(root.read("/etc/absolute", 100).unwrap_err().is_missing());
    assert!(root.read("../secret", 100).unwrap_err().is_missing());
    assert_eq!(root.read("/etc/inside", 100).unwrap(), b"ID=debian\n");
    assert_eq!(
        root.link_target("/etc/inside").as_deref(),
        Some("/etc/os-release")
    );
}

#[test]
fn reads_are_bounded() {
    let (_folder, root) = world();
    assert!(matches!(
        root.read("etc/os-release", 3),
        Err(RootError::TooLarge { limit: 3, .. })
    ));
    assert_eq!(root.read("etc/os-release", 10).unwrap().len(), 10);
}

#[test]
fn a_fifo_is_refused_and_does_not_block() {
    let (folder, root) = world();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        folder.path().join("root/fifo"),
        FileType::Fifo,
        Mode::RUSR | Mode::WUSR,
        0,
    )
    .unwrap();
    assert!(matches!(
        root.read("fifo", 10),
        Err(RootError::WrongKind { .. })
    ));
}

#[test]
fn missing_files_and_folders_are_told_apart_from_unreadable_ones() {
    let (_folder, root) = world();
    assert_eq!(root.read_optional("etc/nothing", 10).unwrap(), None);
    assert!(root.list_optional("nowhere", 10).unwrap().is_empty());
    assert!(matches!(
        root.list("etc/os-release", 10),
        Err(RootError::Missing { .. })
    ));
}

#[test]
fn a_link_loop_is_an_error() {
    let (folder, root) = world();
    symlink("b", folder.path().join("root/a")).unwrap();
    symlink("a", folder.path().join("root/b")).unwrap();
    assert!(matches!(root.read("a", 10), Err(RootError::Io { .. })));
}

#[test]
fn walk_sees_every_entry_once_in_order_and_enters_only_where_told() {
    let (folder, root) = world();
    fs::create_dir_all(folder.path().join("root/a/b/c")).unwrap();
    fs::create_dir_all(folder.path().join("root/skip/inner")).unwrap();
    symlink("/", folder.path().join("root/a/loop")).unwrap();
    let mut seen = Vec::new();
    let walk = root.walk("/", WalkLimits::default(), &mut |entry| {
        seen.push(entry.path.to_owned());
        entry.name != "skip"
    });
    assert_eq!(
        seen,
        [
            "a",
            "etc",
            "skip",
            "a/b",
            "a/loop",
            "a/b/c",
            "etc/os-release"
        ]
    );
    assert_eq!(walk.entries, 7);
    assert!(!walk.truncated);
}

#[test]
fn walk_stops_at_its_limits_and_says_so() {
    let (folder, root) = world();
    fs::create_dir_all(folder.path().join("root/a/b/c/d")).unwrap();
    let few = WalkLimits {
        entries: 2,
        ..WalkLimits::default()
    };
    assert!(root.walk("", few, &mut |_| true).truncated);
    let shallow = WalkLimits {
        depth: 1,
        ..WalkLimits::default()
    };
    let walk = root.walk("a", shallow, &mut |_| true);
    assert_eq!(
        walk.unseen,
        [(
            "a/b/c".to_owned(),
            "more than 1 directories deep".to_owned()
        )]
    );
}
