//! `overlock schedule`: when this host patches itself, within which bounds, and how it went.

use crate::cli::{Plain, RebootWord, RunNow, Schedule, ScheduleSet};
use crate::exit::{Done, Failure};
use crate::patch::schedule::file::{PATH, Set};
use crate::patch::schedule::{notes, time};
use crate::patch::site;
use crate::state::State;
use anyhow::anyhow;
use jiff::Timestamp;
use overlock_apply::timer::{NameError, Timer, quoted};
use overlock_model::schedule::{
    self as model, Bounds, RebootBound, SCHEDULE_SCHEMA, ScheduleReport,
};
use overlock_report::plain;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

/// The units' name.
const NAME: &str = "overlock-schedule";
/// Largest spread that is chosen by itself.
const SPREAD_MAX: Duration = Duration::from_secs(15 * 60);

pub fn run(args: &Schedule, state: &State) -> Result<Done, Failure> {
    match args {
        Schedule::Set(args) => set(args, state),
        Schedule::Show { format } => show(*format, state),
        Schedule::Run(args) => run_now(args, state),
        Schedule::Off => off(state),
    }
}

fn set(args: &ScheduleSet, state: &State) -> Result<Done, Failure> {
    site::as_root()?;
    time::approved_by_nobody()?;
    let spread = args.spread.unwrap_or((args.window / 8).min(SPREAD_MAX));
    let set = Set::new(model::Schedule {
        at: args.at.trim().to_owned(),
        time_zone: args.time_zone.clone(),
        window_seconds: args.window.as_secs(),
        spread_seconds: spread.as_secs(),
        refresh: !args.no_refresh,
        sync: args.sync,
        bounds: Bounds {
            packages_max: args.packages_max,
            origins: args.origin.clone(),
            without: args.without.clone(),
            one_way: args.one_way,
            unconfirmed: args.unconfirmed,
            reboot: match args.reboot {
                RebootWord::Hold => RebootBound::Hold,
                RebootWord::Never => RebootBound::Never,
                RebootWord::IfRequired => RebootBound::IfRequired,
            },
            decision: args.decision.map(crate::cli::FailOn::decision),
        },
    })
    .map_err(Failure::input)?;
    let next = set
        .calendar
        .next_after(state.clock())
        .map_err(|error| Failure::input(error).hint("`man systemd.time`, \"Calendar Events\""))?
        .ok_or_else(|| Failure::input(anyhow!("`{}` never comes round again", args.at)))?;
    let service = service(&std::env::current_exe()?, &state.data).map_err(Failure::input)?;
    set.write()?;
    let timer = Timer::named(NAME)
        .put(&service, &timer(&set))
        .map_err(Failure::environment)?;
    let mut out = anstream::stdout().lock();
    if !timer {
        writeln!(
            out,
            "systemd does not run here: call `overlock schedule run` within the window yourself"
        )?;
    }
    writeln!(
        out,
        "patches this host at {}, next {}",
        words(&set),
        when(next, &set)
    )?;
    for line in bounds(
        &set.schedule.bounds,
        !site::configuration()?.confirm.connect.is_empty(),
    ) {
        writeln!(out, "  {}", plain(&line))?;
    }
    Ok(Done::Clear)
}

/// What it may do is bounded by the plan and the guard; this takes away what patching never needs. Packages are changed
/// by a transient unit of its own, which none of it binds.
fn service(program: &Path, data: &Path) -> Result<String, NameError> {
    Ok(format!(
        "[Unit]\nDescription=Patch this host within its window (overlock)\nDocumentation=man:systemd.time(7)\n\
         Wants=network-online.target\nAfter=network-online.target\n\n\
         [Service]\nType=oneshot\nExecStart={} --data {} schedule run --wait 30m\n\
         # A run that is under way goes on in `overlock repair`, never in a second one.\n\
         KillMode=process\nNice=5\nLockPersonality=yes\nRestrictRealtime=yes\nSystemCallArchitectures=native\n\
         RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK\nKeyringMode=private\n",
        quoted(program)?,
        quoted(data)?,
    ))
}

fn timer(set: &Set) -> String {
    format!(
        "[Unit]\nDescription=Window in which this host is patched (overlock)\n\n\
         [Timer]\nOnCalendar={}\nPersistent=true\nAccuracySec=1s\nRandomizedDelaySec={}s\n\n\
         [Install]\nWantedBy=timers.target\n",
        set.calendar.expression(),
        set.schedule.spread_seconds,
    )
}

fn run_now(args: &RunNow, state: &State) -> Result<Done, Failure> {
    let set = Set::read()?.ok_or_else(|| {
        Failure::input(anyhow!("no schedule is set"))
            .hint("`overlock schedule set`; `overlock plan` and `overlock apply` patch without one")
    })?;
    time::run(&set, args.dry_run, &args.carry, state)
}

fn off(state: &State) -> Result<Done, Failure> {
    site::as_root()?;
    Timer::named(NAME).take().map_err(Failure::environment)?;
    match std::fs::remove_file(PATH) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    notes::forget(state)?;
    writeln!(
        anstream::stdout().lock(),
        "no schedule is set; runs stay in `overlock history`"
    )?;
    Ok(Done::Clear)
}

