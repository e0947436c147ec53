//! The figures of `bench fleet`: a real server under the load of simulated hosts, real protocol and real TLS.
//!
//! The server has one core, the load the other. A bare axum server over rustls, run on the server's core in turn with it,
//! says what the machine gives. Peak memory is the server's own (`VmHWM`).

use super::Figures;
use crate::{command, workspace};
use anyhow::{Context, Result, bail, ensure};
use overlock_testkit::postgres::own_postgres;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Cores, by number: the server's and the load's.
const SERVER_CORE: &str = "0";
const LOAD_CORE: &str = "1";

/// A server that does not say where it listens within this time is broken.
const START_MAX: Duration = Duration::from_secs(60);

/// How many hosts each database is filled with.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// On SQLite.
    pub sqlite: usize,
    /// On PostgreSQL.
    pub postgres: usize,
    /// In memory only.
    pub million: usize,
}

impl Sizes {
    /// What the limits are stated for.
    pub const FULL: Self = Self {
        sqlite: 10_000,
        postgres: 100_000,
        million: 1_000_000,
    };
}

/// A limit that was broken is told with the figures, and fails the run.
struct Checked {
    figures: Figures,
    broken: Vec<String>,
}

impl Checked {
    fn new(name: &'static str) -> Self {
        Self {
            figures: Figures {
                name,
                values: Vec::new(),
            },
            broken: Vec::new(),
        }
    }

    fn tell(&mut self, name: &str, value: impl Into<String>) {
        self.figures.values.push((name.to_owned(), value.into()));
    }

    fn most(&mut self, name: &str, value: f64, limit: f64) {
        self.limit(name, value, value <= limit, &format!("at most {limit}"));
    }

    fn least(&mut self, name: &str, value: f64, limit: f64) {
        self.limit(name, value, value >= limit, &format!("at least {limit}"));
    }

    fn limit(&mut self, name: &str, value: f64, holds: bool, limit: &str) {
        let verdict = if holds { "holds" } else { "BROKEN" };
        self.tell(name, format!("{value:.2} ({limit}: {verdict})"));
        if !holds {
            self.broken.push(format!("{name} is {value:.2}, {limit}"));
        }
    }
}

/// Measures everything; figures, and the limits that were broken.
pub fn measure(sizes: Sizes) -> Result<(Vec<Figures>, Vec<String>)> {
    // Together, so that what both use is built once.
    let build = [
        "build",
        "--release",
        "--locked",
        "-p",
        "overlock",
        "-p",
        "overlock-load",
    ];
    command::succeed(&mut command::cargo(&build))?;
    let mut all = vec![under_load(sizes.sqlite)?];
    all.extend(in_memory(sizes.million)?);
    all.push(agent()?);
    all.push(on_postgres(sizes.postgres)?);
    for checked in &all {
        println!("  {}", checked.figures.name);
        for (name, value) in &checked.figures.values {
            println!("    {name}: {value}");
        }
    }
    let broken = all
        .iter()
        .flat_map(|checked| checked.broken.clone())
        .collect();
    Ok((
        all.into_iter().map(|checked| checked.figures).collect(),
        broken,
    ))
}

/// 10,000 hosts on SQLite: check-ins beside the bare echo, memory, size of the database, everybody coming back.
fn under_load(hosts: usize) -> Result<Checked> {
    println!("  {hosts} hosts on SQLite");
    let folder = fresh("sqlite")?;
    let echo_folder = fresh("echo")?;
    let _echo = Running::start(
        pinned(
            SERVER_CORE,
            &release("overlock-load"),
            &["echo", text(&echo_folder)?],
        ),
        &echo_folder.join("address"),
    )?;
    let server = serve(&folder, None)?;
    let figures = load(
        &folder,
        hosts,
        &["--echo", text(&echo_folder)?, "--rounds", "5"],
    )?;
    let mut checked =
        Checked::new("hosts on SQLite: the server on one core, the load on the other");
    checked.tell("hosts", hosts.to_string());
    phases(&mut checked, &figures)?;
    checked.least(
        "check-ins, rate / rate of the bare echo",
        last(&figures, "check_in_ratio")?,
        0.4,
    );
    checked.most(
        "check-in, p99, ms",
        worst(&figures, "check_in_p99_ms")?,
        20.0,
    );
    checked.most("server, peak MiB", server.peak_mib()?, 200.0);
    let size = size_mib(&folder.join("server"))?;
    checked.most("database, MiB", size, 400.0);
    println!("    {:?}", checked.figures.values);
    Ok(checked)
}

