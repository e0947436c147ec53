//! A fleet in one process: what it costs, and how fast it answers.
//!
//! `cargo run --release -p overlock-fleet --example million -- DATA [HOSTS SETS]`: DATA is a data directory with compiled
//! tables (`target/bench/data`). Package sets are made from real inventories of the shared data ([`sets`]); each has 700
//! packages, patched up to a day of its own. Prints JSON lines `{"name", "value", "unit"}` for `cargo xtask bench`; one run
//! is one size, so that its memory is its own.

#![allow(
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a program for developers"
)]

mod sets;
mod world;

use anyhow::{Context as _, Result, ensure};
use overlock_fleet::answer::ExposureFilter;
use overlock_fleet::{
    Changed, Fleet, Freshness, Host, HostDates, Judging, Running, Selection, SetKey, Versions,
};
use overlock_matching::{Context, assess};
use overlock_model::Timestamp;
use overlock_model::asset::{HostFacts, Standing};
use overlock_model::exposure::ExposureState;
use overlock_model::facts::{Criticality, Facts, SystemExposure};
use overlock_model::inventory::Inventory;
use overlock_model::package::PackageType;
use overlock_model::plan::{Digest, HostId};
use overlock_protocol::{Section, SectionDigests};
use sets::{Dice, Sets};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};
use world::World;

/// Hosts that are matched one by one, to compare.
const ONE_BY_ONE: usize = 10_000;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let data = arguments.next().context("DATA is missing")?;
    let hosts: usize = arguments
        .next()
        .map_or(Ok(1_000_000), |text| text.parse())?;
    let distinct: usize = arguments.next().map_or(Ok(10_000), |text| text.parse())?;
    let world = World::open(Path::new(&data))?;
    let sets = Sets::open(&world)?;
    let now: Timestamp = "2026-08-20T12:00:00Z".parse().map_err(anyhow::Error::msg)?;
    let before = memory("VmRSS:")?;
    tell("hosts", hosts as f64, "");

    let mut fleet = build(&world, &sets, hosts, distinct, now)?;
    let resident = memory("VmRSS:")?;
    tell("memory_peak_MiB", memory("VmHWM:")? as f64 / 1024.0, "MiB");
    tell(
        "bytes_per_host",
        resident.saturating_sub(before) as f64 * 1024.0 / hosts as f64,
        "B",
    );
    let size = serde_json::to_value(fleet.size())?;
    for (name, value) in size.as_object().into_iter().flatten() {
        tell(name, value.as_f64().unwrap_or_default(), "");
    }

    let all = best(3, || fleet.match_all(&world));
    tell("match_all_ms", ms(all), "ms");
    let fleet_rate = hosts as f64 / all.as_secs_f64();
    tell("match_all_hosts_per_s", fleet_rate, "1/s");
    let one_by_one = one_by_one(&fleet, &world, &sets, distinct)?;
    tell("one_by_one_hosts_per_s", one_by_one, "1/s");
    tell("times_faster", fleet_rate / one_by_one, "");

    let worst = every_vulnerability(&fleet)?;
    new_advisory(&mut fleet, &world, &worst)?;
    answers(&fleet, now)?;
    changes(&mut fleet, &world, &sets, distinct, now)?;
    tell(
        "memory_peak_at_end_MiB",
        memory("VmHWM:")? as f64 / 1024.0,
        "MiB",
    );
    Ok(())
}

fn build(
    world: &World,
    sets: &Sets,
    hosts: usize,
    distinct: usize,
    now: Timestamp,
) -> Result<Fleet> {
    let start = Instant::now();
    let mut making = Duration::ZERO;
    let mut fleet = Fleet::new(Judging {
        now,
        ..Judging::default()
    });
    let mut known = Vec::with_capacity(distinct);
    for number in 0..distinct {
        let made = Instant::now();
        let inventory = sets.inventory(world, number);
        making += made.elapsed();
        let id = fleet.intern(key(number), &inventory, world);
        // What hosts of the set share; one in ten has not booted its newest kernel.
        known.push((id, inventory.os, inventory.kernel, inventory.arch));
    }
    let interned = start.elapsed() - making;
    let put = Instant::now();
    let mut dice = Dice::new(7);
    for number in 0..hosts {
        let (set, os, kernel, arch) = &known[dice.below(distinct)];
        let mut host = host(number, &mut dice, now);
        host.os.clone_from(os);
        host.arch.clone_from(arch);
        host.kernel.clone_from(kernel);
        if dice.below(10) == 0 {
            host.kernel.running = host.kernel.installed.last().map(|old| old.release.clone());
        }
        fleet.put(host, Some(*set));
    }
    tell("intern_sets_ms", ms(interned), "ms");
    tell("put_hosts_ms", ms(put.elapsed()), "ms");
    Ok(fleet)
}

