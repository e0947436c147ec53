//! Stories of matching: a small world in, a transcript out, one file for each story.
//!
//! `tests/scenarios/NAME.txt` holds commands; what they answer is kept in `NAME.out` beside it and every changed line
//! of it is to be read as code. `OVERLOCK_BLESS=1 cargo test -p overlock-matching` writes the transcripts anew.
//!
//! ```text
//! release ID VERSION          running UNAME            support end-of-life DATE
//! repository ID ORIGIN        offer PACKAGE VERSION REPOSITORY [source=…]
//! feed NAME [fixed-only]      says PACKAGE VULNERABILITY STATUS [VERSION|WORDS] [channel=… module=… arch=… from=… advisory=… issued=…]
//! package TYPE NAME VERSION [source=… source_version=… arch=… module=… epoch=… origin=…]
//! vex VULNERABILITY STATUS PURL [on=DATE by=AUTHOR because=WORDS within=PRODUCT]
//! assess                      explain VULNERABILITY
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at once"
)]

use overlock_index::{AdvisoryBuilder, AdvisoryIndex};
use overlock_matching::{Advisories, Context, Release, assess, explain};
use overlock_model::advisory::{Disclosure, Ecosystem, Resolution, VendorStatus};
use overlock_model::inventory::Inventory;
use overlock_model::os::{Os, Support};
use overlock_model::package::{Package, PackageType};
use overlock_model::repository::{Offer, Repository, Signature};
use overlock_model::vex::{VexProduct, VexStatement, VexStatus};
use overlock_versions::Scheme;
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
        let transcript = play(
            &std::fs::read_to_string(file).unwrap(),
            &file.display().to_string(),
        );
        let golden = file.with_extension("out");
        if bless {
            std::fs::write(&golden, &transcript).unwrap();
        } else if std::fs::read_to_string(&golden).unwrap_or_default() != transcript {
            wrong.push(format!("{}\n{transcript}", file.display()));
        }
    }
    assert!(stories >= 10, "only {stories} stories found");
    assert!(
        wrong.is_empty(),
        "these transcripts changed:\n{}",
        wrong.join("\n")
    );
}

struct World {
    inventory: Inventory,
    context: Context,
    feeds: Vec<(String, bool)>,
    statements: BTreeMap<Ecosystem, Vec<(Disclosure, Resolution)>>,
}

struct Tables(BTreeMap<Ecosystem, Vec<u8>>);

impl Advisories for Tables {
    fn index(&self, ecosystem: &Ecosystem) -> Option<AdvisoryIndex<'_>> {
        self.0
            .get(ecosystem)
            .map(|bytes| AdvisoryIndex::open(bytes).unwrap())
    }
}

