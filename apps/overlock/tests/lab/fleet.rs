//! A fleet of real hosts: one server, three hosts that enrol by the one-line command, and what becomes known of them.

use overlock_lab::{
    Host, Lab, Recipe, Root, Suite, available, await_answer, real_security_updates,
};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// How long anything may take to become true on a machine that has other things to do.
const LIMIT: Duration = Duration::from_secs(120);

struct Fleet {
    control: Host,
    members: Vec<Host>,
    // Last: hosts and network end with it.
    lab: Lab,
}

impl Fleet {
    /// A server with the advisories of the mirror, and hosts that are not enrolled yet.
    fn new(test: &str, members: &[&str]) -> Option<Self> {
        let mirror = overlock_testkit::mirror(test)?;
        if !available(test) {
            return None;
        }
        let root = Root::of(&Recipe::server().with(&["curl", "ca-certificates"])).unwrap();
        let lab = Lab::new().unwrap();
        let control = lab.host("control", &root).unwrap();
        let members = members
            .iter()
            .map(|name| lab.host(name, &root).unwrap())
            .collect();
        let fleet = Self {
            control,
            members,
            lab,
        };
        fleet.install_server(&mirror);
        Some(fleet)
    }

    fn install_server(&self, mirror: &Path) {
        let overlock = PathBuf::from(env!("CARGO_BIN_EXE_overlock"));
        self.control
            .copy_in(&overlock, "/usr/local/bin/overlock")
            .unwrap();
        self.control
            .copy_in(&agent(), "/usr/local/bin/overlock-agent")
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("feeds");
        let data = folder.path().join("data");
        let run = |arguments: &[&str]| {
            let status = Command::new(&overlock)
                .arg("--data")
                .arg(&data)
                .args(arguments)
                .output()
                .unwrap();
            assert!(status.status.success(), "{arguments:?}: {status:?}");
        };
        let mirror = mirror.to_str().unwrap();
        run(&[
            "feeds",
            "sync",
            "--mirror",
            mirror,
            "--only",
            "debian-dsa,debian-dla",
        ]);
        run(&["feeds", "export", archive.to_str().unwrap()]);
        self.control.copy_in(&archive, "/root/feeds").unwrap();
        self.on_control(&["overlock", "feeds", "import", "/root/feeds"]);
        self.serve();
        let token = self.on_control(&["overlock", "setup"]);
        let url = self.url();
        self.on_control(&[
            "overlock",
            "login",
            "--server",
            &url,
            "--authority",
            "/var/lib/overlock/server/authority.pem",
            "--token",
            token.lines().next().unwrap(),
        ]);
    }

    fn url(&self) -> String {
        format!("https://{}:7443", self.control.address())
    }

    fn serve(&self) {
        let address = self.control.address().to_string();
        self.on_control(&[
            "systemd-run",
            "--unit=overlock-serve",
            "--property=Type=notify",
            "overlock",
            "serve",
            "--listen",
            "0.0.0.0:7443",
            "--name",
            &address,
            "--offline",
        ]);
    }

    #[track_caller]
    fn on_control(&self, argv: &[&str]) -> String {
        self.control.run(argv).unwrap().ok().unwrap().stdout
    }

    fn json(&self, argv: &[&str]) -> Value {
        let mut argv = argv.to_vec();
        argv.extend(["--format", "json"]);
        serde_json::from_str(&self.on_control(&argv)).unwrap()
    }

    /// Enrols a host by the command that the server prints.
    fn enrol(&self, host: &Host) {
        let token = self.json(&["overlock", "host", "token"]);
        let command = token.get("command").and_then(Value::as_str).unwrap();
        host.run(&["sh", "-c", command]).unwrap().ok().unwrap();
    }

    /// A host as the server lists it, once this is so.
    fn once(&self, name: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        await_answer(what, LIMIT, || {
            let list = self.json(&["overlock", "host", "list"]);
            let found = |host: &&Value| host.get("name").and_then(Value::as_str) == Some(name);
            let hosts = list.get("items").and_then(Value::as_array);
            Ok(hosts
                .and_then(|hosts| hosts.iter().find(found))
                .filter(|host| is_so(host))
                .cloned())
        })
        .map_err(|error| format!("{error:#}\n{}", self.logs()))
        .unwrap()
    }

