//! `overlock exposure`: what the fleet is exposed to.

use crate::cli::Exposure;
use crate::exit::{Done, Failure};
use crate::fleet::answer::{self, count, items, text, time};
use crate::fleet::table::Table;
use crate::fleet::{client_of, paging, segment};
use serde_json::Value;
use std::io::Write;

pub fn run(command: &Exposure) -> Result<Done, Failure> {
    match command {
        Exposure::List {
            cve,
            decision,
            package,
            group,
            selection,
            format,
            remote,
        } => {
            let decision = decision.map(|decision| decision.decision().as_str().to_owned());
            let query: Vec<(&str, String)> = [
                ("cve", cve.clone()),
                ("decision", decision),
                ("package", package.clone()),
                ("group", group.clone()),
                ("where", selection.clone()),
            ]
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect();
            let answer = paging::all(&client_of(remote)?, "/api/v1/exposures", &query)?;
            answer::print(&answer, *format, print_exposures)
        }
        Exposure::Hosts {
            cve,
            format,
            remote,
        } => {
            let path = format!("/api/v1/exposures/{}/hosts", segment(cve));
            let answer = paging::all(&client_of(remote)?, &path, &[])?;
            answer::print(&answer, *format, exposed_hosts)
        }
        Exposure::Package {
            package,
            below,
            kind,
            format,
            remote,
        } => {
            let below = below.iter().map(|below| ("below", below.clone()));
            let kind = kind.iter().map(|kind| ("type", kind.clone()));
            let name = [("name", package.clone())];
            let query: Vec<_> = below.chain(kind).chain(name).collect();
            let answer = paging::all(&client_of(remote)?, "/api/v1/packages/hosts", &query)?;
            answer::print(&answer, *format, package_hosts)
        }
        Exposure::Clears {
            package,
            to,
            kind,
            format,
            remote,
        } => {
            let kind = kind.iter().map(|kind| ("type", kind.clone()));
            let what = [("source", package.clone()), ("to", to.clone())];
            let query: Vec<_> = kind.chain(what).collect();
            let answer: Value = client_of(remote)?.get("/api/v1/packages/clears", &query)?;
            answer::print(&answer, *format, clears)
        }
    }
}

fn print_exposures(answer: &Value, out: &mut dyn Write, width: usize) -> std::io::Result<()> {
    let mut table = Table::new(&[
        "decision",
        "vulnerability",
        "package",
        "hosts",
        "deadline",
        "KEV",
        "EPSS",
        "CVSS",
        "fixed in",
    ]);
    for row in items(answer) {
        let is_known = row.get("kev").and_then(Value::as_bool) == Some(true);
        table.row([
            text(row, "/decision").replace('_', " "),
            text(row, "/vulnerability"),
            text(row, "/package"),
            count(row, "/hosts").to_string(),
            time(row, "/deadline"),
            if is_known { "yes" } else { "-" }.to_owned(),
            text(row, "/epss"),
            text(row, "/cvss"),
            text(row, "/fixed"),
        ]);
    }
    if table.is_empty() {
        writeln!(out, "no exposures that are known")?;
    } else {
        table.print(out, width)?;
    }
    writeln!(out, "{}", answer::denominator(answer))
}

fn exposed_hosts(answer: &Value, out: &mut dyn Write, width: usize) -> std::io::Result<()> {
    let mut table = Table::new(&["host", "package", "installed", "fixed in", "state", "since"]);
    for row in items(answer) {
        table.row([
            text(row, "/name"),
            text(row, "/package"),
            text(row, "/installed"),
            text(row, "/fixed"),
            text(row, "/state"),
            time(row, "/since"),
        ]);
    }
    if table.is_empty() {
        writeln!(out, "no host is known to be exposed")?;
    } else {
        table.print(out, width)?;
    }
    writeln!(out, "{}", answer::denominator(answer))
}

fn package_hosts(answer: &Value, out: &mut dyn Write, width: usize) -> std::io::Result<()> {
    let mut table = Table::new(&["host", "package", "version"]);
    for row in items(answer) {
        table.row([
            text(row, "/name"),
            text(row, "/package"),
            text(row, "/version"),
        ]);
    }
    if table.is_empty() {
        writeln!(out, "no host is known to have it")?;
    } else {
        table.print(out, width)?;
    }
    writeln!(out, "{}", answer::denominator(answer))
}

fn clears(answer: &Value, out: &mut dyn Write, width: usize) -> std::io::Result<()> {
    writeln!(
        out,
        "{} exposures on {} hosts end",
        count(answer, "/exposures"),
        count(answer, "/hosts")
    )?;
    let mut table = Table::new(&["vulnerability", "hosts"]);
    for row in items(answer) {
        table.row([
            text(row, "/vulnerability"),
            count(row, "/hosts").to_string(),
        ]);
    }
    if !table.is_empty() {
        table.print(out, width)?;
    }
    writeln!(out, "{}", answer::denominator(answer))
}
