//! `overlock mitigate`: measures while there is no patch, as a plan; what is in force; the end of what has expired.

use crate::cli::{Confirm, Mitigate, Plain};
use crate::exit::{Done, Failure};
use crate::patch::{carry, mitigating, printing, site};
use crate::state::State;
use anyhow::anyhow;
use overlock_model::mitigation::{
    Force, MITIGATIONS_SCHEMA, Measure, Mitigation, MitigationReport, Placed,
};
use overlock_model::plan::{OnFailure, Step};
use overlock_report::plain;
use std::io::Write;

/// How long a plan of measures may wait until it is applied.
const VALID_HOURS: i64 = 7 * 24;
/// How long a measure that may cut the host off waits for its confirmation, in seconds.
const CONFIRM_SECONDS: u64 = 600;

pub fn run(args: &Mitigate, state: &State) -> Result<Done, Failure> {
    if args.list {
        return list(args.carry.format, state);
    }
    if args.expire {
        return expire(args, state);
    }
    let measures = measures(args, state)?;
    let needs = measures.iter().any(|one| one.measure.protects());
    if needs && args.against.is_empty() {
        return Err(Failure::input(anyhow!(
            "a measure needs the vulnerability that it stands against"
        ))
        .hint("--against CVE-…; only --hold-package may go without"));
    }
    let journal = site::journal(state)?;
    let cutting = overlock_apply::confirm::cutting_units(&measures);
    let confirm = match args.confirm {
        Confirm::Never => None,
        Confirm::Auto if cutting.is_empty() => None,
        Confirm::Auto | Confirm::Always => Some(CONFIRM_SECONDS),
    };
    let steps = vec![
        Step::Mitigate {
            measures,
            undo: false,
        },
        Step::Verify { ends: Vec::new() },
        Step::Commit {
            confirm_within: confirm,
        },
    ];
    let plan = mitigating::plan(&journal, steps, OnFailure::Revert, VALID_HOURS, None, state)?;
    // What the host would refuse is refused now, not when somebody comes to apply it.
    carry::rehearse(&plan, &journal, state)?;
    if let Some(file) = &args.out {
        super::plan::write(&plan, file)?;
    }
    let mut out = anstream::stdout().lock();
    match args.carry.format {
        Plain::Table => printing::plan(&plan, 0, &mut out)?,
        Plain::Json => {
            serde_json::to_writer_pretty(&mut out, &plan).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
    }
    if let (Some(file), Plain::Table) = (&args.out, args.carry.format) {
        writeln!(out, "written to {0}; `overlock apply {0}`", file.display())?;
    }
    Ok(Done::Clear)
}

fn measures(args: &Mitigate, state: &State) -> Result<Vec<Mitigation>, Failure> {
    let (Some(owner), Some(reason), Some(expires)) = (&args.owner, &args.reason, args.expires)
    else {
        return Err(Failure::input(anyhow!(
            "a measure needs an owner, a reason and an end"
        )));
    };
    let expires = expires
        .after(state.clock())
        .ok_or_else(|| Failure::input(anyhow!("`--expires` is too far away")))?;
    let units = args
        .disable_unit
        .iter()
        .map(|unit| Measure::DisableUnit { unit: unit.clone() });
    let parameters = args.sysctl.iter().map(|(key, value)| Measure::Sysctl {
        key: key.clone(),
        value: *value,
    });
    let modules = args.block_module.iter().map(|module| Measure::BlockModule {
        module: module.clone(),
    });
    let holds = args
        .hold_package
        .iter()
        .map(|package| Measure::HoldPackage {
            package: package.clone(),
        });
    Ok(units
        .chain(parameters)
        .chain(modules)
        .chain(holds)
        .map(|measure| Mitigation {
            measure,
            against: args.against.clone(),
            owner: owner.clone(),
            reason: reason.clone(),
            expires,
        })
        .collect())
}

fn list(format: Plain, state: &State) -> Result<Done, Failure> {
    let placed = overlock_apply::mitigate::placed(&state.data, state.clock())
        .map_err(Failure::environment)?;
    let mut out = anstream::stdout().lock();
    if format == Plain::Json {
        let report = MitigationReport {
            schema: MITIGATIONS_SCHEMA.to_owned(),
            mitigations: placed,
        };
        serde_json::to_writer_pretty(&mut out, &report).map_err(std::io::Error::from)?;
        writeln!(out)?;
        return Ok(Done::Clear);
    }
    if placed.is_empty() {
        writeln!(out, "no measure is in force on this host")?;
    }
    for one in &placed {
        line(one, &mut out)?;
    }
    Ok(Done::Clear)
}

fn line(one: &Placed, out: &mut dyn Write) -> std::io::Result<()> {
    let Mitigation {
        measure,
        against,
        owner,
        reason,
        expires,
    } = &one.mitigation;
    let state = match &one.force {
        _ if one.expired => "EXPIRED: `overlock mitigate --expire` takes it away".to_owned(),
        Force::Now => "in force".to_owned(),
        Force::AfterBoot { why } => format!("in force after a reboot: {why}"),
        Force::Lost { why } => format!("DOES NOT HOLD: {why}"),
    };
    writeln!(
        out,
        "run {}  {}  until {}  {}",
        one.run,
        plain(&measure.to_string()),
        expires.strftime("%Y-%m-%d %H:%M UTC"),
        plain(&state)
    )?;
    let against = match against.is_empty() {
        true => String::new(),
        false => format!("against {}; ", against.join(", ")),
    };
    writeln!(
        out,
        "    {}{}: {}",
        plain(&against),
        plain(owner),
        plain(reason)
    )
}

/// Each run's expired measures are a run of their own.
fn expire(args: &Mitigate, state: &State) -> Result<Done, Failure> {
    let ended = mitigating::expire(&args.carry, state)?;
    if ended == 0 && args.carry.format == Plain::Table {
        writeln!(anstream::stdout().lock(), "no measure has expired")?;
    }
    Ok(Done::Clear)
}
