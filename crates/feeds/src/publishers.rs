//! The one table of publishers, and which of them a host needs.
//!
//! `feeds sync` and the scan ask [`needed`]; the mirror tool asks [`all`]. Addresses stand here and nowhere else.
//! A mirror is laid out as the publishers are: `<mirror>/<host>/<path>` ([`Publisher::mirror_path`]).

use std::collections::BTreeSet;

use overlock_model::advisory::Ecosystem;
use overlock_model::feed::FeedId;
use overlock_model::os::Os;
use overlock_model::repository::Repository;

use crate::format::FeedFormat;

mod table;

pub use table::OSV_RUST;
use table::{Audience, TABLE};

/// One feed: where it comes from and how much of it we take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publisher {
    /// Short stable name; also the name of its folder in the store.
    pub id: FeedId,
    /// Publisher's address; for [`FeedFormat::Updateinfo`] the repository's `repodata/repomd.xml`, which names the file.
    pub url: String,
    /// FeedFormat of the file.
    pub format: FeedFormat,
    /// Largest file accepted, in bytes as transferred: about four times what the publisher served in 2026.
    pub max_bytes: u64,
    /// What the publisher allows.
    pub licence: &'static str,
    /// The release the whole file speaks of, where the file itself does not say.
    pub ecosystem: Option<Ecosystem>,
    /// Whether the publisher may rightly have no such file.
    pub presence: Presence,
}

/// Whether "not found" is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// The file always exists: its absence is an error.
    Expected,
    /// It exists only where there is something to say.
    Optional,
}

impl Publisher {
    /// Path below a mirror: the host, then the decoded path. `None` for an address without host or one that a file
    /// system cannot hold (`..`, NUL).
    #[must_use]
    pub fn mirror_path(&self) -> Option<String> {
        crate::mirror::path_below(&reqwest::Url::parse(&self.url).ok()?)
    }
}

/// Every feed of the table, with the releases known today; repositories' own `updateinfo` cannot be in it.
#[must_use]
pub fn all() -> Vec<Publisher> {
    TABLE.iter().flat_map(table::Row::all).collect()
}

/// The publisher with this id, if the table has it.
#[must_use]
pub fn find(id: &str) -> Option<Publisher> {
    all().into_iter().find(|publisher| publisher.id == id)
}

/// Just the feeds this host needs: those about every vulnerability, those of its release, those of language packages
/// when `languages`, and the `updateinfo` of its own rpm `repositories`.
#[must_use]
pub fn needed(os: &Os, languages: bool, repositories: &[Repository]) -> Vec<Publisher> {
    let mut feeds: Vec<Publisher> = TABLE
        .iter()
        .filter(|row| match row.audience {
            Audience::Everyone => true,
            Audience::Hosts(ids) => ids.contains(&os.id.as_str()),
            Audience::Languages => languages,
            Audience::OnRequest => false,
        })
        .filter_map(|row| row.of(os))
        .collect();
    if is_rpm(os) {
        feeds.extend(updateinfo(os, repositories));
    }
    feeds
}

fn is_rpm(os: &Os) -> bool {
    const FAMILIES: [&str; 6] = ["rhel", "fedora", "centos", "suse", "opensuse", "mageia"];
    const OWN: [&str; 9] = [
        "almalinux",
        "rocky",
        "ol",
        "amzn",
        "sles",
        "sled",
        "opensuse-leap",
        "opensuse-tumbleweed",
        "azurelinux",
    ];
    std::iter::once(&os.id)
        .chain(&os.id_like)
        .any(|id| FAMILIES.contains(&id.as_str()) || OWN.contains(&id.as_str()))
}

/// Feeds of the repositories themselves: each states the errata of the packages it offers.
fn updateinfo(os: &Os, repositories: &[Repository]) -> Vec<Publisher> {
    let mut taken = BTreeSet::new();
    repositories
        .iter()
        .filter(|repository| {
            repository.uri.starts_with("https://") || repository.uri.starts_with("http://")
        })
        .map(|repository| {
            let slug = slug(&repository.id);
            let mut id = format!("updateinfo-{slug}");
            let mut twin = 2_u32;
            while !taken.insert(id.clone()) {
                id = format!("updateinfo-{slug}-{twin}");
                twin += 1;
            }
            Publisher {
                id,
                url: format!(
                    "{}/repodata/repomd.xml",
                    repository.uri.trim_end_matches('/')
                ),
                format: FeedFormat::Updateinfo,
                max_bytes: 64 << 20,
                licence: "as the repository's",
                ecosystem: os.ecosystem(),
                presence: Presence::Optional,
            }
        })
        .collect()
}

/// A repository id as part of a feed id: lower case, other characters become `-`, at most 60 bytes.
fn slug(repository: &str) -> String {
    let slug: String = repository
        .chars()
        .take(60)
        .map(|c| c.to_ascii_lowercase())
        .map(|c| {
            if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') {
                c
            } else {
                '-'
            }
        })
        .collect();
    if slug.is_empty() {
        "unnamed".to_owned()
    } else {
        slug
    }
}

