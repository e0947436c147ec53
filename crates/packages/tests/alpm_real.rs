//! Our reading of pacman's databases against pacman itself.
//!
//! Debian packages: pacman-package-manager, and makepkg and libarchive-tools, which its repo-add calls.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where something fails"
)]

mod tool;

use overlock_model::package::Hold;
use overlock_model::repository::Blocked;
use overlock_packages::alpm;
use overlock_rootfs::Root;
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;
use tool::{all_here, run};

/// A package file as makepkg lays it out: a tar with `.PKGINFO` first.
fn package(folder: &Path, name: &str, version: &str, more: &str) -> String {
    let info = format!(
        "pkgname = {name}\npkgbase = base-of-{name}\npkgver = {version}\npkgdesc = x\narch = x86_64\nsize = 1\n{more}"
    );
    fs::write(folder.join(".PKGINFO"), info).unwrap();
    let file = format!("{name}-{version}-x86_64.pkg.tar.gz");
    let status = Command::new("tar")
        .args(["--force-local", "-czf", &file, ".PKGINFO"])
        .current_dir(folder)
        .status()
        .unwrap();
    assert!(status.success());
    file
}

#[test]
fn packages_and_offers_are_those_of_pacman() {
    if !all_here(
        "packages_and_offers_are_those_of_pacman",
        &["pacman", "repo-add", "makepkg", "bsdtar", "tar"],
    ) {
        return;
    }
    let folder = TempDir::new().unwrap();
    let home = folder.path();
    let at = |path: &str| home.join(path).to_str().unwrap().to_owned();
    for path in [
        "core",
        "extra",
        "root/etc/pacman.d",
        "root/var/lib/pacman",
        "cache",
    ] {
        fs::create_dir_all(home.join(path)).unwrap();
    }
    let add = |repository: &str, packages: &[(&str, &str, &str)]| {
        for (name, version, more) in packages {
            let file = package(&home.join(repository), name, version, more);
            run(
                &home.join(repository),
                "repo-add",
                &["-q", &format!("{repository}.db.tar.gz"), &file],
            );
        }
    };
    add(
        "core",
        &[
            ("bash", "5.2.26-2", "depend = readline=8.2\n"),
            ("openssl", "1:3.2.0-1", ""),
            ("same", "1-1", ""),
        ],
    );
    add(
        "extra",
        &[
            ("bash", "5.3-1", ""),
            ("held", "2-1", ""),
            ("older-there", "1-1", ""),
        ],
    );
    let installed = [
        ("bash", "5.2.26-1"),
        ("openssl", "1:3.1.9-1"),
        ("same", "1-1"),
        ("held", "1-1"),
        ("older-there", "2-1"),
        ("aur-thing", "9-1"),
    ];
    for (name, version) in installed {
        let file = package(home, name, version, "");
        let root = at("root");
        let database = at("root/var/lib/pacman");
        let arguments = [
            "-U",
            "--noconfirm",
            "--dbonly",
            "--nodeps",
            "--root",
            &root,
            "--dbpath",
            &database,
            "--cachedir",
        ];
        let bare = at("bare.conf");
        fs::write(
            &bare,
            "[options]\nArchitecture = x86_64\nSigLevel = Never\nLocalFileSigLevel = Never\n",
        )
        .unwrap();
        run(
            home,
            "pacman",
            &[&arguments[..], &[&at("cache"), "--config", &bare, &file]].concat(),
        );
    }
    let server = |name: &str| format!("[{name}]\nServer = file://{}\n", at(name));
    fs::write(
        home.join("root/etc/pacman.d/list"),
        format!("Server = file://{}\n", at("core")),
    )
    .unwrap();
    let real = format!(
        "[options]\nArchitecture = x86_64\nSigLevel = Never\nIgnorePkg = hel*\n{}{}",
        server("core"),
        server("extra")
    );
    let included = real.replacen(&server("core"), "[core]\nInclude = /etc/pacman.d/l*\n", 1);
    fs::write(home.join("root/etc/pacman.conf"), included).unwrap();
    fs::write(home.join("real.conf"), real).unwrap();
    let (root, database, configuration) = (at("root"), at("root/var/lib/pacman"), at("real.conf"));
    let base = [
        "--config",
        &configuration,
        "--root",
        &root,
        "--dbpath",
        &database,
    ];
    run(home, "pacman", &[&["-Sy"], &base[..]].concat());

    let tree = Root::open(home.join("root")).unwrap();
    let mut packages = alpm::installed(&tree).unwrap().unwrap().packages;
    let mut found: Vec<_> = packages
        .iter()
        .map(|package| format!("{} {}", package.name, package.version))
        .collect();
    found.sort();
    let mut expected: Vec<_> = run(home, "pacman", &[&["-Q"], &base[..]].concat())
        .lines()
        .map(str::to_owned)
        .collect();
    expected.sort();
    assert_eq!(found, expected);
    assert_eq!(
        packages
            .iter()
            .find(|package| package.name == "bash")
            .unwrap()
            .source_name(),
        "base-of-bash"
    );

    let survey = alpm::survey(&tree, &mut packages);
    assert_eq!(survey.unseen, []);
    let own = |name: &str| {
        packages
            .iter()
            .find(|package| package.name == name)
            .unwrap()
    };
    let updates = survey
        .offers
        .iter()
        .filter(|offer| offer.version != own(&offer.package).version);
    // `held 1-1 -> 2-1 [ignored]`
    let found: Vec<_> = updates
        .map(|offer| {
            let ignored = if offer.blocked == Some(Blocked::Hold) {
                " [ignored]"
            } else {
                ""
            };
            format!(
                "{} {} -> {}{ignored}",
                offer.package,
                own(&offer.package).version,
                offer.version
            )
        })
        .collect();
    let printed = run(home, "pacman", &[&["-Qu"], &base[..]].concat());
    let mut expected: Vec<_> = printed.lines().map(str::to_owned).collect();
    expected.sort();
    assert_eq!(found, expected);
    assert_eq!(found.len(), 3);

    let offer = |name: &str| {
        survey
            .offers
            .iter()
            .find(|offer| offer.package == name)
            .unwrap()
    };
    assert_eq!(
        offer("bash").repository,
        "core",
        "the first repository counts, not the newest version"
    );
    assert_eq!(
        offer("bash").requires_exactly,
        [("readline".to_owned(), "8.2".to_owned())]
    );
    assert_eq!(offer("bash").sha256.as_ref().unwrap().len(), 64);
    assert_eq!(
        (
            own("same").origin.as_deref(),
            own("aur-thing").origin.as_deref()
        ),
        (Some("core"), None)
    );
    assert_eq!(own("held").hold, Some(Hold::Ignored));
    assert_eq!(own("openssl").epoch, Some(1));
    assert_eq!(survey.repositories[0].uri, format!("file://{}", at("core")));
    assert_eq!(
        survey
            .repositories
            .iter()
            .map(|repository| repository.packages)
            .collect::<Vec<_>>(),
        [Some(3), Some(3)]
    );

    let whole = fs::read(home.join("root/var/lib/pacman/sync/core.db")).unwrap();
    for cut in 0..whole.len() {
        assert!(
            alpm::read_repository(&whole[..cut], |_| true).is_err() || cut == 0,
            "cut at {cut}"
        );
    }
    fs::write(
        home.join("root/var/lib/pacman/sync/core.db"),
        &whole[..whole.len() / 2],
    )
    .unwrap();
    assert_eq!(alpm::survey(&tree, &mut packages).unseen.len(), 1);
}
