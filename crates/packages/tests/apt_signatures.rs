//! Signatures made by GnuPG with keys in every state a key can be in. Skipped, visibly, where `gpg` is not there.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops where it finds something wrong"
)]

use overlock_model::repository::Signature;
use overlock_packages::apt::{self, KeyRing, verify_detached, verify_inline};
use overlock_packages::deb;
use overlock_rootfs::Root;
use overlock_testkit::skip;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

struct Gpg {
    home: tempfile::TempDir,
}

impl Gpg {
    fn new() -> Option<Self> {
        Command::new("gpg").arg("--version").output().ok()?;
        Some(Self {
            home: tempfile::tempdir().unwrap(),
        })
    }

    fn run(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let mut child = Command::new("gpg")
            .args([
                "--batch",
                "--yes",
                "--quiet",
                "--pinentry-mode",
                "loopback",
                "--passphrase",
                "",
            ])
            .args(arguments)
            .env("GNUPGHOME", self.home.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    }

    /// Makes a key at a time, valid for a while, and gives back its fingerprint.
    fn key(&self, name: &str, algorithm: &str, time: &str, valid: &str) -> String {
        self.run(
            &[
                "--faked-system-time",
                time,
                "--quick-generate-key",
                name,
                algorithm,
                "sign",
                valid,
            ],
            b"",
        );
        let list =
            String::from_utf8(self.run(&["--with-colons", "--list-keys", name], b"")).unwrap();
        list.lines()
            .find_map(|line| line.strip_prefix("fpr:"))
            .unwrap()
            .trim_matches(':')
            .to_owned()
    }

    fn ring(&self, name: &str) -> KeyRing {
        let mut ring = KeyRing::default();
        assert!(ring.add(&self.run(&["--export", name], b"")));
        ring
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        // The agent that gpg started for this home folder, and no other.
        let _ = Command::new("gpgconf")
            .args(["--kill", "all"])
            .env("GNUPGHOME", self.home.path())
            .status();
    }
}

const TEXT: &[u8] = b"Origin: Own\nSuite: x\n- dash\nDate: Sat, 11 Jul 2026 10:16:37 UTC\n";

#[test]
fn good_expired_revoked_weak_and_changed_are_told_apart() {
    let Some(gpg) = Gpg::new() else {
        return skip(
            "good_expired_revoked_weak_and_changed_are_told_apart",
            "gpg is not here",
        );
    };
    let sign = |key: &str, more: &[&str]| {
        let mut arguments = vec!["--local-user", key];
        arguments.extend(more);
        arguments.push("--clearsign");
        gpg.run(&arguments, TEXT)
    };
    let why = |verdict: Signature| match verdict {
        Signature::Bad { why } => why,
        other => panic!("{other:?}"),
    };
    for algorithm in ["ed25519", "rsa2048"] {
        let name = format!("good-{algorithm}");
        let key = gpg.key(&name, algorithm, "20260101T000000!", "0");
        let message = sign(&name, &["--faked-system-time", "20260201T000000!"]);
        let ring = gpg.ring(&name);
        let (text, verdict) = verify_inline(&message, &ring);
        assert_eq!(verdict, Signature::Verified { key: key.clone() });
        assert!(text.unwrap().contains("Origin: Own"));
        let changed = String::from_utf8(message.clone())
            .unwrap()
            .replace("Own", "Other");
        why(verify_inline(changed.as_bytes(), &ring).1);
        let weak = sign(
            &name,
            &[
                "--faked-system-time",
                "20260201T000000!",
                "--digest-algo",
                "SHA1",
            ],
        );
        assert!(why(verify_inline(&weak, &ring).1).contains("no longer protects"));
        let early = sign(
            &name,
            &[
                "--faked-system-time",
                "20250201T000000!",
                "--ignore-time-conflict",
                "--ignore-valid-from",
            ],
        );
        assert!(why(verify_inline(&early, &ring).1).contains("younger"));
        let detached = gpg.run(&["--local-user", &name, "--armor", "--detach-sign"], TEXT);
        assert_eq!(
            verify_detached(TEXT, &detached, &ring),
            Signature::Verified { key: key.clone() }
        );
        let binary = gpg.run(&["--local-user", &name, "--detach-sign"], TEXT);
        assert_eq!(
            verify_detached(TEXT, &binary, &ring),
            Signature::Verified { key: key.clone() }
        );
        why(verify_detached(b"other", &detached, &ring));
        // A second key's signature beside it does no harm; a stranger alone is a stranger.
        let stranger = format!("stranger-{algorithm}");
        let theirs = gpg.key(&stranger, algorithm, "20260101T000000!", "0");
        assert_eq!(
            verify_inline(&sign(&stranger, &[]), &ring).1,
            Signature::UnknownKey { key: theirs }
        );
        let both = gpg.run(
            &[
                "--local-user",
                &stranger,
                "--local-user",
                &name,
                "--clearsign",
            ],
            TEXT,
        );
        assert_eq!(verify_inline(&both, &ring).1, Signature::Verified { key });
    }

    gpg.key("short", "ed25519", "20260101T000000!", "1m");
    let inside = sign("short", &["--faked-system-time", "20260110T000000!"]);
    assert!(matches!(
        verify_inline(&inside, &gpg.ring("short")).1,
        Signature::Verified { .. }
    ));
    let expired = gpg.key("expired", "ed25519", "20260101T000000!", "0");
    let late = sign("expired", &["--faked-system-time", "20260601T000000!"]);
    gpg.run(
        &[
            "--faked-system-time",
            "20260102T000000!",
            "--quick-set-expire",
            &expired,
            "20260301T000000",
        ],
        b"",
    );
    assert!(why(verify_inline(&late, &gpg.ring("expired")).1).contains("expired"));

    let revoked = gpg.key("revoked", "ed25519", "20260101T000000!", "0");
    let message = sign("revoked", &["--faked-system-time", "20260201T000000!"]);
    let certificate = std::fs::read_to_string(
        gpg.home
            .path()
            .join(format!("openpgp-revocs.d/{revoked}.rev")),
    )
    .unwrap();
    gpg.run(
        &["--import"],
        certificate.replace(":-----BEGIN", "-----BEGIN").as_bytes(),
    );
    assert!(why(verify_inline(&message, &gpg.ring("revoked")).1).contains("revoked"));
}

#[test]
fn a_list_that_is_not_the_signed_one_makes_its_repository_bad() {
    let Some(gpg) = Gpg::new() else {
        return skip(
            "a_list_that_is_not_the_signed_one_makes_its_repository_bad",
            "gpg is not here",
        );
    };
    gpg.key("archive", "ed25519", "20260101T000000!", "0");
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, bytes: &[u8]| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    let list = b"Package: a\nVersion: 2\nArchitecture: amd64\n\n";
    let hash = {
        let output = Command::new("sha256sum")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .and_then(|mut child| {
                child.stdin.take().unwrap().write_all(list)?;
                child.wait_with_output()
            });
        String::from_utf8(output.unwrap().stdout)
            .unwrap()
            .split_whitespace()
            .next()
            .unwrap()
            .to_owned()
    };
    let release = format!(
        "Origin: Own\nSuite: x\nSHA256:\n {hash} {} main/binary-amd64/Packages\n",
        list.len()
    );
    let name = |file: &str| {
        format!(
            "var/lib/apt/lists/{}",
            apt::list_name(&format!("http://example.org/r/dists/x/{file}"))
        )
    };
    write(
        &name("InRelease"),
        &gpg.run(
            &["--local-user", "archive", "--clearsign"],
            release.as_bytes(),
        ),
    );
    write(&name("main/binary-amd64/Packages"), list);
    let armored = String::from_utf8(gpg.run(&["--armor", "--export", "archive"], b"")).unwrap();
    let folded: String = armored
        .lines()
        .map(|line| format!(" {}\n", if line.is_empty() { "." } else { line }))
        .collect();
    write(
        "etc/apt/sources.list.d/own.sources",
        format!("Types: deb\nURIs: http://example.org/r\nSuites: x\nComponents: main\nSigned-By:\n{folded}").as_bytes(),
    );
    let status = "Package: dpkg\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\nPackage: a\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n";
    write("var/lib/dpkg/status", status.as_bytes());
    let cache = tempfile::tempdir().unwrap();
    let survey = |root: &Path| {
        let root = Root::open(root).unwrap();
        let mut packages = deb::installed(&root).unwrap().unwrap().packages;
        apt::survey(&root, &mut packages, None, Some(cache.path())).unwrap()
    };
    let good = survey(folder.path());
    assert!(
        matches!(good.repositories[0].signature, Signature::Verified { .. }),
        "{:?}",
        good.repositories
    );
    assert_eq!(good.offers[0].version, "2");

    write(
        &name("main/binary-amd64/Packages"),
        b"Package: a\nVersion: 3\nArchitecture: amd64\n\n",
    );
    let changed = survey(folder.path());
    assert!(
        matches!(&changed.repositories[0].signature, Signature::Bad { why } if why.contains("SHA-256")),
        "{:?}",
        changed.repositories
    );
    assert_eq!(
        changed.offers[0].version, "3",
        "the cache does not outlive the list"
    );

    // Every damage to the cache is noticed: it is made again or gives the same answer.
    for entry in std::fs::read_dir(cache.path()).unwrap() {
        let path = entry.unwrap().path();
        let whole = std::fs::read(&path).unwrap();
        for at in (0..whole.len()).step_by(3) {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x55;
            std::fs::write(&path, &bytes).unwrap();
            let again = survey(folder.path());
            assert_eq!(again, changed, "byte {at} of {}", path.display());
        }
        std::fs::write(&path, whole).unwrap();
    }
}
