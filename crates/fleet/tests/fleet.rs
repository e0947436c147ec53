//! The fleet against the matcher: whatever happened to it, it says of each host what a scan of that host says.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod world;

use overlock_fleet::answer::{ExposureFilter, HostCursor};
use overlock_fleet::{
    Changed, Fleet, Freshness, HostView, Judging, Selection, Versions, changed_packages,
};
use overlock_matching::Advisories;
use overlock_model::advisory::Ecosystem;
use overlock_model::asset::Standing;
use overlock_model::decision::Decision;
use overlock_model::episode::EpisodeKey;
use overlock_model::exposure::ExposureState;
use overlock_model::facts::SystemExposure;
use overlock_model::package::PackageType;
use overlock_protocol::Section;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use world::{Box, World, assessed, at, put};

/// Hosts by name that the fleet says have a vulnerability.
fn on(fleet: &Fleet, vulnerability: &str) -> BTreeSet<String> {
    let hosts = fleet.hosts_of_vulnerability(vulnerability);
    fleet
        .ids(&hosts)
        .iter()
        .map(|id| fleet.host(id).unwrap().name().to_owned())
        .collect()
}

fn in_force(state: ExposureState) -> bool {
    !matches!(state, ExposureState::Dormant | ExposureState::NotAffected)
}

/// What scans of all hosts, one by one, say.
fn scanned(world: &World, boxes: &BTreeMap<usize, Box>) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for host in boxes.values() {
        for finding in assessed(world, &host.inventory()) {
            if in_force(finding.state) {
                found
                    .entry(finding.vulnerability)
                    .or_default()
                    .insert(host.name());
            }
        }
    }
    found
}

fn agree(fleet: &Fleet, world: &World, boxes: &BTreeMap<usize, Box>) -> Result<(), TestCaseError> {
    let scanned = scanned(world, boxes);
    prop_assert_eq!(fleet.len(), boxes.len());
    for vulnerability in world.vulnerabilities() {
        let expected = scanned.get(&vulnerability).cloned().unwrap_or_default();
        prop_assert_eq!(on(fleet, &vulnerability), expected, "{}", vulnerability);
    }
    for host in boxes.values() {
        let entry = fleet.host(&host.id()).unwrap();
        let findings = assessed(world, &host.inventory());
        let states = |findings: Vec<overlock_matching::Finding>| -> BTreeSet<_> {
            findings
                .into_iter()
                .map(|finding| {
                    (
                        finding.vulnerability,
                        finding.source,
                        finding.installed,
                        finding.fixed,
                        finding.binaries,
                        format!("{:?}", finding.state),
                    )
                })
                .collect()
        };
        prop_assert_eq!(states(fleet.findings(entry)), states(findings.clone()));
        let names: BTreeSet<&str> = findings
            .iter()
            .filter(|finding| in_force(finding.state))
            .map(|finding| finding.vulnerability.as_str())
            .collect();
        prop_assert_eq!(
            fleet
                .vulnerabilities_of_host(&host.id())
                .into_iter()
                .collect::<BTreeSet<_>>(),
            names
        );
    }
    let counted: BTreeMap<(String, String), u64> = fleet
        .ranked(&ExposureFilter::default())
        .into_iter()
        .map(|row| {
            (
                (row.key.vulnerability, row.key.source),
                row.by_decision.total(),
            )
        })
        .collect();
    let mut expected: BTreeMap<(String, String), u64> = BTreeMap::new();
    for host in boxes.values() {
        let keys: BTreeSet<(String, String)> = assessed(world, &host.inventory())
            .into_iter()
            .filter(|finding| in_force(finding.state))
            .map(|finding| (finding.vulnerability, finding.source))
            .collect();
        for key in keys {
            *expected.entry(key).or_default() += 1;
        }
    }
    prop_assert_eq!(counted, expected);
    Ok(())
}

