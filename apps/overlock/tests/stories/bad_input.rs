//! Bad input of every kind: a clear error with a place, exit 2, nothing on stdout, and never a panic.

use crate::debian;
use crate::world::{Ran, World, texts};
use std::fs::File;
use std::process::Stdio;

/// Bytes that are no text and no format, the same ones each time.
fn garbage(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    })
    .take(length)
    .collect()
}

fn nested(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}

#[test]
fn garbage_instead_of_a_dpkg_database_ends_the_scan() {
    let world = debian::world();
    for (content, place) in [
        (garbage(100_000), "var/lib/dpkg/status"),
        (b"no colon here\n".to_vec(), "var/lib/dpkg/status"),
        (
            b"Package: a\nStatus: install ok installed\nArchitecture: amd64\n\n".to_vec(),
            "var/lib/dpkg/status",
        ),
    ] {
        world.write("root/var/lib/dpkg/status", content);
        world
            .run(&["scan", "--root", &world.arg("root")])
            .refuses(2, &["package database", place]);
    }
}

/// Half an inventory would read like a whole one. A cut at the end of a stanza cannot be told from a smaller host.
#[test]
fn dpkg_database_that_was_cut_off_never_panics() {
    let world = debian::world();
    let whole = debian::status();
    for cut in (1..whole.len()).step_by(97) {
        world.write("root/var/lib/dpkg/status", &whole.as_bytes()[..cut]);
        let ran = world.run(&[
            "scan",
            "--offline",
            "--root",
            &world.arg("root"),
            "--format",
            "json",
        ]);
        match ran.code {
            Some(0) => drop(ran.json()),
            _ => drop(ran.refuses(2, &["var/lib/dpkg/status"])),
        }
    }
}

#[test]
fn names_that_are_no_utf8_are_shown_and_lose_nothing() {
    let world = debian::world();
    let mut status = debian::status().into_bytes();
    status.extend_from_slice(
        b"Package: b\xffd\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.0\n\n",
    );
    world.write("root/var/lib/dpkg/status", status);
    let ran = world.run(&["scan", "--root", &world.arg("root"), "--format", "json"]);
    match ran.code {
        Some(0) => assert_eq!(ran.json()["coverage"]["packages"], debian::PACKAGES + 1),
        _ => drop(ran.refuses(2, &["var/lib/dpkg/status"])),
    }
}

#[test]
fn broken_rpm_databases_name_the_file_and_the_old_format_its_remedy() {
    let world = World::new();
    world.write("root/etc/os-release", "ID=almalinux\nVERSION_ID=9.4\n");
    let scan = || world.run(&["scan", "--offline", "--root", &world.arg("root")]);
    let database = "root/var/lib/rpm/rpmdb.sqlite";
    for content in [
        garbage(8192),
        b"SQLite format 3\0".to_vec(),
        [b"SQLite format 3\0".as_slice(), &garbage(8192)].concat(),
    ] {
        world.write(database, content);
        scan().refuses(2, &["rpmdb.sqlite"]);
    }
    std::fs::remove_file(world.path(database)).unwrap();
    world.write("root/var/lib/rpm/Packages.db", garbage(8192));
    scan().refuses(2, &["Packages.db"]);
    std::fs::remove_file(world.path("root/var/lib/rpm/Packages.db")).unwrap();
    // Berkeley's magic number at its offset.
    let mut old = vec![0; 8192];
    old[12..16].copy_from_slice(&0x0006_1561_u32.to_le_bytes());
    world.write("root/var/lib/rpm/Packages", old);
    scan().refuses(2, &["var/lib/rpm/Packages", "hint: "]);
}

#[test]
fn broken_apk_database_names_the_file() {
    let world = World::new();
    world.write("root/etc/os-release", "ID=alpine\nVERSION_ID=3.19.1\n");
    for content in [garbage(50_000), b"P:\nV:1\n\n".to_vec()] {
        world.write("root/lib/apk/db/installed", content);
        world
            .run(&["scan", "--offline", "--root", &world.arg("root")])
            .refuses(2, &["lib/apk/db/installed"]);
    }
}

