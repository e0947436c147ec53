//! apk's database, world file and signed indexes, on a root laid out by hand.
//!
//! Debian has no apk-tools, so there is no oracle here. The signed indexes were made with tar, gzip and openssl as
//! abuild-sign does; their private key was thrown away.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where something fails"
)]

use overlock_model::package::Hold;
use overlock_model::repository::{Blocked, Signature};
use overlock_packages::apk;
use overlock_rootfs::Root;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

const MAIN: &str = "https://dl.example.org/alpine/v3.19/main";
/// First four bytes of SHA-1 and of SHA-256 over `MAIN`, as apk-tools 2 and 3 name the cached index.
const CACHED: [&str; 2] = ["APKINDEX.acc57cb8.tar.gz", "APKINDEX.e26916cd.tar.gz"];
const KEY: &str = "team@example.org-0a1b2c3d.rsa.pub";
const DATABASE: &str = "C:Q1x=\nP:libcrypto3\nV:3.1.4-r5\nA:x86_64\no:openssl\nF:lib\nR:libcrypto.so.3\n\n\
    P:busybox-binsh\nV:1.36.1-r15\nA:x86_64\no:busybox\n\nP:musl\nV:1.2.4-r2\nA:x86_64\no:musl\n\n\
    P:nginx\nV:1.24.0-r15\nA:x86_64\no:nginx\n\nP:own-tool\nV:1-r0\nA:x86_64\no:own-tool\n";

fn fixture(name: &str) -> Vec<u8> {
    fs::read(
        PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("tests/fixtures/apk")
            .join(name),
    )
    .unwrap()
}

struct Host(TempDir);

impl Host {
    fn new() -> Self {
        let host = Self(TempDir::new().unwrap());
        for folder in ["lib/apk/db", "etc/apk/keys", "var/cache/apk"] {
            fs::create_dir_all(host.0.path().join(folder)).unwrap();
        }
        host.write("lib/apk/db/installed", DATABASE);
        host.write("etc/apk/world", "busybox\nnginx=1.24.0-r15\nlibcrypto3>3\n");
        host.write(
            "etc/apk/repositories",
            format!("{MAIN}\n@edge https://dl.example.org/alpine/edge/testing\n"),
        );
        host.write(&format!("etc/apk/keys/{KEY}"), fixture(KEY));
        host
    }

    fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        fs::write(self.0.path().join(path), content).unwrap();
    }

    fn root(&self) -> Root {
        Root::open(self.0.path()).unwrap()
    }
}

#[test]
fn packages_keep_origin_and_pins() {
    let found = apk::installed(&Host::new().root()).unwrap().unwrap();
    assert_eq!(found.unseen, []);
    assert_eq!(found.packages.len(), 5);
    assert_eq!(found.packages[0].source_name(), "openssl");
    let holds: Vec<_> = found
        .packages
        .iter()
        .filter(|package| package.hold == Some(Hold::Ignored))
        .collect();
    assert_eq!(
        holds
            .iter()
            .map(|package| package.name.as_str())
            .collect::<Vec<_>>(),
        ["nginx"]
    );
}

#[test]
fn both_kinds_of_signature_are_verified_and_their_owner_is_the_origin() {
    for (index, cached) in [
        ("signed-sha1.tar.gz", CACHED[0]),
        ("signed-sha256.tar.gz", CACHED[1]),
    ] {
        let host = Host::new();
        host.write(&format!("var/cache/apk/{cached}"), fixture(index));
        let root = host.root();
        let mut packages = apk::installed(&root).unwrap().unwrap().packages;
        let survey = apk::survey(&root, &mut packages);
        let main = &survey.repositories[0];
        assert!(
            matches!(&main.signature, Signature::Verified { key } if key.len() == 64),
            "{:?}",
            main.signature
        );
        assert_eq!(
            (main.id.as_str(), main.packages, main.fetched.is_some()),
            ("v3.19/main", Some(4), true)
        );
        assert_eq!(
            survey.unseen.len(),
            1,
            "the tagged repository has no index: {:?}",
            survey.unseen
        );

        let offers: Vec<_> = survey
            .offers
            .iter()
            .map(|offer| (offer.package.as_str(), offer.version.as_str()))
            .collect();
        assert_eq!(
            offers,
            [
                ("busybox-binsh", "1.36.1-r16"),
                ("libcrypto3", "3.1.4-r6"),
                ("musl", "1.2.4-r2"),
                ("nginx", "1.24.0-r16"),
            ]
        );
        assert_eq!(
            survey.offers[0].requires_exactly,
            [("busybox".to_owned(), "1.36.1-r16".to_owned())]
        );
        assert_eq!(survey.offers[3].blocked, Some(Blocked::Hold));
        let origin = |name: &str| {
            packages
                .iter()
                .find(|package| package.name == name)
                .unwrap()
                .origin
                .clone()
        };
        assert_eq!(
            (origin("musl").as_deref(), origin("own-tool")),
            (Some("team@example.org"), None)
        );
    }
}

#[test]
fn a_changed_index_and_a_missing_key_are_told() {
    let host = Host::new();
    let mut index = fixture("signed-sha1.tar.gz");
    let last = index.len() - 9;
    index[last] ^= 1;
    host.write(&format!("var/cache/apk/{}", CACHED[0]), &index);
    let signature = |host: &Host| {
        apk::survey(&host.root(), &mut []).repositories[0]
            .signature
            .clone()
    };
    assert!(
        matches!(signature(&host), Signature::Bad { .. }),
        "{:?}",
        signature(&host)
    );

    host.write(
        &format!("var/cache/apk/{}", CACHED[0]),
        fixture("signed-sha1.tar.gz"),
    );
    fs::remove_file(host.0.path().join("etc/apk/keys").join(KEY)).unwrap();
    assert_eq!(
        signature(&host),
        Signature::UnknownKey {
            key: KEY.to_owned()
        }
    );
}

#[test]
fn no_cut_of_an_index_panics_or_passes_as_verified() {
    let whole = fixture("signed-sha1.tar.gz");
    let host = Host::new();
    for cut in (0..whole.len()).step_by(7) {
        host.write(&format!("var/cache/apk/{}", CACHED[0]), &whole[..cut]);
        let survey = apk::survey(&host.root(), &mut []);
        assert!(
            !matches!(survey.repositories[0].signature, Signature::Verified { .. }),
            "cut at {cut}"
        );
        assert_eq!(survey.unseen.len(), 2, "cut at {cut}: {:?}", survey.unseen);
    }
}

#[test]
fn a_database_of_garbage_is_an_error_and_none_is_none() {
    let host = Host::new();
    host.write("lib/apk/db/installed", [0xff; 5000]);
    assert!(apk::installed(&host.root()).is_err());
    fs::remove_file(host.0.path().join("lib/apk/db/installed")).unwrap();
    assert_eq!(apk::installed(&host.root()).unwrap(), None);
}