/// What can happen to a fleet.
#[derive(Debug, Clone)]
enum Event {
    Put(Box),
    Remove(usize),
    /// Another table comes out.
    Feed(u8),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => world::any_box().prop_map(Event::Put),
        2 => (0..8_usize).prop_map(Event::Remove),
        1 => (0..4_u8).prop_map(Event::Feed),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 96,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]
    #[test]
    fn the_fleet_says_what_scans_of_its_hosts_say(events in prop::collection::vec(event(), 1..24)) {
        let mut world = World::edition(0);
        let mut fleet = Fleet::new(Judging { now: at(0), ..Judging::default() });
        let mut boxes: BTreeMap<usize, Box> = BTreeMap::new();
        let mut earlier: Vec<HostView> = Vec::new();
        for event in events {
            match event {
                Event::Put(host) => {
                    put(&mut fleet, &world, &host);
                    boxes.insert(host.number, host);
                }
                Event::Remove(number) => {
                    let id = world::host_id(number);
                    prop_assert_eq!(fleet.remove(&id), boxes.remove(&number).is_some());
                }
                Event::Feed(edition) => {
                    let next = World::edition(edition);
                    let ecosystem = Ecosystem("debian:12".into());
                    let changed = changed_packages(
                        &world.index(&ecosystem).unwrap(),
                        &next.index(&ecosystem).unwrap(),
                    );
                    let cost = fleet.rematch(&next, &Changed {
                        ecosystems: [(ecosystem, Some(changed.clone()))].into(),
                        everywhere: false,
                    });
                    prop_assert!(changed.is_empty() == (edition == world.edition));
                    prop_assert!(cost.subjects <= cost.subjects_total);
                    world = next;
                }
            }
            // Nothing of a host that was looked at before a change is taken for what is so after it.
            let views: Vec<HostView> = boxes.values().filter_map(|host| fleet.view(&host.id())).collect();
            for (host, view) in boxes.values().zip(&views) {
                for before in earlier.iter().chain(&views) {
                    let after = fleet.view_after(&host.id(), Some(before));
                    prop_assert_eq!(after.as_ref(), Some(view));
                }
            }
            earlier = views;
        }
        agree(&fleet, &world, &boxes)?;
        // To judge all anew changes nothing.
        let before = fleet.size();
        fleet.match_all(&world);
        prop_assert_eq!(fleet.size(), before);
        agree(&fleet, &world, &boxes)?;
        for number in boxes.keys() {
            fleet.remove(&world::host_id(*number));
        }
        prop_assert_eq!(fleet.size(), overlock_fleet::Size::default());
    }
}

/// Three hosts: two that are alike, and one with a newer openssl.
fn three() -> (Fleet, World, BTreeMap<usize, Box>) {
    let world = World::edition(0);
    let mut fleet = Fleet::new(Judging {
        now: at(0),
        ..Judging::default()
    });
    let boxes = [("1", 0), ("1", 1), ("3", 2)].map(|(version, number)| {
        let host = Box::with(number, &[("openssl", version), ("bash", "9")]);
        put(&mut fleet, &world, &host);
        (number, host)
    });
    (fleet, world, boxes.into())
}

#[test]
fn equal_hosts_cost_one_set_and_are_judged_once() {
    let (fleet, ..) = three();
    let size = fleet.size();
    assert_eq!(
        (size.hosts, size.sets, size.cohorts, size.subjects),
        (3, 2, 2, 3)
    );
}

#[test]
fn hosts_are_found_by_source_binary_and_version() {
    let (fleet, ..) = three();
    let count = |name: &str, versions: Versions| {
        fleet
            .hosts_of_package(&PackageType::Deb, name, &versions)
            .unwrap()
            .len()
    };
    assert_eq!(count("openssl", Versions::Any), 3);
    assert_eq!(count("libopenssl", Versions::Below("3".into())), 2);
    assert_eq!(count("libopenssl", Versions::Exactly("3".into())), 1);
    assert_eq!(count("nothing", Versions::Any), 0);
    let error = fleet
        .hosts_of_package(&PackageType::Deb, "openssl", &Versions::Below("a b".into()))
        .unwrap_err();
    assert_eq!(error.to_string(), "`a b` is no version of a `deb` package");
}

#[test]
fn an_upgrade_clears_what_its_version_has_fixed() {
    let (fleet, ..) = three();
    let freshness = Freshness::at(at(0));
    let upgrade = |to: Option<&str>| {
        let answer = fleet
            .upgrade(&PackageType::Deb, "openssl", to, None, None, &freshness)
            .unwrap();
        (
            answer.clears.len(),
            answer.exposures,
            answer.hosts,
            answer.hosts_rid,
        )
    };
    // CVE-2026-1 is fixed in 2, CVE-2026-2 in 4; a third has no fix.
    assert_eq!(upgrade(Some("2")), (1, 2, 2, 0));
    assert_eq!(upgrade(Some("4")), (2, 5, 3, 0));
    assert_eq!(upgrade(None), (2, 5, 3, 0));
}