/// Whether a text can be a feed id, and so a folder's name: lower case letters, digits, `.`, `_`, `-`, beginning with a
/// letter or digit, at most 100 bytes. Checked wherever an id comes from outside.
#[must_use]
pub fn is_feed_id(text: &str) -> bool {
    text.len() <= 100
        && text
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_alphanumeric())
        && text.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'-')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn os(id: &str, version_id: &str) -> Os {
        Os {
            id: id.to_owned(),
            version_id: version_id.to_owned(),
            ..Os::default()
        }
    }

    fn ids(feeds: &[Publisher]) -> Vec<&str> {
        feeds.iter().map(|feed| feed.id.as_str()).collect()
    }

    fn repository(id: &str, uri: &str) -> Repository {
        serde_json::from_value(serde_json::json!({
            "id": id, "uri": uri, "signature": {"state": "unsigned"}
        }))
        .unwrap()
    }

    #[test]
    fn ids_are_unique_folder_names_and_addresses_are_https() {
        let all = all();
        let unique: BTreeSet<_> = all.iter().map(|feed| &feed.id).collect();
        assert_eq!(unique.len(), all.len());
        for feed in &all {
            assert!(is_feed_id(&feed.id), "{}", feed.id);
            assert!(feed.url.starts_with("https://"), "{}", feed.url);
            assert!(!feed.url.contains(['{', '}']), "{}", feed.url);
            assert!(feed.mirror_path().is_some(), "{}", feed.url);
            assert!(feed.max_bytes >= 1 << 20);
        }
        let paths: BTreeSet<_> = all.iter().map(Publisher::mirror_path).collect();
        assert_eq!(
            paths.len(),
            all.len(),
            "a mirror holds each feed in its own file"
        );
    }

    #[test]
    fn debian_host_needs_its_own_feeds_and_the_general_ones() {
        assert_eq!(
            ids(&needed(&os("debian", "12"), false, &[])),
            [
                "cisa-kev",
                "epss",
                "vulnrichment",
                "debian-tracker",
                "debian-dsa",
                "debian-dla",
                "eol-debian",
                "debian-support-limited",
                "debian-support-ended-12"
            ]
        );
    }

    #[test]
    fn unstable_debian_without_a_number_asks_for_no_numbered_list() {
        let feeds = needed(&os("debian", ""), false, &[]);
        assert!(
            !ids(&feeds)
                .iter()
                .any(|id| id.starts_with("debian-support-ended"))
        );
    }

    #[test]
    fn alpine_host_gets_its_branch() {
        for (version, branch) in [
            ("3.19.1", "v3.19"),
            ("3.30.0", "v3.30"),
            ("3.24_alpha20260101", "edge"),
        ] {
            let feeds = needed(&os("alpine", version), false, &[]);
            let main = feeds
                .iter()
                .find(|feed| feed.id.ends_with("-main"))
                .unwrap();
            assert_eq!(
                main.url,
                format!("https://secdb.alpinelinux.org/{branch}/main.json")
            );
        }
        for hostile in ["", "3", "3.../../etc", "3.a", "3.123456"] {
            let feeds = needed(&os("alpine", hostile), false, &[]);
            assert!(
                !ids(&feeds).iter().any(|id| id.starts_with("alpine")),
                "{hostile}"
            );
        }
    }

    #[test]
    fn language_feeds_are_only_for_those_who_look_at_language_packages() {
        let without = needed(&os("arch", ""), false, &[]);
        let with = needed(&os("arch", ""), true, &[]);
        assert!(ids(&without).contains(&"arch"));
        assert!(!ids(&without).contains(&"osv-npm"));
        assert!(ids(&with).contains(&"osv-npm") && ids(&with).contains(&"rustsec"));
    }

    #[test]
    fn rpm_host_gets_the_updateinfo_of_its_own_repositories() {
        let repositories = [
            repository("BaseOS", "https://repo.example.org/9/BaseOS/"),
            repository("baseos", "http://other.example.org/9/BaseOS"),
            repository("media", "file:///mnt/media"),
        ];
        let feeds = needed(&os("almalinux", "9.4"), false, &repositories);
        let own: Vec<_> = feeds
            .iter()
            .filter(|feed| feed.format == FeedFormat::Updateinfo)
            .collect();
        assert_eq!(own.len(), 2);
        assert_eq!(own[0].id, "updateinfo-baseos");
        assert_eq!(
            own[0].url,
            "https://repo.example.org/9/BaseOS/repodata/repomd.xml"
        );
        assert_eq!(own[0].ecosystem, Some(Ecosystem("almalinux:9".to_owned())));
        assert_eq!(own[1].id, "updateinfo-baseos-2");
        assert!(ids(&feeds).contains(&"osv-almalinux"));
        assert!(
            !needed(&os("debian", "12"), false, &repositories)
                .iter()
                .any(|feed| feed.format == FeedFormat::Updateinfo)
        );
    }

    #[test]
    fn unknown_system_still_gets_the_general_feeds() {
        assert_eq!(
            ids(&needed(&os("plan9", "4"), false, &[])),
            ["cisa-kev", "epss", "vulnrichment"]
        );
    }

    #[test]
    fn hostile_ids_are_no_folder_names() {
        for id in [
            "",
            ".",
            "..",
            "../x",
            "a/b",
            "A",
            "a\0b",
            "-x",
            &"a".repeat(101),
        ] {
            assert!(!is_feed_id(id), "{id:?}");
        }
    }
}
