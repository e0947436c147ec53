//! Stories of planning: a small host in, a transcript out, one file for each story.
//!
//! `tests/scenarios/NAME.txt` holds commands; what they answer is kept in `NAME.out` beside it and every changed line
//! of it is to be read as code. `OVERLOCK_BLESS=1 cargo test -p overlock-planner` writes the transcripts anew.
//!
//! ```text
//! release ID VERSION          running UNAME            support end-of-life DATE       not-running
//! repository ID               unit NAME PACKAGE…
//! package TYPE NAME VERSION [source=… source_version=… arch=… epoch=…]
//! offer PACKAGE VERSION [security] [held|pinned|phased] [from=REPOSITORY source=… source_version=… arch=… requires=NAME=VERSION,…]
//! exposed VULNERABILITY PACKAGE,… FIXED|- [status=… state=… weight=… decision=… deadline=…]
//! plan [capacity=…]
//! ```
//!
//! An offer comes from `main` and with the source of the installed package, if it does not say otherwise; an exposure
//! is of the first package's version.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at once"
)]

use overlock_matching::judged_as;
use overlock_model::effective::{Effective, UnitFiles};
use overlock_model::exposure::Exposure;
use overlock_model::inventory::Inventory;
use overlock_model::os::{Os, Support};
use overlock_model::package::{Package, PackageType};
use overlock_model::repository::{Blocked, Offer};
use overlock_model::update::Update;
use overlock_planner::{Scope, Situation, plan};
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

#[test]
fn every_story_goes_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let bless = std::env::var_os("OVERLOCK_BLESS").is_some();
    let mut stories = 0;
    let mut wrong = Vec::new();
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    for file in files
        .iter()
        .filter(|file| file.extension().is_some_and(|extension| extension == "txt"))
    {
        stories += 1;
        let script = std::fs::read_to_string(file).unwrap();
        let transcript = play(&script, &file.display().to_string());
        let golden = file.with_extension("out");
        if bless {
            std::fs::write(&golden, &transcript).unwrap();
        } else if std::fs::read_to_string(&golden).unwrap_or_default() != transcript {
            wrong.push(format!("{}\n{transcript}", file.display()));
        }
    }
    assert!(stories >= 12, "only {stories} stories found");
    assert!(
        wrong.is_empty(),
        "these transcripts changed:\n{}",
        wrong.join("\n")
    );
}

struct World {
    inventory: Inventory,
    exposures: Vec<Exposure>,
    weights: Vec<f64>,
    support: Support,
}

fn play(script: &str, place: &str) -> String {
    let os = Os {
        id: "debian".to_owned(),
        version_id: "12".to_owned(),
        ..Os::default()
    };
    let mut world = World {
        inventory: Inventory::new(os),
        exposures: vec![],
        weights: vec![],
        support: Support::Unknown,
    };
    world.inventory.effective = Some(Effective::default());
    let mut transcript = String::new();
    for (number, line) in script.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let mut plain = Vec::new();
        let mut named = BTreeMap::new();
        for word in line.split_whitespace() {
            match word.split_once('=') {
                Some((name, value)) if name.chars().all(|c| c.is_ascii_lowercase() || c == '_') => {
                    named.insert(name, value.to_owned());
                }
                _ => plain.push(word),
            }
        }
        command(&mut world, &plain, &mut named, &mut transcript)
            .unwrap_or_else(|| panic!("{place}:{}: cannot read `{line}`", number + 1));
        assert!(
            named.is_empty(),
            "{place}:{}: unknown {named:?}",
            number + 1
        );
    }
    transcript
}

fn command(
    world: &mut World,
    words: &[&str],
    named: &mut BTreeMap<&str, String>,
    transcript: &mut String,
) -> Option<()> {
    match words {
        ["release", id, version] => {
            world.inventory.os.id = (*id).to_owned();
            world.inventory.os.version_id = (*version).to_owned();
        }
        ["running", release] => world.inventory.kernel.running = Some((*release).to_owned()),
        ["not-running"] => world.inventory.effective = None,
        ["support", "end-of-life", date] => {
            world.support = Support::EndOfLife {
                since: date.parse().ok()?,
                paid: None,
            };
        }
        ["repository", id] => world.inventory.repositories.push(from_json(json!({
            "id": id, "uri": "https://example.org", "signature": {"state": "unsigned"},
        }))),
        ["unit", name, packages @ ..] => {
            let unit = UnitFiles {
                unit: (*name).to_owned(),
                files: vec![],
                packages: packages.iter().map(|name| (*name).to_owned()).collect(),
            };
            world.inventory.effective.as_mut()?.units.push(unit);
        }
        ["package", kind, name, version] => {
            let mut package = Package::new(PackageType::from_word(kind), *name, *version);
            package.source = named.remove("source");
            package.source_version = named.remove("source_version");
            package.arch = named.remove("arch");
            package.epoch = named.remove("epoch").map(|epoch| epoch.parse().unwrap());
            world.inventory.packages.push(package);
        }
        ["offer", name, version, words @ ..] => {
            let offer = offer(world, name, version, words, named)?;
            world.inventory.offers.push(offer);
        }
        ["exposed", vulnerability, packages, fixed] => {
            let exposure = exposure(world, vulnerability, packages, fixed, named)?;
            let weight = named
                .remove("weight")
                .map_or("1".to_owned(), |weight| weight);
            world.weights.push(weight.parse().ok()?);
            world.exposures.push(exposure);
        }
        ["plan"] => {
            let capacity = named
                .remove("capacity")
                .map(|number| number.parse().unwrap());
            planned(world, capacity, transcript);
        }
        _ => return None,
    }
    Some(())
}

