//! How long a release gets security updates, judged at one date. Pure.
//!
//! The scan and the planner ask this, since after the end of support a silent feed no longer means "nothing found".
//! Dates come from the end-of-life feed where there is one (Debian, Ubuntu), else from the table that is built in;
//! a row of the feed always wins. What no source confirmed is not in the table: unknown is an answer.

use jiff::civil::Date;
use overlock_model::os::{Os, ReleaseDates, Support, SupportProgramme};
use std::sync::LazyLock;

/// The built-in table: columns `os,version,codename,released,eol,programmes,rolling,source,known`, where programmes
/// are `NAME|UNTIL|free` or `…|paid`, joined by `;`, and `known` is the month the source was read.
const TABLE: &str = include_str!("../data/release_dates.csv");

static BUILT_IN: LazyLock<Vec<ReleaseDates>> =
    LazyLock::new(|| TABLE.lines().skip(1).filter_map(parse_row).collect());

/// The built-in rows.
#[must_use]
pub fn built_in() -> &'static [ReleaseDates] {
    &BUILT_IN
}

/// Judges a release at `today` (UTC). `dates` are the rows of the end-of-life feed, in any order; where they do not
/// hold the release the built-in table is asked.
///
/// The last day of support still counts as supported, since publishers name a day without an hour.
#[must_use]
pub fn support(os: &Os, dates: &[ReleaseDates], today: Date) -> Support {
    find(os, dates)
        .or_else(|| find(os, built_in()))
        .map_or(Support::Unknown, |row| judge(row, today))
}

/// The row that names the release most exactly.
fn find<'a>(os: &Os, rows: &'a [ReleaseDates]) -> Option<&'a ReleaseDates> {
    rows.iter()
        .filter_map(|row| Some((fit(os, row)?, row)))
        .max_by_key(|(fit, _)| *fit)
        .map(|(_, row)| row)
}

/// How exactly a row names the release; `None` where it does not.
fn fit(os: &Os, row: &ReleaseDates) -> Option<usize> {
    if row.os != os.id {
        return None;
    }
    let version = os.version_id.as_str();
    if !version.is_empty() && !row.version.is_empty() {
        let rest = version.strip_prefix(row.version.as_str())?;
        // `9` names 9.4, not 95; and `3.23` does not name the development branch 3.23_alpha.
        return (rest.is_empty() || rest.starts_with('.')).then(|| 2 + row.version.len());
    }
    if row.codename.is_some() && (version.is_empty() || row.version.is_empty()) {
        return (row.codename == os.codename).then_some(1);
    }
    // A distribution that is one rolling release; Tumbleweed's and others' VERSION_ID is a snapshot's date.
    (row.rolling && row.codename.is_none()).then_some(0)
}

fn judge(row: &ReleaseDates, today: Date) -> Support {
    if row.rolling {
        return Support::Supported { until: None };
    }
    // Not out yet: whatever updates it gets are nobody's promise.
    if row
        .released
        .map_or(row.eol.is_none(), |released| released > today)
    {
        return Support::Unknown;
    }
    let Some(eol) = row.eol else {
        return Support::Supported { until: None };
    };
    if today <= eol {
        return Support::Supported { until: Some(eol) };
    }
    let running = |paid: bool| {
        row.programmes
            .iter()
            .filter(move |programme| programme.paid == paid && today <= programme.until)
            .min_by_key(|programme| programme.until)
    };
    if let Some(programme) = running(false) {
        return Support::LongTerm {
            programme: programme.name.clone(),
            until: programme.until,
        };
    }
    let last = row
        .programmes
        .iter()
        .filter(|programme| !programme.paid)
        .map(|programme| programme.until);
    let last = last.fold(eol, Ord::max);
    Support::EndOfLife {
        since: last.tomorrow().unwrap_or(last),
        paid: running(true).map(|programme| programme.name.clone()),
    }
}

fn parse_row(line: &str) -> Option<ReleaseDates> {
    let mut fields = line.split(',');
    let mut next = || fields.next();
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let date = |text: &str| {
        if text.is_empty() {
            Some(None)
        } else {
            text.parse().ok().map(Some)
        }
    };
    Some(ReleaseDates {
        os: next()?.to_owned(),
        version: next()?.to_owned(),
        codename: some(next()?),
        released: date(next()?)?,
        eol: date(next()?)?,
        programmes: next()?
            .split(';')
            .filter(|text| !text.is_empty())
            .map(parse_programme)
            .collect::<Option<_>>()?,
        rolling: next()? == "rolling",
    })
}

