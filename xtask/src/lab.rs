//! `cargo xtask lab`: the hosts that tests use, for people to try things on.
//!
//! A lab ends with its process, so `up` leaves one behind that only keeps it; `down` ends that process and sweeps up
//! after it. `status` and `shell` look at what stands and talk to no one.

use anyhow::{Context, Result, bail, ensure};
use clap::Subcommand;
use overlock_lab::corpus::{self, Release};
use overlock_lab::{
    Host, Lab, PresentHost, Recipe, Repository, Root, Suite, Sweep, present, real_security_updates,
    require, sweep,
};
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A root is built in half a minute and the updates fetched in as much; this is for a slow mirror.
const UP_MAX: Duration = Duration::from_secs(900);

/// How often `up` looks whether the hosts are there.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

#[derive(Subcommand)]
pub enum Task {
    /// Boot hosts and leave them running: `host1`, `host2`, …, with pending security updates and the packages of the
    /// corpus on offer.
    Up {
        /// How many.
        #[arg(default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=20))]
        hosts: u8,
    },
    /// Which hosts stand.
    Status,
    /// A shell on a host.
    Shell {
        /// Its name.
        host: String,
    },
    /// End every lab of this project and remove what killed ones left.
    Down,
    /// What `up` leaves behind.
    #[command(hide = true)]
    Keep {
        /// How many hosts.
        hosts: u8,
    },
}

pub fn run(task: &Task) -> Result<()> {
    require()?;
    match task {
        Task::Up { hosts } => up(*hosts),
        Task::Status => {
            status();
            Ok(())
        }
        Task::Shell { host } => shell(host),
        Task::Down => down(),
        Task::Keep { hosts } => keep(*hosts),
    }
}

/// Starts the keeper in a session of its own and waits until it says that all is there, or ends.
fn up(hosts: u8) -> Result<()> {
    ensure!(
        !present().iter().any(is_kept),
        "a lab is up already; `cargo xtask lab status` shows it, `cargo xtask lab down` ends it"
    );
    let (log, ready) = (log(), ready());
    fs::create_dir_all(overlock_lab::folder())?;
    if ready.exists() {
        fs::remove_file(&ready)?;
    }
    let output = File::create(&log).with_context(|| format!("cannot write `{}`", log.display()))?;
    println!("booting {hosts} (the first time builds a root and fetches updates: a minute or two)");
    let mut keeper = Command::new("setsid")
        .arg(std::env::current_exe()?)
        .args(["lab", "keep", &hosts.to_string()])
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .spawn()
        .context("cannot start the process that keeps the lab")?;
    let start = Instant::now();
    while !ready.exists() {
        if keeper.try_wait()?.is_some() {
            bail!("{}", fs::read_to_string(&log)?.trim());
        }
        if start.elapsed() > UP_MAX {
            keeper.kill()?;
            bail!(
                "the hosts are not up after {} s; see `{}`",
                UP_MAX.as_secs(),
                log.display()
            );
        }
        std::thread::sleep(LOOK_AGAIN);
    }
    status();
    println!("{}", fs::read_to_string(&log)?.trim());
    Ok(())
}

/// Makes the lab and holds it until `down` ends this process.
fn keep(hosts: u8) -> Result<()> {
    let root = Root::of(&Recipe::server())?;
    let updates = real_security_updates(&root, &[])?;
    let lab = Lab::new()?;
    let codename = root.codename().to_owned();
    let mut main = lab.repository(Suite::debian(&codename))?;
    main.publish(&updates.former())?;
    let mut security = lab.repository(Suite::debian_security(&codename))?;
    security.publish(&updates.latest())?;
    let mut own = lab.repository(Suite::new("lab-main", "Lab", "Lab"))?;
    for release in [Release::First, Release::Second] {
        own.publish(&corpus::all(release, lab.folder())?)?;
    }
    let mut kept = Vec::new();
    for number in 1..=hosts {
        kept.push(prepare(
            &lab,
            &format!("host{number}"),
            &root,
            [&main, &security, &own],
        )?);
    }
    println!(
        "each has {} packages with a pending security update",
        updates.all.len()
    );
    fs::write(lab.folder().join(KEPT), "")?;
    fs::write(ready(), "")?;
    loop {
        std::thread::park();
    }
}

fn prepare(lab: &Lab, name: &str, root: &Root, repositories: [&Repository; 3]) -> Result<Host> {
    let host = lab.host(name, root)?;
    for repository in repositories {
        host.use_repository(repository)?.ok()?;
    }
    Ok(host)
}

/// Marks the lab of a keeper among those of tests.
const KEPT: &str = "kept";

fn is_kept(lab: &overlock_lab::PresentLab) -> bool {
    lab.owned
        && overlock_lab::folder()
            .join("run")
            .join(&lab.id)
            .join(KEPT)
            .exists()
}

fn status() {
    let labs = present();
    if labs.is_empty() {
        println!("no lab stands");
    }
    for lab in labs {
        let of = match (lab.owned, is_kept(&lab)) {
            (true, true) => "up",
            (true, false) => "of a running test",
            (false, _) => "left by a killed process",
        };
        println!("lab {} ({of})", lab.id);
        for host in lab.hosts {
            let state = host
                .leader
                .map_or_else(|| "off".to_owned(), |pid| format!("running, process {pid}"));
            println!("  {:<20} {state}, root {}", host.name, host.root.display());
        }
    }
}

fn shell(name: &str) -> Result<()> {
    let mut labs = present();
    // The lab that is up before those of tests.
    labs.sort_by_key(|lab| !is_kept(lab));
    let hosts: Vec<PresentHost> = labs.into_iter().flat_map(|lab| lab.hosts).collect();
    let Some(host) = hosts.iter().find(|host| host.name == name) else {
        let names: Vec<&str> = hosts.iter().map(|host| host.name.as_str()).collect();
        bail!("no host is named `{name}`; there are: {}", names.join(" "));
    };
    let leader = host
        .leader
        .with_context(|| format!("the host `{name}` is off"))?;
    let error = overlock_lab::login(leader).exec();
    Err(error).context("cannot enter the host")
}

fn down() -> Result<()> {
    let gone = sweep(Sweep::All)?;
    if ready().exists() {
        fs::remove_file(ready())?;
    }
    match gone.as_slice() {
        [] => println!("no lab stood"),
        gone => println!("gone: {}", gone.join(" ")),
    }
    Ok(())
}

fn log() -> PathBuf {
    overlock_lab::folder().join("up.log")
}

fn ready() -> PathBuf {
    overlock_lab::folder().join("up.ready")
}
