//! FIRST's EPSS scores: a line with model and date, a header, then `cve,epss,percentile`.

use super::json::next_line;
use super::tally::{Outcome, Tally};
use super::{ErrorKind, Input, Limits, ParseError, Parsed, Place, Sink, text, unpack};
use overlock_model::advisory::{Statement, ThreatPart};

/// Parses the scores of one day; a record is one CVE.
///
/// Files before 2022 have no first line, so no model and date; those before September 2021 no percentiles either: these
/// are refused, since a score without its percentile cannot be compared with ours.
///
/// # Errors
/// The header is another one, the file is cut off or exceeds a limit.
pub fn parse(
    input: &mut dyn Input,
    limits: &Limits,
    sink: &mut Sink<'_>,
) -> Result<Parsed, ParseError> {
    let mut stream = unpack::stream(input, limits)?;
    let mut tally = Tally::new(limits);
    let mut line = Vec::new();
    let mut number = 1;
    next_line(&mut stream, limits, number, &mut line)?;
    if let Some(facts) = std::str::from_utf8(&line)
        .ok()
        .and_then(|line| line.strip_prefix('#'))
    {
        for (key, value) in facts.split(',').filter_map(|part| part.split_once(':')) {
            match key.trim() {
                "model_version" if value.len() <= 64 && !value.starts_with("unknown") => {
                    tally.parsed.facts.epss_model = Some(value.trim().to_owned());
                }
                "score_date" => tally.parsed.facts.dated = text::timestamp(value),
                _ => {}
            }
        }
        number += 1;
        next_line(&mut stream, limits, number, &mut line)?;
    }
    if line != b"cve,epss,percentile" {
        let place = Place::Line {
            line: number,
            column: 1,
        };
        let found = String::from_utf8_lossy(&line)
            .chars()
            .take(60)
            .collect::<String>();
        let cause = format!("the header is {found:?}, not \"cve,epss,percentile\"");
        return Err(ParseError::new(ErrorKind::NotTheFormat, place, cause));
    }
    loop {
        number += 1;
        if !next_line(&mut stream, limits, number, &mut line)? {
            return tally.finish_some("score");
        }
        let outcome = score(&line).map(|statement| {
            sink(statement);
            Outcome::Taken
        });
        tally.record(format_args!("line {number}"), outcome);
    }
}

fn score(line: &[u8]) -> Result<Statement, String> {
    let line = std::str::from_utf8(line).map_err(|error| error.to_string())?;
    let mut fields = line.split(',');
    let (Some(cve), Some(score), Some(percentile), None) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Err("not three fields".to_owned());
    };
    if !text::is_cve(cve) {
        return Err(format!(
            "{:?} is not a CVE",
            cve.chars().take(40).collect::<String>()
        ));
    }
    let share = |text: &str| match text.parse::<f64>() {
        Ok(value) if (0.0..=1.0).contains(&value) => Ok(value),
        _ => Err(format!(
            "{:?} is not a number from 0 to 1",
            text.chars().take(40).collect::<String>()
        )),
    };
    let part = ThreatPart::Epss {
        score: share(score)?,
        percentile: share(percentile)?,
    };
    Ok(Statement::Threat {
        vulnerability: cve.to_owned(),
        part,
    })
}
