//! Real dpkg and archive data: counts and every version agree with a second, independent reading.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test stops where it finds something wrong"
)]

use overlock_packages::{apt, deb};
use overlock_rootfs::{Identity, Root};
use overlock_testkit::{shared, skip};
use std::collections::BTreeMap;
use std::io::Read;
use std::process::Command;
use std::time::Instant;

fn unpack(path: &std::path::Path) -> Vec<u8> {
    let file = std::fs::File::open(path).unwrap();
    let mut bytes = Vec::new();
    ruzstd::decoding::StreamingDecoder::new(file)
        .unwrap()
        .read_to_end(&mut bytes)
        .unwrap();
    bytes
}

#[test]
fn a_real_status_file_gives_each_package_with_its_version() {
    let Some(shared) = shared("a_real_status_file_gives_each_package_with_its_version") else {
        return;
    };
    let bytes = unpack(&shared.join("data/inventories/debian12-dpkg-status.zst"));
    let all = deb::parse_status("status", &bytes).unwrap();
    assert_eq!(all.packages.len(), 770);
    // A second reading that knows nothing of the first: split at blank lines and line prefixes.
    let text = String::from_utf8(bytes).unwrap();
    let mut plain = Vec::new();
    for entry in text.split("\n\n").filter(|entry| !entry.trim().is_empty()) {
        let field = |name: &str| {
            entry
                .lines()
                .find_map(|line| line.strip_prefix(&format!("{name}: ")))
                .map(str::to_owned)
        };
        plain.push((field("Package"), field("Version"), field("Architecture")));
    }
    let ours: Vec<_> = all
        .packages
        .iter()
        .map(|p| {
            (
                Some(p.name.clone()),
                Some(p.version.clone()),
                p.arch.clone(),
            )
        })
        .collect();
    assert_eq!(ours, plain);
}

#[test]
fn this_machines_packages_are_those_of_dpkg_query() {
    let test = "this_machines_packages_are_those_of_dpkg_query";
    let Ok(output) = Command::new("dpkg-query")
        .args(["-W", "-f", "${Package}\t${Architecture}\t${Version}\t${source:Package}\t${source:Version}\t${db:Status-Status}\n"])
        .output()
    else {
        return skip(test, "dpkg-query is not here");
    };
    let root = Root::open("/").unwrap();
    let mut ours: Vec<String> = deb::installed(&root)
        .unwrap()
        .unwrap()
        .packages
        .iter()
        .map(|p| {
            let arch = p.arch.as_deref().unwrap_or_default();
            format!(
                "{}\t{arch}\t{}\t{}\t{}",
                p.name,
                p.version,
                p.source_name(),
                p.source_version()
            )
        })
        .collect();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut theirs: Vec<String> = text
        .lines()
        .filter_map(|line| line.rsplit_once('\t'))
        .filter(|(_, state)| !matches!(*state, "not-installed" | "config-files"))
        .map(|(line, _)| line.to_owned())
        .collect();
    ours.sort();
    theirs.sort();
    assert_eq!(ours, theirs);
}

#[test]
fn every_stanza_of_three_releases_is_in_its_table() {
    let Some(shared) = shared("every_stanza_of_three_releases_is_in_its_table") else {
        return;
    };
    let mut total = 0;
    for release in ["bullseye", "bookworm", "trixie"] {
        let path = shared.join(format!("data/debian-packages-{release}-amd64.txt.zst"));
        let bytes = unpack(&path);
        let identity = Identity {
            dev: 1,
            inode: 1,
            mtime_ns: 1,
            size: bytes.len() as u64,
        };
        let table =
            apt::read_index(release, &bytes[..], &identity, apt::IndexLimits::default()).unwrap();
        assert_eq!(table.skipped(), 0);
        total += table.len();
        let text = String::from_utf8(bytes).unwrap();
        let mut by_name: BTreeMap<&str, Vec<(&str, Option<&str>)>> = BTreeMap::new();
        for entry in text.split("\n\n") {
            let field = |name: &str| entry.lines().find_map(|line| line.strip_prefix(name));
            if let (Some(name), Some(version)) = (field("Package: "), field("Version: ")) {
                by_name
                    .entry(name)
                    .or_default()
                    .push((version, field("Source: ")));
            }
        }
        for (name, wanted) in by_name {
            let found = table.find(name).unwrap();
            let found: Vec<_> = found
                .iter()
                .map(|record| {
                    let source = match (&record.source, &record.source_version) {
                        (Some(source), Some(version)) => Some(format!("{source} ({version})")),
                        (source, _) => source.clone(),
                    };
                    (record.version.clone(), source)
                })
                .collect();
            let wanted: Vec<_> = wanted
                .iter()
                .map(|(version, source)| ((*version).to_owned(), source.map(str::to_owned)))
                .collect();
            assert_eq!(found, wanted, "{release} {name}");
        }
    }
    assert_eq!(total, 200_288);
}

/// Prints times; the bounds that are asserted are in the benchmarks.
#[test]
#[ignore = "a measurement, not a check"]
fn survey_of_this_machine_in_milliseconds() {
    let root = Root::open("/").unwrap();
    let cache = tempfile::tempdir().unwrap();
    for round in 0..5 {
        let start = Instant::now();
        let mut packages = deb::installed(&root).unwrap().unwrap().packages;
        let status = start.elapsed();
        let survey = apt::survey(&root, &mut packages, None, Some(cache.path())).unwrap();
        eprintln!(
            "round {round}: status {status:?}, with apt {:?}; {} packages, {} offers, {:?}",
            start.elapsed(),
            packages.len(),
            survey.offers.len(),
            survey
                .repositories
                .iter()
                .map(|r| (&r.id, &r.signature, r.packages))
                .collect::<Vec<_>>()
        );
        if round == 4 {
            eprintln!("{:?}", survey.unseen);
            let memory = std::fs::read_to_string("/proc/self/status").unwrap();
            eprintln!(
                "{:?}",
                memory
                    .lines()
                    .filter(|line| line.starts_with("VmHWM") || line.starts_with("RssAnon"))
                    .collect::<Vec<_>>()
            );
        }
    }
}
