//! A host whose packages are rpm, at version 1.0, and a repository that offers 2.0.

use overlock_lab::corpus::{Release, rpm};
use overlock_lab::{Host, Lab, Ran, Recipe, Root, RpmRepository, available};
use serde_json::Value;
use std::path::Path;

pub struct Bed {
    pub host: Host,
    pub repository: RpmRepository,
    pub lab: Lab,
}

/// What a host is, as far as a run may change it.
#[derive(Debug, PartialEq, Eq)]
pub struct State {
    packages: String,
    verified: String,
    configuration: String,
}

impl Bed {
    /// Every package of the corpus on offer in both versions; `packages` are installed at 1.0. `None` after telling that
    /// the test is skipped.
    pub fn with(test: &str, packages: &[&str]) -> Option<Self> {
        if !available(test) {
            return None;
        }
        let root = Root::of(&Recipe::rpm()).unwrap();
        let lab = Lab::new().unwrap();
        let repository = lab.rpm_repository("lab-main").unwrap();
        let mut rpms = rpm::all(Release::First, lab.folder()).unwrap();
        rpms.extend(rpm::all(Release::Second, lab.folder()).unwrap());
        repository.publish(&rpms).unwrap();
        let host = lab.host("host", &root).unwrap();
        host.copy_in(
            Path::new(env!("CARGO_BIN_EXE_overlock")),
            "/usr/local/bin/overlock",
        )
        .unwrap();
        repository.join(&host).unwrap().ok().unwrap();
        let named: Vec<String> = packages.iter().map(|name| format!("{name}-1.0")).collect();
        let mut argv = vec!["dnf", "-q", "-y", "install"];
        argv.extend(named.iter().map(String::as_str));
        host.run(&argv).unwrap().ok().unwrap();
        Some(Self {
            host,
            repository,
            lab,
        })
    }

    /// Plans updates of these packages into `/root/plan.json`.
    pub fn plan(&self, packages: &[&str], more: &[&str]) -> Ran {
        let only = packages.join(",");
        let mut argv = vec!["overlock", "plan", "--offline", "--only", &only];
        argv.extend(["--out", "/root/plan.json"]);
        argv.extend(more);
        self.host.run(&argv).unwrap().ok().unwrap()
    }

    pub fn apply(&self, more: &[&str]) -> Ran {
        let mut argv = vec!["overlock", "apply", "/root/plan.json"];
        argv.extend(more);
        self.host.run(&argv).unwrap()
    }

    #[track_caller]
    pub fn run(&self, code: i32, argv: &[&str]) -> Ran {
        let ran = self.host.run(argv).unwrap();
        assert_eq!(ran.code, code, "{argv:?}: {}{}", ran.stdout, ran.stderr);
        ran
    }

    /// Versions of a package, one a line.
    pub fn version(&self, package: &str) -> String {
        let query = ["rpm", "-q", "--qf", "%{VERSION}\\n", package];
        self.host.run(&query).unwrap().stdout.trim().to_owned()
    }

    /// How a run ended: the word of its end, and the whole event.
    pub fn end(&self, run: &str) -> (String, String) {
        let argv = ["overlock", "history", run, "--format", "json"];
        let report: Value = serde_json::from_str(&self.run(0, &argv).stdout).unwrap();
        let entries = report.get("entries").and_then(Value::as_array).unwrap();
        let end = entries.last().unwrap().pointer("/event/end").unwrap();
        let word = end.get("end").and_then(Value::as_str).unwrap_or("none");
        (word.to_owned(), end.to_string())
    }

    pub fn state(&self) -> State {
        let all = "rpm -qa --qf '%{NAME} %{ARCH} %{EVR}\\n' | sort";
        // dnf.conf holds what was taken back; the others are made anew by the system.
        let hashes = "find /etc -xdev -type f ! -name ld.so.cache ! -path /etc/dnf/dnf.conf \
                      -exec sha256sum {} + | sort -k 2";
        State {
            packages: self.host.output(&["sh", "-c", all]).unwrap(),
            verified: self.host.run(&["rpm", "-Va"]).unwrap().stdout,
            configuration: self.host.output(&["sh", "-c", hashes]).unwrap(),
        }
    }

    /// Nothing is there twice, nothing is missing what it needs, and nothing of a transaction is left.
    #[track_caller]
    pub fn is_whole(&self) {
        assert_eq!(self.run(0, &["dnf", "-q", "-C", "check"]).stdout, "");
        let left = "find / -xdev -name '*;????????' 2>/dev/null; ls /var/lib/overlock/rpm-transaction 2>/dev/null";
        let left = self.host.run(&["sh", "-c", left]).unwrap();
        assert_eq!(left.stdout, "");
    }

    /// How often systemd started a unit since boot.
    pub fn starts(&self, unit: &str) -> usize {
        let argv = ["journalctl", "--no-pager", "-o", "cat", "-u", unit];
        let text = self.host.output(&argv).unwrap();
        text.lines()
            .filter(|line| line.starts_with("Started "))
            .count()
    }
}
