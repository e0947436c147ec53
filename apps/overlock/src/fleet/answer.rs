//! Fields of the server's answers, read where they are printed. What a newer server leaves out is shown as unknown.

use crate::cli::Plain;
use crate::exit::{Done, Failure};
use serde_json::Value;
use std::io::Write;

/// A field by JSON pointer (RFC 6901), as people read it; `-` where it is not there.
pub fn text(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(list)) => list
            .iter()
            .map(|one| one.as_str().map_or_else(|| one.to_string(), str::to_owned))
            .collect::<Vec<_>>()
            .join(", "),
        Some(other) => other.to_string(),
    }
}

/// A time as people read it, to the minute.
pub fn time(value: &Value, pointer: &str) -> String {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .and_then(|text| text.parse::<jiff::Timestamp>().ok())
        .map_or_else(
            || "-".to_owned(),
            |time| time.strftime("%Y-%m-%d %H:%M").to_string(),
        )
}

/// A count; 0 where it is not there.
pub fn count(value: &Value, pointer: &str) -> u64 {
    value.pointer(pointer).and_then(Value::as_u64).unwrap_or(0)
}

/// The rows of a list.
pub fn items(value: &Value) -> &[Value] {
    value
        .get("items")
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// Prints an answer: as it came for machines, or by `people` for people.
pub fn print(
    answer: &Value,
    format: Plain,
    people: impl FnOnce(&Value, &mut dyn Write, usize) -> std::io::Result<()>,
) -> Result<Done, Failure> {
    match format {
        Plain::Json => {
            let mut out = std::io::stdout().lock();
            serde_json::to_writer_pretty(&mut out, answer).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
        Plain::Table => {
            let width = crate::commands::scan::style(false).width;
            let mut out = anstream::stdout().lock();
            people(answer, &mut out, width)?;
        }
    }
    Ok(Done::Clear)
}

/// One line that says of how many hosts an answer speaks, and which of them say nothing: silence is never green.
pub fn denominator(answer: &Value) -> String {
    let Some(of) = answer.get("denominator").and_then(Value::as_object) else {
        return String::new();
    };
    let hosts = of.get("hosts").and_then(Value::as_u64).unwrap_or(0);
    let gaps: Vec<String> = of
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "hosts" | "judged"))
        .filter_map(|(name, count)| {
            let count = count.as_u64().filter(|count| *count > 0)?;
            Some(format!("{count} {}", name.replace('_', " ")))
        })
        .collect();
    let what = if hosts == 1 { "host" } else { "hosts" };
    if gaps.is_empty() {
        format!("of {hosts} {what}")
    } else {
        format!("of {hosts} {what}; {}", gaps.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_not_there_is_shown_as_unknown() {
        let answer = json!({"a": {"b": [1, "x"]}, "n": null, "t": "2026-11-23T12:00:30Z"});
        assert_eq!(text(&answer, "/a/b"), "1, x");
        assert_eq!(text(&answer, "/n"), "-");
        assert_eq!(time(&answer, "/t"), "2026-11-23 12:00");
        assert_eq!(time(&answer, "/a"), "-");
    }

    #[test]
    fn silence_is_in_the_denominator() {
        let answer = json!({"denominator": {"hosts": 5, "judged": 4, "silent": 1, "stale": 0, "switched_off": 2}});
        assert_eq!(denominator(&answer), "of 5 hosts; 1 silent, 2 switched off");
    }
}
