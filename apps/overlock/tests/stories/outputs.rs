//! What a scan prints: every format, colours only on terminals, pipes that close.

use crate::debian;
use crate::world::World;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

fn printed(world: &World, format: &str) -> String {
    let ran = world
        .run(&["scan", "--root", &world.arg("root"), "--format", format])
        .clear();
    assert!(!ran.stdout.contains(&0x1b), "{format} holds escapes");
    assert_eq!(ran.stderr, "", "{format}");
    ran.text().to_owned()
}

#[test]
fn every_format_speaks_of_the_same_exposures() {
    let world = debian::world();
    world.scan();
    let json = |format: &str| -> Value { serde_json::from_str(&printed(&world, format)).unwrap() };
    assert_eq!(json("json")["exposures"].as_array().unwrap().len(), 4);
    let sarif = json("sarif");
    assert_eq!(sarif["version"], "2.1.0");
    assert_eq!(sarif["runs"][0]["results"].as_array().unwrap().len(), 4);
    let bill = json("cyclonedx");
    assert_eq!(bill["bomFormat"], "CycloneDX");
    assert_eq!(
        bill["components"].as_array().unwrap().len() as u64,
        debian::PACKAGES
    );
    assert_eq!(bill["vulnerabilities"].as_array().unwrap().len(), 4);
    let csv = printed(&world, "csv");
    assert_eq!(csv.lines().count(), 1 + 4, "{csv}");
    let html = printed(&world, "html");
    assert!(html.starts_with("<!doctype html>") || html.starts_with("<!DOCTYPE html>"));
    assert!(
        !html.contains("<script src") && !html.contains("<link "),
        "self-contained"
    );
    for text in [&csv, &html, &printed(&world, "table")] {
        for vulnerability in [
            "CVE-2026-1001",
            "CVE-2026-2001",
            "CVE-2026-4001",
            "CVE-2026-5001",
        ] {
            assert!(
                text.contains(vulnerability),
                "{vulnerability} is not in {text}"
            );
        }
    }
}

/// The table as a reader sees it. `OVERLOCK_BLESS=1` writes it anew; read every changed line as code.
#[test]
fn table_is_the_golden_one() {
    let world = debian::world();
    world.scan();
    let table = printed(&world, "table");
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/table.txt");
    if std::env::var_os("OVERLOCK_BLESS").is_some() {
        std::fs::create_dir_all(std::path::Path::new(golden).parent().unwrap()).unwrap();
        std::fs::write(golden, &table).unwrap();
    }
    let expected = std::fs::read_to_string(golden).unwrap();
    assert!(
        table == expected,
        "the table changed:\n{table}\n--- expected:\n{expected}"
    );
    assert!(
        table.lines().all(|line| line.chars().count() <= 100),
        "wider than told"
    );
}

#[test]
fn colours_that_are_forced_off_stay_off() {
    let world = debian::world();
    for (name, value) in [("NO_COLOR", "1"), ("TERM", "dumb"), ("CLICOLOR", "0")] {
        let mut command = world.command(&["scan", "--root", &world.arg("missing")]);
        command.env(name, value);
        let ran = crate::world::Ran::of(command).refuses(2, &["error: "]);
        assert!(!ran.stderr.contains('\u{1b}'), "{}", ran.stderr);
    }
}

#[test]
fn reader_that_goes_away_is_no_failure() {
    let world = debian::world();
    let root = world.arg("root");
    // Enough packages that no format fits into a pipe's buffer.
    let many: String = (0..4_000)
        .map(|number| {
            format!(
                "Package: lib{number}\nStatus: install ok installed\nArchitecture: amd64\n\
                 Source: zlib\nVersion: 1:1.2.13.dfsg-1\n\n"
            )
        })
        .collect();
    world.write("root/var/lib/dpkg/status", many);
    world.scan();
    for format in ["json", "inventory", "cyclonedx", "html"] {
        let mut child = world
            .command(&["scan", "--root", &root, "--format", format])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut reader = BufReader::new(child.stdout.take().unwrap());
        let mut first = vec![0; 1];
        std::io::Read::read_exact(&mut reader, &mut first).unwrap();
        let _ = reader.fill_buf();
        drop(reader);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{format}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{format}");
    }
}

#[test]
fn full_disk_behind_stdout_is_a_failure() {
    let world = debian::world();
    world.scan();
    let full = || {
        Stdio::from(
            std::fs::File::options()
                .write(true)
                .open("/dev/full")
                .unwrap(),
        )
    };
    for arguments in [
        vec!["scan", "--format", "json", "--root"],
        vec!["scan", "--format", "table", "--root"],
        vec!["scan", "--format", "inventory", "--root"],
        vec!["explain", "CVE-2026-2001", "--root"],
    ] {
        let root = world.arg("root");
        let mut arguments = arguments;
        arguments.push(&root);
        let mut command = world.command(&arguments);
        command.stdout(full());
        let output = command.output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{arguments:?}: {stderr}");
        assert!(stderr.contains("error: "), "{stderr}");
    }
    for arguments in [
        vec!["feeds", "status"],
        vec!["version", "compare", "rpm", "1", "2"],
        vec!["cvss", "AV:N/AC:L/Au:N/C:C/I:C/A:C"],
        vec!["completions", "bash"],
    ] {
        let mut command = world.command(&arguments);
        command.stdout(full());
        let output = command.output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{arguments:?}: {stderr}");
    }
}