fn play(script: &str, place: &str) -> String {
    let os = Os {
        id: "debian".to_owned(),
        version_id: "12".to_owned(),
        ..Os::default()
    };
    let mut world = World {
        inventory: Inventory::new(os),
        context: Context::default(),
        feeds: vec![],
        statements: BTreeMap::new(),
    };
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
        ["support", "end-of-life", date] => {
            world.context.support = Some(Support::EndOfLife {
                since: date.parse().ok()?,
                paid: None,
            });
        }
        ["repository", id, origin] => world.inventory.repositories.push(repository(id, origin)),
        ["offer", package, version, repository] => world.inventory.offers.push(Offer {
            package: (*package).to_owned(),
            arch: None,
            version: (*version).to_owned(),
            source: named.remove("source"),
            source_version: None,
            repository: (*repository).to_owned(),
            security: false,
            sha256: None,
            size_bytes: None,
            requires_exactly: vec![],
            blocked: None,
        }),
        ["feed", name, rest @ ..] => world
            .feeds
            .push(((*name).to_owned(), rest == ["fixed-only"])),
        ["says", package, vulnerability, status, rest @ ..] => {
            let ecosystem = match named.remove("in") {
                Some(ecosystem) => Ecosystem(ecosystem),
                None => Release::of(&world.inventory.os).ecosystem?,
            };
            let statement = statement(
                world,
                &ecosystem,
                package,
                vulnerability,
                status,
                &rest.join(" "),
                named,
            )?;
            world
                .statements
                .entry(ecosystem)
                .or_default()
                .push(statement);
        }
        ["package", kind, name, version] => {
            let mut package = Package::new(PackageType::from_word(kind), *name, *version);
            package.source = named.remove("source");
            package.source_version = named.remove("source_version");
            package.arch = named.remove("arch");
            package.module = named.remove("module");
            package.origin = named.remove("origin");
            package.epoch = named.remove("epoch").map(|epoch| epoch.parse().unwrap());
            world.inventory.packages.push(package);
        }
        ["vex", vulnerability, status, purl] => world.context.vex.push(VexStatement {
            vulnerability: (*vulnerability).to_owned(),
            products: vec![VexProduct {
                purl: Some((*purl).to_owned()),
                name: (*purl).to_owned(),
                within: named.remove("within"),
            }],
            status: match *status {
                "not-affected" => VexStatus::NotAffected,
                "fixed" => VexStatus::Fixed,
                "affected" => VexStatus::Affected,
                "investigating" => VexStatus::UnderInvestigation,
                _ => return None,
            },
            justification: named.remove("because"),
            timestamp: named
                .remove("on")
                .map(|date| format!("{date}T00:00:00Z").parse().unwrap()),
            author: named.remove("by"),
        }),
        ["assess"] => assessed(world, transcript),
        ["explain", vulnerability] => explained(world, vulnerability, transcript),
        _ => return None,
    }
    Some(())
}

fn repository(id: &str, origin: &str) -> Repository {
    Repository {
        id: id.to_owned(),
        uri: format!("https://{id}.example.org"),
        origin: Some(origin.replace('_', " ")),
        label: None,
        suite: None,
        codename: None,
        security: false,
        signature: Signature::Unsigned,
        dated: None,
        valid_until: None,
        fetched: None,
        packages: None,
    }
}

fn statement(
    world: &World,
    ecosystem: &Ecosystem,
    package: &str,
    vulnerability: &str,
    status: &str,
    rest: &str,
    named: &mut BTreeMap<&str, String>,
) -> Option<(Disclosure, Resolution)> {
    let version = rest.to_owned();
    let status = match status {
        "fixed" => VendorStatus::Fixed(version),
        "last" => VendorStatus::LastAffected(version),
        "exactly" => VendorStatus::Versions(version.split(' ').map(str::to_owned).collect()),
        "affected" => VendorStatus::Affected,
        "wont-fix" => VendorStatus::WillNotFix(version),
        "postponed" => VendorStatus::Postponed(version),
        "not-affected" => VendorStatus::NotAffected,
        "investigating" => VendorStatus::UnderInvestigation,
        "end-of-life" => VendorStatus::EndOfLife,
        _ => return None,
    };
    let disclosure = Disclosure {
        ecosystem: ecosystem.clone(),
        package: package.to_owned(),
        vulnerability: vulnerability.to_owned(),
        aliases: named.remove("alias").into_iter().collect(),
        severity: named.remove("severity"),
        summary: None,
        cvss: vec![],
        published: None,
    };
    let resolution = Resolution {
        ecosystem: ecosystem.clone(),
        package: package.to_owned(),
        vulnerability: vulnerability.to_owned(),
        channel: named.remove("channel").unwrap_or_default(),
        module: named.remove("module"),
        arches: named.remove("arch").into_iter().collect(),
        introduced: named.remove("from"),
        status,
        advisory: named.remove("advisory"),
        issued: named
            .remove("issued")
            .map(|date| format!("{date}T00:00:00Z").parse().unwrap()),
        feed: world
            .feeds
            .last()
            .map_or_else(|| "feed".to_owned(), |(name, _)| name.clone()),
    };
    Some((disclosure, resolution))
}

