//! What must hold for any versions: the keys are an order, they agree with a second implementation of each scheme
//! (ours in `reference`, or a library's), and no text of any kind makes the crate panic.

#![expect(clippy::unwrap_used, reason = "a test program may fail")]

mod reference;

use std::cmp::Ordering;
use std::str::FromStr;

use overlock_versions::range::{NpmRange, Prereleases};
use overlock_versions::{Evr, MAX_VERSION_BYTES, Scheme, compare, dpkg, key};
use proptest::prelude::*;
use proptest::string::string_regex;

/// Versions that people write, from few pieces so that pairs are often close or equal.
fn plausible(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Dpkg => {
            r"([01]:)?[0-2](\.[0-2]{1,2}){0,2}((\+dfsg|~rc|\+git|~)[0-2]?)?(-[0-2](\+deb1[12]u[0-2]|\+b1|~bpo1)?)?"
        }
        Scheme::Rpm => {
            r"([01]:)?[0-2](\.[0-2]{1,2}){0,2}([~^](rc|git)[0-2])?(-[0-2](\.el[89](_[0-2])?)?)?"
        }
        Scheme::Apk => {
            r"[0-2](\.[0-2]{1,3}){0,2}[ab]?(_(alpha|beta|pre|rc|git|p)[0-2]?){0,2}(~[0-9a]{1,2})?(-r[0-2])?"
        }
        Scheme::Alpm => r"([01]:)?[0-2]([._][0-2]{1,2}){0,2}(\.?(rc|a|b|r)[0-2]?)?(-[0-2](\.1)?)?",
        Scheme::Semver => {
            r"v?[0-2]\.[0-2]\.[0-2](-(alpha|rc|[0-2])(\.(1[0-2]|[0-2]|x)){0,2})?(\+b[0-2])?"
        }
        Scheme::Pep440 => {
            r"([01]!)?[0-2](\.[0-2]){0,3}(\.?(a|b|rc|alpha|c)[0-2])?((\.post|-)[0-2])?(\.dev[0-2])?(\+[0-2a]{1,2}(\.[0-2a])?)?"
        }
        Scheme::Npm => {
            r"[v=]?[0-2]\.[0-2]\.[0-2]{1,2}(-?(alpha|rc|x)(\.(1[0-2]|[0-2]|x)){0,2})?(\+b[0-2])?"
        }
        Scheme::Maven => {
            r"[0-2](\.[0-2]{1,2}){0,2}([.-]?(alpha|a|b|beta|m|rc|CR|RC|ga|Final|RELEASE|sp|SNAPSHOT|jre|x)([.-]?[0-2])?){0,2}(-[0-2])?"
        }
        Scheme::Rubygems => r"[0-2](\.[0-2]){0,3}(\.(a|b|rc|A)[0-2]?)?(\.[0-2]){0,2}(-(x|[0-2]))?",
        Scheme::Nuget => {
            r"[0-2](\.0?[0-2]){0,3}(-(alpha|RC|Rc|[0-2])(\.(1[0-2]|[0-2]|x)){0,2})?(\+b[0-2])?"
        }
    }
}

/// Versions that nobody should write: runs of separators, zeros, long digit runs, mixed kinds.
fn nasty(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Dpkg => {
            r"([0-9]{1,3}:)?[0-9][0a+.~:Z-]{0,8}[0-9a.+~]|[0-9]{1,40}[~.]{0,3}-[0a.+~]{1,5}"
        }
        Scheme::Rpm => {
            r"[0aZ.~^_+]{1,8}(-[0a.~^+]{0,5})?|[0-9]{1,40}[~^._]{0,3}[a-z0]{0,3}|[é1.]{1,4}"
        }
        Scheme::Apk => {
            r"[0-9]{1,40}(\.0{0,2}[0-9]{1,3}){0,3}[a-z]?(_(alpha|rc|cvs|svn|hg|p)0{0,2}[0-9]{0,2}){0,3}(-r0{0,2}[0-9])?"
        }
        Scheme::Alpm => r"[0aZ.+_]{1,8}(-[0a.+]{1,5})?|[0-9]{1,40}[._+]{0,3}[a-z0]{0,3}",
        Scheme::Semver => {
            r"v?([1-9][0-9]{0,30}|0)(\.([1-9][0-9]?|0)){0,2}|0\.0\.0-([1-9][0-9]{0,30}|[a-zA-Z-]{1,4}|0)(\.[A-Z-]{1,2}){0,3}"
        }
        Scheme::Pep440 => {
            r"v?[0-9]{1,3}(\.0{1,3}){0,3}[._-]?(pre|preview|c|alpha|beta)[._-]?[0-9]{0,2}([._-]?(rev|r|post)[0-9]{0,2})?([._-]?dev[0-9]{0,2})?(\+[0a]{1,3}([._-][0a]{1,2}){0,2})?"
        }
        Scheme::Npm => {
            r"0{0,2}[0-9]{1,14}\.0{0,2}[0-9]\.0?[0-9](-?[a-zA-Z][a-z0-9-]{0,4}(\.0{0,2}[0-9]{1,12}){0,2})?"
        }
        Scheme::Maven => {
            r"[0-1a.x-]{1,9}|[0-9]{1,40}([.-](0|ga|final|alpha|sp|x|ga1)){0,4}|[é0._+-]{1,5}"
        }
        Scheme::Rubygems => {
            r"0{0,2}[0-9]{1,40}(\.[0ab]{1,3}){0,4}(-[0a-]{1,3})?|0(\.0){0,3}(\.a)?(\.0){0,3}(\.b|\.1)?"
        }
        Scheme::Nuget => {
            r"0{0,2}[0-9]{1,30}(\.0{0,2}[0-9]){0,3}(-[0aA-]{1,4}(\.0{0,2}[0-9Aa]{1,3}){0,2})?"
        }
    }
}

