//! The agent against a real TLS server on loopback that speaks the wire.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a story that does not go as told ends there"
)]

mod peer;

use overlock_agent::config::Switches;
use overlock_agent::enrol::{About, EnrolError, Taken, enrol};
use overlock_agent::identity::{Folder, Identity};
use overlock_agent::look::{Eyes, Options};
use overlock_agent::reporter::Pace;
use overlock_agent::reporter::delay::BackOff;
use overlock_agent::{CallError, Settings, run};
use overlock_model::plan::HostId;
use overlock_protocol::enrol::EnrolToken;
use overlock_protocol::message::RefusalCode;
use overlock_protocol::{Section, Update, Wanted, content};
use peer::Peer;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;

const STATUS: &str = "Package: openssl\nStatus: install ok installed\nArchitecture: amd64\nVersion: 3.0.11-1~deb12u2\n\n";

/// A host in a folder, and its agent's state.
struct Host {
    folder: TempDir,
    told: Arc<Mutex<Vec<String>>>,
}

impl Host {
    fn new() -> Self {
        let host = Self {
            folder: tempfile::tempdir().unwrap(),
            told: Arc::default(),
        };
        host.write(
            "etc/os-release",
            "ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n",
        );
        host.write("var/lib/dpkg/status", STATUS);
        host.write("etc/machine-id", "0123456789abcdef0123456789abcdef\n");
        host
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join("root").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let new = path.with_extension("tmp");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, path).unwrap();
    }

    fn state(&self) -> std::path::PathBuf {
        self.folder.path().join("state")
    }

    fn configuration(&self) -> std::path::PathBuf {
        self.folder.path().join("agent.toml")
    }

    async fn enrol(&self, peer: &Peer, token: &EnrolToken) -> Result<Taken, EnrolError> {
        let folder = Folder::open(&self.state()).unwrap();
        let host = folder.host(None).unwrap();
        let about = About {
            name: "web-1".into(),
            machine_id: String::new(),
        };
        enrol(&folder, peer.url(), token, host, about).await
    }

    fn settings(&self) -> Settings {
        let root = self.folder.path().join("root");
        let told = self.told.clone();
        Settings {
            state: self.state(),
            configuration: self.configuration(),
            eyes: Eyes::Thread(Options {
                root: root.clone(),
                switches: Switches::default(),
                labels: content::Labels::new(),
                cache: None,
                helper: None,
            }),
            root,
            helper: Path::new("/nonexistent").into(),
            // Files are asked often and failures are short, so that a test waits for nothing.
            pace: Pace {
                check: Duration::from_millis(20),
                poll_least: Duration::from_millis(1),
                hopeless: Duration::from_millis(50),
                back_off: BackOff {
                    first: Duration::from_millis(16),
                    longest: Duration::from_millis(64),
                },
                ..Pace::DEFAULT
            },
            tell: Arc::new(move |line| told.lock().unwrap().push(line.to_string())),
        }
    }

    /// Runs the agent until so many reports have come in all.
    async fn running_until_reports(&self, peer: &Peer, count: usize) {
        self.running(peer.until(|book| book.reports.len() == count))
            .await;
    }

    /// A second package is installed.
    fn install_curl(&self) {
        let both = format!("{STATUS}{}", STATUS.replace("openssl", "curl"));
        self.write("var/lib/dpkg/status", &both);
    }

    fn identity(&self) -> Identity {
        Folder::at(&self.state()).identity().unwrap()
    }

    /// Runs the agent while `story` goes on.
    async fn running(&self, story: impl Future<Output = ()>) {
        let settings = self.settings();
        run(&settings, story).await.unwrap();
    }
}

/// A server, and a host that is enrolled with it.
async fn enrolled() -> (Arc<Peer>, Host) {
    let (peer, host) = (Peer::start().await, Host::new());
    host.enrol(&peer, &peer.token).await.unwrap();
    (peer, host)
}