fn on_postgres(hosts: usize) -> Result<Checked> {
    println!("  {hosts} hosts on PostgreSQL");
    let folder = fresh("postgres")?;
    let postgres = own_postgres("bench fleet").context("PostgreSQL is not installed")?;
    let url = postgres.create_database();
    let server = serve(&folder, Some(&url))?;
    let figures = load(&folder, hosts, &["--rounds", "1"])?;
    let mut checked = Checked::new("hosts on PostgreSQL");
    checked.tell("hosts", hosts.to_string());
    phases(&mut checked, &figures)?;
    checked.most("server, peak MiB", server.peak_mib()?, 600.0);
    Ok(checked)
}

fn phases(checked: &mut Checked, figures: &[(String, String)]) -> Result<()> {
    for phase in ["enrol", "report", "check_in", "echo", "come_back"] {
        let Ok(rate) = last(figures, &format!("{phase}_rate")) else {
            continue;
        };
        let p99 = last(figures, &format!("{phase}_p99_ms"))?;
        let wall = last(figures, &format!("{phase}_wall_s"))?;
        let failed = last(figures, &format!("{phase}_failed"))?;
        checked.tell(
            &phase.replace('_', " "),
            format!(
                "{rate:.0} in a second, p99 {p99:.1} ms, {wall:.1} s in all, {failed:.0} failed"
            ),
        );
        if failed > 0.0 {
            let why = figures
                .iter()
                .find(|(name, _)| *name == format!("{phase}_reason"));
            checked.broken.push(format!(
                "{failed:.0} of {phase} failed: {}",
                why.map_or("", |(_, why)| why)
            ));
        }
    }
    Ok(())
}

/// The fleet in one process: what a million hosts cost, and how that grows.
fn in_memory(most: usize) -> Result<Vec<Checked>> {
    let data = workspace::root().join("target/bench/data");
    ensure!(
        data.join("index/current").is_file(),
        "no tables in `{}`; `cargo xtask bench scan` makes them",
        data.display()
    );
    let mut checked =
        Checked::new("hosts in memory, package sets of 700 packages drawn from real hosts");
    for (hosts, sets) in [(most / 100, 200), (most / 10, 2_000), (most, 10_000)] {
        println!("  {hosts} hosts in memory");
        let mut cargo = command::cargo(&["run", "--release", "--locked", "-p", "overlock-fleet"]);
        cargo.args(["--example", "million", "--"]).arg(&data);
        cargo.args([hosts.to_string(), sets.to_string()]);
        let figures = json_lines(&command::output(&mut cargo)?);
        let value = |name: &str| last(&figures, name);
        checked.tell(
            &format!("{hosts} hosts with {sets} distinct sets"),
            format!(
                "{:.0} bytes a host, peak {:.0} MiB, full match {:.0} ms",
                value("bytes_per_host")?,
                value("memory_peak_at_end_MiB")?,
                value("match_all_ms")?
            ),
        );
        if hosts == most {
            checked.most("peak MiB", value("memory_peak_at_end_MiB")?, 2048.0);
            checked.least(
                "full match, times faster than host by host",
                value("times_faster")?,
                100.0,
            );
            checked.most(
                "one new advisory to its hosts, ms",
                value("new_advisory_ms")?,
                50.0,
            );
            checked.tell(
                "vulnerability to hosts, median, µs",
                format!("{:.0}", value("cve_to_hosts_median_us")?),
            );
            checked.most(
                "vulnerability to hosts, slowest of all, ms",
                value("cve_to_hosts_max_us")? / 1000.0,
                1.0,
            );
        }
    }
    Ok(vec![checked])
}

/// Lines `{"name": …, "value": …}` as names and values.
fn json_lines(output: &str) -> Vec<(String, String)> {
    output
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|line| {
            Some((
                line.get("name")?.as_str()?.to_owned(),
                line.get("value")?.to_string(),
            ))
        })
        .collect()
}

