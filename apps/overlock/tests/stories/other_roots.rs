//! Roots that are not a plain Debian host: images, foreign systems, hostile links, nothing at all.

use crate::debian;
use crate::world::{World, coverage_adds_up, texts, with};
use std::os::unix::fs::symlink;

#[test]
fn distroless_image_is_read_from_status_d() {
    let world = World::new();
    debian::feeds(&world);
    world.write(
        "root/etc/os-release",
        "ID=debian\nVERSION_ID=12\nVERSION_CODENAME=bookworm\n",
    );
    world.write(
        "root/var/lib/dpkg/status.d/libssl3",
        "Package: libssl3\nSource: openssl\nVersion: 3.0.14-1~deb12u1\nArchitecture: amd64\n",
    );
    world.write(
        "root/var/lib/dpkg/status.d/libssl3.md5sums",
        "0  usr/lib/libssl.so.3\n",
    );
    let report = world.scan();
    assert_eq!(
        texts(&report["exposures"], "vulnerability"),
        ["CVE-2026-2001"]
    );
    coverage_adds_up(&report, 1);
    // No repository is there: that is the reason why nothing can be planned.
    assert_eq!(report["held"][0]["reason"]["why"], "repository_missing");
}

#[test]
fn unknown_system_is_not_covered_and_never_clear() {
    let world = debian::world();
    world.write(
        "root/etc/os-release",
        "ID=linuxmint\nID_LIKE=\"ubuntu debian\"\nVERSION_ID=\"22\"\n",
    );
    let report = world.scan();
    coverage_adds_up(&report, debian::PACKAGES);
    assert_eq!(report["coverage"]["not_covered"], debian::PACKAGES);
    assert_eq!(report["coverage"]["advisories_unknown"], true);
    assert_eq!(
        with(&report["coverage"]["gaps"], "reason", "unsupported")["packages"],
        debian::PACKAGES
    );
    never_clear(&world);
}

#[test]
fn root_without_package_database_is_not_clear() {
    let world = World::new();
    debian::feeds(&world);
    world.write("root/etc/os-release", "ID=debian\nVERSION_ID=12\n");
    let report = world.scan();
    coverage_adds_up(&report, 0);
    assert!(texts(&report["host"]["unseen"], "what").contains(&"operating-system packages"));
    never_clear(&world);
}

fn never_clear(world: &World) {
    let table = world.run(&["scan", "--root", &world.arg("root")]).clear();
    assert!(table.text().contains("NOT KNOWN"), "{}", table.text());
    assert!(!table.text().contains("CLEAR"), "{}", table.text());
    let page = world
        .run(&["scan", "--root", &world.arg("root"), "--format", "html"])
        .clear();
    assert!(!page.text().contains("CLEAR"));
}

#[test]
fn host_that_was_judged_whole_may_be_clear() {
    let world = World::new();
    debian::feeds(&world);
    world.write("root/etc/os-release", "ID=debian\nVERSION_ID=12\n");
    world.write(
        "root/var/lib/dpkg/status",
        "Package: openssl\nStatus: install ok installed\nArchitecture: amd64\nVersion: 3.0.15-1~deb12u1\n",
    );
    let table = world.run(&["scan", "--root", &world.arg("root")]).clear();
    assert!(table.text().contains("CLEAR"), "{}", table.text());
}

#[test]
fn root_must_be_a_system() {
    let world = World::new();
    world
        .run(&["scan", "--root", &world.arg("missing")])
        .refuses(2, &["missing", "hint: "]);
    let file = world.write("file", "text");
    world
        .run(&["scan", "--root", &file])
        .refuses(2, &["file", "hint: "]);
    world.write("empty/readme", "nothing here");
    world
        .run(&["scan", "--root", &world.arg("empty")])
        .refuses(2, &["os-release", "hint: "]);
    world
        .run(&["scan", "--root", &world.arg("empty"), "--inventory", &file])
        .refuses(2, &["cannot be used with"]);
}

