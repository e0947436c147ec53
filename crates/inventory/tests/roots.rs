//! Inventories of small roots: what is asked for is there, what is not is left out, and damage is no inventory.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use overlock_inventory::{
    InventoryError, Options, Parts, kernels, language_packages, machine, of_root, operating_system,
    ownership, running,
};
use overlock_model::Timestamp;
use overlock_model::effective::{Effective, StaleProcess, UnitFiles};
use overlock_model::inventory::{Inventory, InventorySource};
use overlock_rootfs::Root;
use std::error::Error;
use std::fs;
use tempfile::TempDir;

const STATUS: &str = "var/lib/dpkg/status";
const KERNEL: &str = "linux-image-6.1.0-29-amd64";

/// A root of Debian 12 with a library, a kernel, a repository without lists and a Python package.
fn debian() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let package = |name: &str| {
        format!(
            "Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.0-1\n\
             Maintainer: A <a@example.org>\nDescription: one\n\n"
        )
    };
    write(
        &folder,
        "etc/os-release",
        "ID=debian\nVERSION_ID=12\nVERSION_CODENAME=bookworm\n",
    );
    write(&folder, "etc/hostname", "web-1\nnot this\n");
    write(
        &folder,
        STATUS,
        &format!("{}{}", package("libssl3"), package(KERNEL)),
    );
    write(
        &folder,
        "var/lib/dpkg/info/libssl3.list",
        "/.\n/usr/lib/libssl.so.3\n",
    );
    write(
        &folder,
        "etc/apt/sources.list",
        "deb https://packages.example.org/debian bookworm main\n",
    );
    write(
        &folder,
        "usr/local/lib/python3.11/dist-packages/six-1.16.0.dist-info/METADATA",
        "Metadata-Version: 2.1\nName: six\nVersion: 1.16.0\n",
    );
    folder
}

fn write(folder: &TempDir, path: &str, text: &str) {
    let path = folder.path().join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn now() -> Timestamp {
    "2026-06-01T00:00:00Z".parse().unwrap()
}

fn root(folder: &TempDir) -> Root {
    Root::open(folder.path()).unwrap()
}

fn collect(folder: &TempDir, parts: Parts) -> Result<Inventory, InventoryError> {
    of_root(&root(folder), &Options { parts, cache: None }, now())
}

fn names(inventory: &Inventory) -> Vec<&str> {
    inventory
        .packages
        .iter()
        .map(|package| package.name.as_str())
        .collect()
}

#[test]
fn whole_inventory_has_every_part() {
    let folder = debian();
    let inventory = collect(&folder, Parts::ALL).unwrap();
    assert_eq!(inventory.host.as_deref(), Some("web-1"));
    assert_eq!(inventory.collected, Some(now()));
    assert!(matches!(inventory.source, InventorySource::Root { .. }));
    assert_eq!(inventory.arch.as_deref(), Some("amd64"));
    assert_eq!(names(&inventory), ["libssl3", KERNEL, "six"]);
    assert_eq!(inventory.kernel.installed.len(), 1);
    assert_eq!(inventory.repositories.len(), 1);
    assert!(!inventory.search_roots.is_empty());
    // Nothing runs in a folder.
    assert_eq!(inventory.effective, None);
    assert_eq!(inventory.kernel.running, None);
}

#[test]
fn part_left_out_is_empty_and_nothing_is_said_of_it() {
    let folder = debian();
    let all = collect(&folder, Parts::ALL).unwrap();
    // The repository has no lists, which is told where repositories are asked for.
    assert!(!all.unseen.is_empty());

    let none = collect(&folder, Parts::NONE).unwrap();
    assert_eq!(none, machine(&root(&folder), now()).unwrap());
    assert!(none.packages.is_empty() && none.repositories.is_empty());
    assert_eq!(none.unseen, []);

    let no_languages = collect(&folder, Parts::OPERATING_SYSTEM).unwrap();
    assert_eq!(names(&no_languages), ["libssl3", KERNEL]);
    assert_eq!(no_languages.search_roots, []);

    let packages = Parts {
        packages: true,
        ..Parts::NONE
    };
    let packages = collect(&folder, packages).unwrap();
    assert_eq!(packages.packages, no_languages.packages);
    assert_eq!(packages.repositories, []);
    assert_eq!(packages.unseen, []);

    let repositories = Parts {
        repositories: true,
        ..Parts::NONE
    };
    let repositories = collect(&folder, repositories).unwrap();
    assert_eq!(names(&repositories), [""; 0]);
    assert_eq!(repositories.kernel.installed, []);
    assert_eq!(repositories.repositories, all.repositories);

    let languages = Parts {
        languages: true,
        ..Parts::NONE
    };
    let languages = collect(&folder, languages).unwrap();
    assert_eq!(names(&languages), ["six"]);
    assert_eq!(languages.search_roots, all.search_roots);
}

#[test]
fn single_parts_say_what_the_whole_says() {
    let folder = debian();
    let root = root(&folder);
    let all = collect(&folder, Parts::ALL).unwrap();
    let system = operating_system(&root, None).unwrap();
    let languages = language_packages(&root, None);
    assert_eq!(
        all.packages,
        [system.packages.clone(), languages.packages].concat()
    );
    assert_eq!(all.repositories, system.survey.repositories);
    assert_eq!(all.offers, system.survey.offers);
    let kernel = kernels(&root, &system.packages);
    assert_eq!(all.kernel, kernel);
    assert_eq!(running(&root, &kernel, &system.packages).effective, None);
}

#[test]
fn damaged_database_ends_the_collection_where_it_is_needed() {
    let folder = debian();
    write(&folder, STATUS, "\u{0}\u{1} this is no status file");
    let error = collect(&folder, Parts::OPERATING_SYSTEM).unwrap_err();
    assert_eq!(error.to_string(), "the package database cannot be read");
    assert!(error.source().unwrap().to_string().contains(STATUS));
    let languages = Parts {
        languages: true,
        ..Parts::NONE
    };
    assert_eq!(names(&collect(&folder, languages).unwrap()), ["six"]);
}

#[test]
fn root_without_a_release_is_told_with_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let error = collect(&folder, Parts::NONE).unwrap_err();
    assert!(matches!(error, InventoryError::Release(_)));
    assert!(error.to_string().starts_with("the release is not stated"));
    assert!(error.hint().unwrap().contains("etc/os-release"));
}

