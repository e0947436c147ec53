//! Crates that must not be linked, and those that may come once only.
//!
//! `cargo tree` is asked and not `cargo metadata`: metadata's graph holds optional dependencies that no feature turns on.

use super::Complaints;
use crate::command;
use anyhow::Result;
use std::collections::BTreeMap;

/// Anywhere in the tree, with the reason.
const BANNED: [(&str, &str); 24] = [
    ("ring", "one crypto provider: aws-lc-rs"),
    ("openssl", "one TLS: rustls"),
    ("openssl-sys", "one TLS: rustls"),
    ("native-tls", "one TLS: rustls"),
    ("bindgen", "the build needs gcc only"),
    ("lzma-rs", "lzma-rust2 is used"),
    ("xz2", "lzma-rust2 is used"),
    ("serde_yaml", "ended"),
    ("serde_yml", "unsound"),
    ("serde_yaml_ng", "serde-saphyr is used"),
    ("serde_norway", "serde-saphyr is used"),
    ("bincode", "ended, RUSTSEC-2025-0141"),
    ("bitcode", "postcard is used"),
    ("wincode", "postcard is used"),
    ("sled", "redb is used"),
    ("lmdb-sys", "redb is used"),
    ("librpm", "MPL, C library"),
    ("rpmdb", "brings a second SQLite"),
    ("sequoia-openpgp", "LGPL"),
    ("owo-colors", "anstyle is used"),
    ("colored", "anstyle is used"),
    ("inquire", "no prompts"),
    ("sysinfo", "rustix and procfs are used"),
    ("testcontainers", "tests start their own servers"),
];

/// May be a dependency of these only: the crate is named there and its program is never called.
const ONLY_UNDER: [(&str, &str); 1] = [("cmake", "aws-lc-sys")];

/// Two of them in one program fight over symbols or halve the cache.
const ONCE: [&str; 4] = ["libsqlite3-sys", "rustls", "aws-lc-sys", "tokio"];

pub fn complaints() -> Result<Complaints> {
    // A crate that was printed before is printed again without what stands below it, so every edge is there once.
    let mut cargo = command::cargo(&[
        "tree",
        "--workspace",
        "--locked",
        "-e",
        "normal,build",
        "--prefix",
        "depth",
        "-f",
        " {p}",
    ]);
    Ok(in_tree(&command::output(&mut cargo)?))
}

/// Lines are `DEPTH NAME vVERSION …`; a dependency stands below its user, one deeper.
fn in_tree(tree: &str) -> Complaints {
    let mut complaints = Vec::new();
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut path: Vec<&str> = Vec::new();
    for line in tree.lines() {
        let mut words = line.split_whitespace();
        let (Some(depth), Some(name), Some(version)) = (words.next(), words.next(), words.next())
        else {
            continue;
        };
        let Ok(depth) = depth.parse::<usize>() else {
            continue;
        };
        path.truncate(depth);
        let user = path.last().copied().unwrap_or("the workspace");
        path.push(name);
        if let Some((_, why)) = BANNED.iter().find(|(banned, _)| *banned == name) {
            complaints.push(format!(
                "`{name}` ({why}) comes in by: {}",
                path.join(" > ")
            ));
        }
        if let Some((_, only)) = ONLY_UNDER
            .iter()
            .find(|(banned, only)| *banned == name && *only != user)
        {
            complaints.push(format!(
                "`{name}` may stand under `{only}` only, comes in by: {}",
                path.join(" > ")
            ));
        }
        let seen = versions.entry(name).or_default();
        if ONCE.contains(&name) && !seen.contains(&version) {
            seen.push(version);
        }
    }
    complaints.extend(
        versions
            .iter()
            .filter(|(_, versions)| versions.len() > 1)
            .map(|(name, versions)| {
                format!(
                    "`{name}` stands in more than one version: {}",
                    versions.join(", ")
                )
            }),
    );
    // The same path shows up under every program that uses it; the shortest says enough.
    complaints.sort_by_key(|complaint| (complaint.len(), complaint.clone()));
    complaints.dedup();
    complaints.truncate(20);
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn banned_crate_is_shown_with_its_path() {
        let tree = "0 overlock v0.1.0 (/x)\n1 webpki v0.1.0\n2 ring v0.17.0\n1 serde v1.0.0\n";
        assert_eq!(
            in_tree(tree),
            ["`ring` (one crypto provider: aws-lc-rs) comes in by: overlock > webpki > ring"]
        );
    }

    #[test]
    fn cmake_is_allowed_under_aws_lc_sys_only() {
        assert_eq!(
            in_tree("0 a v1.0.0\n1 aws-lc-sys v0.1.0\n2 cmake v0.1.0\n"),
            [""; 0]
        );
        assert_eq!(in_tree("0 a v1.0.0\n1 cmake v0.1.0\n").len(), 1);
    }

    #[test]
    fn second_sqlite_is_refused() {
        let tree = "0 a v1.0.0\n1 libsqlite3-sys v0.37.0\n1 b v1.0.0\n2 libsqlite3-sys v0.38.0\n";
        assert_eq!(
            in_tree(tree),
            ["`libsqlite3-sys` stands in more than one version: v0.37.0, v0.38.0"]
        );
    }
}