/// The agent as it is shipped: size, memory, CPU and payload of idle check-ins, as its own measurement says.
fn agent() -> Result<Checked> {
    println!("  the agent");
    let build = [
        "build",
        "--profile",
        "agent",
        "--locked",
        "-p",
        "overlock-agent-program",
    ];
    command::succeed(&mut command::cargo(&build))?;
    let program = workspace::target().join("agent/overlock-agent");
    let mut checked = Checked::new("the agent");
    let size = fs::metadata(&program)?.len();
    checked.most("program, MiB", mib(size), 8.0);
    let folder = fresh("agent")?;
    let server = serve(&folder, None)?;
    let idle = idle(&folder, &program)?;
    drop(server);
    checked.most("idle, resident MiB", idle.resident_mib, 10.0);
    checked.most("CPU of an idle hour, ms", idle.cpu_ms_of_an_hour, 50.0);
    checked.tell(
        "counted over",
        format!("{} ms of CPU in {:.0} s", idle.cpu_ms, idle.seconds),
    );
    Ok(checked)
}

/// What an idle agent used.
struct Idle {
    resident_mib: f64,
    cpu_ms: f64,
    cpu_ms_of_an_hour: f64,
    seconds: f64,
}

/// Lets an enrolled agent be idle for five minutes, after it has looked at this machine once.
fn idle(folder: &Path, program: &Path) -> Result<Idle> {
    const WATCHED: Duration = Duration::from_secs(300);
    let state = folder.join("agent");
    let token = token(folder, 1)?;
    let url = fs::read_to_string(folder.join("server/address"))?;
    let configuration = folder.join("agent.toml");
    fs::write(&configuration, "")?;
    let agent = |arguments: &[&str]| {
        let mut agent = Command::new(program);
        agent
            .arg("--state")
            .arg(&state)
            .arg("--config")
            .arg(&configuration)
            .args(arguments);
        agent
    };
    let enrol = ["enrol", "--server", url.trim(), "--token", &token, "--yes"];
    command::succeed(&mut agent(&enrol))?;
    let running = Running(agent(&["run"]).stderr(Stdio::null()).spawn()?);
    let start = Instant::now();
    // After its first look at this machine an agent waits; by then its CPU time stands still.
    let mut before = running.cpu_ticks()?;
    loop {
        std::thread::sleep(Duration::from_secs(5));
        let now = running.cpu_ticks()?;
        if now == before {
            break;
        }
        before = now;
        ensure!(
            start.elapsed() < Duration::from_secs(120),
            "the agent does not come to rest"
        );
    }
    let (start, before) = (Instant::now(), running.cpu_nanoseconds()?);
    std::thread::sleep(WATCHED);
    let seconds = start.elapsed().as_secs_f64();
    let cpu_ms = (running.cpu_nanoseconds()? - before) / 1e6;
    Ok(Idle {
        resident_mib: running.status_mib("VmRSS")?,
        cpu_ms,
        cpu_ms_of_an_hour: cpu_ms * 3600.0 / seconds,
        seconds,
    })
}

/// A server on its own core, with the tables of `bench scan`.
fn serve(folder: &Path, database: Option<&str>) -> Result<Running> {
    let tables = workspace::root().join("target/bench/data/index");
    let status = command::command("cp", &["-r", text(&tables)?, text(&folder.join("index"))?]);
    command::succeed(&mut { status })?;
    let mut serve = pinned(
        SERVER_CORE,
        &release("overlock"),
        &[
            "serve",
            "--offline",
            "--listen",
            "127.0.0.1:0",
            "--name",
            "127.0.0.1",
        ],
    );
    serve.arg("--data").arg(folder);
    if let Some(database) = database {
        serve.env("OVERLOCK_DATABASE", database);
    }
    serve.stderr(fs::File::create(folder.join("log"))?);
    let running = Running::start(serve, &folder.join("server/address"))?;
    let mut setup = Command::new(release("overlock"));
    setup.args(["setup", "--data"]).arg(folder);
    if let Some(database) = database {
        setup.env("OVERLOCK_DATABASE", database);
    }
    let once = command::output(&mut setup)?;
    let url = fs::read_to_string(folder.join("server/address"))?;
    let mut login = cli(folder);
    login.args(["login", "--server", url.trim(), "--authority"]);
    login.arg(folder.join("server/authority.pem"));
    login.args(["--token", once.lines().next().unwrap_or_default()]);
    command::succeed(login.stdout(Stdio::null()))?;
    Ok(running)
}