#[test]
fn decisions_follow_the_facts_of_each_host() {
    let (mut fleet, world, boxes) = three();
    let mut host = boxes[&0].clone();
    host.exposure = Some(SystemExposure::Open);
    put(&mut fleet, &world, &host);
    let rows = fleet.ranked(&ExposureFilter {
        vulnerability: Some("CVE-2026-1".into()),
        ..ExposureFilter::default()
    });
    let one = rows.first().unwrap();
    assert_eq!((rows.len(), one.by_decision.total()), (1, 2));
    let exposures = |number: usize| {
        let host = fleet.host(&world::host_id(number)).unwrap();
        let all = fleet.exposures_of_host(host, &[]);
        let of = all
            .into_iter()
            .find(|(exposure, _)| exposure.vulnerability == "CVE-2026-1");
        of.unwrap().0.decision
    };
    for decision in [
        Decision::Immediate,
        Decision::OutOfCycle,
        Decision::Scheduled,
        Decision::Defer,
    ] {
        let hosts = [0, 1]
            .into_iter()
            .filter(|number| exposures(*number) == decision)
            .count();
        assert_eq!(one.by_decision.of(decision), hosts as u64, "{decision}");
    }
    assert_eq!(one.decision, exposures(0).max(exposures(1)));
}

#[test]
fn pages_of_hosts_and_exposures_join_without_gap_or_repeat() {
    let world = World::edition(0);
    let mut fleet = Fleet::default();
    for number in 0..150 {
        put(
            &mut fleet,
            &world,
            &Box::with(number, &[("openssl", "1"), ("bash", "1"), ("zlib", "1")]),
        );
    }
    let freshness = Freshness::at(at(0));
    for some in [
        None,
        Some(fleet.hosts_of_vulnerability("CVE-2026-1")),
        Some([0].into_iter().collect()),
    ] {
        let mut after: Option<HostCursor> = None;
        let mut names = Vec::new();
        loop {
            let page = fleet.host_list(some.as_ref(), after.as_ref(), 7, &freshness);
            assert!(page.hosts.len() <= 7);
            names.extend(page.hosts.into_iter().map(|row| row.name));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert!(names.is_sorted());
        assert_eq!(names.len() as u64, some.map_or(150, |some| some.len()));
    }
    let all = fleet.exposure_list(&ExposureFilter::default(), None, 100, &freshness);
    let (mut after, mut keys) = (None, Vec::new());
    loop {
        let page = fleet.exposure_list(&ExposureFilter::default(), after.as_ref(), 2, &freshness);
        keys.extend(page.exposures.into_iter().map(|row| row.key));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let expected: Vec<EpisodeKey> = all.exposures.into_iter().map(|row| row.key).collect();
    assert_eq!((keys.len() as u64, &keys), (all.exposures_total, &expected));
}

#[test]
fn r6_no_total_hides_what_is_not_known() {
    let (mut fleet, world, boxes) = three();
    let freshness = Freshness::at(at(0));
    assert!(fleet.denominator(None, &freshness).is_whole());
    let late = Freshness::at(at(24 * 8));
    let total = fleet.denominator(None, &late);
    assert_eq!((total.hosts, total.silent, total.stale), (3, 3, 3));
    let mut host = boxes[&0].host();
    host.standing = Standing::Unmanaged;
    fleet.put(host, None);
    put(
        &mut fleet,
        &world,
        &Box::with(1, &[("openssl", "1"), ("odd", "1~bpo1")]),
    );
    let mut off = boxes[&2].clone();
    off.processes_off = true;
    put(&mut fleet, &world, &off);
    let total = fleet.denominator(None, &freshness);
    assert_eq!((total.hosts, total.judged, total.unmanaged), (3, 2, 1));
    assert_eq!(
        (total.uncovered, total.switched_off, total.silent),
        (1, 1, 0)
    );
    assert!(!total.is_whole());
}

#[test]
fn a_fix_that_is_not_in_force_still_counts() {
    let (mut fleet, world, boxes) = three();
    let mut host = boxes[&0].clone();
    host.packages = [("openssl".to_owned(), "5".to_owned())].into();
    put(&mut fleet, &world, &host);
    assert_eq!(on(&fleet, "CVE-2026-1"), [boxes[&1].name()].into());
    let key = EpisodeKey {
        vulnerability: "CVE-2026-1".into(),
        kind: PackageType::Deb,
        source: "openssl".into(),
    };
    fleet.set_lingering(&host.id(), [key.clone()]);
    // It stays whatever number the host has, and goes when it is told, or with the host.
    for packages in ["5", "6"] {
        host.packages = [("openssl".to_owned(), packages.to_owned())].into();
        put(&mut fleet, &world, &host);
        assert_eq!(on(&fleet, "CVE-2026-1").len(), 2);
        assert_eq!(fleet.hosts_of_exposure(&key).len(), 2);
        let rows = fleet.ranked(&ExposureFilter::default());
        let row = rows.iter().find(|row| row.key == key).unwrap();
        assert_eq!((row.by_decision.total(), row.not_in_force), (1, 1));
    }
    fleet.set_lingering(&host.id(), []);
    assert_eq!(on(&fleet, "CVE-2026-1").len(), 1);
    fleet.set_lingering(&host.id(), [key.clone()]);
    fleet.remove(&host.id());
    assert_eq!(fleet.hosts_of_exposure(&key).len(), 1);
}

#[test]
fn r6_a_section_that_the_last_report_does_not_have_is_unknown_and_not_empty() {
    let world = World::edition(0);
    let mut fleet = Fleet::default();
    let mut host = Box::with(1, &[("openssl", "1")]);
    let mut view = |host: &Box| {
        put(&mut fleet, &world, host);
        let view = fleet.view(&host.id()).unwrap();
        (view.system_unknown, view.languages_unknown)
    };
    assert_eq!(view(&host), (false, false));
    host.packages.clear();
    assert_eq!(view(&host), (false, false));
    host.sections.remove(&Section::Packages);
    assert_eq!(view(&host), (true, false));
    host.sections.remove(&Section::Languages);
    assert_eq!(view(&host), (true, true));
}

#[test]
fn a_contact_is_no_look_at_processes() {
    let world = World::edition(0);
    let mut fleet = Fleet::default();
    let host = Box::with(1, &[("openssl", "1")]);
    put(&mut fleet, &world, &host);
    fleet.touch(&host.id(), at(5));
    let view = fleet.view(&host.id()).unwrap();
    assert_eq!((view.seen_at, view.running_at), (Some(at(5)), Some(at(0))));
}

#[test]
fn a_selection_means_the_same_whether_it_is_asked_by_cohort_or_by_host() {
    let world = World::edition(0);
    let mut fleet = Fleet::default();
    for number in 0..40 {
        let mut host = Box::with(number, &[("openssl", ["1", "3"][number % 2])]);
        host.tags = [["web", "db"][number % 2].to_owned()].into();
        host.labels = (number % 4 == 0)
            .then(|| ("site".to_owned(), "north".to_owned()))
            .into_iter()
            .collect();
        host.processes_off = number % 5 == 0;
        put(&mut fleet, &world, &host);
    }
    let freshness = Freshness::at(at(0));
    for (text, expected) in [
        ("'web' in host.tags", 20),
        ("host.tags.exists(tag, tag.startsWith('we'))", 20),
        ("host.labels.site == 'north'", 10),
        ("has(host.labels.site)", 10),
        ("host.group == 'canary'", 5),
        ("host.group == ''", 35),
        ("host.os.id == 'debian' && host.os.version == '12'", 40),
        ("'processes' in host.switched_off && 'web' in host.tags", 4),
        ("host.name == 'box-07'", 1),
        ("host.silent || host.stale", 0),
        ("host.criticality == 'unknown'", 40),
        ("host.unseen_hours < 1", 40),
    ] {
        let selection = Selection::parse(text).unwrap();
        let selected = selection.hosts(&fleet, &freshness);
        assert_eq!(
            (selected.hosts.len(), selected.errors),
            (expected, 0),
            "{text}"
        );
        for host in fleet.hosts() {
            assert_eq!(
                selection.holds(host, &freshness),
                selected.hosts.contains(host.number()),
                "{text}"
            );
        }
    }
    let selection = Selection::parse("host.tags[1] == 'web'").unwrap();
    let selected = selection.hosts(&fleet, &freshness);
    assert_eq!((selected.hosts.len(), selected.errors), (0, 40));
    assert!(selected.example.is_some());
}
