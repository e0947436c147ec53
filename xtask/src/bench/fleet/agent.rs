//! The agent that is idle.

use super::checked::Checked;
use super::mib;
use super::programs::{Running, fresh};
use super::server::{serve, token};
use crate::{command, workspace};
use anyhow::{Result, ensure};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The agent as it is shipped: size, memory, CPU and payload of idle check-ins, as its own measurement says.
pub(super) fn agent() -> Result<Checked> {
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
