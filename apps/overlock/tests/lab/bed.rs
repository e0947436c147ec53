//! A host with packages at version 1.0, a repository that offers 2.0, and the program on the host.

use overlock_lab::corpus::{self, Release};
use overlock_lab::{Disk, Host, Lab, Ran, Recipe, Repository, Root, Suite, available};
use serde_json::Value;
use std::path::{Path, PathBuf};

pub struct Bed {
    pub host: Host,
    pub repository: Repository,
    pub lab: Lab,
}

/// What a host is, as far as a run may change it: packages, and every configuration file.
#[derive(Debug, PartialEq, Eq)]
pub struct State {
    packages: String,
    configuration: String,
}

impl Bed {
    /// `None` after telling that the test is skipped.
    pub fn new(test: &str) -> Option<Self> {
        Self::with_disk(test, Disk::Unlimited)
    }

    pub fn with_disk(test: &str, disk: Disk) -> Option<Self> {
        Self::with_recipe(test, &Recipe::server(), disk)
    }

    pub fn with_recipe(test: &str, recipe: &Recipe, disk: Disk) -> Option<Self> {
        if !available(test) {
            return None;
        }
        let root = Root::of(recipe).unwrap();
        let lab = Lab::new().unwrap();
        let repository = lab
            .repository(Suite::new("lab-main", "Lab", "Lab"))
            .unwrap();
        let host = lab.host_with("host", &root, disk).unwrap();
        host.copy_in(
            Path::new(env!("CARGO_BIN_EXE_overlock")),
            "/usr/local/bin/overlock",
        )
        .unwrap();
        Some(Self {
            host,
            repository,
            lab,
        })
    }

    /// Every package of the corpus at 1.0 and 2.0 on offer; `packages` are installed at 1.0.
    pub fn with(test: &str, packages: &[&str]) -> Option<Self> {
        let mut bed = Self::new(test)?;
        bed.publish_corpus();
        bed.install_first(packages);
        Some(bed)
    }

    pub fn publish_corpus(&mut self) {
        let debs: Vec<PathBuf> = [Release::First, Release::Second]
            .into_iter()
            .flat_map(|release| corpus::all(release, self.lab.folder()).unwrap())
            .collect();
        self.repository.publish(&debs).unwrap();
        self.host
            .use_repository(&self.repository)
            .unwrap()
            .ok()
            .unwrap();
    }

    pub fn install_first(&self, packages: &[&str]) {
        let named: Vec<String> = packages.iter().map(|name| format!("{name}=1.0")).collect();
        let mut argv = vec![
            "env",
            "DEBIAN_FRONTEND=noninteractive",
            "apt-get",
            "-qy",
            "install",
        ];
        argv.extend(named.iter().map(String::as_str));
        self.host.run(&argv).unwrap().ok().unwrap();
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

    pub fn version(&self, package: &str) -> String {
        let query = [
            "dpkg-query",
            "-W",
            "-f",
            "${Version} ${db:Status-Abbrev}",
            package,
        ];
        self.host.run(&query).unwrap().stdout.trim().to_owned()
    }

    /// Entries of a run's journal.
    pub fn history(&self, run: &str) -> Vec<Value> {
        let argv = ["overlock", "history", run, "--format", "json"];
        let text = self.run(0, &argv).stdout;
        let mut report: Value = serde_json::from_str(&text).unwrap();
        let entries = report.get_mut("entries").unwrap().take();
        serde_json::from_value(entries).unwrap()
    }

    /// How a run ended: the word of its end, and the whole event.
    pub fn end(&self, run: &str) -> (String, String) {
        let last = self.history(run).pop().unwrap();
        let end = last.pointer("/event/end").unwrap();
        (
            end.get("end")
                .and_then(Value::as_str)
                .unwrap_or("none")
                .to_owned(),
            end.to_string(),
        )
    }

    pub fn state(&self) -> State {
        let packages = [
            "dpkg-query",
            "-W",
            "-f",
            "${Package} ${Architecture} ${Version} ${db:Status-Abbrev}\\n",
        ];
        // What apt, dpkg and systemd note about themselves is no configuration.
        let hashes = "find /etc -xdev -type f ! -name ld.so.cache ! -path '/etc/apt/preferences.d/overlock-*' \
                      ! -name '*.wants' -exec sha256sum {} + | sort -k 2";
        State {
            packages: self.host.output(&packages).unwrap(),
            configuration: self.host.output(&["sh", "-c", hashes]).unwrap(),
        }
    }

    /// Nothing is half installed, and files are what packages say.
    #[track_caller]
    pub fn is_whole(&self) {
        assert_eq!(self.run(0, &["dpkg", "--audit"]).stdout, "");
        let policy = self
            .host
            .run(&["test", "-e", "/usr/sbin/policy-rc.d"])
            .unwrap();
        assert_ne!(policy.code, 0, "our policy-rc.d was left behind");
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