/// Until the agent has nothing to say but that nothing changed.
async fn polling(peer: &Peer) {
    peer.until(|book| {
        book.asked
            .last()
            .is_some_and(|path| path.ends_with("/poll"))
    })
    .await;
}

/// Lets the agent renew, and waits for a message after that.
async fn renewing(peer: &Peer) {
    polling(peer).await;
    peer.want(Wanted::Renew);
    peer.until(|book| {
        let renewed = book.asked.iter().position(|path| path.ends_with("/renew"));
        renewed.is_some_and(|at| book.asked.len() > at + 1)
    })
    .await;
}

#[tokio::test]
async fn a_host_enrols_reports_and_sends_a_change_as_a_delta() {
    let (peer, host) = (Peer::start().await, Host::new());
    let taken = host.enrol(&peer, &peer.token).await.unwrap();
    assert!(!taken.adopted);
    host.running(async {
        polling(&peer).await;
        {
            let book = peer.book.lock().unwrap();
            let inventory = content::inventory(&book.sections).unwrap();
            assert_eq!(inventory.packages[0].version, "3.0.11-1~deb12u2");
            assert_eq!(
                book.hellos[0].machine_id,
                "0123456789abcdef0123456789abcdef"
            );
            assert_eq!(book.hellos[0].host, taken.host);
        }
        host.install_curl();
        peer.until(|book| book.reports.len() == 2).await;
        let book = peer.book.lock().unwrap();
        let report = &book.reports[1].sections;
        assert_eq!(report.len(), 1);
        assert_eq!(report[0].section, Section::Packages);
        match &report[0].update {
            Update::Delta { delta, .. } => {
                assert_eq!((delta.added.len(), delta.removed.len()), (1, 0));
            }
            Update::Full { .. } => panic!("a delta is shorter"),
        }
    })
    .await;
    let (question, answer) = peer.book.lock().unwrap().poll_bytes;
    assert!(question <= 1024 && answer <= 1024, "{question} {answer}");
}

#[tokio::test]
async fn after_a_restart_the_change_since_then_is_a_delta() {
    let (peer, host) = enrolled().await;
    host.running_until_reports(&peer, 1).await;
    host.install_curl();
    host.running_until_reports(&peer, 2).await;
    let book = peer.book.lock().unwrap();
    assert!(matches!(
        book.reports[1].sections[0].update,
        Update::Delta { .. }
    ));
    assert_ne!(book.hellos[0].instance, book.hellos[1].instance);
}

#[tokio::test]
async fn contents_that_were_spoiled_are_sent_in_full() {
    let (peer, host) = enrolled().await;
    host.running_until_reports(&peer, 1).await;
    for file in std::fs::read_dir(host.state().join("sections")).unwrap() {
        std::fs::write(file.unwrap().path(), "spoiled").unwrap();
    }
    host.install_curl();
    host.running_until_reports(&peer, 2).await;
    let book = peer.book.lock().unwrap();
    assert!(matches!(
        book.reports[1].sections[0].update,
        Update::Full { .. }
    ));
    assert_eq!(
        content::inventory(&book.sections).unwrap().packages.len(),
        2
    );
}

#[tokio::test]
async fn a_server_that_was_put_back_gets_what_it_lost() {
    let (peer, host) = enrolled().await;
    host.running(async {
        polling(&peer).await;
        let before = peer.book.lock().unwrap().sections.clone();
        peer.book.lock().unwrap().sections.clear();
        peer.want(Wanted::Report {
            known: Default::default(),
        });
        peer.until(|book| book.sections == before).await;
    })
    .await;
}

#[tokio::test]
async fn a_section_that_is_switched_off_goes_away() {
    let (peer, host) = enrolled().await;
    host.running_until_reports(&peer, 1).await;
    std::fs::write(host.configuration(), "[sections]\nunseen = false\n").unwrap();
    let mut settings = host.settings();
    if let Eyes::Thread(options) = &mut settings.eyes {
        options.switches.unseen = false;
    }
    run(&settings, peer.until(|book| book.reports.len() == 2))
        .await
        .unwrap();
    let book = peer.book.lock().unwrap();
    assert_eq!(book.reports[1].dropped, [Section::Unseen]);
    assert!(book.hellos[1].switched_off.contains(&Section::Unseen));
}

