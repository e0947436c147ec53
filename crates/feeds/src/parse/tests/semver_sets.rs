//! Requirements as intervals: known answers, and the set against the `semver` crate's own matching.

use super::super::interval::{End, Event, Interval, intervals};
use super::super::semver_set::VersionSet;
use overlock_versions::Scheme;
use proptest::prelude::*;
use semver::{Version, VersionReq};

fn shown(runs: &[Interval]) -> String {
    let one = |run: &Interval| {
        let from = run.introduced.as_deref().unwrap_or("");
        match &run.end {
            End::Before(version) => format!("[{from},{version})"),
            End::Through(version) => format!("[{from},{version}]"),
            End::Open => format!("[{from},"),
        }
    };
    runs.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn affected(sound: &[&str]) -> String {
    let sound = VersionSet::union_of(sound.iter().map(|text| VersionSet::cargo(text).unwrap()));
    shown(&sound.complement().intervals())
}

#[test]
fn what_is_not_patched_is_affected() {
    assert_eq!(affected(&[]), "[,");
    assert_eq!(affected(&[">= 1.2.3"]), "[,1.2.3)");
    assert_eq!(
        affected(&[">= 1.2.3, < 1.3.0", ">= 1.3.2", "< 0.5.0"]),
        "[0.5.0,1.2.3) [1.3.0,1.3.2)"
    );
    assert_eq!(
        affected(&["^1.2.3", ">= 2.0.1"]),
        "[,1.2.3) [2.0.0-0,2.0.1)"
    );
    assert_eq!(affected(&["> 1.2.3"]), "[,1.2.3]");
    assert_eq!(affected(&["<= 1.2.3", ">= 2.0.0"]), "[1.2.4-0,2.0.0)");
    assert_eq!(
        affected(&["<= 1.2.3-rc.1", ">= 2.0.0"]),
        "[1.2.3-rc.1.0,2.0.0)"
    );
    assert_eq!(
        affected(&["=1.4.0", "^0.3.2", "~0.5.1"]),
        "[,0.3.2) [0.4.0-0,0.5.1) [0.6.0-0,1.4.0) [1.4.1-0,"
    );
}

#[test]
fn npm_ranges_are_understood() {
    let set = |text: &str| shown(&VersionSet::npm(text).unwrap().intervals());
    assert_eq!(set("*"), "[,");
    assert_eq!(set("<=1.5.1"), "[,1.5.1]");
    assert_eq!(
        set(">= 1.0.0 <= 1.2.0 || 3.0.0"),
        "[1.0.0,1.2.0] [3.0.0,3.0.0]"
    );
    assert_eq!(set("8.x || 4.x"), "[4.0.0,5.0.0-0) [8.0.0,9.0.0-0)");
    assert_eq!(set("1.0.0 - 1.4.0"), "[1.0.0,1.4.0]");
    assert_eq!(set("<=v2.0.1"), "[,2.0.1]");
    assert_eq!(set("<2.0.0 >3.0.0"), "", "a range that holds for nothing");
    assert!(VersionSet::npm("latest").is_err());
}

#[test]
fn osv_events_are_walked_in_version_order() {
    let walk = |events: &[Event]| shown(&intervals(events, Some(Scheme::Pep440)));
    let (from, fixed) = (
        |v: &str| Event::Introduced(v.into()),
        |v: &str| Event::Fixed(v.into()),
    );
    let (last, limit) = (
        |v: &str| Event::LastAffected(v.into()),
        |v: &str| Event::Limit(v.into()),
    );
    assert_eq!(walk(&[from("0"), fixed("1.2")]), "[,1.2)");
    assert_eq!(
        walk(&[fixed("1.10"), from("1.9"), fixed("1.2"), from("0")]),
        "[,1.2) [1.9,1.10)"
    );
    assert_eq!(
        walk(&[from("0"), fixed("2.0"), fixed("1.9")]),
        "[,1.9)",
        "the earliest fix ends it"
    );
    assert_eq!(walk(&[from("1.0"), last("1.5")]), "[1.0,1.5]");
    assert_eq!(walk(&[from("1.0")]), "[1.0,");
    assert_eq!(walk(&[from("1.0"), limit("2.0")]), "[1.0,2.0)");
    assert_eq!(walk(&[from("1.0"), limit("*")]), "[1.0,");
    assert_eq!(
        walk(&[from("1.0"), fixed("2.0"), from("2.0"), fixed("3.0")]),
        "[1.0,2.0) [2.0,3.0)"
    );
}

fn holds(runs: &[Interval], version: &Version) -> bool {
    let parse = |text: &str| Version::parse(text).unwrap();
    runs.iter().any(|run| {
        run.introduced
            .as_deref()
            .is_none_or(|from| parse(from) <= *version)
            && match &run.end {
                End::Before(end) => *version < parse(end),
                End::Through(end) => *version <= parse(end),
                End::Open => true,
            }
    })
}

fn requirement() -> impl Strategy<Value = String> {
    let comparator = (
        prop::sample::select(vec![">=", ">", "<", "<=", "=", "^", "~", ""]),
        0_u64..4,
        0_u64..4,
        0_u64..4,
        0..3,
    )
        .prop_map(|(op, a, b, c, parts)| match parts {
            0 => format!("{op}{a}"),
            1 => format!("{op}{a}.{b}"),
            _ => format!("{op}{a}.{b}.{c}"),
        });
    prop::collection::vec(comparator, 1..3).prop_map(|all| all.join(", "))
}

proptest! {
    /// For releases (no pre-release word) order and the crate's own matching agree, so they check each other.
    #[test]
    fn intervals_hold_just_where_the_requirement_matches(text in requirement(), a in 0_u64..5, b in 0_u64..5, c in 0_u64..5) {
        let version = Version::new(a, b, c);
        let set = VersionSet::cargo(&text).unwrap();
        let matches = VersionReq::parse(&text).unwrap().matches(&version);
        prop_assert_eq!(holds(&set.intervals(), &version), matches);
        prop_assert_eq!(holds(&set.complement().intervals(), &version), !matches);
        prop_assert_eq!(set.complement().complement(), set);
    }

    #[test]
    fn sets_obey_the_algebra(x in requirement(), y in requirement(), a in 0_u64..5, b in 0_u64..5, c in 0_u64..5) {
        let version = Version::new(a, b, c);
        let (x, y) = (VersionSet::cargo(&x).unwrap(), VersionSet::cargo(&y).unwrap());
        let (in_x, in_y) = (holds(&x.intervals(), &version), holds(&y.intervals(), &version));
        prop_assert_eq!(holds(&VersionSet::union_of([x.clone(), y.clone()]).intervals(), &version), in_x || in_y);
        prop_assert_eq!(holds(&x.without(&y).intervals(), &version), in_x && !in_y);
    }
}
