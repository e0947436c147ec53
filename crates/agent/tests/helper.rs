//! The root helper over its real socket: who may ask, what it sees, and which plans it begins.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a story that does not go as told ends there"
)]

use jiff::{SignedDuration, Timestamp};
use overlock_agent::helper::plan::Site;
use overlock_agent::helper::serve::{Helper, serve};
use overlock_agent::helper::{self, AskError};
use overlock_journal::Journal;
use overlock_model::plan::{
    Action, Artifact, Change, Closure, Digest, HostEntry, HostId, OnFailure, PlanFile, PlanId,
    SIGNATURE_NAMESPACE, Step,
};
use overlock_protocol::Section;
use overlock_protocol::socket::{Answer, Question};
use ssh_key::private::Ed25519Keypair;
use ssh_key::{HashAlg, LineEnding, PrivateKey};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);

/// A helper that listens, on a host in a folder.
struct World {
    folder: TempDir,
    host: HostId,
}

impl World {
    /// `None` where the test is skipped, since only root may ask.
    fn new(test: &str) -> Option<Self> {
        if !overlock_testkit::root(test) {
            return None;
        }
        let world = Self {
            folder: tempfile::tempdir().unwrap(),
            host: HostId::from_random([5; 16]),
        };
        let path = world.folder.path();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        for (file, text) in [
            ("root/etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n"),
            (
                "root/var/lib/dpkg/status",
                "Package: openssl\nStatus: install ok installed\nArchitecture: amd64\nVersion: 3.0.11-1\n\n",
            ),
        ] {
            let file = path.join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        let id = world.host.clone();
        Journal::open(&path.join("data/journal"), || id, Timestamp::now()).unwrap();
        let helper = Helper {
            socket: world.socket(),
            root: path.join("root"),
            configuration: path.join("agent.toml"),
            site: world.site(),
            start: |_, _, path| {
                std::fs::write(path.with_extension("started"), "")
                    .map_err(|error| error.to_string())
            },
        };
        std::thread::spawn(move || serve(&helper, |_| {}));
        while UnixStream::connect(world.socket()).is_err() {
            std::thread::yield_now();
        }
        Some(world)
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("helper.sock")
    }

    fn site(&self) -> Site {
        Site {
            data: self.folder.path().join("data"),
            trust: self.folder.path().join("trust.toml"),
        }
    }

    fn ask(&self, what: Question) -> Result<Answer, AskError> {
        helper::ask(&self.socket(), what, PATIENCE)
    }

    /// The words of a refusal of a plan.
    fn refusal(&self, plan: &str) -> String {
        match self
            .ask(Question::Apply {
                plan: plan.to_owned(),
            })
            .unwrap()
        {
            Answer::Refused { why } => why,
            other => panic!("{other:?}"),
        }
    }

    fn trust(&self, key: &PrivateKey) {
        let public = key.public_key().to_openssh().unwrap();
        let text = format!("threshold = 1\n[[approver]]\nname = \"ada\"\nkey = \"{public}\"\n");
        std::fs::write(self.site().trust, text).unwrap();
    }

    fn started(&self, id: &PlanId) -> bool {
        self.site()
            .data
            .join(format!("helper/{id}.started"))
            .exists()
    }
}

fn key(seed: u8) -> PrivateKey {
    PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32]))
}

/// A plan for the machine that this test runs on.
fn plan(host: &HostId, now: Timestamp) -> PlanFile {
    let manager = overlock_apply::manager::of_this_host(PATIENCE).unwrap();
    let os = overlock_host::release::read(&overlock_rootfs::Root::open("/").unwrap()).unwrap();
    let artifact = |version: &str| Artifact {
        sha256: Digest::of(version.as_bytes()),
        size: 1000,
        origin: "example.org/bookworm-security/main".to_owned(),
        path: Some(format!("pool/main/openssl_{version}.deb")),
    };
    let closure = Closure {
        manager: manager.word().to_owned(),
        changes: vec![Change {
            name: "openssl".to_owned(),
            arch: manager.native().to_owned(),
            action: Action::Replace {
                from: "3.0.14-1".to_owned(),
                to: "3.0.15-1".to_owned(),
                artifact: artifact("3.0.15-1"),
                back: Some(artifact("3.0.14-1")),
            },
        }],
    };
    let entry = HostEntry {
        host: host.clone(),
        name: "web-1".to_owned(),
        os: os.ecosystem().unwrap().as_str().to_owned(),
        closure: closure.digest().unwrap(),
        steps: vec![
            Step::Evidence {
                reason: "a test".to_owned(),
            },
            Step::Fetch {},
            Step::Install {},
            Step::Verify { ends: vec![] },
            Step::Commit {
                confirm_within: None,
            },
        ],
        on_failure: OnFailure::Revert,
    };
    let created = Timestamp::from_second(now.as_second()).unwrap();
    let expires = created + SignedDuration::from_hours(24);
    PlanFile::local(entry, closure, 1, None, b"policy", created, expires).unwrap()
}

fn signed(mut plan: PlanFile, key: &PrivateKey) -> String {
    let bytes = plan.header.bytes().unwrap();
    let signature = key
        .sign(SIGNATURE_NAMESPACE, HashAlg::Sha512, &bytes)
        .unwrap();
    plan.signatures = vec![signature.to_pem(LineEnding::LF).unwrap()];
    String::from_utf8(plan.bytes().unwrap()).unwrap()
}