fn version(scheme: Scheme) -> impl Strategy<Value = String> {
    let either = prop_oneof![
        3 => string_regex(plausible(scheme)).unwrap(),
        2 => string_regex(nasty(scheme)).unwrap(),
    ];
    either.prop_filter("a version", move |text| key(scheme, text).is_ok())
}

fn scheme_and_three() -> impl Strategy<Value = (Scheme, String, String, String)> {
    proptest::sample::select(Scheme::ALL.to_vec()).prop_flat_map(|scheme| {
        (
            Just(scheme),
            version(scheme),
            version(scheme),
            version(scheme),
        )
    })
}

fn two(scheme: Scheme) -> impl Strategy<Value = (String, String)> {
    (version(scheme), version(scheme))
}

fn dangling(part: &str) -> bool {
    part.ends_with(|c: char| !c.is_ascii_alphanumeric())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn order_is_total_and_keys_follow_it((scheme, a, b, c) in scheme_and_three()) {
        let order = |x: &str, y: &str| compare(scheme, x, y).unwrap();
        let (ka, kb, kc) = (key(scheme, &a).unwrap(), key(scheme, &b).unwrap(), key(scheme, &c).unwrap());
        prop_assert_eq!(order(&a, &a), Ordering::Equal);
        prop_assert_eq!(order(&a, &b), order(&b, &a).reverse());
        prop_assert_eq!(ka.cmp(&kb), ka.as_bytes().cmp(kb.as_bytes()));
        if scheme == Scheme::Alpm {
            // pacman equates a missing pkgrel with any: there the keys refine compare.
            prop_assert!(order(&a, &b) == Ordering::Equal || order(&a, &b) == ka.cmp(&kb));
        } else {
            prop_assert_eq!(order(&a, &b), ka.cmp(&kb));
            if order(&a, &b).is_le() && order(&b, &c).is_le() {
                prop_assert!(order(&a, &c).is_le());
            }
        }
        if ka <= kb && kb <= kc {
            prop_assert!(ka <= kc);
        }
    }

    #[test]
    fn dpkg_agrees_with_the_manual((a, b) in two(Scheme::Dpkg)) {
        prop_assert_eq!(compare(Scheme::Dpkg, &a, &b).unwrap(), reference::dpkg(&a, &b));
    }

    #[test]
    fn apk_agrees_with_the_manual((a, b) in two(Scheme::Apk)) {
        prop_assert_eq!(compare(Scheme::Apk, &a, &b).unwrap(), reference::apk(&a, &b));
    }

    #[test]
    fn rubygems_agrees_with_the_manual((a, b) in two(Scheme::Rubygems)) {
        prop_assert_eq!(compare(Scheme::Rubygems, &a, &b).unwrap(), reference::rubygems(&a, &b));
    }

    /// Where pacman's comparison is an order, that is, without separators at the end of a part.
    #[test]
    fn alpm_agrees_with_the_manual((a, b) in two(Scheme::Alpm)) {
        let tidy = |v: &str| v.split('-').map(|part| format!("{part}{}", if dangling(part) { "1" } else { "" }))
            .collect::<Vec<_>>().join("-");
        let (a, b) = (tidy(&a), tidy(&b));
        prop_assert_eq!(compare(Scheme::Alpm, &a, &b).unwrap(), reference::alpm(&a, &b));
    }

    #[test]
    fn rpm_agrees_with_the_library((a, b) in two(Scheme::Rpm)) {
        // The library takes a missing release for an empty one, so both get one.
        let full = |v: &str| if v.contains('-') { v.to_owned() } else { format!("{v}-1") };
        let (a, b) = (full(&a), full(&b));
        prop_assert_eq!(compare(Scheme::Rpm, &a, &b).unwrap(), rpm_version::rpm_evr_compare(&a, &b));
    }

    #[test]
    fn semver_agrees_with_the_library((a, b) in two(Scheme::Semver)) {
        let parse = |text: &str| semver::Version::parse(text.strip_prefix('v').unwrap_or(text));
        if let (Ok(x), Ok(y)) = (parse(&a), parse(&b)) {
            prop_assert_eq!(compare(Scheme::Semver, &a, &b).unwrap(), x.cmp_precedence(&y));
        }
    }

    #[test]
    fn pep440_agrees_with_the_library((a, b) in two(Scheme::Pep440)) {
        let parse = |text: &str| pep440_rs::Version::from_str(text).unwrap();
        prop_assert_eq!(compare(Scheme::Pep440, &a, &b).unwrap(), parse(&a).cmp(&parse(&b)));
    }

    #[test]
    fn npm_agrees_with_the_library((a, b) in two(Scheme::Npm)) {
        let parse = |text: &str| nodejs_semver::Version::parse(text.trim_start_matches(['v', '='])).unwrap();
        prop_assert_eq!(compare(Scheme::Npm, &a, &b).unwrap(), parse(&a).cmp(&parse(&b)));
    }

    #[test]
    fn maven_ignores_case_and_trailing_zeros(a in version(Scheme::Maven), zeros in 1_usize..4) {
        prop_assert_eq!(compare(Scheme::Maven, &a, &a.to_uppercase()).unwrap(), Ordering::Equal);
        let padded = format!("{a}{}", ".0".repeat(zeros));
        prop_assert_eq!(compare(Scheme::Maven, &a, &padded).unwrap(), Ordering::Equal);
        let snapshot = format!("{a}-SNAPSHOT");
        prop_assert_eq!(compare(Scheme::Maven, &snapshot, &a).unwrap(), Ordering::Less);
    }

    #[test]
    fn nuget_without_fourth_number_is_semver((a, b) in two(Scheme::Semver)) {
        let lower = |text: &str| text.strip_prefix('v').unwrap_or(text).to_lowercase();
        let (a, b) = (lower(&a), lower(&b));
        prop_assert_eq!(compare(Scheme::Nuget, &a, &b).unwrap(), compare(Scheme::Semver, &a, &b).unwrap());
    }

    #[test]
    fn evr_print_after_parse_is_identity(text in version(Scheme::Rpm)) {
        let evr = Evr::parse(&text).unwrap();
        let printed = evr.to_string();
        prop_assert_eq!(Evr::parse(&printed).unwrap(), evr);
        prop_assert_eq!(key(Scheme::Rpm, &printed), key(Scheme::Rpm, &text));
    }

    #[test]
    fn rebuild_orders_after_its_source(text in version(Scheme::Dpkg), n in 0_u32..20) {
        let source = dpkg::source_version(&text).to_owned();
        let rebuilt = format!("{source}+b{n}");
        prop_assert_eq!(dpkg::source_version(&rebuilt), &source);
        prop_assert_eq!(compare(Scheme::Dpkg, &source, &rebuilt).unwrap(), Ordering::Less);
    }

    #[test]
    fn no_text_panics(text in prop_oneof![any::<String>(), r"[0-9a-z.~^+:_*|<>= -]{0,40}"], version in r"[0-9.a-z-]{0,12}") {
        for scheme in Scheme::ALL {
            let _ = key(scheme, &text);
            let _ = compare(scheme, &text, &version);
        }
        let _ = (dpkg::split(&text), dpkg::source_version(&text));
        if let Ok(range) = NpmRange::parse(&text) {
            let _ = range.contains(&version, Prereleases::Included);
            let _ = range.contains("1.2.3-rc.1", Prereleases::Excluded);
        }
    }
}

