//! Release files: who publishes a suite, when, and which hashes its indexes have.

use crate::deb::control::{cut_line, paragraphs};
use jiff::Timestamp;
use jiff::civil::date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use super::conf::switch;

/// Hashes of more indexes than this are not kept; the largest archives list some 5,000 files.
const INDEXES_MAX: usize = 100_000;

/// What a Release file states (the fields that apt uses).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// `Origin`
    pub origin: Option<String>,
    /// `Label`
    pub label: Option<String>,
    /// `Suite`; apt calls it the archive.
    pub suite: Option<String>,
    /// `Codename`
    pub codename: Option<String>,
    /// `Version`
    pub version: Option<String>,
    /// `Date`
    pub date: Option<Timestamp>,
    /// `Valid-Until`
    pub valid_until: Option<Timestamp>,
    /// `NotAutomatic`
    pub not_automatic: bool,
    /// `ButAutomaticUpgrades`
    pub but_automatic_upgrades: bool,
    /// SHA-256, lower-case hex, of each uncompressed `Packages` index by its path.
    pub packages_sha256: BTreeMap<String, String>,
}

/// Parses the text of a Release file, or of an InRelease file whose signature is not to be looked at.
#[must_use]
pub fn parse_release(bytes: &[u8]) -> Release {
    let mut release = Release::default();
    // The armor of an unverified InRelease begins with a paragraph of its own (`Hash: …`).
    let first = |name: &str| {
        paragraphs(bytes)
            .take(2)
            .find_map(|paragraph| paragraph.get(name))
    };
    let text = |name: &str| {
        first(name)
            .map(|field| field.text())
            .filter(|text| !text.is_empty())
    };
    release.origin = text("Origin");
    release.label = text("Label");
    release.suite = text("Suite");
    release.codename = text("Codename");
    release.version = text("Version");
    release.date = text("Date").and_then(|text| parse_date(&text));
    release.valid_until = text("Valid-Until").and_then(|text| parse_date(&text));
    let yes = |name: &str| text(name).and_then(|word| switch(&word)).unwrap_or(false);
    release.not_automatic = yes("NotAutomatic");
    release.but_automatic_upgrades = yes("ButAutomaticUpgrades");
    let mut rest = first("SHA256").map(|field| field.value).unwrap_or_default();
    while let Some((line, after)) = cut_line(rest) {
        rest = after;
        if !line.trim_ascii_end().ends_with(b"Packages")
            || release.packages_sha256.len() >= INDEXES_MAX
        {
            continue;
        }
        let Ok(line) = std::str::from_utf8(line) else {
            continue;
        };
        let mut words = line.split_whitespace();
        if let (Some(hash), Some(_size), Some(path)) = (words.next(), words.next(), words.next())
            && hash.len() == 64
            && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
        {
            let path = path.trim_start_matches("./").to_owned();
            release
                .packages_sha256
                .insert(path, hash.to_ascii_lowercase());
        }
    }
    release
}

impl Release {
    /// Whether these are security updates, by the words their publishers use: a label with `security`
    /// (`Debian-Security`), or a suite or codename that ends in it (`bookworm-security`, `jammy-infra-security`).
    #[must_use]
    pub fn is_security(&self, configured_suite: &str) -> bool {
        let ends = |name: &Option<String>| {
            name.as_deref()
                .is_some_and(|name| name.ends_with("-security"))
        };
        ends(&self.suite)
            || ends(&self.codename)
            || configured_suite
                .trim_end_matches('/')
                .ends_with("-security")
            || self
                .label
                .as_deref()
                .is_some_and(|label| label.to_ascii_lowercase().contains("security"))
    }
}

/// A date as Release files write it, `Sat, 11 Jul 2026 10:16:37 UTC` (also `GMT` and `+0000`).
#[must_use]
pub fn parse_date(text: &str) -> Option<Timestamp> {
    let mut words = text
        .split_whitespace()
        .skip_while(|word| word.ends_with(','));
    let day: i8 = words.next()?.parse().ok()?;
    let month = words.next()?;
    let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let month = i8::try_from(months.iter().position(|name| *name == month)? + 1).ok()?;
    let year: i16 = words.next()?.parse().ok()?;
    let mut time = words.next()?.split(':').map(str::parse::<i8>);
    let (hour, minute, second) = (time.next()?.ok()?, time.next()?.ok()?, time.next()?.ok()?);
    if !matches!(words.next(), Some("UTC" | "GMT" | "Z" | "+0000")) {
        return None;
    }
    if !(1970..=9998).contains(&year)
        || !(1..=31).contains(&day)
        || !(0..24).contains(&hour)
        || !(0..60).contains(&minute)
        || !(0..60).contains(&second)
    {
        return None;
    }
    let last = date(year, month, 1).days_in_month();
    if day > last {
        return None;
    }
    let at = date(year, month, day).at(hour, minute, second, 0);
    at.to_zoned(jiff::tz::TimeZone::UTC)
        .ok()
        .map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fields_and_index_hashes_are_read() {
        let hash = "a".repeat(64);
        let text = format!(
            "Origin: Debian\nLabel: Debian-Security\nSuite: oldstable-security\nCodename: bookworm-security\nVersion: 12\n\
             Date: Sat, 11 Jul 2026 10:16:37 UTC\nValid-Until: Sat, 18 Jul 2026 10:16:37 UTC\nNotAutomatic: yes\n\
             MD5Sum:\n {m} 5 main/binary-amd64/Packages\nSHA256:\n {hash} 5 main/binary-amd64/Packages\n {hash} 5 main/binary-amd64/Packages.xz\n",
            m = "b".repeat(32)
        );
        let release = parse_release(text.as_bytes());
        assert_eq!(release.origin.as_deref(), Some("Debian"));
        assert_eq!(release.date.unwrap().to_string(), "2026-07-11T10:16:37Z");
        assert!(release.not_automatic && !release.but_automatic_upgrades);
        assert!(release.is_security("bookworm"));
        assert_eq!(release.packages_sha256.len(), 1);
        assert_eq!(release.packages_sha256["main/binary-amd64/Packages"], hash);
    }

    #[test]
    fn dates_that_do_not_exist_are_none() {
        assert_eq!(parse_date("Sat, 31 Feb 2026 10:16:37 UTC"), None);
        assert_eq!(parse_date("Sat, 1 Feb 2026 25:16:37 UTC"), None);
        assert_eq!(parse_date("yesterday"), None);
        assert!(parse_date("Thu, 01 Jan 1970 00:00:00 +0000").is_some());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse_release(&bytes);
        }
        #[test]
        fn any_date_text_is_read(text in "[A-Za-z0-9:, +]{0,40}") {
            let _ = parse_date(&text);
        }
    }
}
