//! `overlock scan`.

use crate::cli::{Format, Scan};
use crate::exit::{Done, Failure};
use crate::scan::{facts, inventory, judged, mitigated, tables};
use crate::state::State;
use overlock_inventory::ownership;
use overlock_model::exposure::ExposureState;
use overlock_planner::Scope;
use overlock_report::{Bill, Serial, Style};
use std::io::{IsTerminal, Write};

pub fn run(args: &Scan, state: &State) -> Result<Done, Failure> {
    let mut given = facts::read(args.facts.as_deref(), &args.vex)?;
    let (mut inventory, root) = inventory::collect(&args.subject, args.packages, state)?;
    if args.format == Format::Inventory {
        if let (Some(root), Some(effective)) = (&root, &mut inventory.effective) {
            ownership::of_units(root, effective, &inventory.packages);
        }
        let mut out = std::io::BufWriter::new(std::io::stdout().lock());
        serde_json::to_writer_pretty(&mut out, &inventory).map_err(std::io::Error::from)?;
        writeln!(out)?;
        out.flush()?;
        return Ok(Done::Clear);
    }
    mitigated::add(&mut given, &mut inventory, &args.subject, state);
    let tables = tables::for_inventory(&mut inventory, root.as_ref(), &args.source, state)?;
    let judged = judged::judged(&mut inventory, root.as_ref(), &tables, &given, state);
    let (report, inventory) = judged::report(
        inventory,
        root.as_ref(),
        given,
        judged,
        args.capacity,
        Scope::Security,
    );

    let mut serial = [0; 16];
    if args.format == Format::Cyclonedx {
        rustix::rand::getrandom(&mut serial, rustix::rand::GetRandomFlags::empty())
            .map_err(std::io::Error::from)?;
    }
    let bill = Bill {
        packages: &inventory.packages,
        serial: Serial(serial),
    };
    let style = style(args.all);
    let mut out = std::io::stdout().lock();
    overlock_report::write(format(args.format), &report, bill, &mut out, &style)?;

    let Some(fail_on) = args.fail_on else {
        return Ok(Done::Clear);
    };
    if report.exposures.iter().any(|exposure| {
        exposure.state != ExposureState::NotAffected && exposure.decision >= fail_on.decision()
    }) {
        return Ok(Done::Findings);
    }
    // A gate that could not look must not open.
    if report.coverage.advisories_unknown {
        return Err(Failure::environment(anyhow::anyhow!(
            "no advisories at hand: `--fail-on` cannot be decided"
        ))
        .hint("run `overlock feeds sync`, or give --mirror"));
    }
    Ok(Done::Clear)
}

fn format(format: Format) -> overlock_report::Format {
    match format {
        Format::Table | Format::Inventory => overlock_report::Format::Table,
        Format::Json => overlock_report::Format::Json,
        Format::Csv => overlock_report::Format::Csv,
        Format::Sarif => overlock_report::Format::Sarif,
        Format::Cyclonedx => overlock_report::Format::Cyclonedx,
        Format::Html => overlock_report::Format::Html,
    }
}

/// Colour and width of the terminal; neither colour nor a narrow layout elsewhere.
pub fn style(all: bool) -> Style {
    let terminal = std::io::stdout().is_terminal();
    let colour = terminal
        && anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never;
    let width = terminal
        .then(|| rustix::termios::tcgetwinsize(std::io::stdout()).ok())
        .flatten()
        .map(|size| usize::from(size.ws_col))
        .filter(|width| *width > 0);
    Style {
        colour,
        width: width.unwrap_or(Style::default().width),
        all,
        ..Style::default()
    }
}
