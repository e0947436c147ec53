//! `overlock cvss`: scores of vectors.

use crate::cli::Cvss;
use crate::exit::{Done, Failure};
use overlock_risk::cvss::assess;
use std::io::{BufRead, Write};

/// Longest line that can hold a vector.
const LINE_BYTES_MAX: usize = 4096;

pub fn run(args: &Cvss) -> Result<Done, Failure> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for given in &args.vectors {
        if given == "-" {
            for (number, line) in std::io::stdin().lock().split(b'\n').enumerate() {
                let line = line?;
                let place = format!("line {}", number + 1);
                let text = std::str::from_utf8(
                    line.get(..line.len().min(LINE_BYTES_MAX))
                        .unwrap_or_default(),
                )
                .map_err(|error| {
                    Failure::input(anyhow::Error::new(error).context(place.clone()))
                })?;
                if !text.trim().is_empty() {
                    score(text.trim(), &place, &mut out)?;
                }
            }
        } else {
            score(given, "the command line", &mut out)?;
        }
    }
    out.flush()?;
    Ok(Done::Clear)
}

fn score(vector: &str, place: &str, out: &mut dyn Write) -> Result<(), Failure> {
    let assessment = assess(vector).map_err(|error| {
        Failure::input(anyhow::Error::new(error).context(format!("{place} holds no CVSS vector")))
    })?;
    writeln!(out, "{}", assessment.line())?;
    Ok(())
}
