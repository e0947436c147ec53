//! Words of `overlock mitigate`.

use super::{Carry, Confirm, duration};
use clap::Args;
use jiff::Timestamp;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Args)]
pub struct Mitigate {
    /// Stop this unit, and let nothing start it; may be repeated
    #[arg(long, value_name = "UNIT", required_unless_present_any = ["sysctl", "block_module", "hold_package", "list", "expire"])]
    pub disable_unit: Vec<String>,
    /// Give this parameter of the kernel this value, now and after a boot; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = parameter)]
    pub sysctl: Vec<(String, i64)>,
    /// Keep this module of the kernel from being loaded; may be repeated
    #[arg(long, value_name = "MODULE")]
    pub block_module: Vec<String>,
    /// Keep this package at its version; may be repeated
    #[arg(long, value_name = "PACKAGE")]
    pub hold_package: Vec<String>,
    /// The vulnerabilities that the measures stand against; only holds need none
    #[arg(long, value_name = "CVE", value_delimiter = ',', num_args = 1..)]
    pub against: Vec<String>,
    /// Who answers for it
    #[arg(long, value_name = "NAME", required_unless_present_any = ["list", "expire"])]
    pub owner: Option<String>,
    /// Why these measures are enough, and what they cost
    #[arg(long, value_name = "TEXT", required_unless_present_any = ["list", "expire"])]
    pub reason: Option<String>,
    /// When they are taken away again: in a time (30d) or on a day (2027-01-31)
    #[arg(long, value_name = "TIME|DATE", value_parser = expiry, required_unless_present_any = ["list", "expire"])]
    pub expires: Option<Expiry>,
    /// Write the plan here; without it the plan is only shown
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Whether the run must be confirmed over a new login, else it is taken back: auto asks for it where a unit of network
    /// or logins is disabled
    #[arg(long, value_enum, default_value = "auto")]
    pub confirm: Confirm,
    /// Show what is in force, who answers for it, and until when
    #[arg(long, conflicts_with_all = ["disable_unit", "sysctl", "block_module", "hold_package", "against", "out", "expire"])]
    pub list: bool,
    /// Take away what has expired; a timer of each run calls this by itself
    #[arg(long, conflicts_with_all = ["disable_unit", "sysctl", "block_module", "hold_package", "against", "out"])]
    pub expire: bool,
    #[command(flatten)]
    pub carry: Carry,
}

/// When a measure ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// So long after the plan was made.
    In(Duration),
    /// Then.
    At(Timestamp),
}

impl Expiry {
    /// The instant, in whole seconds; `None` beyond the end of time.
    pub fn after(self, now: Timestamp) -> Option<Timestamp> {
        let end = match self {
            Self::In(span) => now
                .checked_add(jiff::SignedDuration::try_from(span).ok()?)
                .ok()?,
            Self::At(end) => end,
        };
        Timestamp::from_second(end.as_second()).ok()
    }
}

fn expiry(text: &str) -> Result<Expiry, String> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(Expiry::At(time));
    }
    if let Ok(day) = text.parse::<jiff::civil::Date>() {
        let start = day.to_zoned(jiff::tz::TimeZone::UTC);
        return start
            .map(|start| Expiry::At(start.timestamp()))
            .map_err(|error| error.to_string());
    }
    duration(text).map(Expiry::In)
}

fn parameter(text: &str) -> Result<(String, i64), String> {
    let (key, value) = text
        .split_once('=')
        .ok_or_else(|| "it is not KEY=VALUE".to_owned())?;
    let value = value
        .trim()
        .parse()
        .map_err(|_| format!("`{}` is no number", value.trim()))?;
    Ok((key.trim().to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn end_is_a_span_a_day_or_an_instant() {
        let now: Timestamp = "2026-11-23T12:00:00.5Z".parse().unwrap();
        for (text, end) in [
            ("30d", "2026-12-23T12:00:00Z"),
            ("2026-12-31", "2026-12-31T00:00:00Z"),
            ("2026-12-31T08:30:00Z", "2026-12-31T08:30:00Z"),
        ] {
            let expected: Timestamp = end.parse().unwrap();
            assert_eq!(expiry(text).unwrap().after(now), Some(expected), "{text}");
        }
        assert!(expiry("never").is_err());
        assert!(expiry("-3d").is_err());
    }

    #[test]
    fn parameters_take_numbers_only() {
        assert_eq!(
            parameter("kernel.dmesg_restrict = 1"),
            Ok(("kernel.dmesg_restrict".to_owned(), 1))
        );
        assert!(parameter("kernel.core_pattern=|/bin/sh").is_err());
        assert!(parameter("kernel.dmesg_restrict").is_err());
    }
}