#[test]
fn digit_runs_of_any_length_order_by_value() {
    for scheme in [
        Scheme::Dpkg,
        Scheme::Rpm,
        Scheme::Apk,
        Scheme::Alpm,
        Scheme::Maven,
        Scheme::Rubygems,
    ] {
        let nines = format!("1.{}", "9".repeat(3000));
        let more = format!("1.1{}", "0".repeat(3000));
        assert_eq!(
            compare(scheme, &nines, &more),
            Ok(Ordering::Less),
            "{scheme}"
        );
    }
}

#[test]
fn too_long_is_an_error_with_a_short_message() {
    for scheme in Scheme::ALL {
        let error = key(scheme, &"1".repeat(MAX_VERSION_BYTES + 1)).unwrap_err();
        assert_eq!(error.scheme, scheme);
        assert!(error.to_string().len() < 200, "{error}");
        assert!(key(scheme, "").is_err());
        assert!(key(scheme, " \t").is_err());
        assert!(key(scheme, "1.0\u{0}").is_err());
        assert_eq!(key(scheme, " 1.0.0\n"), key(scheme, "1.0.0"));
    }
}

#[test]
fn scheme_names_round_trip() {
    for scheme in Scheme::ALL {
        assert_eq!(Scheme::from_str(&scheme.to_string()), Ok(scheme));
    }
    assert!(Scheme::from_str("deb").is_err());
}

#[test]
fn longest_versions_give_keys_in_proportion() {
    // Runs of separators and qualifiers, where a nested reading would recurse or a naive key would grow.
    for scheme in Scheme::ALL {
        for unit in ["1-", "a.", "0.", "-0", "ga.", "ga-", "~", "_p1", "-a"] {
            let text = format!("1.0.0{}1", unit.repeat(1300));
            if let Ok(key) = key(scheme, &text) {
                assert!(key.as_bytes().len() < text.len() * 10, "{scheme}: {unit}");
            }
        }
    }
}
