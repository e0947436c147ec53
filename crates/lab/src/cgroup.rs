//! Control groups of hosts: one per host, so that two systemds do not share a tree and nothing that a host started
//! can hide from its end.
//!
//! A group is a folder in each hierarchy that systemd uses: the unified one, and systemd's named one where version 1
//! is mounted beside it.

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Most processes that one host is taken to have.
const PROCESSES_MAX: usize = 100_000;

/// Enters the groups named before `--`, then becomes the command after it. A shell, since a process must do it itself.
const ENTER: &str = "while [ \"$1\" != -- ]; do mkdir -p \"$1\" && echo $$ >\"$1/cgroup.procs\" || exit 125; shift; \
                     done; shift; exec \"$@\"";

/// The folders of one group.
#[derive(Debug, Clone)]
pub struct Group {
    folders: Vec<PathBuf>,
}

impl Group {
    /// A group of this name below the roots of the hierarchies; it is made when first entered.
    pub fn named(name: &str) -> Result<Self> {
        let mounts = fs::read_to_string("/proc/self/mounts").context("cannot read the mounts")?;
        let folders: Vec<PathBuf> = hierarchies(&mounts)
            .map(|root| Path::new(root).join(name))
            .collect();
        ensure!(
            !folders.is_empty(),
            "no control group hierarchy that systemd can use is mounted"
        );
        Ok(Self { folders })
    }

    /// A group below this one.
    pub fn below(&self, name: &str) -> Self {
        let folders = self.folders.iter().map(|folder| folder.join(name));
        Self {
            folders: folders.collect(),
        }
    }

    /// The start of a command that runs in this group.
    pub fn command(&self) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", ENTER, "sh"]).args(&self.folders);
        command.arg("--");
        command
    }

    /// The processes of the group and of all below it, by their numbers outside.
    pub fn processes(&self) -> Vec<Pid> {
        let mut found = Vec::new();
        for folder in &self.folders {
            collect(folder, &mut found);
        }
        found.sort_unstable_by_key(|pid| pid.as_raw_nonzero());
        found.dedup();
        found
    }

    /// The first process of a booted system in this group: the one that is number 1 in its own pid namespace.
    pub fn leader(&self) -> Option<Pid> {
        self.processes().into_iter().find(|pid| is_leader(*pid))
    }

    /// Kills all, without a chance to write anything.
    pub fn kill(&self) {
        for pid in self.processes() {
            // Gone is what was wanted.
            let _ = kill_process(pid, Signal::KILL);
        }
    }

    /// Removes the folders; those still in use stay for the next sweep.
    pub fn remove(&self) {
        for folder in &self.folders {
            remove(folder);
        }
    }
}

/// Names of all groups directly below the roots of the hierarchies.
pub fn names_below_the_roots() -> Vec<String> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    hierarchies(&mounts)
        .flat_map(|root| subfolders(Path::new(root)).collect::<Vec<_>>())
        .filter_map(|folder| Some(folder.file_name()?.to_string_lossy().into_owned()))
        .collect()
}

fn hierarchies(mounts: &str) -> impl Iterator<Item = &str> {
    mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        let (at, kind, options) = (words.next()?, words.next()?, words.next()?);
        let named = kind == "cgroup" && options.split(',').any(|option| option == "name=systemd");
        (named || kind == "cgroup2").then_some(at)
    })
}

fn collect(folder: &Path, found: &mut Vec<Pid>) {
    let text = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
    let pids = text.lines().filter_map(|line| line.parse().ok());
    found.extend(pids.filter_map(Pid::from_raw));
    for below in subfolders(folder) {
        if found.len() < PROCESSES_MAX {
            collect(&below, found);
        }
    }
}

fn remove(folder: &Path) {
    for below in subfolders(folder) {
        remove(&below);
    }
    let _ = fs::remove_dir(folder);
}

fn subfolders(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
}

fn is_leader(pid: Pid) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let value = |field: &str| {
        status
            .lines()
            .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))
            .map(str::trim)
            .unwrap_or_default()
    };
    let numbers: Vec<&str> = value("NSpid").split_whitespace().collect();
    // Before it becomes the system's first program, it is still a part of systemd-nspawn that prepares the mounts.
    let prepared = !value("Name").starts_with("systemd-nspawn") && !value("Name").starts_with('(');
    prepared && numbers.len() > 1 && numbers.last() == Some(&"1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hierarchies_of_both_versions_are_found() {
        let mixed = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\n\
                     cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n\
                     cgroup /sys/fs/cgroup/systemd cgroup rw,name=systemd 0 0\n\
                     cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
        let found: Vec<&str> = hierarchies(mixed).collect();
        assert_eq!(found, ["/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified"]);
        let unified = "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n";
        let found: Vec<&str> = hierarchies(unified).collect();
        assert_eq!(found, ["/sys/fs/cgroup"]);
    }

    #[test]
    fn this_process_leads_nothing_in_a_group_that_is_not_there() {
        let group = Group {
            folders: vec![PathBuf::from("/nonexistent")],
        };
        assert_eq!(group.leader(), None);
    }
}
