//! Dependencies point down: the layers of the architecture, written once.
//!
//! A crate may use crates of its own layer (cargo keeps that free of cycles) and of those below, never above.

use super::Complaints;
use super::metadata::{Metadata, Package};

/// From the bottom: nouns, pure deciders, sans-IO machines, adapters, programs.
const LAYERS: [(&str, &[&str]); 5] = [
    ("nouns", &["model", "versions", "protocol"]),
    (
        "deciders",
        &[
            "index", "matching", "risk", "exposure", "planner", "policy", "fleet", "stats",
            "guard", "report",
        ],
    ),
    ("machines", &["engine"]),
    (
        "adapters",
        // The journal is a file that is synced and locked; what its entries mean is the engine's.
        &[
            "rootfs",
            "packages",
            "host",
            "inventory",
            "feeds",
            "journal",
            "apply",
            "store",
            "web",
            "agent",
        ],
    ),
    // The agent's program is `overlock-agent-program`; `overlock-agent` is its library.
    ("programs", &["overlock", "agent-program"]),
];

/// They may use everything and nothing that ships may use them.
const BESIDE: [&str; 7] = ["crash", "fuzz", "lab", "load", "sim", "testkit", "xtask"];

/// Two guards, two codebases: the host's verifier shares no code with what it verifies.
const APART: [(&str, &str); 1] = [("guard", "planner")];

/// How many layers from the bottom are the core, which does no IO.
const CORE: usize = 3;

/// Whether a crate belongs to the pure core.
pub fn is_core(word: &str) -> bool {
    layer(word).is_some_and(|layer| layer < CORE)
}

pub fn complaints(metadata: &Metadata) -> Complaints {
    metadata
        .members()
        .flat_map(|package| of_package(package, metadata))
        .collect()
}

fn of_package(package: &Package, metadata: &Metadata) -> Complaints {
    let word = package.word();
    if BESIDE.contains(&word) {
        return Vec::new();
    }
    let Some(own) = layer(word) else {
        return vec![format!(
            "{}: stands in no layer; add it to `xtask/src/check/layers.rs`",
            package.name
        )];
    };
    let members: Vec<&str> = metadata
        .members()
        .map(|member| member.name.as_str())
        .collect();
    package
        .shipped_dependencies()
        .filter(|dependency| members.contains(&dependency.name.as_str()))
        .filter_map(|dependency| {
            let below = dependency
                .name
                .strip_prefix("overlock-")
                .unwrap_or(&dependency.name);
            let wrong = match layer(below) {
                None => Some("is only for tests and tasks"),
                Some(layer) if layer > own => Some("is a layer above"),
                Some(_) if APART.contains(&(word, below)) || APART.contains(&(below, word)) => {
                    Some("must stay apart")
                }
                Some(_) => None,
            };
            wrong.map(|why| format!("{} uses {}, which {why}", package.name, dependency.name))
        })
        .collect()
}

fn layer(word: &str) -> Option<usize> {
    LAYERS.iter().position(|(_, words)| words.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(packages: Vec<Package>) -> Complaints {
        complaints(&Metadata { packages })
    }

    #[test]
    fn downward_and_sideways_are_allowed() {
        let packages = vec![
            Package::member("overlock-model", &[]),
            Package::member("overlock-index", &["overlock-model"]),
            Package::member("overlock-matching", &["overlock-index", "overlock-model"]),
            Package::member("xtask", &["overlock-matching"]),
        ];
        assert_eq!(check(packages), [""; 0]);
    }

    #[test]
    fn upward_is_refused() {
        let packages = vec![
            Package::member("overlock-feeds", &[]),
            Package::member("overlock-matching", &["overlock-feeds"]),
        ];
        assert_eq!(
            check(packages),
            ["overlock-matching uses overlock-feeds, which is a layer above"]
        );
    }

    #[test]
    fn shipped_code_does_not_use_the_testkit() {
        let packages = vec![
            Package::member("overlock-testkit", &[]),
            Package::member("overlock", &["overlock-testkit"]),
        ];
        assert_eq!(
            check(packages),
            ["overlock uses overlock-testkit, which is only for tests and tasks"]
        );
    }

    #[test]
    fn guard_and_planner_stay_apart() {
        let packages = vec![
            Package::member("overlock-planner", &[]),
            Package::member("overlock-guard", &["overlock-planner"]),
        ];
        assert_eq!(
            check(packages),
            ["overlock-guard uses overlock-planner, which must stay apart"]
        );
    }

    #[test]
    fn unknown_crate_is_named() {
        assert_eq!(check(vec![Package::member("overlock-misc", &[])]).len(), 1);
    }
}
