//! npm ranges: the examples of node-semver's README and test fixtures, and the ranges of real advisories.

use overlock_versions::range::{NpmRange, Prereleases, satisfies};
use overlock_versions::{Scheme, key};

#[test]
fn readme_examples_hold() {
    for (range, inside, outside) in [
        (
            ">=1.2.7",
            vec!["1.2.7", "1.2.8", "2.5.3", "1.3.9"],
            vec!["1.2.6", "1.1.0"],
        ),
        (
            ">=1.2.7 <1.3.0",
            vec!["1.2.7", "1.2.8", "1.2.99"],
            vec!["1.2.6", "1.3.0", "1.1.0"],
        ),
        (
            "1.2.7 || >=1.2.9 <2.0.0",
            vec!["1.2.7", "1.2.9", "1.4.6"],
            vec!["1.2.8", "2.0.0"],
        ),
        ("1.2.3 - 2.3.4", vec!["1.2.3", "2.3.4"], vec!["2.3.5"]),
        ("1.2 - 2.3", vec!["1.2.0", "2.3.9"], vec!["2.4.0"]),
        ("*", vec!["0.0.0", "9.9.9"], vec![]),
        ("", vec!["1.0.0"], vec![]),
        ("1.x", vec!["1.0.0", "1.99.0"], vec!["2.0.0"]),
        ("~1.2.3", vec!["1.2.3", "1.2.9"], vec!["1.3.0"]),
        ("~1", vec!["1.9.9"], vec!["2.0.0"]),
        ("^1.2.3", vec!["1.9.9"], vec!["2.0.0", "1.2.2"]),
        ("^0.2.3", vec!["0.2.9"], vec!["0.3.0"]),
        ("^0.0.3", vec!["0.0.3"], vec!["0.0.4"]),
        ("<= 1.0.2 || >=2.0.0", vec!["1.0.2", "2.0.0"], vec!["1.0.3"]),
        (
            ">=1.2.3 <2.0.0 || ~3.1",
            vec!["1.2.3", "3.1.4"],
            vec!["2.0.0", "3.2.0"],
        ),
    ] {
        for version in inside {
            assert_eq!(
                satisfies(Scheme::Npm, range, version),
                Ok(true),
                "{version} in {range}"
            );
        }
        for version in outside {
            assert_eq!(
                satisfies(Scheme::Npm, range, version),
                Ok(false),
                "{version} in {range}"
            );
        }
    }
}

#[test]
fn prereleases_count_for_advisories_and_not_for_installs() {
    let range = NpmRange::parse("<2.0.0").unwrap();
    assert_eq!(
        range.contains("2.0.0-beta.1", Prereleases::Included),
        Ok(true)
    );
    assert_eq!(
        range.contains("2.0.0-beta.1", Prereleases::Excluded),
        Ok(false)
    );
    let named = NpmRange::parse(">1.2.3-alpha.3").unwrap();
    assert_eq!(
        named.contains("1.2.3-alpha.7", Prereleases::Excluded),
        Ok(true)
    );
    assert_eq!(
        named.contains("3.4.5-alpha.9", Prereleases::Excluded),
        Ok(false)
    );
}

#[test]
fn bounds_agree_with_the_key_order() {
    let versions = [
        "0.1.0",
        "1.2.3-alpha",
        "1.2.3-alpha.1",
        "1.2.3-rc.1",
        "1.2.3",
        "1.2.4",
        "1.10.0",
        "2.0.0-0",
        "2.0.0",
    ];
    for bound in versions {
        for version in versions {
            let order = key(Scheme::Npm, version)
                .unwrap()
                .cmp(&key(Scheme::Npm, bound).unwrap());
            assert_eq!(
                satisfies(Scheme::Npm, &format!("<{bound}"), version),
                Ok(order.is_lt()),
                "{version} < {bound}"
            );
            assert_eq!(
                satisfies(Scheme::Npm, &format!(">={bound}"), version),
                Ok(order.is_ge()),
                "{version} >= {bound}"
            );
        }
    }
}

#[test]
fn other_schemes_and_bad_text_are_errors() {
    assert!(satisfies(Scheme::Dpkg, "<1", "0").is_err());
    assert!(satisfies(Scheme::Npm, "hello", "1.0.0").is_err());
    assert!(satisfies(Scheme::Npm, "<1.0.0", "latest").is_err());
    assert!(NpmRange::parse(&"1.0.0 || ".repeat(1000)).is_err());
}
