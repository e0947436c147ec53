//! `overlock plan`: what would be installed on this host, exactly.

use crate::cli::{Confirm, OnFailure, Packages, Plain, Plan, Subject};
use crate::exit::{Done, Failure, Kind};
use crate::patch::rebuilding::Rebuilt;
use crate::patch::{carry, making, printing, rooting, site};
use crate::scan::{facts, inventory, judged, mitigated, tables};
use crate::state::State;
use overlock_apply::reboot::Boots;
use overlock_model::plan::{self, HostEntry, PlanFile};
use overlock_planner::Scope;
use overlock_report::plain;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

pub fn run(args: &Plan, state: &State) -> Result<Done, Failure> {
    let journal = site::journal(state)?;
    let subject = Subject::this_host();
    let mut given = facts::read(args.facts.as_deref(), &args.vex)?;
    let (mut inventory, root) = inventory::collect(&subject, Packages::Os, state)?;
    mitigated::add(&mut given, &mut inventory, &subject, state);
    let tables = tables::for_inventory(&mut inventory, root.as_ref(), &args.source, state)?;
    let judged = judged::judged(&mut inventory, root.as_ref(), &tables, &given, state);
    // Who names a package wants its update, whether it is a security update or not.
    let scope = if args.all || !args.only.is_empty() {
        Scope::Every
    } else {
        Scope::Security
    };
    let root = root.as_ref();
    let (report, _) = judged::report(inventory, root, given, judged, args.capacity, scope);
    let held = report.held.len();
    let updates = making::chosen(report.updates, &args.only, &args.without)?;
    let mut out = anstream::stdout().lock();
    if updates.is_empty() {
        if args.format == Plain::Table {
            writeln!(
                out,
                "nothing to do: no update is on offer, {held} packages are held"
            )?;
        }
        if args.out.is_some() {
            return Err(Failure::of(
                Kind::NotApplied,
                anyhow::anyhow!("there is nothing to plan, so no file was written"),
            ));
        }
        return Ok(Done::Clear);
    }
    let manager = site::manager(Duration::from_secs(300))?;
    let mut closure = making::closure(manager.as_ref(), &updates)?;
    let one_way = match args.no_rebuild {
        true => Vec::new(),
        false => Rebuilt::default().give_back(manager.as_ref(), &mut closure, state),
    };
    let edits = manager.edits(&closure).map_err(Failure::environment)?;
    let cutting = overlock_apply::confirm::cutting(&closure);
    let confirm = match args.confirm {
        Confirm::Never => None,
        Confirm::Always => Some(args.confirm_within.as_secs()),
        Confirm::Auto if cutting.is_empty() => None,
        Confirm::Auto => Some(args.confirm_within.as_secs()),
    };
    let boots = making::boots(args.reboot, &updates, &closure);
    let created = state.clock();
    let expires = jiff::SignedDuration::try_from(args.valid)
        .ok()
        .and_then(|valid| created.checked_add(valid).ok())
        .ok_or_else(|| Failure::input(anyhow::anyhow!("`--valid` is too long")))?;
    let mut steps = making::steps(
        &updates,
        making::forensic(&updates, &report.exposures),
        boots.clone(),
        confirm,
    );
    if rooting::keeps(args.snapshot, args.on_failure, &closure)? {
        rooting::keep_first(&mut steps);
    }
    let entry = HostEntry {
        host: journal.host().clone(),
        name: report.host.name.unwrap_or_default(),
        os: carry::this_os()?,
        closure: closure.digest().map_err(Failure::input)?,
        steps,
        on_failure: match args.on_failure {
            OnFailure::Revert => plan::OnFailure::Revert,
            OnFailure::StateRevert => plan::OnFailure::StateRevert,
            OnFailure::Stop => plan::OnFailure::Stop,
        },
    };
    let parent = journal.runs().last().map(|run| *run.plan);
    let plan = PlanFile::local(
        entry,
        closure,
        journal.generation_floor() + 1,
        parent,
        b"",
        whole_seconds(created),
        whole_seconds(expires),
    )
    .map_err(Failure::input)?;
    if let Some(file) = &args.out {
        write(&plan, file)?;
    }
    match args.format {
        Plain::Table => printing::plan(&plan, held, &mut out)?,
        Plain::Json => {
            serde_json::to_writer_pretty(&mut out, &plan).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
    }
    if args.format == Plain::Table {
        for file in edits {
            writeln!(out, "{}", plain(&overlock_apply::edited(&file)))?;
        }
    }
    for one in &one_way {
        if args.format == Plain::Table {
            writeln!(out, "{}", plain(&one.to_string()))?;
        }
    }
    if args.format == Plain::Table && boots == Boots::No {
        for why in updates.iter().filter_map(|update| update.reboot.as_ref()) {
            writeln!(
                out,
                "takes full effect after a reboot (`--reboot if-required` plans it): {}",
                plain(why)
            )?;
        }
    }
    if let (Some(file), Plain::Table) = (&args.out, args.format) {
        writeln!(out, "written to {0}; `overlock apply {0}`", file.display())?;
    }
    Ok(Done::Clear)
}

fn whole_seconds(time: jiff::Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_second(time.as_second()).unwrap_or(time)
}

/// Writes a plan's file, whole or not at all.
pub fn write(plan: &PlanFile, file: &Path) -> Result<(), Failure> {
    let bytes = plan.bytes().map_err(Failure::input)?;
    let mut name = file.as_os_str().to_owned();
    name.push(".new");
    std::fs::write(&name, bytes)
        .and_then(|()| std::fs::rename(&name, file))
        .map_err(|error| {
            Failure::environment(
                anyhow::Error::new(error).context(format!("cannot write `{}`", file.display())),
            )
        })
}
