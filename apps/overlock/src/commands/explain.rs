//! `overlock explain`: why affected, not affected or unknown, step by step; of a host of the fleet the server says it.

use crate::cli::{Explain, Plain, Remote};
use crate::exit::{Done, Failure};
use crate::fleet::{client_of, segment};
use crate::scan::{facts, inventory, judged, mitigated, tables};
use crate::state::State;
use overlock_matching::explain;
use overlock_model::explanation::{EXPLAIN_SCHEMA, ExplainReport, Outcome};
use overlock_model::exposure::Exposure;
use overlock_report::plain;
use std::io::Write;

pub fn run(args: &Explain, state: &State) -> Result<Done, Failure> {
    let asked = args.vulnerability.trim().to_uppercase();
    if asked.is_empty() || asked.len() > 100 || !asked.chars().all(|c| c.is_ascii_graphic()) {
        return Err(Failure::input(anyhow::anyhow!(
            "`{}` is no identifier",
            plain(&args.vulnerability)
        ))
        .hint("give one like CVE-2024-6387, GHSA-jf85-cpcp-j695 or DSA-5724-1"));
    }
    // GHSA identifiers are lower case after the prefix; all others are upper case.
    let asked = match asked.strip_prefix("GHSA-") {
        Some(rest) => format!("GHSA-{}", rest.to_lowercase()),
        None => asked,
    };
    if let Some(host) = &args.host {
        let remote = Remote {
            server: args.server.clone(),
        };
        let path = format!(
            "/api/v1/hosts/{}/explain/{}",
            segment(host),
            segment(&asked)
        );
        let report: ExplainReport = client_of(&remote)?.get(&path, &[])?;
        return print(&report, args.format);
    }
    let mut given = facts::read(args.facts.as_deref(), &args.vex)?;
    let (mut inventory, root) = inventory::collect(&args.subject, args.packages, state)?;
    mitigated::add(&mut given, &mut inventory, &args.subject, state);
    let tables = tables::for_inventory(&mut inventory, root.as_ref(), &args.source, state)?;
    let judged = judged::judged(&mut inventory, root.as_ref(), &tables, &given, state);
    let packages = explain(&inventory, &tables, &asked);
    let named = |exposure: &Exposure| {
        exposure.vulnerability == asked
            || exposure.aliases.contains(&asked)
            || exposure.advisories.contains(&asked)
    };
    let (exposures, inputs): (Vec<Exposure>, Vec<Vec<String>>) = judged
        .exposures
        .into_iter()
        .zip(judged.inputs)
        .filter(|(exposure, _)| named(exposure))
        .unzip();
    let coverage = &judged.assessment.coverage;
    let mut unknown: Vec<String> = Vec::new();
    if coverage.advisories_unknown {
        unknown.push(
            "no advisories are at hand for this system: run `overlock feeds sync`".to_owned(),
        );
    }
    for depth in &coverage.depth {
        if depth.limit == overlock_model::coverage::DepthLimit::FixedVersionsOnly {
            unknown.push(format!(
                "{}: the feeds at hand ({}) know only vulnerabilities that have a fix",
                depth.ecosystem,
                depth.feeds.join(", ")
            ));
        }
    }
    let report = ExplainReport {
        schema: EXPLAIN_SCHEMA.to_owned(),
        generated: judged.now,
        vulnerability: asked,
        packages,
        exposures,
        decision_inputs: inputs.into_iter().next().unwrap_or_default(),
        feeds: judged.feeds,
        unknown,
    };
    print(&report, args.format)
}

fn print(report: &ExplainReport, format: Plain) -> Result<Done, Failure> {
    let mut out = std::io::BufWriter::new(anstream::stdout().lock());
    match format {
        Plain::Json => {
            serde_json::to_writer_pretty(&mut out, report).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
        Plain::Table => table(report, &mut out)?,
    }
    out.flush()?;
    Ok(Done::Clear)
}

fn table(report: &ExplainReport, out: &mut dyn Write) -> std::io::Result<()> {
    let bold = anstyle::Style::new().bold();
    let dim = anstyle::Style::new().dimmed();
    writeln!(out, "{bold}{}{bold:#}", plain(&report.vulnerability))?;
    if report.packages.is_empty() {
        writeln!(out, "  no statement at hand names an installed package")?;
    }
    for package in &report.packages {
        let outcome = match package.outcome {
            Outcome::Affected => "AFFECTED",
            Outcome::NotAffected => "not affected",
            Outcome::Unknown => "UNKNOWN",
        };
        writeln!(
            out,
            "\n{bold}{} {}{bold:#}: {outcome}, {}",
            plain(&package.binaries.join(", ")),
            plain(&package.installed),
            plain(&package.because)
        )?;
        writeln!(
            out,
            "  looked up as {} {} in {}, {} order",
            plain(&package.looked_up),
            plain(&package.compared),
            package.ecosystem,
            package.scheme
        )?;
        for step in &package.steps {
            writeln!(out, "  {dim}·{dim:#} {}", plain(step))?;
        }
        for statement in &package.statements {
            let advisory = statement
                .advisory
                .as_deref()
                .map(|name| format!(" {}", plain(name)))
                .unwrap_or_default();
            let issued = statement
                .issued
                .map(|time| format!(" of {}", time.strftime("%F")))
                .unwrap_or_default();
            let stream = statement
                .module
                .as_deref()
                .map(|module| format!(" for {}", plain(module)))
                .unwrap_or_default();
            let channel = if statement.channel.is_empty() {
                String::new()
            } else {
                format!(" in {}", plain(&statement.channel))
            };
            writeln!(
                out,
                "  {dim}{}{advisory}{issued}{dim:#} says: {}{stream}{channel} {dim}→{dim:#} {}",
                plain(&statement.feed),
                plain(&statement.says),
                plain(&statement.means)
            )?;
        }
    }
    for exposure in &report.exposures {
        let deadline = exposure.deadline.map_or("no date".to_owned(), |deadline| {
            deadline.strftime("%F").to_string()
        });
        writeln!(
            out,
            "\n{bold}decision{bold:#} for {} {}: {}, by {deadline}",
            plain(&exposure.package),
            plain(&exposure.installed),
            exposure.decision
        )?;
        for obligation in &exposure.obligations {
            let by = obligation
                .deadline
                .map_or("no date".to_owned(), |deadline| {
                    deadline.strftime("%F").to_string()
                });
            writeln!(out, "  {by}  {}", plain(&obligation.because))?;
        }
        for note in &exposure.evidence.notes {
            writeln!(out, "  {dim}·{dim:#} {}", plain(note))?;
        }
    }
    if !report.decision_inputs.is_empty() {
        writeln!(out, "\n{bold}inputs{bold:#}")?;
        for input in &report.decision_inputs {
            writeln!(out, "  {}", plain(input))?;
        }
    }
    writeln!(out, "\n{bold}feeds{bold:#}")?;
    for feed in &report.feeds {
        let dated = feed
            .dated
            .map_or("undated".to_owned(), |time| time.strftime("%F").to_string());
        let fetched = feed.fetched.map_or("never".to_owned(), |time| {
            time.strftime("%F %H:%MZ").to_string()
        });
        writeln!(out, "  {:28} of {dated}, fetched {fetched}", feed.id)?;
    }
    for unknown in &report.unknown {
        writeln!(out, "{bold}not known{bold:#}: {}", plain(unknown))?;
    }
    Ok(())
}