#[test]
fn broken_repository_lists_are_said_and_the_scan_goes_on() {
    let world = debian::world();
    let list =
        "root/var/lib/apt/lists/deb.example.org_debian_dists_bookworm_main_binary-amd64_Packages";
    std::fs::remove_file(world.path(list)).unwrap();
    for (name, content) in [
        (list.to_owned(), garbage(50_000)),
        (format!("{list}.lz4"), garbage(50_000)),
        (format!("{list}.xz"), garbage(50_000)),
    ] {
        world.write(&name, content);
        let report = world.scan();
        assert!(
            !report["host"]["unseen"].as_array().unwrap().is_empty(),
            "{name}"
        );
        assert!(
            texts(&report["exposures"], "vulnerability").contains(&"CVE-2026-2001"),
            "{name}: what is installed is known all the same"
        );
        std::fs::remove_file(world.path(&name)).unwrap();
    }
}

#[test]
fn inventories_that_are_none_are_refused_with_their_place() {
    let world = debian::world();
    let whole = world
        .run(&[
            "scan",
            "--root",
            &world.arg("root"),
            "--format",
            "inventory",
        ])
        .clear()
        .stdout;
    let text = String::from_utf8(whole.clone()).unwrap();
    let mut not_utf8 = whole.clone();
    not_utf8[20] = 0xff;
    let os = r#""os": {"id": "debian", "version_id": "12"}"#;
    for (content, words) in [
        (garbage(5_000), &[][..]),
        (Vec::new(), &[]),
        (whole[..whole.len() / 2].to_vec(), &["line"]),
        (not_utf8, &[]),
        (nested(10_000).into_bytes(), &[]),
        (
            format!(r#"{{{os}, "packages": {}}}"#, nested(10_000)).into_bytes(),
            &["line"],
        ),
        (
            text.replace("overlock.inventory/1", "overlock.inventory/2")
                .into_bytes(),
            &["2", "hint: "],
        ),
        (
            text.replace("overlock.inventory/1", "overlock.scan/1")
                .into_bytes(),
            &["schema", "hint: "],
        ),
        (
            br#"{"os": {"id": "debian"}, "packages": []}"#.to_vec(),
            &["version_id"],
        ),
        (format!(r#"{{{os}}}"#).into_bytes(), &["packages"]),
        (
            format!(r#"{{{os}, "packages": [{{"type": "deb", "name": "a"}}]}}"#).into_bytes(),
            &["version", "line"],
        ),
        (
            format!(r#"{{{os}, "packages": [{{"type": "deb", "name": "", "version": "1"}}]}}"#)
                .into_bytes(),
            &["packages[0].name"],
        ),
        (
            br#"{"bomFormat": "CycloneDX", "specVersion": "1.6"}"#.to_vec(),
            &["--sbom"],
        ),
    ] {
        let file = world.write("bad.json", &content);
        let started = String::from_utf8_lossy(&content[..content.len().min(60)]).into_owned();
        println!("{started}");
        world
            .run(&["scan", "--inventory", &file])
            .refuses(2, &["bad.json"])
            .says(words);
        world
            .run(&["explain", "CVE-2026-2001", "--inventory", &file])
            .refuses(2, &["bad.json"]);
    }
    world
        .run(&["scan", "--inventory", &world.arg("missing.json")])
        .refuses(2, &["missing.json"]);
    world
        .run(&["scan", "--inventory", &world.arg("root")])
        .refuses(2, &["root"]);
}

#[test]
fn bills_of_materials_that_are_none_are_refused_with_their_place() {
    let world = debian::world();
    let nested_component = format!(
        r#"{{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": {}}}"#,
        r#"[{"type": "library", "name": "a", "components": "#.repeat(10_000)
            + "[]"
            + &"}]".repeat(10_000)
    );
    for content in [
        garbage(5_000),
        Vec::new(),
        nested(10_000).into_bytes(),
        nested_component.into_bytes(),
        br#"{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": ["#.to_vec(),
        br#"{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": 7}"#.to_vec(),
        br#"{"spdxVersion": "SPDX-2.3", "packages": {"name": 1}}"#.to_vec(),
        br#"{"hello": "world"}"#.to_vec(),
        br#"<?xml version="1.0"?><bom xmlns="http://cyclonedx.org/schema/bom/1.5"/>"#.to_vec(),
    ] {
        let file = world.write("bad.json", &content);
        println!(
            "{}",
            String::from_utf8_lossy(&content[..content.len().min(60)])
        );
        world
            .run(&["scan", "--sbom", &file])
            .refuses(2, &["bad.json"]);
    }
}

#[test]
fn bill_of_materials_is_judged() {
    let world = debian::world();
    let bill = r#"{"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": [
        {"type": "operating-system", "name": "debian", "version": "12"},
        {"type": "library", "name": "openssl", "version": "3.0.14-1~deb12u1",
         "purl": "pkg:deb/debian/openssl@3.0.14-1~deb12u1?arch=amd64&distro=debian-12"}]}"#;
    let file = world.write("bill.json", bill);
    let report = world
        .run(&["scan", "--sbom", &file, "--format", "json"])
        .clear()
        .json();
    assert_eq!(
        texts(&report["exposures"], "vulnerability"),
        ["CVE-2026-2001"]
    );
}

#[test]
fn facts_that_are_none_are_refused_with_their_place() {
    let world = debian::world();
    let root = world.arg("root");
    for (content, words) in [
        (garbage(500), &[][..]),
        (b"criticality = 'huge'\n".to_vec(), &["huge"]),
        (b"criticality = \n".to_vec(), &["line 1"]),
        (b"colour = 'red'\n".to_vec(), &["colour"]),
        (b"[policy]\nnever = 1\n".to_vec(), &["never"]),
        (b"rules = ['whim']\n".to_vec(), &["whim"]),
        (format!("a = {}", nested(10_000)).into_bytes(), &[]),
        (vec![b' '; (1 << 20) + 1], &["larger than 1 MiB"]),
    ] {
        let file = world.write("facts.toml", content);
        world
            .run(&["scan", "--root", &root, "--facts", &file])
            .refuses(2, &["facts.toml"])
            .says(words);
    }
    world
        .run(&[
            "scan",
            "--root",
            &root,
            "--facts",
            &world.arg("missing.toml"),
        ])
        .refuses(2, &["missing.toml"]);
    let mut command = world.command(&["scan", "--root", &root, "--facts", "/dev/zero"]);
    command.stdin(Stdio::null());
    Ran::of(command).refuses(2, &["/dev/zero"]);
}

/// A reader that takes a whole line first would never come back from this one.
#[test]
fn endless_line_on_standard_input_is_refused() {
    let world = World::new();
    for arguments in [&["version", "compare", "dpkg", "-"][..], &["cvss", "-"]] {
        let mut command = world.command(arguments);
        command.stdin(File::open("/dev/zero").unwrap());
        Ran::of(command).refuses(2, &["line 1"]);
    }
}

#[test]
fn hostile_names_do_not_steer_the_terminal() {
    let world = debian::world();
    world.write(
        "root/etc/os-release",
        "ID=debian\nVERSION_ID=12\nPRETTY_NAME=\"Debian \u{1b}[31mred \u{202e}desrever\"\n",
    );
    world.write("root/etc/hostname", "host\u{1b}]0;title\u{7}\n");
    for format in ["table", "csv", "html", "json"] {
        let ran = world
            .run(&["scan", "--root", &world.arg("root"), "--format", format])
            .clear();
        for hostile in ['\u{1b}', '\u{7}', '\u{202e}'] {
            assert!(
                !ran.text().contains(hostile),
                "{format}: {}",
                ran.text().escape_debug()
            );
        }
    }
}