fn show(format: Plain, state: &State) -> Result<Done, Failure> {
    let set = Set::read()?;
    let next = match &set {
        Some(set) => set
            .calendar
            .next_after(state.clock())
            .map_err(Failure::environment)?,
        None => None,
    };
    let timer = Timer::named(NAME).stands();
    let report = ScheduleReport {
        schema: SCHEDULE_SCHEMA.to_owned(),
        timer,
        next,
        last: notes::last(state),
        obstacles: match &set {
            Some(_) => obstacles(timer),
            None => Vec::new(),
        },
        schedule: set.as_ref().map(|set| set.schedule.clone()),
    };
    let mut out = anstream::stdout().lock();
    if format == Plain::Json {
        serde_json::to_writer_pretty(&mut out, &report).map_err(std::io::Error::from)?;
        writeln!(out)?;
        return Ok(Done::Clear);
    }
    let Some(set) = set else {
        writeln!(out, "no schedule is set")?;
        return Ok(Done::Clear);
    };
    writeln!(out, "at      {}", plain(&words(&set)))?;
    let next = next.map_or("never again".to_owned(), |next| when(next, &set));
    writeln!(out, "next    {next}")?;
    for (at, line) in bounds(
        &set.schedule.bounds,
        !site::configuration()?.confirm.connect.is_empty(),
    )
    .iter()
    .enumerate()
    {
        let head = if at == 0 { "bounds" } else { "" };
        writeln!(out, "{head:<7} {}", plain(line))?;
    }
    if let Some(last) = &report.last {
        let run = last.run.map_or(String::new(), |run| format!(", run {run}"));
        writeln!(
            out,
            "last    {}: {}{run}: {}",
            last.at.strftime("%Y-%m-%d %H:%M UTC"),
            last.result.words(),
            plain(&last.said)
        )?;
        for out_of in &last.held {
            let line = format!("held {} {}: {}", out_of.package, out_of.to, out_of.why);
            writeln!(out, "        {}", plain(&line))?;
        }
    }
    for obstacle in &report.obstacles {
        writeln!(out, "BUT     {}", plain(obstacle))?;
    }
    Ok(Done::Clear)
}

/// What would keep the next time from patching.
fn obstacles(timer: bool) -> Vec<String> {
    let mut obstacles = Vec::new();
    if !timer {
        obstacles.push("its timer does not run: `overlock schedule set` puts it there".to_owned());
    }
    let approved = time::approved_by_nobody();
    obstacles.extend(approved.err().map(|failure| format!("{:#}", failure.error)));
    obstacles
}

fn words(set: &Set) -> String {
    let zone = set.schedule.time_zone.as_deref();
    let zone = zone.map_or("this host's time".to_owned(), str::to_owned);
    let spread = match set.schedule.spread_seconds {
        0 => String::new(),
        _ => format!(
            ", begun within its first {:#}",
            jiff::SignedDuration::from_secs(
                i64::try_from(set.schedule.spread_seconds).unwrap_or(i64::MAX)
            )
        ),
    };
    format!(
        "{} ({zone}), open for {:#}{spread}",
        set.schedule.at, set.window
    )
}

/// An instant in the schedule's zone, and in UTC.
fn when(time: Timestamp, set: &Set) -> String {
    let utc = time.strftime("%Y-%m-%d %H:%M UTC").to_string();
    let zone = set.schedule.time_zone.as_deref();
    match zone.and_then(|zone| time.in_tz(zone).ok()) {
        Some(there) if zone != Some("UTC") => {
            format!("{} ({utc})", there.strftime("%Y-%m-%d %H:%M %Q"))
        }
        _ => utc,
    }
}

fn bounds(of: &Bounds, has_connection: bool) -> Vec<String> {
    let mut lines = vec![format!("{} packages at most, no removals", of.packages_max)];
    let urgency = of
        .decision
        .map(|least| format!("only what is {least} or more urgent"));
    lines.push(urgency.unwrap_or_else(|| "every security update".to_owned()));
    if !of.origins.is_empty() {
        lines.push(format!("only from {}", of.origins.join(", ")));
    }
    if !of.without.is_empty() {
        lines.push(format!("never {}", of.without.join(", ")));
    }
    lines.push(
        match of.one_way {
            true => "also what cannot be put back",
            false => "only what can be put back",
        }
        .to_owned(),
    );
    lines.push(match (of.unconfirmed, has_connection) {
        (true, _) => "also packages of network, boot and identity, with nobody to confirm them",
        (false, true) => "packages of network, boot and identity are confirmed by `[confirm] connect`, or taken back",
        (false, false) => "packages of network, boot and identity are held: `[confirm] connect` names no address",
    }
    .to_owned());
    lines.push(
        match of.reboot {
            RebootBound::Hold => "what takes effect after a reboot is held",
            RebootBound::Never => "no reboot: what needs one waits for it",
            RebootBound::IfRequired => "reboots where an update needs it",
        }
        .to_owned(),
    );
    lines
}