fn tables(world: &World) -> Tables {
    let compiled = world.statements.iter().map(|(ecosystem, statements)| {
        let scheme = match ecosystem.as_str().split(':').next().unwrap() {
            "debian" | "ubuntu" => Scheme::Dpkg,
            "alpine" => Scheme::Apk,
            "pypi" => Scheme::Pep440,
            "npm" => Scheme::Npm,
            "cargo" => Scheme::Semver,
            "arch" => Scheme::Alpm,
            _ => Scheme::Rpm,
        };
        let mut builder = AdvisoryBuilder::new(scheme);
        for (feed, fixed_only) in &world.feeds {
            builder.add_feed(feed, *fixed_only);
        }
        for (disclosure, resolution) in statements {
            builder.disclose(disclosure);
            builder.resolve(resolution);
        }
        (ecosystem.clone(), builder.finish().unwrap().bytes)
    });
    Tables(compiled.collect())
}

fn assessed(world: &World, out: &mut String) {
    let assessment = assess(&world.inventory, &tables(world), &world.context);
    for finding in &assessment.findings {
        let names: Vec<&str> = finding
            .binaries
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        let fixed = finding
            .fixed
            .as_deref()
            .map(|fixed| format!(" fixed {fixed}"))
            .unwrap_or_default();
        let word = |value: &dyn erased::Word| value.word();
        writeln!(
            out,
            "{} {} {} ({}){fixed} {} {} [{}]",
            finding.vulnerability,
            finding.source,
            finding.installed,
            names.join(" "),
            word(&finding.status),
            word(&finding.state),
            finding.advisories.join(" ")
        )
        .unwrap();
        for note in &finding.evidence.notes {
            writeln!(out, "    {note}").unwrap();
        }
    }
    let coverage = &assessment.coverage;
    assert_eq!(
        coverage.packages,
        coverage.vulnerable + coverage.unfixed + coverage.not_vulnerable + coverage.not_covered,
        "coverage adds up"
    );
    writeln!(
        out,
        "coverage {}: {} vulnerable, {} unfixed, {} not vulnerable, {} not covered{}",
        coverage.packages,
        coverage.vulnerable,
        coverage.unfixed,
        coverage.not_vulnerable,
        coverage.not_covered,
        if coverage.is_complete() {
            "; complete"
        } else {
            ""
        }
    )
    .unwrap();
    for gap in &coverage.gaps {
        writeln!(
            out,
            "    {}: {}",
            serde_json::to_string(&gap.reason)
                .unwrap()
                .trim_matches('"'),
            gap.names.join(" ")
        )
        .unwrap();
    }
    for depth in &coverage.depth {
        let limit = serde_json::to_string(&depth.limit).unwrap();
        writeln!(
            out,
            "    {} by {}: {}",
            depth.ecosystem,
            depth.feeds.join(" "),
            limit.trim_matches('"')
        )
        .unwrap();
    }
}

/// Prints an enum by the word it has in JSON.
mod erased {
    pub trait Word {
        fn word(&self) -> String;
    }

    impl<T: serde::Serialize> Word for T {
        fn word(&self) -> String {
            serde_json::to_string(self)
                .unwrap()
                .trim_matches('"')
                .to_owned()
        }
    }
}

fn explained(world: &World, vulnerability: &str, out: &mut String) {
    let explanations = explain(&world.inventory, &tables(world), vulnerability);
    if explanations.is_empty() {
        writeln!(
            out,
            "{vulnerability}: no statement names an installed package"
        )
        .unwrap();
    }
    for explanation in explanations {
        writeln!(
            out,
            "{vulnerability} {} {} looked up as {} {} in {} by {} order: {:?}",
            explanation.binaries.join(" "),
            explanation.installed,
            explanation.looked_up,
            explanation.compared,
            explanation.ecosystem,
            explanation.scheme,
            explanation.outcome
        )
        .unwrap();
        for step in &explanation.steps {
            writeln!(out, "    {step}").unwrap();
        }
        for statement in &explanation.statements {
            let advisory = statement
                .advisory
                .as_deref()
                .map(|name| format!(" {name}"))
                .unwrap_or_default();
            writeln!(
                out,
                "    {}{advisory} says {}; {}",
                statement.feed, statement.says, statement.means
            )
            .unwrap();
        }
        writeln!(out, "    therefore: {}", explanation.because).unwrap();
    }
}
