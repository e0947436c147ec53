//! One running lab: its folder, its network, its server, its hosts.

use crate::host::{Disk, Host};
use crate::leftovers::{self, Owner, Sweep};
use crate::machine::{Luggage, Machine};
use crate::network::{Network, SERVER, SERVER_NAME};
use crate::repository::{Repository, Suite};
use crate::root::Root;
use crate::server::Server;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Labs of this process so far; with the process's number it makes a name that no other running lab has.
static LABS: AtomicU32 = AtomicU32::new(0);

/// A network of its own with hosts and repositories. All of it ends with the last of them that is dropped.
#[derive(Debug)]
pub struct Lab {
    run: Arc<Run>,
}

impl Lab {
    /// An empty lab. What killed runs of this project left behind is removed first.
    ///
    /// # Errors
    /// When not root, when a program is missing, or when the network cannot be made.
    pub fn new() -> Result<Self> {
        crate::require()?;
        leftovers::sweep(Sweep::Abandoned)?;
        let number = LABS.fetch_add(1, Ordering::Relaxed);
        let id = format!("{}-{number}", std::process::id());
        let folder = runs().join(&id);
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make `{}`", folder.display()))?;
        Owner::this_process().write(&folder)?;
        let network = Network::new(&id)?;
        Ok(Self {
            run: Arc::new(Run {
                id,
                folder,
                network,
                hosts: Mutex::new(Vec::new()),
                server: Mutex::new(None),
            }),
        })
    }

    /// A booted copy of `root` with the whole disk of this machine for its changes.
    ///
    /// # Errors
    /// When the name is taken or is no host name, or when the host does not come up.
    pub fn host(&self, name: &str, root: &Root) -> Result<Host> {
        self.host_with(name, root, Disk::Unlimited)
    }

    /// The same with a disk of this size.
    ///
    /// # Errors
    /// As [`Lab::host`].
    pub fn host_with(&self, name: &str, root: &Root, disk: Disk) -> Result<Host> {
        ensure!(
            is_host_name(name),
            "`{name}` is no host name: a lower-case letter, then letters, digits and hyphens, 20 at most"
        );
        let mut host = Host::prepare(Arc::clone(&self.run), name, root, disk)
            .with_context(|| format!("cannot prepare the host `{name}`"))?;
        host.start()?;
        Ok(host)
    }

    /// A booted machine with a kernel and a boot loader of its own, of a root of [`Recipe::machine`](crate::Recipe::machine).
    ///
    /// # Errors
    /// When the name is taken or is no host name, a program is missing, or the machine does not come up.
    pub fn machine(&self, name: &str, root: &Root, luggage: &Luggage) -> Result<Machine> {
        ensure!(is_host_name(name), "`{name}` is no host name");
        let mut machine = Machine::prepare(Arc::clone(&self.run), name, root, luggage)
            .with_context(|| format!("cannot prepare the machine `{name}`"))?;
        machine.start()?;
        machine.unpack()?;
        Ok(machine)
    }

    /// An empty repository, signed with a key of its own.
    ///
    /// # Errors
    /// When the key cannot be made or the server does not start.
    pub fn repository(&self, suite: Suite) -> Result<Repository> {
        self.run.serve()?;
        Repository::new(Arc::clone(&self.run), suite)
    }

    /// What is in the names of the lab's namespaces and folder.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.run.id
    }

    /// Where the lab keeps what goes with it.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.run.folder
    }
}

/// What the lab, its hosts and its repositories share.
#[derive(Debug)]
pub struct Run {
    pub id: String,
    pub folder: PathBuf,
    pub network: Network,
    hosts: Mutex<Vec<Neighbour>>,
    server: Mutex<Option<Server>>,
}

#[derive(Debug)]
struct Neighbour {
    name: String,
    address: Ipv4Addr,
    root: PathBuf,
}

impl Run {
    /// What repositories put here is served as it is.
    pub fn served(&self) -> PathBuf {
        self.folder.join("served")
    }

    /// Tells the hosts each other's names; an error if the name is taken.
    pub fn meet(&self, name: &str, address: Ipv4Addr, root: &Path) -> Result<()> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        ensure!(
            hosts.iter().all(|host| host.name != name),
            "the lab has a host `{name}` already"
        );
        hosts.push(Neighbour {
            name: name.to_owned(),
            address,
            root: root.to_owned(),
        });
        let mut table = format!("127.0.0.1 localhost\n{SERVER} {SERVER_NAME}\n");
        for host in hosts.iter() {
            table.push_str(&format!("{} {}\n", host.address, host.name));
        }
        for host in hosts.iter() {
            fs::write(host.root.join("etc/hosts"), &table)
                .with_context(|| format!("cannot name the neighbours of `{}`", host.name))?;
        }
        Ok(())
    }

    pub fn part(&self, name: &str) {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.retain(|host| host.name != name);
    }

    /// Paths that hosts asked the server for, those below `prefix`.
    pub fn requests(&self, prefix: &str) -> Vec<String> {
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        server
            .as_ref()
            .map_or_else(Vec::new, |server| server.requests(prefix))
    }

    fn serve(&self) -> Result<()> {
        let mut server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        if server.is_none() {
            fs::create_dir_all(self.served())?;
            *server = Some(Server::start(self.network.namespace(), self.served())?);
        }
        Ok(())
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        drop(self.server.get_mut().map(Option::take));
        // What resists is found by the next sweep, since the folder stays then.
        let _ = leftovers::remove_lab(&self.id, &self.folder);
    }
}

/// Where the folders of running labs are.
pub fn runs() -> PathBuf {
    crate::folder().join("run")
}

/// Short enough for a machine name of systemd (64 characters) with our prefix and the lab's id before it.
fn is_host_name(name: &str) -> bool {
    name.len() <= 20
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .chars()
            .all(|one| one.is_ascii_lowercase() || one.is_ascii_digit() || one == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_name_is_no_path_and_no_option() {
        assert!(is_host_name("web-03"));
        for wrong in [
            "",
            "-a",
            "../a",
            "a/b",
            "A",
            "a b",
            "a-very-long-name-of-a-host",
        ] {
            assert!(!is_host_name(wrong), "{wrong}");
        }
    }
}