#[tokio::test]
async fn only_the_authority_in_the_token_is_trusted() {
    let (peer, other, host) = (Peer::start().await, Peer::start().await, Host::new());
    let error = host.enrol(&peer, &other.token).await.unwrap_err();
    assert!(
        matches!(
            &error,
            EnrolError::Call {
                source: CallError::Untrusted { .. },
                ..
            }
        ),
        "{error:?}"
    );
    assert!(
        peer.book.lock().unwrap().asked.is_empty(),
        "the secret went to a stranger"
    );
    // After enrolment another server under the same address is no server of ours.
    host.enrol(&peer, &peer.token).await.unwrap();
    let folder = Folder::at(&host.state());
    let mut moved = folder.identity().unwrap();
    moved.server = other.url();
    folder.store(&moved).unwrap();
    let told = host.told.clone();
    host.running(async move {
        tokio::time::timeout(Duration::from_secs(60), async {
            while !told
                .lock()
                .unwrap()
                .iter()
                .any(|line| line.contains("trusted connection"))
            {
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap();
    })
    .await;
    assert!(other.book.lock().unwrap().asked.is_empty());
}

#[tokio::test]
async fn a_token_that_was_used_is_refused_in_words() {
    let (peer, host) = (Peer::start().await, Host::new());
    let used = EnrolToken::try_from(format!(
        "ovl1.{}.{}",
        peer.token.authority(),
        "0".repeat(64)
    ))
    .unwrap();
    match host.enrol(&peer, &used).await.unwrap_err() {
        EnrolError::Call {
            source: CallError::Refused(refusal),
            ..
        } => {
            assert_eq!(refusal.code, RefusalCode::TokenRefused);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_token_bound_to_a_host_brings_its_id_back() {
    let (peer, host) = (Peer::start().await, Host::new());
    let former = HostId::from_random([9; 16]);
    peer.book.lock().unwrap().bound = Some(former.clone());
    let taken = host.enrol(&peer, &peer.token).await.unwrap();
    assert!(taken.adopted);
    assert_eq!(taken.host, former);
    assert_eq!(Folder::at(&host.state()).host(None).unwrap(), former);
    host.running_until_reports(&peer, 1).await;
    assert_eq!(peer.book.lock().unwrap().reports[0].host, former);
}

#[tokio::test]
async fn a_certificate_is_renewed_and_the_former_one_goes_when_the_new_one_has_worked() {
    let (peer, host) = enrolled().await;
    let before = host.identity();
    host.running(async {
        renewing(&peer).await;
        // An answer over the new certificate.
        peer.want(Wanted::Nothing);
        let polls = peer.book.lock().unwrap().asked.len();
        peer.until(|book| book.asked.len() > polls).await;
    })
    .await;
    let after = host.identity();
    assert_ne!(after.certificate, before.certificate);
    assert_eq!(after.key, before.key);
    assert_eq!(after.former, None);
}

#[tokio::test]
async fn a_new_certificate_that_is_not_accepted_gives_way_to_the_former_one() {
    let (peer, host) = enrolled().await;
    let before = host.identity();
    peer.book.lock().unwrap().renew_badly = true;
    host.running(renewing(&peer)).await;
    let after = host.identity();
    assert_eq!(after.certificate, before.certificate);
    let told = host.told.lock().unwrap().join("\n");
    assert!(told.contains("back to the former one"), "{told}");
}

#[tokio::test]
async fn refusals_are_lived_through() {
    let (peer, host) = enrolled().await;
    peer.book.lock().unwrap().refusals.extend([
        RefusalCode::Quarantined,
        RefusalCode::Revoked,
        RefusalCode::Invalid,
        RefusalCode::HelloFirst,
    ]);
    host.running_until_reports(&peer, 1).await;
    assert!(peer.book.lock().unwrap().hellos.len() == 1);
}
