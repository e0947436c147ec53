//! The rows of `bench apply`: real security updates on lab hosts, ours against what Debian has.
//!
//! Every run has a fresh host of the same root, prepared alike and not timed: the updates on offer, the old and the new
//! artifacts where apt keeps them, a plan for ours. Timed is one command from its start to its end, restarts and
//! verification with it; the versions are checked after it. Memory has a run of its own that counts for nothing else.

use super::measure::{Pairs, Program, Resources, median};
use super::table::Measured;
use super::{Figures, Limit, Row};
use crate::{command, workspace};
use anyhow::{Context, Result, ensure};
use overlock_lab::{Host, Lab, Recipe, Repository, Root, Suite, Update, real_security_updates};
use overlock_model::run::{Event, HistoryReport};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What is updated where it is pending, with what it needs besides: libraries that services run, a daemon, plain
/// programs and data. Interpreters are left out, their unpacking would hide all else.
const PACKAGES: [&str; 10] = [
    "bind9-dnsutils",
    "ca-certificates",
    "libbrotli1",
    "libexpat1",
    "liblzma5",
    "libpcre2-8-0",
    "libssl3",
    "nginx-light",
    "openssl",
    "rsync",
];

/// How much must be pending, or the run says little.
const LEAST: usize = 10;

/// Pauses between two looks at the memory of a process; the looks themselves cost some microseconds.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

const PLAN: &str = "/root/plan.json";

/// Measures all rows at once: each round has one host for each of the three.
pub fn measure(pairs: usize) -> Result<(Vec<Measured>, Vec<Figures>)> {
    overlock_lab::require()?;
    let build = ["build", "--release", "--locked", "-p", "overlock"];
    command::succeed(&mut command::cargo(&build))?;
    let bed = Bed::new()?;
    let peak_mib = bed.peak_mib(Advisories::None)?;
    println!("  our peak memory {peak_mib:.1} MiB");
    let mut times: BTreeMap<Way, Vec<Duration>> = BTreeMap::new();
    let mut phases = Phases::default();
    for round in 0..pairs {
        for way in order(round) {
            let (wall, host) = bed.run(way)?;
            if way == Way::Ours {
                phases.add(&host)?;
            }
            println!(
                "  round {}, {}: {:.2} s",
                round + 1,
                way.word(),
                wall.as_secs_f64()
            );
            times.entry(way).or_default().push(wall);
        }
    }
    let of = |way| times.get(&way).cloned().unwrap_or_default();
    let against = |way, name, limits| {
        Measured::with(
            Row {
                name,
                ours: bed.program(Way::Ours),
                theirs: bed.program(way),
                limits,
                before_ours: None,
            },
            Pairs {
                ours: of(Way::Ours),
                theirs: of(way),
            },
            Resources {
                cpu_seconds: None,
                peak_mib: Some(peak_mib),
            },
            Resources::NOT_MEASURED,
        )
    };
    let rows = vec![
        against(
            Way::Apt,
            "security updates on a host, against `apt-get install` and `needrestart`",
            vec![Limit::Wall(1.15), Limit::PeakMib(30.0)],
        ),
        against(
            Way::Unattended,
            "security updates on a host, against `unattended-upgrade` and `needrestart`",
            vec![],
        ),
    ];
    let mut figures = vec![bed.closure(), phases.figures()];
    figures.extend(bed.memory_with_advisories(peak_mib)?);
    Ok((rows, figures))
}

/// The three ways of a round; none always goes first.
fn order(round: usize) -> [Way; 3] {
    let mut ways = [Way::Ours, Way::Apt, Way::Unattended];
    ways.rotate_left(round % 3);
    if round % 2 == 1 {
        ways.reverse();
    }
    ways
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Ours,
    Apt,
    Unattended,
}

impl Way {
    fn word(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Apt => "apt-get and needrestart",
            Self::Unattended => "unattended-upgrade and needrestart",
        }
    }
}

/// Whether the host has advisories at hand, with which verification asks if exposures ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Advisories {
    None,
    /// Those that `bench scan` compiled.
    Compiled,
}

struct Bed {
    root: Root,
    updates: Vec<Update>,
    main: Repository,
    security: Repository,
    lab: Lab,
}

