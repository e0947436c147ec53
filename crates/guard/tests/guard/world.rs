//! A small plan for a small host, and whoever can write any plan with all hashes right.

use jiff::Timestamp;
use overlock_guard::{Host, Permit, Refusal, Trust, examine};
use overlock_model::plan::{
    Action, Artifact, Change, Closure, Digest, Ends, HostEntry, HostId, OnFailure, PlanFile, Step,
    merkle,
};

pub const CREATED: &str = "2026-11-23T00:00:00Z";
pub const EXPIRES: &str = "2026-11-24T00:00:00Z";
pub const NOW: &str = "2026-11-23T12:00:00Z";

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn host_id(seed: u8) -> HostId {
    HostId::from_random([seed; 16])
}

pub fn host() -> Host {
    Host::new(
        host_id(7),
        "debian:12",
        "amd64",
        Trust::UnsignedLocalAllowed,
    )
}

pub fn artifact(name: &str, version: &str) -> Artifact {
    Artifact {
        sha256: Digest::of(format!("{name} {version}").as_bytes()),
        size: 1000,
        origin: "example.org/bookworm-security/main".to_owned(),
        path: Some(format!("pool/main/{name}_{version}_amd64.deb")),
    }
}

fn change(name: &str, action: Action) -> Change {
    Change {
        name: name.to_owned(),
        arch: "amd64".to_owned(),
        action,
    }
}

pub fn replace(name: &str, from: &str, to: &str) -> Change {
    let action = Action::Replace {
        from: from.to_owned(),
        to: to.to_owned(),
        artifact: artifact(name, to),
        back: Some(artifact(name, from)),
    };
    change(name, action)
}

pub fn install(name: &str, to: &str) -> Change {
    let (to, artifact) = (to.to_owned(), artifact(name, to));
    change(name, Action::Install { to, artifact })
}

pub fn remove(name: &str, from: &str) -> Change {
    let (from, back) = (from.to_owned(), Some(artifact(name, from)));
    change(name, Action::Remove { from, back })
}

pub fn closure(changes: Vec<Change>) -> Closure {
    Closure {
        manager: "deb".to_owned(),
        changes,
    }
}

/// Everything that a planner writes, with nothing said twice: what hashes and sums follow is computed by [`Draft::seal`].
#[derive(Debug, Clone)]
pub struct Draft {
    pub closure: Closure,
    pub entry: HostEntry,
    pub generation: u64,
    pub fleet: String,
    pub created: Timestamp,
    pub expires: Timestamp,
}

impl Draft {
    pub fn new() -> Self {
        let closure = closure(vec![
            replace("libssl3", "3.0.14-1~deb12u1", "3.0.15-1~deb12u1"),
            replace("openssl", "3.0.14-1~deb12u1", "3.0.15-1~deb12u1"),
        ]);
        let ends = Ends {
            vulnerability: "CVE-2026-0001".to_owned(),
            package: "openssl".to_owned(),
        };
        let steps = vec![
            Step::Evidence {
                reason: "BOD 26-04: known exploited, on the internet".to_owned(),
            },
            Step::Fetch {},
            Step::Install {},
            Step::Restart {
                units: vec!["nginx.service".to_owned(), "ssh.service".to_owned()],
            },
            Step::Verify { ends: vec![ends] },
            Step::Commit {
                confirm_within: Some(600),
            },
        ];
        Self {
            entry: HostEntry {
                host: host_id(7),
                name: "web-1".to_owned(),
                os: "debian:12".to_owned(),
                closure: Digest::of(b""),
                steps,
                on_failure: OnFailure::Revert,
            },
            closure,
            generation: 1,
            fleet: "local".to_owned(),
            created: at(CREATED),
            expires: at(EXPIRES),
        }
    }

    pub fn with(change: impl FnOnce(&mut Self)) -> Self {
        let mut draft = Self::new();
        change(&mut draft);
        draft
    }

    pub fn with_changes(changes: Vec<Change>) -> Self {
        Self::with(|draft| draft.closure.changes = changes)
    }

    pub fn with_steps(steps: Vec<Step>) -> Self {
        Self::with(|draft| draft.entry.steps = steps)
    }

    /// The plan, with hashes and sums that fit.
    pub fn seal(&self) -> PlanFile {
        let mut entry = self.entry.clone();
        entry.closure = self.closure.digest().unwrap();
        let mut plan = PlanFile::local(
            entry,
            self.closure.clone(),
            self.generation,
            None,
            b"policy",
            self.created,
            self.expires,
        )
        .unwrap();
        plan.header.fleet.clone_from(&self.fleet);
        name(&mut plan);
        plan
    }

    pub fn examine(&self, host: &Host) -> Result<Permit, Refusal> {
        examine(&self.seal(), host, at(NOW))
    }

    /// The refusal by the small host.
    pub fn refusal(&self) -> Refusal {
        self.examine(&host()).unwrap_err()
    }
}

/// Gives the plan the name that its header now has.
pub fn name(plan: &mut PlanFile) {
    plan.id = plan.header.id().unwrap();
}

/// Makes root and name fit the entries again.
pub fn reroot(plan: &mut PlanFile) {
    let leaves = plan
        .entries
        .iter()
        .map(|entry| merkle::leaf(&entry.bytes().unwrap()));
    plan.header.root = merkle::root(&leaves.collect::<Vec<_>>());
    name(plan);
}

/// A whole plan for several hosts with the same closure.
pub fn for_hosts(hosts: &[u8], fleet: &str) -> PlanFile {
    let mut plan = Draft::with(|draft| fleet.clone_into(&mut draft.fleet)).seal();
    let entry = plan.entries[0].clone();
    plan.entries = hosts
        .iter()
        .map(|seed| HostEntry {
            host: host_id(*seed),
            name: format!("web-{seed}"),
            ..entry.clone()
        })
        .collect();
    let count = hosts.len() as u64;
    let counts = &mut plan.header.counts;
    counts.hosts = count;
    counts.changes *= count;
    counts.bytes *= count;
    reroot(&mut plan);
    plan
}
