//! Words, summaries and dates of the publishers, bounded and checked.

use super::Limits;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// An identifier, package name or version: not empty, not too long, no white space or control characters inside.
pub(super) fn word(text: &str, what: &str, limits: &Limits) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err(format!("empty {what}"));
    }
    if text.len() > limits.word_bytes_max {
        return Err(format!("{what} of {} bytes", text.len()));
    }
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(format!(
            "white space or control characters in {what} {text:?}"
        ));
    }
    Ok(text.to_owned())
}

/// The first paragraph on one line, cut to [`Limits::summary_bytes_max`].
pub(super) fn summary(text: &str, limits: &Limits) -> Option<String> {
    let mut line = String::new();
    for word in text
        .trim()
        .split("\n\n")
        .next()
        .unwrap_or_default()
        .split_whitespace()
    {
        if line.len() + word.len() + 1 > limits.summary_bytes_max {
            let room = limits.summary_bytes_max.saturating_sub(line.len() + 4);
            if line.is_empty() {
                line.extend(
                    word.char_indices()
                        .take_while(|(at, c)| at + c.len_utf8() <= room)
                        .map(|(_, c)| c),
                );
            }
            line.push('…');
            break;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.extend(word.chars().filter(|c| !c.is_control()));
    }
    (!line.is_empty()).then_some(line)
}

/// A moment as publishers write it: RFC 3339, the same without zone (then UTC), `date time`, or a date alone.
pub(super) fn timestamp(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if text.len() > 64 {
        return None;
    }
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some(moment);
    }
    let civil = text
        .parse::<DateTime>()
        .or_else(|_| text.parse::<Date>().map(|day| day.at(0, 0, 0, 0)))
        .ok()?;
    TimeZone::UTC.to_timestamp(civil).ok()
}

/// The day of [`timestamp`], in UTC.
pub(super) fn date(text: &str) -> Option<Date> {
    let text = text.trim();
    let day = text.get(..10).unwrap_or(text);
    if day.len() == text.len() {
        return day.parse().ok();
    }
    timestamp(text).map(|moment| TimeZone::UTC.to_datetime(moment).date())
}

/// Whether `id` has the form of a CVE identifier (`CVE-` year `-` four or more digits).
pub(super) fn is_cve(id: &str) -> bool {
    let Some((year, number)) = id
        .strip_prefix("CVE-")
        .and_then(|rest| rest.split_once('-'))
    else {
        return false;
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    year.len() == 4 && digits(year) && (4..=19).contains(&number.len()) && digits(number)
}

/// A severity word: lower case, without the tracker's `*` marks; `None` for "not yet assigned" and the like.
pub(super) fn severity(text: &str) -> Option<String> {
    let word = text
        .trim()
        .trim_end_matches('*')
        .trim()
        .to_ascii_lowercase();
    let known = !matches!(
        word.as_str(),
        "" | "not yet assigned" | "none" | "unknown" | "untriaged"
    );
    (known && word.len() <= 64 && !word.contains(char::is_control)).then_some(word)
}
