//! Labs that stand now, whoever made them: for people who look and enter.

use crate::cgroup::Group;
use crate::host::{enter, machine};
use crate::leftovers::{Owner, subfolders};
use crate::run::runs;
use std::path::PathBuf;
use std::process::Command;

/// A lab that stands.
#[derive(Debug)]
pub struct PresentLab {
    /// Its id.
    pub id: String,
    /// Whether the process that it belongs to is alive.
    pub owned: bool,
    /// Its hosts, by name.
    pub hosts: Vec<PresentHost>,
}

/// A host of a lab that stands.
#[derive(Debug)]
pub struct PresentHost {
    /// Its name.
    pub name: String,
    /// The number of its first process, if it runs.
    pub leader: Option<u32>,
    /// Its root folder.
    pub root: PathBuf,
    /// Its network namespace.
    pub namespace: String,
}

/// All labs of this project, in the order of their names.
#[must_use]
pub fn present() -> Vec<PresentLab> {
    let name = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    };
    let labs = subfolders(&runs()).into_iter().map(|folder| {
        let id = name(&folder);
        let hosts = subfolders(&folder.join("hosts")).into_iter();
        PresentLab {
            owned: Owner::of(&folder).is_some_and(|owner| owner.is_alive()),
            hosts: hosts.map(|host| look(&id, name(&host), &host)).collect(),
            id,
        }
    });
    labs.collect()
}

/// A login shell of root in the namespaces of a host, on the caller's own terminal; not started. `leader` is the number
/// of the host's first process.
#[must_use]
pub fn login(leader: u32) -> Command {
    let mut command = Command::new("nsenter");
    command
        .args(enter::into(&leader.to_string()))
        .args(["/bin/bash", "--login"])
        .env_clear()
        .envs(enter::ENVIRONMENT)
        .envs(std::env::var_os("TERM").map(|terminal| ("TERM", terminal)));
    command
}

fn look(lab: &str, name: String, folder: &std::path::Path) -> PresentHost {
    let machine = machine(lab, &name);
    let leader = Group::named(&machine).ok().and_then(|group| group.leader());
    PresentHost {
        leader: leader.map(|pid| pid.as_raw_nonzero().get().unsigned_abs()),
        root: folder.join("root"),
        namespace: machine,
        name,
    }
}
