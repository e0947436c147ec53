//! Whether the host is as the plan takes it to be, and fit to be changed.

use crate::program::{Call, Program};
use crate::reboot::{self, Boots};
use crate::space::{self, Need};
use crate::{PackageManager, Simulated};
use overlock_engine::Report;
use overlock_model::plan::Closure;
use overlock_model::run::{Outcome, Standing};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Units that patch on their own; while one runs, we wait as for a lock (REQ-11).
const COMPETITORS: [&str; 6] = [
    "apt-daily.service",
    "apt-daily-upgrade.service",
    "unattended-upgrades-install.service",
    "packagekit.service",
    "dnf-automatic.service",
    "dnf-automatic-install.service",
];

/// snapd listens there.
const SNAPD: &str = "/run/snapd.socket";

/// What preflight looks at.
pub(crate) struct Preflight<'a> {
    pub manager: &'a dyn PackageManager,
    pub closure: &'a Closure,
    /// Artifacts by change, when all are at hand.
    pub files: Option<Vec<PathBuf>>,
    /// How long to wait for others.
    pub patience: Duration,
    pub data: &'a Path,
    pub boots: &'a Boots,
}

impl Preflight<'_> {
    /// Everything, cheap things first.
    pub fn run(&self, tell: &mut dyn FnMut(&str)) -> Report {
        if let Some(why) = self.others(tell) {
            return report(Outcome::Deferred { why });
        }
        if let Some(outcome) = self.no_boot() {
            return report(outcome);
        }
        match self.manager.standing(self.closure) {
            Err(error) => return Report::failed(error.to_string()),
            Ok((Standing::Target, _)) => {
                return Report::done_with(vec!["everything is installed already".to_owned()]);
            }
            Ok((Standing::Prior, _)) => {}
            // F9: not our mess by default.
            Ok((Standing::Broken, notes)) => {
                return refused(
                    "packages are not whole already; `overlock repair` mends that first",
                    &notes,
                );
            }
            Ok((Standing::Mixed, notes)) => {
                return refused("the host is not as it was when the plan was made", &notes);
            }
        }
        let lacking = self.lacking_space();
        if !lacking.is_empty() {
            return refused("there is too little room", &lacking);
        }
        let changes: Vec<_> = self.closure.changes.iter().collect();
        match self.manager.simulate(&changes, self.files.as_deref()) {
            Err(error) => refused(
                "the package manager would not do this",
                &[error.to_string()],
            ),
            Ok(simulated) => {
                let difference = difference(self.closure, &simulated);
                if difference.is_empty() {
                    Report::done_with(self.edits())
                } else {
                    refused(
                        "the package manager would do something else than the plan",
                        &difference,
                    )
                }
            }
        }
    }

    /// Configuration that would be asked about, were anybody there to answer.
    fn edits(&self) -> Vec<String> {
        match self.manager.edits(self.closure) {
            Ok(files) => files.iter().map(|file| edited(file)).collect(),
            Err(error) => vec![format!("edits of configuration are not known: {error}")],
        }
    }

    /// Waits for other updaters; what is still in the way afterwards.
    pub fn others(&self, tell: &mut dyn FnMut(&str)) -> Option<String> {
        let begun = Instant::now();
        let mut told = None;
        loop {
            let in_the_way = self.manager.holder().or_else(competitor)?;
            if begun.elapsed() >= self.patience {
                return Some(in_the_way);
            }
            if told.as_ref() != Some(&in_the_way) {
                tell(&format!("waiting: {in_the_way}"));
                told = Some(in_the_way);
            }
            std::thread::sleep(Duration::from_millis(250));
        }
    }

    /// Why the host cannot boot anew now, where the plan wants that: known before anything is changed.
    pub fn no_boot(&self) -> Option<Outcome> {
        if *self.boots == Boots::No {
            return None;
        }
        if let Some(why) = reboot::lacking() {
            let why = why.to_owned();
            return Some(Outcome::Refused { why });
        }
        let inhibitor = reboot::inhibitors().into_iter().next()?;
        let why = inhibitor.to_string();
        Some(Outcome::Deferred { why })
    }

    fn lacking_space(&self) -> Vec<String> {
        let bytes: u64 = self
            .closure
            .artifacts()
            .map(|(_, artifact)| artifact.size)
            .sum();
        let packages = self.closure.changes.len();
        // Old artifacts too; and unpacked, dpkg and rpm keep old and new files side by side for a moment. Three times the
        // packed size is what Debian's packages need at most in the mean.
        let boot = self
            .closure
            .changes
            .iter()
            .filter(|change| {
                change.name.starts_with("linux-image") || change.name.starts_with("kernel")
            })
            .count();
        space::lacking(&[
            Need {
                place: self.data,
                bytes: bytes.saturating_mul(2),
                inodes: u64::try_from(packages).unwrap_or(u64::MAX) * 2,
            },
            Need {
                place: Path::new("/usr"),
                bytes: bytes.saturating_mul(4),
                inodes: space::inodes(packages),
            },
            Need {
                place: Path::new("/var"),
                bytes: 64 << 20,
                inodes: 1000,
            },
            // A kernel with its initial file system.
            Need {
                place: Path::new("/boot"),
                bytes: u64::try_from(boot).unwrap_or(u64::MAX) * (160 << 20),
                inodes: 20,
            },
        ])
    }
}

