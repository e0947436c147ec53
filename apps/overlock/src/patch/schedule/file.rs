//! `/etc/overlock/schedule.toml`: what is set. An administrator may edit it; the timer follows `overlock schedule set`.

use crate::exit::Failure;
use jiff::SignedDuration;
use overlock_apply::calendar::Calendar;
use overlock_model::schedule::{Bounds, Schedule};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Where it lies.
pub const PATH: &str = "/etc/overlock/schedule.toml";
const BYTES_MAX: u64 = 1 << 20;
/// A window that is longer is always open for something that comes round daily.
const WINDOW_MAX: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What is set, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set {
    /// When the window opens.
    pub calendar: Calendar,
    /// How long it is open.
    pub window: SignedDuration,
    /// All of it.
    pub schedule: Schedule,
}

/// The file as it is written: spans in words.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    at: String,
    window: SignedDuration,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time_zone: Option<String>,
    #[serde(default)]
    spread: SignedDuration,
    #[serde(default = "yes")]
    refresh: bool,
    #[serde(default)]
    sync: bool,
    #[serde(default)]
    bounds: Bounds,
}

fn yes() -> bool {
    true
}

impl Set {
    /// Checks a schedule.
    ///
    /// # Errors
    /// When systemd does not read its time, its zone is not known or its window is out of range.
    pub fn new(schedule: Schedule) -> anyhow::Result<Self> {
        let clean = |text: &str| {
            !text.is_empty() && text.chars().all(|one| one.is_ascii_graphic() || one == ' ')
        };
        if !clean(&schedule.at) || schedule.at.starts_with('-') {
            anyhow::bail!("`{}` is no calendar event", schedule.at);
        }
        // Known without any database of zones.
        let zone = schedule.time_zone.as_ref().filter(|zone| *zone != "UTC");
        if let Some(zone) = zone {
            jiff::tz::TimeZone::get(zone)
                .map_err(|_| anyhow::anyhow!("there is no time zone `{zone}` on this host"))?;
        }
        let window = i64::try_from(schedule.window_seconds).unwrap_or(i64::MAX);
        let window = SignedDuration::from_secs(window);
        if window < SignedDuration::from_mins(1) || window > WINDOW_MAX {
            anyhow::bail!("a window is open for a minute at least and for seven days at most");
        }
        if schedule.spread_seconds >= schedule.window_seconds {
            anyhow::bail!(
                "hosts are spread over less than the window, or some would come too late"
            );
        }
        Ok(Self {
            calendar: Calendar::new(&schedule.at, schedule.time_zone.as_deref()),
            window,
            schedule,
        })
    }

    /// Reads what is set; `None` when nothing is.
    ///
    /// # Errors
    /// When the file is there and cannot be used.
    pub fn read() -> Result<Option<Self>, Failure> {
        let failed = |error: anyhow::Error| {
            Failure::input(error.context(format!("cannot use `{PATH}`")))
                .hint("`overlock schedule set` writes it anew")
        };
        match std::fs::metadata(PATH) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error.into())),
            Ok(of) if of.len() > BYTES_MAX => {
                return Err(failed(anyhow::anyhow!("it is too large")));
            }
            Ok(_) => {}
        }
        let text = std::fs::read_to_string(PATH).map_err(|error| failed(error.into()))?;
        parse(&text).map(Some).map_err(failed)
    }

    /// Writes it, whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self) -> Result<(), Failure> {
        let raw = Raw {
            at: self.schedule.at.clone(),
            window: self.window,
            time_zone: self.schedule.time_zone.clone(),
            spread: SignedDuration::from_secs(
                i64::try_from(self.schedule.spread_seconds).unwrap_or(i64::MAX),
            ),
            refresh: self.schedule.refresh,
            sync: self.schedule.sync,
            bounds: self.schedule.bounds.clone(),
        };
        let text = toml::to_string(&raw).map_err(Failure::environment)?;
        let text = format!(
            "# Written by `overlock schedule set`; `overlock schedule show` explains it.\n{text}"
        );
        let path = Path::new(PATH);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let new = path.with_extension("new");
        std::fs::write(&new, text)?;
        std::fs::rename(new, path)?;
        Ok(())
    }
}

fn parse(text: &str) -> anyhow::Result<Set> {
    let raw: Raw = toml::from_str(text)?;
    let seconds = |span: SignedDuration| u64::try_from(span.as_secs()).unwrap_or(0);
    Set::new(Schedule {
        at: raw.at,
        time_zone: raw.time_zone,
        window_seconds: seconds(raw.window),
        spread_seconds: seconds(raw.spread),
        refresh: raw.refresh,
        sync: raw.sync,
        bounds: raw.bounds,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use overlock_model::schedule::RebootBound;

    #[test]
    fn file_of_two_lines_has_careful_bounds() {
        let set = parse("at = 'Sun 03:00'\nwindow = '2h'\n").unwrap();
        assert_eq!(set.schedule.window_seconds, 7200);
        assert_eq!(set.schedule.bounds, Bounds::default());
        assert!(set.schedule.refresh && !set.schedule.sync);
    }

    #[test]
    fn bounds_are_read_and_what_is_misspelt_is_an_error() {
        let text = "at = 'daily'\nwindow = '90m'\n[bounds]\npackages_max = 3\nreboot = 'if-required'\nwithout = ['x']\n";
        let bounds = parse(text).unwrap().schedule.bounds;
        assert_eq!(
            (bounds.packages_max, bounds.reboot),
            (3, RebootBound::IfRequired)
        );
        for bad in [
            text.replace("packages_max", "package_max"),
            text.replace("90m", "90 apples"),
            text.replace("90m", "-90m"),
            text.replace("90m", "30d"),
            text.replace("at = 'daily'", "at = '--version'"),
            text.replace("window", "time_zone = 'Nowhere/Town'\nwindow"),
            text.replace("window", "spread = '2h'\nwindow"),
        ] {
            assert!(parse(&bad).is_err(), "{bad}");
        }
    }
}