fn key(number: usize) -> SetKey {
    let digest = Digest::of(format!("set {number}").as_bytes());
    let digests = SectionDigests::from([(Section::Packages, digest)]);
    SetKey::of(&overlock_model::os::Os::default(), &digests, &[])
}

fn host(number: usize, dice: &mut Dice, now: Timestamp) -> Host {
    let mut bytes = [0; 16];
    for part in bytes.chunks_mut(8) {
        part.copy_from_slice(&dice.next().to_le_bytes());
    }
    let criticality = [None, Some(Criticality::Medium), Some(Criticality::VeryHigh)];
    let exposure = [
        Some(SystemExposure::Small),
        Some(SystemExposure::Controlled),
        Some(SystemExposure::Open),
    ];
    let facts = HostFacts {
        facts: Facts {
            criticality: criticality[dice.below(3)],
            exposure: exposure[dice.below(3)],
            owner: Some(format!("team-{}", dice.below(3))),
            ..Facts::default()
        },
        tags: BTreeSet::from([["web", "database"][number % 2].to_owned()]),
        ..HostFacts::default()
    };
    let seen = Some(now - jiff::SignedDuration::from_mins(dice.below(3000) as i64));
    Host {
        id: HostId::from_random(bytes),
        name: format!("host-{number:07}.example.org"),
        os: overlock_model::os::Os::default(),
        arch: None,
        kernel: overlock_model::os::Kernel::default(),
        standing: Standing::Active,
        facts,
        labels: BTreeMap::new(),
        group: None,
        agent: "0.1.0".to_owned(),
        switched_off: BTreeSet::new(),
        sections: Section::ALL.into(),
        running: Some(Running {
            complete: true,
            ..Running::default()
        }),
        dates: HostDates {
            seen,
            reported: seen,
            packages: seen,
            processes: seen,
            metadata: seen,
        },
    }
}

/// Hosts a second where each is matched by itself; the fleet must say the same of those that it has.
fn one_by_one(fleet: &Fleet, world: &World, sets: &Sets, distinct: usize) -> Result<f64> {
    let mut took = Duration::ZERO;
    let context = Context::default();
    for number in 0..ONE_BY_ONE {
        let inventory: Inventory = sets.inventory(world, number % distinct);
        let start = Instant::now();
        let assessment = assess(&inventory, world, &context);
        took += start.elapsed();
        if number < 100.min(distinct) {
            let host = fleet
                .hosts()
                .find(|host| {
                    host.set() == fleet.set(key(number))
                        && host.kernel() == inventory.kernel.running.as_deref()
                })
                .context("no host has this set")?;
            let ours: BTreeSet<(String, String)> = fleet
                .findings(host)
                .into_iter()
                .filter(|finding| finding.state != ExposureState::Dormant)
                .map(|finding| (finding.vulnerability, finding.source))
                .collect();
            let theirs: BTreeSet<(String, String)> = assessment
                .findings
                .into_iter()
                .filter(|finding| finding.state != ExposureState::Dormant)
                .map(|finding| (finding.vulnerability, finding.source))
                .collect();
            ensure!(ours == theirs, "set {number} is judged in two ways");
        }
    }
    Ok(ONE_BY_ONE as f64 / took.as_secs_f64())
}

/// CVE → hosts for each there is; gives back the one with most hosts.
fn every_vulnerability(fleet: &Fleet) -> Result<String> {
    let names: Vec<String> = fleet.vulnerabilities().map(str::to_owned).collect();
    let mut times = Vec::with_capacity(names.len());
    let mut most = (0, String::new());
    for name in names {
        let mut hosts = 0;
        let took = best(5, || {
            hosts = fleet.hosts_of_vulnerability(&name).len();
        });
        times.push((took, hosts));
        most = most.max((hosts, name));
    }
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].0;
    for (name, share) in [("min", 0.0), ("median", 0.5), ("p99", 0.99), ("max", 1.0)] {
        tell(
            &format!("cve_to_hosts_{name}_us"),
            at(share).as_secs_f64() * 1e6,
            "us",
        );
    }
    tell("cve_hosts_most", most.0 as f64, "");
    tell("cves", times.len() as f64, "");
    ensure!(!most.1.is_empty(), "no host has any vulnerability");
    Ok(most.1)
}