/// Links that lead out of the root, by every way out that there is.
#[test]
fn links_out_of_the_root_are_never_followed() {
    let world = debian::world();
    let secret = world.write(
        "outside/status",
        "Package: secret-package\nStatus: install ok installed\nArchitecture: amd64\nVersion: 6.6.6\n",
    );
    world.write("outside/hostname", "secret-host\n");
    world.write(
        "outside/os-release",
        "ID=debian\nVERSION_ID=12\nPRETTY_NAME=secret-system\n",
    );
    world.write(
        "outside/dist-packages/secret_egg-6.6.6.dist-info/METADATA",
        "Name: secret-egg\nVersion: 6.6.6\n",
    );
    let replace = |name: &str, target: &str| {
        let path = world.path("root").join(name);
        let _ = std::fs::remove_file(&path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target, path).unwrap();
    };
    replace("etc/hostname", &world.arg("outside/hostname"));
    replace("etc/apt/preferences", "../../../outside/os-release");
    replace("var/lib/dpkg/status.d", &world.arg("outside"));
    replace("var/lib/rpm", "../../../outside");
    replace("lib/apk", &world.arg("outside"));
    replace(
        "usr/lib/python3/dist-packages",
        &world.arg("outside/dist-packages"),
    );
    replace(
        "usr/local/lib/python3.11/dist-packages",
        "../../../../../../outside/dist-packages",
    );
    replace(
        "var/lib/apt/lists/evil.example.org_dists_x_main_binary-amd64_Packages",
        "../../../../../outside/status",
    );
    replace("var/log/dpkg.log", "../../../outside/status");
    for format in ["json", "inventory", "table"] {
        let ran = world
            .run(&["scan", "--root", &world.arg("root"), "--format", format])
            .clear();
        assert!(!ran.text().contains("secret"), "{}", ran.text());
        assert!(!ran.stderr.contains("secret"), "{}", ran.stderr);
    }
    // The databases themselves: the scan ends or goes on, but never with what is outside.
    for database in ["var/lib/dpkg/status", "etc/os-release"] {
        for target in [
            secret.as_str(),
            "../../../../../../../../../outside/status",
            "/proc/self/environ",
        ] {
            replace(database, target);
            let ran = world.run(&["scan", "--root", &world.arg("root"), "--format", "json"]);
            assert!(matches!(ran.code, Some(0 | 2)), "{ran:?}");
            let text = String::from_utf8_lossy(&ran.stdout);
            assert!(
                !text.contains("secret") && !text.contains("OVERLOCK"),
                "{text}"
            );
            assert!(!ran.stderr.contains("secret-"), "{}", ran.stderr);
        }
        debian::root_again(&world, database);
    }
}

#[test]
fn link_inside_the_root_is_followed_as_the_system_would() {
    let world = debian::world();
    std::fs::rename(
        world.path("root/etc/os-release"),
        world.path("root/os-release"),
    )
    .unwrap();
    // Absolute: from the root's own `/`.
    symlink("/os-release", world.path("root/etc/os-release")).unwrap();
    assert_eq!(world.scan()["host"]["os"]["version_id"], "12");
}

#[test]
fn alpine_root_is_judged_by_its_branch() {
    let world = World::new();
    debian::feeds(&world);
    world.feed(
        "alpine-secdb-v3.19-main",
        r#"{"distroversion": "v3.19", "reponame": "main", "urlprefix": "https://repo.example.org/alpine",
          "apkurl": "{{urlprefix}}/{{distroversion}}/{{reponame}}/{{arch}}/{{pkg.name}}-{{pkg.ver}}.apk",
          "archs": ["x86_64"], "packages": [
            {"pkg": {"name": "openssl", "secfixes": {"3.1.4-r6": ["CVE-2026-2001"], "3.1.4-r5": ["CVE-2026-2002"]}}}]}"#,
    );
    world.feed(
        "alpine-secdb-v3.19-community",
        r#"{"distroversion": "v3.19", "reponame": "community", "urlprefix": "", "apkurl": "", "archs": ["x86_64"],
          "packages": [{"pkg": {"name": "other", "secfixes": {"1-r0": ["CVE-2026-8001"]}}}]}"#,
    );
    world.write("root/etc/os-release", "ID=alpine\nVERSION_ID=3.19.1\n");
    world.write(
        "root/lib/apk/db/installed",
        "C:Q1aaaaaaaaaaaaaaaaaaaaaaaaaaa=\nP:libcrypto3\nV:3.1.4-r5\nA:x86_64\nS:1\nI:1\nT:libs\nU:\nL:\no:openssl\nm:\nt:1\n\n",
    );
    let report = world.scan();
    assert_eq!(
        texts(&report["exposures"], "vulnerability"),
        ["CVE-2026-2001"]
    );
    assert_eq!(report["exposures"][0]["fixed"], "3.1.4-r6");
    coverage_adds_up(&report, 1);
}