#[test]
fn root_without_a_package_database_says_so() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder, "etc/os-release", "ID=none\n");
    let inventory = collect(&folder, Parts::OPERATING_SYSTEM).unwrap();
    let what: Vec<&str> = inventory
        .unseen
        .iter()
        .map(|unseen| unseen.what.as_str())
        .collect();
    assert_eq!(what, ["operating-system packages"]);
}

#[test]
fn files_in_use_are_named_by_the_package_that_brought_them() {
    let folder = debian();
    let packages = operating_system(&root(&folder), None).unwrap().packages;
    let files = vec![
        "/usr/lib/libssl.so.3".to_owned(),
        "/usr/lib/nobody.so".to_owned(),
    ];
    let mut effective = Effective {
        stale: vec![StaleProcess {
            pid: 7,
            name: "httpd".to_owned(),
            unit: None,
            started: None,
            files: files.clone(),
            packages: Vec::new(),
        }],
        units: vec![UnitFiles {
            unit: "httpd.service".to_owned(),
            files,
            packages: Vec::new(),
        }],
        ..Effective::default()
    };
    ownership::of_stale_files(&root(&folder), &mut effective, &packages);
    assert_eq!(effective.stale[0].packages, ["libssl3"]);
    assert!(effective.units[0].packages.is_empty());
    ownership::of_units(&root(&folder), &mut effective, &packages);
    assert_eq!(effective.units[0].packages, ["libssl3"]);
    let others = packages.iter().filter(|package| package.name != "libssl3");
    ownership::of_units(&root(&folder), &mut effective, others);
    assert!(effective.units[0].packages.is_empty());
}

/// The only test that looks at the machine it runs on.
#[test]
fn running_machine_shows_its_processes_only_where_they_are_asked_for() {
    let root = Root::open("/").unwrap();
    let options = |parts| Options { parts, cache: None };
    let processes = Parts {
        processes: true,
        ..Parts::NONE
    };
    let inventory = of_root(&root, &options(processes), now()).unwrap();
    assert!(inventory.effective.unwrap().processes_seen > 0);
    assert!(inventory.kernel.running.is_some());
    let none = of_root(&root, &options(Parts::NONE), now()).unwrap();
    assert_eq!(none.effective, None);
    assert_eq!(none.host, inventory.host);
}
