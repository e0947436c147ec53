//! Version schemes, ranges, and CVSS vectors: the orders are total, what is written reads as the same.

use crate::Target;
use crate::parts::{self, texts};
use overlock_risk::cvss;
use overlock_versions::range::{NpmRange, Prereleases, satisfies};
use overlock_versions::{Scheme, compare, dpkg, key};
use std::cmp::Ordering;

/// The laws of an order, on up to three versions, one a line.
fn order(scheme: Scheme, input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let versions: Vec<&str> = text
        .lines()
        .filter(|line| key(scheme, line).is_ok())
        .take(3)
        .collect();
    for a in &versions {
        assert_eq!(compare(scheme, a, a), Ok(Ordering::Equal));
        for b in &versions {
            let (forth, back) = (
                compare(scheme, a, b).unwrap(),
                compare(scheme, b, a).unwrap(),
            );
            assert_eq!(forth, back.reverse(), "{a:?} {b:?}");
            let keys = key(scheme, a).unwrap().cmp(&key(scheme, b).unwrap());
            // pacman's own comparison is coarser than the keys: see the module of that scheme.
            assert!(
                keys == forth || (scheme == Scheme::Alpm && forth == Ordering::Equal),
                "{a:?} {b:?}"
            );
        }
    }
}

macro_rules! scheme {
    ($name:literal, $scheme:ident, $($seed:literal),+) => {
        Target {
            name: $name,
            seeds: || texts(&[$($seed),+]),
            run: |input| order(Scheme::$scheme, input),
        }
    };
}

pub const TARGETS: &[Target] = &[
    scheme!(
        "version_dpkg",
        Dpkg,
        "1:2.3~rc1-1+deb12u1\n2.3-1\n2.3",
        "0\n0~\n0a"
    ),
    scheme!(
        "version_rpm",
        Rpm,
        "1:5.1.8-9.el9\n5.1^git1-1\n5.1~rc1-1",
        "a1\n1a\n001"
    ),
    scheme!(
        "version_apk",
        Apk,
        "1.2.3_rc1_p2-r4\n1.2.3a-r0\n1.02",
        "1_git20240101\n1~abc\n1"
    ),
    scheme!(
        "version_alpm",
        Alpm,
        "1:5.2.026-2\n5.2rc1-1\n5.2",
        "1.0.\n1.0.1\n1.0..a"
    ),
    scheme!(
        "version_semver",
        Semver,
        "1.2.3-rc.1+build\n1.2.3\n1.2.3-1",
        "0.0.0-a.b\n0.0.0-0\n1.0.0"
    ),
    scheme!(
        "version_pep440",
        Pep440,
        "1!2.0rc1.post2.dev3+local.1\n2.0\n2.0.0",
        "1a1\n1.0.dev1\nv1-1"
    ),
    scheme!(
        "version_npm",
        Npm,
        "1.2.3-rc.1\nv1.2.3\n=1.2.3",
        "1.2.3-0\n1.2.3--1\n1.2.3"
    ),
    scheme!(
        "version_maven",
        Maven,
        "1.0-alpha-1\n1.0\n1-ga-foo.1",
        "1-1.foo-bar1baz-.1\n1.x.2\n1-snapshot"
    ),
    scheme!(
        "version_rubygems",
        Rubygems,
        "1.2.3.rc1\n1.2.3\n1.2.b",
        "1.a.1\n1-1\n0"
    ),
    scheme!(
        "version_nuget",
        Nuget,
        "1.2.3.4-rc.1+x\n1.2.3\n1.2",
        "1.0-A\n1.0-a\n1.0"
    ),
    Target {
        name: "version_ranges",
        seeds: || {
            let pairs = [
                (">=1.2.3 <2 || ^3.0.0-rc", "1.9.0"),
                ("~1.2 - 2.x || *", "3.0.0-rc.1"),
                ("<0.7.4, >=0.1", "0.7.3"),
            ];
            pairs
                .map(|(range, version)| parts::join([range.as_bytes(), version.as_bytes()]))
                .to_vec()
        },
        run: |input| {
            let [range, version] =
                parts::split(input).map(|part: &[u8]| String::from_utf8_lossy(part));
            if let Ok(range) = NpmRange::parse(&range) {
                for prereleases in [Prereleases::Excluded, Prereleases::Included] {
                    let _ = range.contains(&version, prereleases);
                }
            }
            for scheme in Scheme::ALL {
                let _ = satisfies(scheme, &range, &version);
            }
            let _ = (
                dpkg::split(&version).is_ok(),
                dpkg::source_version(&version),
            );
        },
    },
    Target {
        name: "cvss",
        seeds: || {
            texts(&[
                "AV:N/AC:L/Au:N/C:P/I:P/A:P/E:U/RL:OF/RC:C",
                "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H/E:P/MAV:L/CR:H",
                "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:S/SA:N/E:A/MSI:S/U:Red",
            ])
        },
        run: |input| {
            if let Ok(found) = cvss::assess(&String::from_utf8_lossy(input)) {
                let again =
                    cvss::assess(&found.canonical()).expect("a canonical vector is a vector");
                assert_eq!(
                    (again.overall, again.nomenclature, again.canonical()),
                    (found.overall, found.nomenclature, found.canonical())
                );
            }
        },
    },
];