impl Bed {
    fn new() -> Result<Self> {
        let root = Root::of(&Recipe::server().with(&["needrestart", "unattended-upgrades"]))?;
        let updates = real_security_updates(&root, &PACKAGES)?;
        let whole = |update: &Update| update.from.is_some() && update.old.is_some();
        ensure!(
            updates.all.len() >= LEAST && updates.all.iter().all(whole),
            "less than {LEAST} updates are pending, or a former version is not to be had: {:?}",
            updates.all
        );
        let lab = Lab::new()?;
        let mut main = lab.repository(Suite::debian(root.codename()))?;
        main.publish(&updates.former())?;
        let mut security = lab.repository(Suite::debian_security(root.codename()))?;
        security.publish(&updates.latest())?;
        Ok(Self {
            root,
            updates: updates.all,
            main,
            security,
            lab,
        })
    }

    /// A fresh host with everything at hand.
    fn host(&self, advisories: Advisories) -> Result<Host> {
        let host = self.lab.host("host", &self.root)?;
        host.copy_in(&overlock(), "/usr/local/bin/overlock")?;
        for repository in [&self.main, &self.security] {
            host.use_repository(repository)?.ok()?;
        }
        let kept = host.root().join("var/cache/apt/archives");
        for deb in self
            .updates
            .iter()
            .flat_map(|update| [Some(&update.new), update.old.as_ref()])
            .flatten()
        {
            fs::copy(deb, kept.join(deb.file_name().unwrap_or_default()))?;
        }
        if advisories == Advisories::Compiled {
            let to = host.root().join("var/lib/overlock");
            fs::create_dir_all(&to)?;
            for folder in ["index", "feeds"] {
                let from = compiled().join(folder);
                command::succeed(command::command("cp", &["--recursive"]).arg(from).arg(&to))?;
            }
        }
        Ok(host)
    }

    fn plan(&self, host: &Host) -> Result<()> {
        let only = self.packages().collect::<Vec<_>>().join(",");
        let plan = ["overlock", "plan", "--offline", "--confirm", "never"];
        let argv = [&plan[..], &["--only", &only, "--out", PLAN]].concat();
        host.output(&argv)?;
        Ok(())
    }

    fn packages(&self) -> impl Iterator<Item = &str> {
        self.updates.iter().map(|update| update.package.as_str())
    }

    fn argv(&self, way: Way) -> Vec<String> {
        let script = match way {
            Way::Ours => return ["overlock", "apply", PLAN].map(str::to_owned).into(),
            Way::Apt => {
                let versions = self.updates.iter();
                let versions = versions.map(|update| format!("{}={}", update.package, update.to));
                let versions: Vec<String> = versions.collect();
                format!("apt-get install -y {}", versions.join(" "))
            }
            Way::Unattended => "unattended-upgrade".to_owned(),
        };
        // Its hook in apt is off, else it would run twice; ours leaves it off too.
        let script = format!("NEEDRESTART_SUSPEND=1 {script} && needrestart -r a");
        ["env", "DEBIAN_FRONTEND=noninteractive", "sh", "-c", &script]
            .map(str::to_owned)
            .into()
    }

    /// What the reader sees.
    fn program(&self, way: Way) -> Program {
        let argv = self.argv(way);
        let shown = match way {
            Way::Ours => "overlock apply PLAN".to_owned(),
            Way::Apt => "apt-get install -y PACKAGE=VERSION… && needrestart -r a".to_owned(),
            Way::Unattended => "unattended-upgrade && needrestart -r a".to_owned(),
        };
        Program::new(argv).shown_as(&shown)
    }

    /// One way on a fresh host: how long it took, and the host afterwards.
    fn run(&self, way: Way) -> Result<(Duration, Host)> {
        let host = self.host(Advisories::None)?;
        if way == Way::Ours {
            self.plan(&host)?;
        }
        settle()?;
        let argv = self.argv(way);
        let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
        let start = Instant::now();
        let ran = host.run(&argv)?;
        let wall = start.elapsed();
        ran.ok().context(way.word())?;
        self.is_updated(&host)?;
        Ok((wall, host))
    }

    fn is_updated(&self, host: &Host) -> Result<()> {
        let query = [
            "dpkg-query",
            "-W",
            "-f",
            "${Package} ${Version} ${db:Status-Abbrev}\\n",
        ];
        let installed = host.output(&query)?;
        for update in &self.updates {
            let line = format!("{} {} ii", update.package, update.to);
            ensure!(
                installed.lines().any(|one| one.trim_end() == line),
                "`{}` is not at {}",
                update.package,
                update.to
            );
        }
        Ok(())
    }