#[test]
fn it_says_that_it_is_there_and_lends_its_eyes() {
    let Some(world) = World::new("it_says_that_it_is_there_and_lends_its_eyes") else {
        return;
    };
    assert!(matches!(
        world.ask(Question::Status).unwrap(),
        Answer::Here { .. }
    ));
    let seen = helper::look(&world.socket(), &[Section::System, Section::Packages]).unwrap();
    assert_eq!(seen.len(), 2);
    let packages = seen.get(&Section::Packages).unwrap();
    assert!(packages.lines()[0].contains("3.0.11-1"), "{packages:?}");
    // What the owner switched off, root does not show either.
    std::fs::write(
        world.folder.path().join("agent.toml"),
        "[sections]\npackages = false\n",
    )
    .unwrap();
    let seen = helper::look(&world.socket(), &[Section::System, Section::Packages]).unwrap();
    assert!(!seen.contains_key(&Section::Packages));
}

#[test]
fn a_plan_begins_only_when_it_is_approved_and_for_this_host() {
    let Some(world) = World::new("a_plan_begins_only_when_it_is_approved_and_for_this_host") else {
        return;
    };
    if overlock_testkit::tool("a_plan_begins_only_when_it_is_approved", "apt-get").is_none() {
        return;
    }
    let now = Timestamp::now();
    let own = plan(&world.host, now);
    let (ada, mallory) = (key(1), key(66));
    let good = signed(own.clone(), &ada);
    // Nobody may approve: then nobody may ask, though root could apply it by hand.
    assert!(world.refusal(&good).contains("nobody may approve"));
    world.trust(&ada);
    let unsigned = String::from_utf8(own.bytes().unwrap()).unwrap();
    for (bad, why) in [
        ("{}", "plan"),
        (&unsigned, "sign"),
        (&signed(own.clone(), &mallory), "approv"),
        (
            &signed(plan(&HostId::from_random([6; 16]), now), &ada),
            "host",
        ),
        (
            &signed(
                plan(&world.host, now - SignedDuration::from_hours(48)),
                &ada,
            ),
            "expired",
        ),
    ] {
        let words = world.refusal(bad);
        assert!(words.contains(why), "{words}");
        assert!(!world.started(&own.id));
    }
    std::fs::write(world.site().trust, "threshold = 1").unwrap();
    assert!(world.refusal(&good).contains("approver"));
    world.trust(&ada);
    let answer = world.ask(Question::Apply { plan: good.clone() }).unwrap();
    assert_eq!(answer, Answer::Started { plan: own.id });
    assert!(world.started(&own.id));
    let kept = std::fs::read(world.site().data.join(format!("helper/{}.json", own.id))).unwrap();
    assert_eq!(kept, good.into_bytes());
}

#[test]
fn what_is_no_question_is_refused_and_the_next_one_is_answered() {
    let Some(world) = World::new("what_is_no_question_is_refused_and_the_next_one_is_answered")
    else {
        return;
    };
    for garbage in [
        b"\n".to_vec(),
        b"{\"schema\":\"overlock.ask/9\"}\n".to_vec(),
        b"{\"schema\":\"overlock.ask/1\",\"what\":{\"question\":\"run\",\"command\":\"id\"}}\n"
            .to_vec(),
        vec![b' '; 64 << 20],
    ] {
        let mut stream = UnixStream::connect(world.socket()).unwrap();
        // It may hang up before it has heard all.
        stream.write_all(&garbage).ok();
        stream.shutdown(std::net::Shutdown::Write).ok();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok();
        assert!(answer.is_empty() || answer.contains("refused"), "{answer}");
    }
    drop(UnixStream::connect(world.socket()).unwrap());
    assert!(matches!(
        world.ask(Question::Status).unwrap(),
        Answer::Here { .. }
    ));
}

#[test]
fn a_stranger_gets_no_answer() {
    let Some(world) = World::new("a_stranger_gets_no_answer") else {
        return;
    };
    let mode = std::fs::metadata(world.socket())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o660);
    // Even where the mode does not keep them out.
    std::fs::set_permissions(world.socket(), std::fs::Permissions::from_mode(0o666)).unwrap();
    let program = world.folder.path().join("stranger");
    // By a program of its own: a file that this one has open for writing, a child of another test may hold open while it
    // is started, and what is open for writing cannot be executed.
    let copied = std::process::Command::new("cp")
        .arg(std::env::current_exe().unwrap())
        .arg(&program)
        .status()
        .unwrap();
    assert!(copied.success());
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let ended = std::process::Command::new(&program)
        .args(["--exact", "child_that_asks", "--nocapture"])
        .env("OVERLOCK_TEST_SOCKET", world.socket())
        .uid(65_534)
        .gid(65_534)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(
        said.contains("no answer") && !said.contains("Here"),
        "{ended:?}"
    );
}

/// Not a test of its own: what [`a_stranger_gets_no_answer`] starts as another user.
#[test]
fn child_that_asks() {
    let Some(socket) = std::env::var_os("OVERLOCK_TEST_SOCKET") else {
        return;
    };
    match helper::ask(Path::new(&socket), Question::Status, PATIENCE) {
        Ok(answer) => println!("{answer:?}"),
        Err(_) => println!("no answer"),
    }
}
