//! The core does no IO and reads no clock: neither through a crate nor through the standard library.

use super::metadata::{Dependency, Metadata};
use super::{Complaints, layers};
use crate::workspace::TextFile;

/// Crates that bring a runtime, a network, a store, a clock or randomness.
const CRATES: [&str; 16] = [
    "tokio",
    "axum",
    "sqlx",
    "reqwest",
    "hyper",
    "hyper-util",
    "rusqlite",
    "redb",
    "rand",
    "getrandom",
    "fastrand",
    "chrono",
    "time",
    "rustix",
    "tempfile",
    "memmap2",
];

/// Features of jiff that neither read the clock nor the system's time zones.
const JIFF_FEATURES: [&str; 2] = ["alloc", "serde"];

/// Paths of the standard library that do the same.
const PATHS: [&str; 8] = [
    "std::fs",
    "std::net",
    "std::process",
    "std::env",
    "SystemTime",
    "Instant::now",
    "Timestamp::now",
    "thread::sleep",
];

pub fn complaints(metadata: &Metadata, files: &[TextFile]) -> Complaints {
    let mut complaints = Vec::new();
    for package in metadata
        .members()
        .filter(|package| layers::is_core(package.word()))
    {
        for dependency in package.shipped_dependencies() {
            if let Some(why) = impure(dependency) {
                complaints.push(format!("{}: {why}", package.name));
            }
        }
    }
    complaints.extend(files.iter().flat_map(of_file));
    complaints
}

fn impure(dependency: &Dependency) -> Option<String> {
    let name = dependency.name.as_str();
    let feature = |allowed: &[&str]| {
        dependency
            .features
            .iter()
            .find(|feature| !allowed.contains(&feature.as_str()))
            .cloned()
    };
    match name {
        "jiff" if dependency.uses_default_features => {
            Some("`jiff` with default features reads the clock".to_owned())
        }
        "jiff" => feature(&JIFF_FEATURES)
            .map(|feature| format!("`jiff` with feature `{feature}` is not pure")),
        "uuid" => feature(&["serde"])
            .map(|feature| format!("`uuid` with feature `{feature}` makes ids by itself")),
        _ => CRATES
            .contains(&name)
            .then(|| format!("`{name}` does not belong into the core")),
    }
}

/// Lines of the core's own code; what follows `#[cfg(test)]` and files of tests are free.
fn of_file(file: &TextFile) -> Complaints {
    let Some((word, path)) = file
        .path
        .strip_prefix("crates/")
        .and_then(|rest| rest.split_once("/src/"))
    else {
        return Vec::new();
    };
    if !layers::is_core(word)
        || file.extension() != "rs"
        || path.ends_with("tests.rs")
        || path.contains("tests/")
    {
        return Vec::new();
    }
    file.text
        .lines()
        .enumerate()
        .take_while(|(_, line)| line.trim() != "#[cfg(test)]")
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .flat_map(|(number, line)| {
            let hits = PATHS.into_iter().filter(move |path| line.contains(path));
            hits.map(move |hit| {
                format!(
                    "{}:{}: `{hit}` does not belong into the core",
                    file.path,
                    number + 1
                )
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::metadata::Package;
    use super::*;

    fn of(package: Package) -> Complaints {
        complaints(
            &Metadata {
                packages: vec![package],
            },
            &[],
        )
    }

    #[test]
    fn runtime_in_the_core_is_refused_and_in_an_adapter_is_not() {
        assert_eq!(
            of(Package::member("overlock-planner", &["tokio"])),
            ["overlock-planner: `tokio` does not belong into the core"]
        );
        assert_eq!(of(Package::member("overlock-feeds", &["tokio"])), [""; 0]);
    }

    #[test]
    fn dependency_of_tests_is_free() {
        let mut package = Package::member("overlock-planner", &["tokio"]);
        package.dependencies[0].kind = Some("dev".to_owned());
        assert_eq!(of(package), [""; 0]);
    }

    #[test]
    fn jiff_without_a_clock_is_allowed() {
        let mut package = Package::member("overlock-model", &["jiff"]);
        package.dependencies[0].features = vec!["alloc".to_owned(), "serde".to_owned()];
        assert_eq!(of(package), [""; 0]);
        let mut package = Package::member("overlock-model", &["jiff"]);
        package.dependencies[0].features = vec!["std".to_owned()];
        assert_eq!(
            of(package),
            ["overlock-model: `jiff` with feature `std` is not pure"]
        );
    }

    #[test]
    fn clock_in_code_is_refused_and_in_tests_is_not() {
        let text = "// SystemTime is not read here\nlet now = SystemTime::now();\n#[cfg(test)]\nuse std::fs;\n";
        let file = |path: &str| TextFile {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        assert_eq!(
            of_file(&file("crates/risk/src/lib.rs")),
            ["crates/risk/src/lib.rs:2: `SystemTime` does not belong into the core"]
        );
        assert_eq!(of_file(&file("crates/host/src/lib.rs")), [""; 0]);
        assert_eq!(of_file(&file("crates/risk/src/cvss/tests.rs")), [""; 0]);
    }
}
