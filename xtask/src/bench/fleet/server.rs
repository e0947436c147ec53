//! A server under load: on its own core, with an administrator, and with simulated hosts from the other core.

use super::checked::{Checked, last, lines, worst};
use super::mib;
use super::programs::{LOAD_CORE, Running, SERVER_CORE, fresh, pinned, release, text};
use crate::{command, workspace};
use anyhow::{Context, Result};
use overlock_testkit::postgres::own_postgres;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// 10,000 hosts on SQLite: check-ins beside the bare echo, memory, size of the database, everybody coming back.
pub(super) fn under_load(hosts: usize) -> Result<Checked> {
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

pub(super) fn on_postgres(hosts: usize) -> Result<Checked> {
    println!("  {hosts} hosts on PostgreSQL");
    let folder = fresh("postgres")?;
    let postgres = own_postgres("bench fleet").context("PostgreSQL is not installed")?;
    let url = postgres.create_database();
    let server = serve(&folder, Some(&url))?;
    let figures = load(&folder, hosts, &["--rounds", "1", "--back", "10000"])?;
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

/// A server on its own core, with the tables of `bench scan`.
pub(super) fn serve(folder: &Path, database: Option<&str>) -> Result<Running> {
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

pub(super) fn token(folder: &Path, uses: usize) -> Result<String> {
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

fn size_mib(folder: &Path) -> Result<f64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        bytes += entry?.metadata()?.len();
    }
    Ok(mib(bytes))
}