/// The command line as a client of the server of a folder.
fn cli(folder: &Path) -> Command {
    let mut cli = Command::new(release("overlock"));
    cli.env("OVERLOCK_CONTEXT", folder.join("context.toml"));
    cli
}

fn token(folder: &Path, uses: usize) -> Result<String> {
    let mut token = cli(folder);
    token.args([
        "host",
        "token",
        "--valid",
        "1d",
        "--uses",
        &uses.to_string(),
    ]);
    let output = command::output(&mut token)?;
    let first = output.lines().next().context("no token was printed")?;
    Ok(first.to_owned())
}

fn load(folder: &Path, hosts: usize, more: &[&str]) -> Result<Vec<(String, String)>> {
    let url = fs::read_to_string(folder.join("server/address"))?;
    let address = url.trim().trim_start_matches("https://").to_owned();
    let authority = folder.join("server/authority.pem");
    let (hosts, token) = (hosts.to_string(), token(folder, hosts)?);
    let mut arguments = vec![
        "run",
        "--address",
        &address,
        "--authority",
        text(&authority)?,
    ];
    arguments.extend(["--hosts", &hosts, "--token", &token]);
    arguments.extend(more);
    let mut load = pinned(LOAD_CORE, &release("overlock-load"), &arguments);
    Ok(lines(&command::output(&mut load)?))
}

/// A program of ours that runs until this is dropped.
struct Running(Child);

impl Running {
    /// Starts it and waits until it has written this file.
    fn start(mut program: Command, says: &Path) -> Result<Self> {
        let mut running = Self(program.spawn().context("cannot start a program of ours")?);
        let start = Instant::now();
        while fs::metadata(says).map_or(true, |of| of.len() == 0) {
            if let Some(status) = running.0.try_wait()? {
                bail!("{program:?} ended: {status}");
            }
            ensure!(start.elapsed() < START_MAX, "{program:?} does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(running)
    }

    fn status_mib(&self, field: &str) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))
            .with_context(|| format!("no {field}"))?;
        let kib: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kib / 1024.0)
    }

    fn peak_mib(&self) -> Result<f64> {
        self.status_mib("VmHWM")
    }

    /// User and system time of it and of its ended children, in clock ticks (proc(5): fields 14 to 17).
    fn cpu_ticks(&self) -> Result<u64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0.id()))?;
        let (_, rest) = stat.rsplit_once(')').context("no stat")?;
        Ok(rest
            .split_whitespace()
            .skip(11)
            .take(4)
            .filter_map(|field| field.parse::<u64>().ok())
            .sum())
    }

    /// The same, finer: what the scheduler counted for its threads, and the ticks of its children.
    fn cpu_nanoseconds(&self) -> Result<f64> {
        let mut sum = 0.0;
        for task in fs::read_dir(format!("/proc/{}/task", self.0.id()))? {
            let schedstat = fs::read_to_string(task?.path().join("schedstat"))?;
            let ran: f64 = schedstat
                .split_whitespace()
                .next()
                .context("no schedstat")?
                .parse()?;
            sum += ran;
        }
        Ok(sum)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn pinned(core: &str, program: &Path, arguments: &[&str]) -> Command {
    let mut command = command::command("taskset", &["-c", core]);
    command.arg(program).args(arguments);
    command
}

fn release(program: &str) -> PathBuf {
    workspace::target().join("release").join(program)
}

fn fresh(name: &str) -> Result<PathBuf> {
    let folder = workspace::root().join("target/bench/fleet").join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn lines(output: &str) -> Vec<(String, String)> {
    output
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn last(figures: &[(String, String)], name: &str) -> Result<f64> {
    let value = figures
        .iter()
        .rev()
        .find(|(other, _)| other == name)
        .map(|(_, value)| value)
        .with_context(|| format!("no figure `{name}`"))?;
    Ok(value.parse()?)
}

fn worst(figures: &[(String, String)], name: &str) -> Result<f64> {
    figures
        .iter()
        .filter(|(other, _)| other == name)
        .filter_map(|(_, value)| value.parse().ok())
        .max_by(f64::total_cmp)
        .with_context(|| format!("no figure `{name}`"))
}

fn size_mib(folder: &Path) -> Result<f64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        bytes += entry?.metadata()?.len();
    }
    Ok(mib(bytes))
}

#[expect(clippy::cast_precision_loss, reason = "a size for people")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path that is no UTF-8")
}
