//! `overlock version compare`: the order of two versions, or of many lines.

use super::lines;
use crate::cli::Version;
use crate::exit::{Done, Failure};
use overlock_report::plain;
use overlock_versions::{Scheme, compare};
use std::cmp::Ordering;
use std::io::{BufRead, Write};

pub fn run(args: &Version) -> Result<Done, Failure> {
    let Version::Compare { scheme, a, b } = args;
    let scheme: Scheme = scheme.parse().map_err(|error| {
        let given = plain(scheme);
        Failure::input(anyhow::Error::new(error).context(format!("`{given}` is no version scheme")))
    })?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let Some(b) = b else {
        if a != "-" {
            return Err(
                Failure::input(anyhow::anyhow!("a second version is missing"))
                    .hint("give two versions, or `-` to read lines `A OP B` from standard input"),
            );
        }
        let done = check_lines(scheme, &mut std::io::stdin().lock(), &mut out)?;
        out.flush()?;
        return Ok(done);
    };
    let order = compare(scheme, a, b).map_err(Failure::input)?;
    writeln!(out, "{}", sign(order))?;
    out.flush()?;
    Ok(Done::Clear)
}

fn sign(order: Ordering) -> &'static str {
    match order {
        Ordering::Less => "<",
        Ordering::Equal => "=",
        Ordering::Greater => ">",
    }
}

/// Checks lines `A OP B`; lists those that do not hold.
fn check_lines(
    scheme: Scheme,
    input: &mut dyn BufRead,
    out: &mut dyn Write,
) -> Result<Done, Failure> {
    let mut done = Done::Clear;
    for line in lines(input) {
        let (number, text) = line?;
        let at = |error: anyhow::Error| {
            Failure::input(error.context(format!("line {number} cannot be read")))
        };
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let words: Vec<&str> = text.split_whitespace().collect();
        let &[a, op, b] = words.as_slice() else {
            return Err(at(anyhow::anyhow!("`{text}` is not `A OP B`")));
        };
        let order = compare(scheme, a, b).map_err(|error| at(error.into()))?;
        let holds = match op {
            "<" | "lt" => order.is_lt(),
            "=" | "==" | "eq" => order.is_eq(),
            ">" | "gt" => order.is_gt(),
            "<=" | "le" => order.is_le(),
            ">=" | "ge" => order.is_ge(),
            "!=" | "ne" => order.is_ne(),
            _ => return Err(at(anyhow::anyhow!("`{op}` is none of < = > <= >= !="))),
        };
        if !holds {
            writeln!(
                out,
                "{text}\t(line {number}: it is {a} {} {b})",
                sign(order)
            )?;
            done = Done::Findings;
        }
    }
    Ok(done)
}
