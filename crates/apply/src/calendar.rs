//! When a calendar expression comes round: asked of systemd itself, so that its timer and we never disagree.

use crate::program::{Call, Program, ProgramError};
use jiff::Timestamp;
use jiff::civil::DateTime;

/// An expression cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CalendarError {
    /// systemd does not read it.
    #[error("systemd does not read `{expression}` as a time")]
    Expression {
        /// As given.
        expression: String,
        /// Its words.
        #[source]
        source: ProgramError,
    },
    /// Its answer is none that we know.
    #[error("systemd's answer about `{expression}` cannot be read: {answer}")]
    Answer {
        /// As given.
        expression: String,
        /// What it said.
        answer: String,
    },
}

/// A calendar event (`systemd.time(7)`), with its time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    expression: String,
}

impl Calendar {
    /// An expression and the zone that it is in; without one it is the host's own.
    #[must_use]
    pub fn new(at: &str, zone: Option<&str>) -> Self {
        Self {
            expression: match zone {
                Some(zone) => format!("{at} {zone}"),
                None => at.to_owned(),
            },
        }
    }

    /// As timers want it.
    #[must_use]
    pub fn expression(&self) -> &str {
        &self.expression
    }

    /// When it comes round first after an instant; `None` when never again.
    ///
    /// # Errors
    /// When systemd does not know it.
    pub fn next_after(&self, base: Timestamp) -> Result<Option<Timestamp>, CalendarError> {
        let base = base
            .strftime("--base-time=%Y-%m-%d %H:%M:%S UTC")
            .to_string();
        let arguments = ["calendar", "--iterations=1", &base, "--", &self.expression];
        let bytes = Call::new(Program::SystemdAnalyze, arguments)
            .output()
            .map_err(|source| CalendarError::Expression {
                expression: self.expression.clone(),
                source,
            })?;
        let answer = String::from_utf8_lossy(&bytes);
        next(&answer).ok_or_else(|| CalendarError::Answer {
            expression: self.expression.clone(),
            answer: answer.trim().to_owned(),
        })
    }

    /// When the window that is open now closes; `None` when it is closed.
    ///
    /// # Errors
    /// When systemd does not know the expression.
    pub fn open_until(
        &self,
        now: Timestamp,
        window: jiff::SignedDuration,
    ) -> Result<Option<Timestamp>, CalendarError> {
        let Ok(earliest) = now.checked_sub(window) else {
            return Ok(None);
        };
        let begin = self.next_after(earliest)?.filter(|begin| *begin <= now);
        Ok(begin.and_then(|begin| begin.checked_add(window).ok()))
    }
}

/// The next time of an answer: in UTC where it gives that beside the host's own zone.
fn next(answer: &str) -> Option<Option<Timestamp>> {
    let field = |name: &str| {
        let mut lines = answer.lines().map(str::trim);
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim))
    };
    if field("Next elapse") == Some("never") {
        return Some(None);
    }
    let time = field("(in UTC)").or_else(|| field("Next elapse"))?;
    // `Sun 2026-11-29 02:00:00 UTC`
    let (_, time) = time.split_once(' ')?;
    let time = time.strip_suffix(" UTC")?;
    let time = DateTime::strptime("%Y-%m-%d %H:%M:%S", time).ok()?;
    let instant = time.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(Some(instant.timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn answers_are_read_in_every_zone() {
        let utc = "  Original form: Sun 03:00\nNormalized form: Sun *-*-* 03:00:00\n    \
            Next elapse: Sun 2026-11-29 03:00:00 UTC\n       From now: 5 days left\n";
        assert_eq!(next(utc), Some(Some(at("2026-11-29T03:00:00Z"))));
        let berlin = "    Next elapse: Sun 2026-11-29 03:00:00 CET\n       (in UTC): Sun 2026-11-29 02:00:00 UTC\n";
        assert_eq!(next(berlin), Some(Some(at("2026-11-29T02:00:00Z"))));
        assert_eq!(next("Next elapse: never\n"), Some(None));
        assert_eq!(next("Next elapse: tomorrow\n"), None);
        assert_eq!(next(""), None);
    }
}