/// The advisory with most hosts comes out anew: what is spoken of is matched, and its hosts are known.
fn new_advisory(fleet: &mut Fleet, world: &World, name: &str) -> Result<()> {
    let expected = fleet.hosts_of_vulnerability(name).len();
    let changed = world.changed_by(name);
    ensure!(!changed.ecosystems.is_empty(), "{name} is in no table");
    world.hide(Some(name));
    fleet.rematch(world, &changed);
    ensure!(fleet.hosts_of_vulnerability(name).is_empty());
    world.hide(None);
    let start = Instant::now();
    let cost = fleet.rematch(world, &changed);
    let found = fleet.hosts_of_vulnerability(name).len();
    tell("new_advisory_ms", ms(start.elapsed()), "ms");
    tell("new_advisory_subjects", cost.subjects as f64, "");
    ensure!(found == expected, "{found} hosts instead of {expected}");
    let ecosystems: BTreeMap<_, _> = changed
        .ecosystems
        .into_keys()
        .map(|name| (name, None))
        .collect();
    let whole = Changed {
        ecosystems,
        ..Changed::default()
    };
    let start = Instant::now();
    fleet.rematch(world, &whole);
    tell("rematch_of_its_ecosystems_ms", ms(start.elapsed()), "ms");
    Ok(())
}

fn answers(fleet: &Fleet, now: Timestamp) -> Result<()> {
    let freshness = Freshness::at(now);
    tell(
        "denominator_ms",
        ms(best(3, || fleet.denominator(None, &freshness))),
        "ms",
    );
    let filter = ExposureFilter::default();
    let start = Instant::now();
    let list = fleet.exposure_list(&filter, None, 100, &freshness);
    tell("exposure_list_first_ms", ms(start.elapsed()), "ms");
    tell("exposures", list.exposures_total as f64, "");
    tell(
        "exposure_list_ms",
        ms(best(3, || {
            fleet.exposure_list(&filter, None, 100, &freshness)
        })),
        "ms",
    );
    tell(
        "host_list_page_ms",
        ms(best(3, || fleet.host_list(None, None, 100, &freshness))),
        "ms",
    );
    tell(
        "hosts_of_package_below_ms",
        ms(best(3, || {
            fleet.hosts_of_package(
                &PackageType::Deb,
                "libssl3",
                &Versions::Below("3.0.14-1".to_owned()),
            )
        })),
        "ms",
    );
    tell(
        "upgrade_ms",
        ms(best(3, || {
            fleet.upgrade(&PackageType::Deb, "openssl", None, None, None, &freshness)
        })),
        "ms",
    );
    for (name, text) in [
        (
            "select_by_tag_ms",
            "'web' in host.tags && host.exposure == 'open'",
        ),
        ("select_silent_ms", "host.silent"),
        ("select_by_name_ms", "host.name.startsWith('host-00')"),
    ] {
        let selection = Selection::parse(text)?;
        tell(
            name,
            ms(best(1, || selection.hosts(fleet, &freshness))),
            "ms",
        );
    }
    Ok(())
}

/// Hosts that report another package set.
fn changes(
    fleet: &mut Fleet,
    world: &World,
    sets: &Sets,
    distinct: usize,
    now: Timestamp,
) -> Result<()> {
    let ids: Vec<HostId> = fleet
        .hosts()
        .filter_map(|host| host.id())
        .take(1000)
        .collect();
    let mut dice = Dice::new(9);
    let mut took = Duration::ZERO;
    for (number, id) in ids.iter().enumerate() {
        let inventory = sets.inventory(world, distinct + number);
        let mut host = host(number, &mut dice, now);
        host.id = id.clone();
        host.os = inventory.os.clone();
        host.kernel = inventory.kernel.clone();
        let start = Instant::now();
        let set = fleet.intern(key(distinct + number), &inventory, world);
        fleet.put(host, Some(set));
        took += start.elapsed();
    }
    tell(
        "host_with_new_set_us",
        took.as_secs_f64() * 1e6 / ids.len() as f64,
        "us",
    );
    let start = Instant::now();
    for id in &ids {
        fleet.touch(id, now);
    }
    tell(
        "touch_ns",
        start.elapsed().as_secs_f64() * 1e9 / ids.len() as f64,
        "ns",
    );
    let start = Instant::now();
    for id in &ids {
        std::hint::black_box(fleet.view(id));
    }
    tell(
        "view_us",
        start.elapsed().as_secs_f64() * 1e6 / ids.len() as f64,
        "us",
    );
    Ok(())
}

fn best<T>(times: usize, mut work: impl FnMut() -> T) -> Duration {
    (0..times)
        .map(|_| {
            let start = Instant::now();
            std::hint::black_box(work());
            start.elapsed()
        })
        .min()
        .unwrap_or_default()
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// A line of `/proc/self/status`, in KiB.
fn memory(line: &str) -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let found = status.lines().find_map(|text| text.strip_prefix(line));
    let number = found.and_then(|text| text.split_whitespace().next());
    Ok(number
        .with_context(|| format!("no line `{line}`"))?
        .parse()?)
}

fn tell(name: &str, value: f64, unit: &str) {
    println!(
        "{}",
        serde_json::json!({"name": name, "value": (value * 1000.0).round() / 1000.0, "unit": unit})
    );
}
