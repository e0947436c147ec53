//! Debian 10 to 13: what we report equals a slow join written a second time, from another form of the same lists.

use crate::inventories::{judged, world_of_the_mirror};
use overlock_model::inventory::Inventory;
use overlock_model::package::Package;
use overlock_versions::{Scheme, compare};
use serde_json::Value;
use std::collections::BTreeSet;

/// Source and CVE.
type Pair = (String, String);

#[test]
fn debian_exposures_equal_an_independent_join() {
    let Some((world, shared)) =
        world_of_the_mirror("debian_exposures_equal_an_independent_join", |feed| {
            feed.starts_with("debian-")
        })
    else {
        return;
    };
    let derived =
        overlock_testkit::zstd_text(&shared.join("data/debian-tracker-derived-fixed.json.zst"));
    let derived: Value = serde_json::from_str(&derived.unwrap()).unwrap();
    let mut hosts = 0;
    let mut pairs = 0;
    for (file, inventory) in overlock_testkit::vuls::inventories(&shared).unwrap() {
        let Some(codename) = codename(&inventory) else {
            continue;
        };
        let expected = join(&derived, codename, &inventory);
        let host = judged(&world, &file, inventory);
        let ours: BTreeSet<Pair> = host.report["exposures"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|exposure| exposure["status"] == "fix_available")
            .map(|exposure| {
                let text = |field: &str| exposure[field].as_str().unwrap().to_owned();
                (text("source"), text("vulnerability"))
            })
            // An advisory without a CVE stands under its own name, and the derived file has CVEs only.
            .filter(|(_, vulnerability)| vulnerability.starts_with("CVE-"))
            .collect();
        let missing: Vec<&Pair> = expected.difference(&ours).collect();
        let invented: Vec<&Pair> = ours.difference(&expected).collect();
        assert!(
            missing.is_empty() && invented.is_empty(),
            "{file}: of {} pairs {} are missing {:?}, {} invented {:?}",
            expected.len(),
            missing.len(),
            &missing[..missing.len().min(10)],
            invented.len(),
            &invented[..invented.len().min(10)]
        );
        println!("{file}: {} pairs", expected.len());
        hosts += 1;
        pairs += expected.len();
    }
    println!("{hosts} hosts, {pairs} pairs of source and CVE");
    assert!(hosts >= 4 && pairs > 1_000, "{hosts} hosts, {pairs} pairs");
}

fn codename(inventory: &Inventory) -> Option<&'static str> {
    let os = &inventory.os;
    let known = [
        ("10", "buster"),
        ("11", "bullseye"),
        ("12", "bookworm"),
        ("13", "trixie"),
    ];
    known
        .iter()
        .find(|(version, _)| os.id == "debian" && os.version_id == *version)
        .map(|(_, codename)| *codename)
}

fn join(derived: &Value, codename: &str, inventory: &Inventory) -> BTreeSet<Pair> {
    let mut pairs = BTreeSet::new();
    for package in &inventory.packages {
        if is_kernel_without_image(package) || package.version.contains("~bpo") {
            continue;
        }
        let (source, version) = source_of(package);
        let Some(vulnerabilities) = derived.get(&source).and_then(Value::as_object) else {
            continue;
        };
        for (cve, facts) in vulnerabilities {
            if let Some(fixed) = latest_fix(facts, codename)
                && compare(Scheme::Dpkg, &version, fixed).unwrap().is_lt()
            {
                pairs.insert((source.clone(), cve.clone()));
            }
        }
    }
    pairs
}

/// The derived file's own `fixed_version` is the first advisory's; a later one was needed because that was not enough.
fn latest_fix<'a>(facts: &'a Value, codename: &str) -> Option<&'a str> {
    let advisories = facts["releases"][codename]["_advisories"].as_array()?;
    advisories
        .iter()
        .filter_map(|advisory| advisory[1].as_str())
        .filter(|version| !version.starts_with('<'))
        .max_by(|a, b| compare(Scheme::Dpkg, a, b).unwrap())
}

/// Source name and version by Debian's rules, written here a second time.
fn source_of(package: &Package) -> (String, String) {
    let source = package
        .source
        .clone()
        .unwrap_or_else(|| package.name.clone());
    let version = package.source_version.clone().unwrap_or_else(|| {
        let version = &package.version;
        match version.rfind("+b") {
            Some(at)
                if version[at + 2..].bytes().all(|byte| byte.is_ascii_digit())
                    && at + 2 < version.len() =>
            {
                version[..at].to_owned()
            }
            _ => version.clone(),
        }
    });
    if source.starts_with("linux-signed") {
        return ("linux".to_owned(), version.replacen('+', "-", 1));
    }
    if source.starts_with("grub-") && source.ends_with("-signed") {
        let original = package.version.split_once('+').unwrap().1;
        return ("grub2".to_owned(), original.replacen('+', "-", 1));
    }
    if source == "shim-signed" {
        let original = package
            .version
            .split('+')
            .find(|part| part.contains('.') && part.contains('-') && !part.contains('~'));
        return ("shim".to_owned(), original.unwrap_or("999").to_owned());
    }
    (source, version)
}

/// Headers, libraries' headers and tools come from the kernel's source and are not the kernel; neither is a package
/// that only depends on the newest image.
fn is_kernel_without_image(package: &Package) -> bool {
    let (source, _) = source_of(package);
    let image = package.name.starts_with("linux-image-")
        && package
            .name
            .split('-')
            .any(|part| part.starts_with(|c: char| c.is_ascii_digit()));
    source == "linux" && !image
}
