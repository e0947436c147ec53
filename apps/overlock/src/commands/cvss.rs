//! `overlock cvss`: scores of vectors.

use super::lines;
use crate::cli::Cvss;
use crate::exit::{Done, Failure};
use overlock_risk::cvss::assess;
use std::io::Write;

pub fn run(args: &Cvss) -> Result<Done, Failure> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for given in &args.vectors {
        if given == "-" {
            for line in lines(std::io::stdin().lock()) {
                let (number, text) = line?;
                if !text.is_empty() {
                    score(&text, &format!("line {number}"), &mut out)?;
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
