//! What a killed run leaves: recognised by its owner, who is gone, and removed.
//!
//! One way to take a host or a lab away, for those that end well and for those that do not.

use crate::cgroup::{self, Group};
use crate::host::machine;
use crate::key;
use crate::network;
use crate::run::runs;
use crate::tool;
use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long the kernel may take to end processes.
const END_MAX: Duration = Duration::from_secs(20);

/// Folders of a host that something may be mounted at.
const MOUNTS: [&str; 3] = ["root", "disk", "data"];

/// Which labs to take away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sweep {
    /// Those whose process is gone.
    Abandoned,
    /// All of this project, also those in use; their processes are ended.
    All,
}

/// The process that a lab belongs to. The start time tells it from a later one with the same number.
#[derive(Debug, PartialEq, Eq)]
pub struct Owner {
    pid: u32,
    start: Option<String>,
}

impl Owner {
    pub fn this_process() -> Self {
        let pid = std::process::id();
        Self {
            pid,
            start: start_time(pid),
        }
    }

    pub fn write(&self, lab: &Path) -> Result<()> {
        let start = self.start.as_deref().unwrap_or_default();
        fs::write(lab.join("owner"), format!("{} {start}", self.pid))
            .context("cannot write whose lab it is")
    }

    pub fn of(lab: &Path) -> Option<Self> {
        let text = fs::read_to_string(lab.join("owner")).ok()?;
        let (pid, start) = text.split_once(' ')?;
        Some(Self {
            pid: pid.parse().ok()?,
            start: Some(start.to_owned()),
        })
    }

    pub fn is_alive(&self) -> bool {
        self.start.is_some() && start_time(self.pid) == self.start
    }

    fn end(&self) {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid.filter(|_| self.is_alive() && self.pid != std::process::id()) {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// In clock ticks since the machine's boot (`proc(5)`, `/proc/pid/stat`, field 22).
fn start_time(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, field 2, may hold spaces and brackets; after its last bracket comes field 3.
    let (_, after) = stat.rsplit_once(") ")?;
    after.split(' ').nth(19).map(str::to_owned)
}

/// Takes labs away: processes, mounts, namespaces, folders. Returns the ids of those that are gone.
///
/// # Errors
/// When a folder cannot be read or something resists.
pub fn sweep(which: Sweep) -> Result<Vec<String>> {
    let mut gone = Vec::new();
    let runs = runs();
    fs::create_dir_all(&runs).with_context(|| format!("cannot make `{}`", runs.display()))?;
    // Two that sweep at once would trip over each other.
    let broom = File::create(runs.join("lock"))?;
    broom.lock()?;
    for folder in subfolders(&runs) {
        let owner = Owner::of(&folder);
        let alive = owner.as_ref().is_some_and(Owner::is_alive);
        // A lab without an owner is one that is just being made, or an empty folder of a killed process.
        let fresh = owner.is_none() && which == Sweep::Abandoned && is_ours_by_name(&folder);
        if (alive && which == Sweep::Abandoned) || fresh {
            continue;
        }
        if let Some(owner) = owner {
            owner.end();
        }
        let id = name(&folder);
        remove_lab(&id, &folder).with_context(|| format!("cannot take the lab `{id}` away"))?;
        gone.push(id);
    }
    if which == Sweep::All {
        remove_homeless()?;
    }
    Ok(gone)
}

/// Takes away what carries our name and has neither a folder nor a living owner: a build folder was deleted.
fn remove_homeless() -> Result<()> {
    let homeless = |name: &str| {
        let id = name.strip_prefix(network::PREFIX)?;
        let pid: u32 = id.split('-').next()?.parse().ok()?;
        (!is_there(pid)).then_some(())
    };
    for name in cgroup::names_below_the_roots() {
        if homeless(&name).is_some() {
            end_group(&name);
        }
    }
    for name in network::names() {
        if homeless(&name).is_some() {
            network::remove(&name)?;
        }
    }
    Ok(())
}

/// Whether the process that the folder's name begins with is alive.
fn is_ours_by_name(folder: &Path) -> bool {
    let name = name(folder);
    let pid = name.split('-').next().unwrap_or_default();
    pid.parse().is_ok_and(is_there)
}

fn is_there(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

/// Takes one lab away.
pub fn remove_lab(id: &str, folder: &Path) -> Result<()> {
    for host in subfolders(&folder.join("hosts")) {
        remove_host(id, &name(&host), &host);
    }
    for keys in subfolders(&folder.join("keys")) {
        key::end_agent(&keys.join(key::HOME));
    }
    // Hosts whose folder was never made have at most a namespace.
    let own = format!("{}{id}", network::PREFIX);
    for namespace in network::names() {
        if namespace == own || namespace.starts_with(&format!("{own}-")) {
            network::remove(&namespace)?;
        }
    }
    // A second process may be at the same.
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    Ok(())
}

/// Ends and removes what there is of a host. It goes on where something resists: a sweep tries again.
pub fn remove_host(lab: &str, host: &str, folder: &Path) {
    let machine = machine(lab, host);
    end_group(&machine);
    for mount in MOUNTS {
        let at = folder.join(mount);
        if is_mounted(&at) {
            // Lazily: the kernel may still be ending the namespace that has a copy of the mount.
            let mut umount = tool::command("umount", &["--lazy"]);
            let _ = tool::succeed(umount.arg(&at));
        }
    }
    let _ = network::remove(&machine);
    // Left there by systemd-nspawn.
    let _ = fs::remove_dir(Path::new("/run/systemd/nspawn/propagate").join(&machine));
    // Nothing under a mount is ever removed: that would be the base root's or another's.
    if !MOUNTS.iter().any(|mount| is_mounted(&folder.join(mount))) {
        let _ = fs::remove_dir_all(folder);
    }
}

fn end_group(name: &str) {
    if let Ok(group) = Group::named(name) {
        let _ = tool::await_answer("the host's processes to end", END_MAX, || {
            group.kill();
            Ok(group.processes().is_empty().then_some(()))
        });
        group.remove();
    }
}

fn is_mounted(path: &Path) -> bool {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let wanted = path.to_string_lossy();
    mounts
        .lines()
        .any(|line| line.split(' ').nth(1) == Some(&wanted))
}

fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

pub fn subfolders(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owner_is_this_process_and_not_an_earlier_one_of_its_number() {
        let folder = std::env::temp_dir();
        let own = Owner::this_process();
        assert!(own.is_alive(), "{own:?} in {}", folder.display());
        let earlier = Owner {
            pid: own.pid,
            start: Some("1".to_owned()),
        };
        assert!(!earlier.is_alive());
    }
}
