//! The small commands: versions, CVSS, completions, help.

use crate::world::World;

/// Scheme, lesser version, greater version.
const ORDERED: [(&str, &str, &str); 10] = [
    ("dpkg", "1.0~rc1-1", "1.0-1"),
    ("rpm", "1.0~rc1-1", "1.0^git1-1"),
    ("apk", "1.0_rc1-r0", "1.0-r0"),
    ("alpm", "1.0rc1-1", "1.0-1"),
    ("semver", "1.0.0-rc.1", "1.0.0"),
    ("pep440", "1.0.dev1", "1.0rc1"),
    ("npm", "1.0.0-beta.2", "1.0.0-beta.11"),
    ("maven", "1.0-alpha-1", "1.0-SNAPSHOT"),
    ("rubygems", "1.0.a", "1.0"),
    ("nuget", "1.0.0-alpha", "1.0.0.1"),
];

#[test]
fn every_scheme_orders_two_versions() {
    let world = World::new();
    for (scheme, lesser, greater) in ORDERED {
        for (a, b, sign) in [
            (lesser, greater, "<\n"),
            (greater, lesser, ">\n"),
            (lesser, lesser, "=\n"),
        ] {
            let ran = world.run(&["version", "compare", scheme, a, b]).clear();
            assert_eq!(ran.text(), sign, "{scheme} {a} {b}");
        }
    }
}

#[test]
fn lines_that_do_not_hold_are_listed() {
    let world = World::new();
    let check =
        |lines: &str| world.run_with(lines.as_bytes(), &["version", "compare", "dpkg", "-"]);
    let all_hold =
        check("1.0 < 2.0\n# a remark\n\n2:1 gt 9\n1.0 = 1.0-0\n1 != 2\n1 <= 1\n2 >= 1\n").clear();
    assert_eq!(all_hold.text(), "");
    let ran = check("1.0 < 2.0\n3.0 < 2.0\n1 = 1\n").exits(1);
    assert_eq!(ran.text(), "3.0 < 2.0\t(line 2: it is 3.0 > 2.0)\n");
    check("").clear();
}

#[test]
fn line_that_is_no_comparison_ends_the_check() {
    let world = World::new();
    for (line, place) in [
        (&b"1.0 < 2.0\n1.0 2.0\n"[..], "line 2"),
        (b"1.0 <> 2.0\n", "line 1"),
        (b"1.0 < bad version\n", "line 1"),
        (b"\n\xff\xfe < 1\n", "line 2"),
        (b"a_b! < 1\n", "line 1"),
    ] {
        world
            .run_with(line, &["version", "compare", "dpkg", "-"])
            .refuses(2, &[place]);
    }
}

#[test]
fn bad_versions_and_schemes_are_refused() {
    let world = World::new();
    world
        .run(&["version", "compare", "dpkg", "1.0"])
        .refuses(2, &["second version", "hint: "]);
    world
        .run(&["version", "compare", "zypper", "1", "2"])
        .refuses(2, &["zypper", "dpkg"]);
    world
        .run(&["version", "compare", "dpkg", "1.0", "no version!"])
        .refuses(2, &["no version!"]);
    world
        .run(&["version", "compare", "semver", "1.0.0", "not.a.version"])
        .refuses(2, &["not.a.version"]);
}

const V31: &str = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H";

#[test]
fn vectors_are_scored_a_line_each() {
    let world = World::new();
    let v2 = "AV:N/AC:L/Au:N/C:C/I:C/A:C";
    let ran = world.run(&["cvss", V31, v2]).clear();
    assert_eq!(
        ran.text(),
        format!("9.8\tcritical\tCVSS-B\t{V31}\n10.0\thigh\tCVSS-B\t{v2}\n")
    );
    let v4 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N/E:U";
    let piped = world
        .run_with(format!("{v4}\n\n").as_bytes(), &["cvss", "-"])
        .clear();
    assert!(piped.text().contains("\tCVSS-BT\t"), "{}", piped.text());
}

#[test]
fn bad_vector_is_refused_with_its_place() {
    let world = World::new();
    world
        .run(&["cvss", "CVSS:3.1/AV:N"])
        .refuses(2, &["command line"]);
    world.run(&["cvss", ""]).refuses(2, &[]);
    world.run(&["cvss"]).refuses(2, &["VECTORS"]);
    let ran = world.run_with(format!("{V31}\nCVSS:9.9/AV:N\n").as_bytes(), &["cvss", "-"]);
    ran.exits(2).says(&["error: ", "line 2"]);
    world
        .run_with(b"\xff\xfe\n", &["cvss", "-"])
        .refuses(2, &["line 1"]);
}

#[test]
fn help_version_and_completions_are_there() {
    let world = World::new();
    for words in [
        vec!["--help"],
        vec!["scan", "--help"],
        vec!["explain", "--help"],
        vec!["feeds", "sync", "--help"],
        vec!["feeds", "status", "--help"],
        vec!["version", "compare", "--help"],
        vec!["cvss", "--help"],
    ] {
        let ran = world.run(&words).clear();
        assert!(ran.text().contains("Usage: overlock"), "{words:?}");
        assert!(!ran.stdout.contains(&0x1b));
    }
    assert!(
        world
            .run(&["--version"])
            .clear()
            .text()
            .starts_with("overlock ")
    );
    for shell in ["bash", "zsh", "fish"] {
        assert!(
            world
                .run(&["completions", shell])
                .clear()
                .text()
                .contains("overlock")
        );
    }
    world.run(&[]).exits(2);
    world
        .run(&["patch-everything"])
        .refuses(2, &["patch-everything"]);
}