    /// Peak resident memory of our own process, looked at from outside until it is gone: what it starts is not counted.
    fn peak_mib(&self, advisories: Advisories) -> Result<f64> {
        let host = self.host(advisories)?;
        self.plan(&host)?;
        let argv = self.argv(Way::Ours);
        let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
        let mut entered = host
            .command(&argv)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let mut ours = None;
        let mut peak_kib = 0;
        let status = loop {
            if let Some(status) = entered.try_wait()? {
                break status;
            }
            ours = ours.or_else(|| child_of(entered.id(), "overlock"));
            let now = ours.and_then(|pid| status_field(pid, "VmHWM")?.parse().ok());
            peak_kib = peak_kib.max(now.unwrap_or(0));
            std::thread::sleep(LOOK_AGAIN);
        };
        ensure!(status.success(), "`overlock apply` failed: {status}");
        self.is_updated(&host)?;
        ensure!(peak_kib > 0, "the process was never seen");
        Ok(f64::from(peak_kib) / 1024.0)
    }

    fn memory_with_advisories(&self, without: f64) -> Result<Option<Figures>> {
        if !compiled().join("index/current").is_file() {
            return Ok(None);
        }
        let with = self.peak_mib(Advisories::Compiled)?;
        Ok(Some(Figures {
            name: "our peak memory, children excluded, in MiB",
            values: vec![
                (
                    "no advisories on the host".to_owned(),
                    format!("{without:.1}"),
                ),
                (
                    "all advisories that `bench scan` compiles on the host".to_owned(),
                    format!("{with:.1}"),
                ),
            ],
        }))
    }

    fn closure(&self) -> Figures {
        let values = self.updates.iter().map(|update| {
            let from = update.from.as_deref().unwrap_or("none");
            (update.package.clone(), format!("{from} → {}", update.to))
        });
        Figures {
            name: "the updates, the same in every run; old and new artifacts lay in apt's cache, a fresh host for each run",
            values: values.collect(),
        }
    }
}

/// How long each phase of ours took, by our own journal.
#[derive(Default)]
struct Phases {
    seconds: Vec<(String, Vec<f64>)>,
}

impl Phases {
    fn add(&mut self, host: &Host) -> Result<()> {
        let text = host.output(&["overlock", "history", "1", "--format", "json"])?;
        let history: HistoryReport = serde_json::from_str(&text)?;
        let mut begun = None;
        for entry in history.entries {
            match entry.event {
                Event::Begun { .. } => begun = Some(entry.at),
                Event::Done { phase, .. } => {
                    let Some(begun) = begun.take() else { continue };
                    let word = phase.to_string();
                    let took = entry.at.duration_since(begun).as_secs_f64();
                    match self.seconds.iter_mut().find(|(name, _)| *name == word) {
                        Some((_, seconds)) => seconds.push(took),
                        None => self.seconds.push((word, vec![took])),
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn figures(&self) -> Figures {
        let seconds = self.seconds.iter();
        Figures {
            name: "where our time goes, medians by our own journal",
            values: seconds
                .map(|(phase, seconds)| {
                    let middle = median(seconds.iter().copied());
                    (phase.clone(), format!("{middle:.2} s"))
                })
                .collect(),
        }
    }
}

fn overlock() -> PathBuf {
    workspace::target().join("release/overlock")
}

fn compiled() -> PathBuf {
    workspace::target().join("bench/data")
}

/// What the preparation wrote goes to the disk now and not while time is taken.
fn settle() -> Result<()> {
    command::succeed(&mut Command::new("sync"))
}

fn child_of(parent: u32, name: &str) -> Option<u32> {
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let mut pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.find(|pid| {
        status_field(*pid, "PPid") == Some(parent.to_string())
            && status_field(*pid, "Name").as_deref() == Some(name)
    })
}

/// A value of `/proc/PID/status` without its unit (`proc_pid_status(5)`).
fn status_field(pid: u32, field: &str) -> Option<String> {
    let path = Path::new("/proc").join(pid.to_string()).join("status");
    let text = fs::read_to_string(path).ok()?;
    let mut lines = text.lines();
    let value = lines.find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    value.split_whitespace().next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_goes_first_and_last_in_turn() {
        let rounds: Vec<[Way; 3]> = (0..6).map(order).collect();
        for way in [Way::Ours, Way::Apt, Way::Unattended] {
            assert!(rounds.iter().all(|round| round.contains(&way)));
            for place in [0, 2] {
                let times = rounds.iter().filter(|round| round.get(place) == Some(&way));
                assert_eq!(times.count(), 2, "{way:?} at {place}");
            }
        }
    }

    #[test]
    fn memory_of_this_process_is_read() {
        let peak = status_field(std::process::id(), "VmHWM").unwrap();
        assert!(peak.parse::<u64>().unwrap() > 100, "{peak}");
        assert_eq!(status_field(std::process::id(), "NoSuchField"), None);
    }
}