fn offer(
    world: &World,
    name: &str,
    version: &str,
    words: &[&str],
    named: &mut BTreeMap<&str, String>,
) -> Option<Offer> {
    let installed = installed(world, name);
    let requires = named.remove("requires").unwrap_or_default();
    let mut offer = Offer {
        package: name.to_owned(),
        arch: named.remove("arch").or_else(|| installed?.arch.clone()),
        version: version.to_owned(),
        source: named.remove("source").or_else(|| installed?.source.clone()),
        source_version: named.remove("source_version"),
        repository: named.remove("from").unwrap_or_else(|| "main".to_owned()),
        security: false,
        sha256: None,
        size_bytes: None,
        requires_exactly: requires
            .split(',')
            .filter_map(|tie| tie.split_once('='))
            .map(|(name, version)| (name.to_owned(), version.to_owned()))
            .collect(),
        blocked: None,
    };
    for word in words {
        match *word {
            "security" => offer.security = true,
            "held" => offer.blocked = Some(Blocked::Hold),
            "pinned" => offer.blocked = Some(Blocked::Pin { priority: -1 }),
            "phased" => offer.blocked = Some(Blocked::Phased { percent: 10 }),
            _ => return None,
        }
    }
    Some(offer)
}

fn installed<'a>(world: &'a World, name: &str) -> Option<&'a Package> {
    world
        .inventory
        .packages
        .iter()
        .find(|package| package.name == name)
}

fn exposure(
    world: &World,
    vulnerability: &str,
    packages: &str,
    fixed: &str,
    named: &mut BTreeMap<&str, String>,
) -> Option<Exposure> {
    let mut binaries: Vec<&str> = packages.split(',').collect();
    let package = installed(world, binaries[0])?;
    let source = match package.kind {
        PackageType::Rpm => package.source_name().to_owned(),
        _ => judged_as(package).0,
    };
    binaries.sort_unstable();
    let stands = binaries
        .iter()
        .find(|name| **name == source)
        .unwrap_or(&binaries[0]);
    Some(from_json(json!({
        "vulnerability": vulnerability,
        "package": stands,
        "binaries": binaries,
        "type": package.kind,
        "source": source,
        "installed": judged_as(package).1,
        "fixed": Some(fixed).filter(|fixed| *fixed != "-"),
        "status": named.remove("status").unwrap_or_else(|| "fix_available".to_owned()),
        "state": named.remove("state").unwrap_or_else(|| "exposed".to_owned()),
        "decision": named.remove("decision").unwrap_or_else(|| "scheduled".to_owned()),
        "deadline": named.remove("deadline").map(|day| format!("{day}T00:00:00Z")),
        "cvss": null, "epss": null, "kev": null, "ssvc": null,
        "evidence": {"rule": "", "scheme": "", "compared": "", "ecosystem": ""},
    })))
}

fn from_json<T: for<'a> serde::Deserialize<'a>>(value: serde_json::Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn planned(world: &World, capacity: Option<usize>, out: &mut String) {
    let planned = plan(&Situation {
        inventory: &world.inventory,
        exposures: &world.exposures,
        weights: &world.weights,
        support: &world.support,
        capacity,
        scope: Scope::Security,
    });
    for (number, update) in planned.updates.iter().enumerate() {
        write_update(number + 1, update, out);
    }
    for held in &planned.held {
        let mut reason = serde_json::to_value(&held.reason).unwrap();
        let why = reason.as_object_mut().unwrap().remove("why").unwrap();
        let facts: Vec<String> = reason
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| format!(" {name} {value}").replace('"', ""))
            .collect();
        writeln!(
            out,
            "held {} {} [{}] {}{}",
            held.package,
            held.installed,
            held.vulnerabilities.join(" "),
            why.as_str().unwrap(),
            facts.concat()
        )
        .unwrap();
    }
    if planned.updates.is_empty() && planned.held.is_empty() {
        writeln!(out, "nothing to do").unwrap();
    }
}

fn write_update(number: usize, update: &Update, out: &mut String) {
    let decision = update
        .decision
        .map_or("no decision", |decision| decision.as_str());
    let deadline = update
        .deadline
        .map(|deadline| format!(" by {deadline}"))
        .unwrap_or_default();
    writeln!(
        out,
        "{number}. {} {} to {} from {}: removes {:.1} %, {decision}{deadline} [{}]",
        update.package,
        update.from,
        update.to,
        update.origin,
        update.risk_removed * 100.0,
        update.resolves.join(" ")
    )
    .unwrap();
    for member in update.members.iter().filter(|_| update.members.len() > 1) {
        let arch = member.arch.as_ref().map(|arch| format!(":{arch}"));
        writeln!(
            out,
            "    {}{} {} to {}",
            member.package,
            arch.unwrap_or_default(),
            member.from,
            member.to
        )
        .unwrap();
    }
    if !update.restarts.is_empty() {
        writeln!(out, "    restarts {}", update.restarts.join(" ")).unwrap();
    }
    if let Some(reboot) = &update.reboot {
        writeln!(out, "    reboot: {reboot}").unwrap();
    }
}