/// What becomes of a configuration file with local edits.
#[must_use]
pub fn edited(file: &str) -> String {
    format!("edited on this host, the edit is kept: {file}")
}

fn competitor() -> Option<String> {
    if let Some(change) = snap_change() {
        return Some(format!("another updater is at work: snapd: {change}"));
    }
    if !crate::restart::is_systemd() {
        return None;
    }
    let arguments = ["is-active", "--"].into_iter().chain(COMPETITORS);
    let ran = Call::new(Program::Systemctl, arguments).run().ok()?;
    let states = String::from_utf8_lossy(&ran.stdout).into_owned();
    states
        .lines()
        .zip(COMPETITORS)
        .find(|(state, _)| matches!(*state, "active" | "activating" | "deactivating"))
        .map(|(_, unit)| format!("another updater is at work: {unit}"))
}

/// What snapd is changing now; its service always runs, so it has to be asked.
fn snap_change() -> Option<String> {
    if !Path::new(SNAPD).exists() || !Program::Snap.is_here() {
        return None;
    }
    let said = Call::new(Program::Snap, ["changes"]).run().ok()?;
    under_way(&String::from_utf8_lossy(&said.stdout))
}

/// The summary of a change that is not done (`snap changes`: id, status, two times, summary; a time is `-` while it is
/// not known).
fn under_way(said: &str) -> Option<String> {
    let rows = said.lines().skip(1);
    rows.map(|line| line.split_whitespace().collect::<Vec<_>>())
        .find(|words| {
            let status = words.get(1).copied().unwrap_or_default();
            matches!(status, "Do" | "Doing" | "Undo" | "Undoing" | "Abort")
        })
        .map(|words| {
            let summary = words.iter().skip_while(|word| **word != "-").skip(1);
            summary.copied().collect::<Vec<_>>().join(" ")
        })
}

/// Where a simulation and a closure differ, in words.
#[must_use]
pub fn difference(closure: &Closure, simulated: &[Simulated]) -> Vec<String> {
    let text = |name: &str, arch: &str, from: Option<&str>, to: Option<&str>| {
        // A simulated removal may leave the architecture out.
        let arch = if to.is_none() { "" } else { arch };
        let colon = if arch.is_empty() { "" } else { ":" };
        let (from, to) = (from.unwrap_or("nothing"), to.unwrap_or("nothing"));
        format!("{name}{colon}{arch} {from} → {to}")
    };
    let planned: BTreeSet<String> = closure
        .changes
        .iter()
        .map(|change| text(&change.name, &change.arch, change.from(), change.to()))
        .collect();
    let would: BTreeSet<String> = simulated
        .iter()
        .map(|one| text(&one.name, &one.arch, one.from.as_deref(), one.to.as_deref()))
        .collect();
    let extra = would
        .difference(&planned)
        .map(|text| format!("not in the plan: {text}"));
    let missing = planned
        .difference(&would)
        .map(|text| format!("left out: {text}"));
    extra.chain(missing).collect()
}

fn report(outcome: Outcome) -> Report {
    Report::ended(outcome, Vec::new())
}

fn refused(why: &str, notes: &[String]) -> Report {
    let some = notes.iter().take(5).cloned().collect::<Vec<_>>().join("; ");
    let why = format!("{why}: {some}");
    Report::ended(Outcome::Refused { why }, notes.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn change_of_snapd_is_in_the_way_until_it_is_done() {
        let head = "ID   Status  Spawn               Ready               Summary\n";
        let done =
            "1    Done    today at 10:00 UTC  today at 10:01 UTC  Auto-refresh snap \"core20\"\n";
        let doing =
            "2    Doing   today at 10:02 UTC  -                   Auto-refresh snap \"lxd\"\n";
        assert_eq!(under_way(&format!("{head}{done}")), None);
        assert_eq!(
            under_way(&format!("{head}{done}{doing}")).as_deref(),
            Some("Auto-refresh snap \"lxd\"")
        );
        assert_eq!(under_way("error: cannot list changes"), None);
    }
}