    /// What server and agents say for themselves.
    fn logs(&self) -> String {
        let journal = |host: &Host, unit: &str| {
            let argv = [
                "journalctl",
                "--no-pager",
                "-n",
                "40",
                "-o",
                "cat",
                "-u",
                unit,
            ];
            let text = host.output(&argv).unwrap_or_default();
            format!("== {}\n{text}", host.name())
        };
        let mut logs = journal(&self.control, "overlock-serve");
        for member in &self.members {
            logs.push_str(&journal(member, "overlock-agent"));
            logs.push_str(&journal(member, "overlock-agent-helper"));
        }
        logs
    }
}

/// The agent's program, built beside ours.
fn agent() -> PathBuf {
    let beside = Path::new(env!("CARGO_BIN_EXE_overlock")).with_file_name("overlock-agent");
    assert!(
        beside.is_file(),
        "`{}` is not built; `cargo build -p overlock-agent-program` does it",
        beside.display()
    );
    beside
}

fn is_judged(host: &Value) -> bool {
    host.get("exposures").is_some_and(Value::is_object)
}

#[test]
fn hosts_enrol_by_one_line_and_a_patch_by_hand_is_seen_as_effective() {
    let test = "hosts_enrol_by_one_line_and_a_patch_by_hand_is_seen_as_effective";
    let Some(fleet) = Fleet::new(test, &["one", "two", "three"]) else {
        return;
    };
    for member in &fleet.members {
        fleet.enrol(member);
    }
    for member in &fleet.members {
        let host = fleet.once(member.name(), "a host to be judged", is_judged);
        assert_eq!(host.get("standing").and_then(Value::as_str), Some("active"));
    }

    // What the server knows of a host is what a scan on the host itself says.
    let member = &fleet.members[0];
    member
        .copy_in(
            Path::new(env!("CARGO_BIN_EXE_overlock")),
            "/usr/local/bin/overlock",
        )
        .unwrap();
    let archive = fleet.control.root().join("root/feeds");
    member.copy_in(&archive, "/root/feeds").unwrap();
    member
        .run(&["overlock", "feeds", "import", "/root/feeds"])
        .unwrap()
        .ok()
        .unwrap();
    let scan = member
        .output(&["overlock", "scan", "--offline", "--format", "json"])
        .unwrap();
    let scan: Value = serde_json::from_str(&scan).unwrap();
    let of_scan = pairs(scan.get("exposures"));
    let of_server = pairs(
        fleet
            .json(&["overlock", "host", "exposures", member.name()])
            .get("items"),
    );
    assert!(!of_scan.is_empty());
    assert_eq!(of_server, of_scan);

    // A patch by hand: the vulnerable code no longer runs, and the server knows.
    let root = Root::of(&Recipe::server()).unwrap();
    let updates = real_security_updates(&root, &[]).unwrap();
    let mut security = fleet
        .lab
        .repository(Suite::debian_security(root.codename()))
        .unwrap();
    security.publish(&updates.latest()).unwrap();
    member.use_repository(&security).unwrap().ok().unwrap();
    let source = of_scan
        .iter()
        .map(|(_, package)| package.clone())
        .find(|package| updates.all.iter().any(|update| update.package == *package))
        .unwrap();
    member
        .run(&[
            "env",
            "DEBIAN_FRONTEND=noninteractive",
            "apt-get",
            "-qy",
            "install",
            &source,
        ])
        .unwrap()
        .ok()
        .unwrap();
    fleet.on_control(&["overlock", "host", "look", member.name()]);
    await_answer("an episode to be effective", LIMIT, || {
        let timeline = fleet.json(&["overlock", "host", "timeline", member.name()]);
        Ok(timeline.to_string().contains("effective").then_some(()))
    })
    .unwrap();
}

/// (vulnerability, package) of exposures, sorted.
fn pairs(exposures: Option<&Value>) -> Vec<(String, String)> {
    let word = |value: &Value, name: &str| {
        value
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let mut pairs: Vec<_> = exposures
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|one| (word(one, "vulnerability"), word(one, "package")))
        .collect();
    pairs.sort();
    pairs.dedup();
    pairs
}