fn parse_programme(text: &str) -> Option<SupportProgramme> {
    let mut parts = text.split('|');
    Some(SupportProgramme {
        name: parts.next()?.to_owned(),
        until: parts.next()?.parse().ok()?,
        paid: match parts.next()? {
            "paid" => true,
            "free" => false,
            _ => return None,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn os(id: &str, version: &str) -> Os {
        Os {
            id: id.into(),
            version_id: version.into(),
            ..Os::default()
        }
    }

    fn at(id: &str, version: &str, day: &str) -> Support {
        support(&os(id, version), &[], day.parse().unwrap())
    }

    #[test]
    fn every_row_of_the_table_is_read_and_names_its_source() {
        assert_eq!(built_in().len(), TABLE.lines().count() - 1);
        for line in TABLE.lines().skip(1) {
            let fields: Vec<&str> = line.split(',').collect();
            assert_eq!(fields.len(), 9, "{line}");
            assert!(!fields[7].is_empty() && fields[8].len() == 7, "{line}");
        }
        for row in built_in() {
            assert!(row.rolling || row.eol.is_some(), "{row:?}");
            assert!(
                row.released
                    .is_none_or(|released| row.eol.is_none_or(|eol| released < eol)),
                "{row:?}"
            );
        }
    }

    #[test]
    fn known_releases_at_known_days() {
        let until = |day: &str| Support::Supported {
            until: Some(day.parse().unwrap()),
        };
        let ended = |day: &str, paid: Option<&str>| Support::EndOfLife {
            since: day.parse().unwrap(),
            paid: paid.map(str::to_owned),
        };
        let lts = |day: &str| Support::LongTerm {
            programme: "Debian LTS".into(),
            until: day.parse().unwrap(),
        };
        let table = [
            ("debian", "12", "2026-07-11", until("2026-07-11")),
            ("debian", "12", "2026-07-12", lts("2028-06-30")),
            (
                "debian",
                "11",
                "2026-11-23",
                ended("2026-09-01", Some("Debian ELTS")),
            ),
            ("debian", "8", "2026-11-23", ended("2020-07-01", None)),
            ("ubuntu", "22.04", "2026-11-23", until("2027-06-01")),
            (
                "ubuntu",
                "18.04",
                "2026-11-23",
                ended("2023-06-01", Some("Ubuntu Pro (ESM)")),
            ),
            (
                "ubuntu",
                "16.04",
                "2026-11-23",
                ended("2021-05-01", Some("Ubuntu Pro (Legacy)")),
            ),
            ("almalinux", "9.4", "2026-11-23", until("2032-05-31")),
            ("rocky", "8.10", "2026-11-23", until("2029-05-31")),
            (
                "rhel",
                "7.9",
                "2026-11-23",
                ended("2024-07-01", Some("RHEL ELS")),
            ),
            ("centos", "7", "2026-11-23", ended("2024-07-01", None)),
            ("fedora", "42", "2026-11-23", ended("2026-05-14", None)),
            ("amzn", "2", "2026-11-23", ended("2026-07-01", None)),
            ("amzn", "2023", "2026-11-23", until("2029-06-30")),
            (
                "sles",
                "15.5",
                "2026-11-23",
                ended("2025-01-01", Some("SUSE LTSS")),
            ),
            ("opensuse-leap", "16.0", "2026-11-23", until("2027-10-31")),
            ("alpine", "3.19.1", "2026-11-23", ended("2025-11-02", None)),
            ("alpine", "3.23.3", "2026-11-23", until("2027-11-01")),
        ];
        for (id, version, day, expected) in table {
            assert_eq!(at(id, version, day), expected, "{id} {version} at {day}");
        }
    }

    #[test]
    fn rolling_releases_never_end() {
        let rolling = Support::Supported { until: None };
        assert_eq!(at("arch", "", "2026-11-23"), rolling);
        assert_eq!(at("opensuse-tumbleweed", "20261101", "2026-11-23"), rolling);
        let sid = Os {
            codename: Some("sid".into()),
            ..os("debian", "")
        };
        assert_eq!(support(&sid, &[], date(2026, 11, 23)), rolling);
    }

    #[test]
    fn what_nobody_confirmed_is_unknown() {
        for (id, version) in [
            ("debian", "1"),
            ("debian", "99"),
            ("alpine", "3.23_alpha20260101"),
            ("nixos", "26.05"),
            ("rhel", "95"),
            ("", ""),
        ] {
            assert_eq!(
                at(id, version, "2026-11-23"),
                Support::Unknown,
                "{id} {version}"
            );
        }
        // Not released on that day.
        assert_eq!(at("ubuntu", "26.10", "2026-10-01"), Support::Unknown);
        let forky = Os {
            codename: Some("forky".into()),
            ..os("debian", "")
        };
        let feed = [ReleaseDates {
            os: "debian".into(),
            version: "14".into(),
            codename: Some("forky".into()),
            ..ReleaseDates::default()
        }];
        assert_eq!(support(&forky, &feed, date(2026, 11, 23)), Support::Unknown);
    }

    #[test]
    fn a_row_of_the_feed_wins_over_the_built_in_one() {
        let feed = [ReleaseDates {
            os: "debian".into(),
            version: "12".into(),
            released: Some(date(2023, 6, 10)),
            eol: Some(date(2027, 1, 1)),
            ..ReleaseDates::default()
        }];
        let supported = Support::Supported {
            until: Some(date(2027, 1, 1)),
        };
        assert_eq!(
            support(&os("debian", "12"), &feed, date(2026, 11, 23)),
            supported
        );
    }
}
