//! A host: a copy of a base root with its own identity, network and systemd.
//!
//! ```text
//! prepared ──start──► running ──stop, or poweroff from inside──► off ──start──► …
//!                        │──kill: as if the power went────────────┘
//!                        └──reboot, or reboot from inside + follow──► running
//! ```
//! What was written stays in the copy until the host is dropped.

pub mod btrfs;
pub mod enter;

use crate::cgroup::Group;
use crate::leftovers;
use crate::network::{self, Port};
use crate::root::Root;
use crate::run::Run;
use crate::tool;
use anyhow::{Context, Result, bail, ensure};
use btrfs::Btrfs;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

pub use enter::Ran;

/// A boot takes a second; this is for a machine that has other things to do.
const BOOT_MAX: Duration = Duration::from_secs(90);

/// systemd gives a service 90 s to end.
const STOP_MAX: Duration = Duration::from_secs(120);

/// After a kill there is nothing to wait for but the kernel.
const KILL_MAX: Duration = Duration::from_secs(20);

/// With `--keep-unit`, systemd-nspawn leaves a reboot to whoever started it, and says so (`nspawn.c`,
/// `EXIT_FORCE_RESTART`).
const WANTS_REBOOT: i32 = 133;

/// How much a host can write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disk {
    /// What this machine has left.
    Unlimited,
    /// Changes live in memory and end at this size.
    Limited {
        /// In MiB.
        size_mib: u32,
    },
    /// A btrfs of its own, see [`btrfs`].
    Btrfs {
        /// In MiB.
        size_mib: u32,
    },
}

/// How a system went down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It is off.
    Off,
    /// It wanted to reboot, and did: it is running again.
    Rebooted,
}

/// A host of a lab.
#[derive(Debug)]
pub struct Host {
    name: String,
    folder: PathBuf,
    root: PathBuf,
    port: Port,
    group: Group,
    btrfs: Option<Btrfs>,
    power: Power,
    commands: AtomicU32,
    run: Arc<Run>,
}

#[derive(Debug)]
enum Power {
    Off,
    On { supervisor: Child, leader: Pid },
}

impl Host {
    /// Lays the copy out and joins it to the network; it is not started.
    pub(crate) fn prepare(run: Arc<Run>, name: &str, root: &Root, disk: Disk) -> Result<Self> {
        let folder = run.folder.join("hosts").join(name);
        ensure!(!folder.exists(), "the lab has a host `{name}` already");
        let group = Group::named(&machine(&run.id, name))?;
        let merged = folder.join("root");
        fs::create_dir_all(&merged)?;
        let port = run.network.join(name)?;
        let btrfs = match disk {
            Disk::Btrfs { size_mib } => Some(Btrfs::lay_out(root, size_mib, &folder, &merged)?),
            Disk::Unlimited | Disk::Limited { .. } => None,
        };
        let host = Self {
            name: name.to_owned(),
            root: merged,
            port,
            group,
            btrfs,
            power: Power::Off,
            commands: AtomicU32::new(0),
            folder,
            run,
        };
        if host.btrfs.is_none() {
            host.lay_over(root, disk)?;
        }
        host.identify()?;
        Ok(host)
    }

    fn lay_over(&self, root: &Root, disk: Disk) -> Result<()> {
        let changes = self.folder.join("disk");
        fs::create_dir_all(&changes)?;
        if let Disk::Limited { size_mib } = disk {
            let size = format!("size={size_mib}m");
            mount(&["-t", "tmpfs", "-o", &size, "tmpfs"], &changes)?;
        }
        let (upper, work) = (changes.join("upper"), changes.join("work"));
        fs::create_dir_all(&upper)?;
        fs::create_dir_all(&work)?;
        let layers = format!(
            "lowerdir={},upperdir={},workdir={}",
            root.path().display(),
            upper.display(),
            work.display()
        );
        mount(&["-t", "overlay", "-o", &layers, "overlay"], &self.root)
    }

    fn identify(&self) -> Result<()> {
        let id: String = fs::read_to_string("/proc/sys/kernel/random/uuid")?
            .chars()
            .filter(char::is_ascii_hexdigit)
            .collect();
        fs::write(self.root.join("etc/machine-id"), format!("{id}\n"))?;
        fs::write(self.root.join("etc/hostname"), format!("{}\n", self.name))?;
        let networks = self.root.join("etc/systemd/network");
        fs::create_dir_all(&networks)?;
        fs::write(
            networks.join("10-lab.network"),
            network::configuration(self.port.address),
        )?;
        self.run.meet(&self.name, self.port.address, &self.root)
    }

    /// Its name, which the other hosts of the lab know.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its address in the lab's network.
    #[must_use]
    pub fn address(&self) -> Ipv4Addr {
        self.port.address
    }

    /// Its root folder as seen from outside. What lies on the host's own mounts (`/run`, `/tmp`) is not in it.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What it wrote on its console since it was made.
    #[must_use]
    pub fn console(&self) -> String {
        let bytes = fs::read(self.folder.join("console.log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The number, outside, of its first process while it runs.
    #[must_use]
    pub fn leader(&self) -> Option<u32> {
        match &self.power {
            Power::On { leader, .. } => Some(leader.as_raw_nonzero().get().unsigned_abs()),
            Power::Off => None,
        }
    }

    /// Boots it and waits until systemd has started all it had to.
    ///
    /// # Errors
    /// When it runs already or does not come up.
    pub fn start(&mut self) -> Result<()> {
        ensure!(
            matches!(self.power, Power::Off),
            "the host `{}` runs already",
            self.name
        );
        self.boot().with_context(|| {
            let console = self.console();
            let said = tool::last_words(&console).to_owned();
            format!(
                "the host `{}` does not come up; its console: {said}",
                self.name
            )
        })
    }

    fn boot(&mut self) -> Result<()> {
        let mut disk = Vec::new();
        if let Some(btrfs) = &self.btrfs {
            btrfs.mount_root(&self.root)?;
            disk.extend(btrfs.arguments());
        }
        let console = File::options()
            .create(true)
            .append(true)
            .open(self.folder.join("console.log"))?;
        let mut command = self.group.command();
        command
            .args(["systemd-nspawn", "--quiet", "--boot", "--settings=no"])
            .args(["--register=no", "--keep-unit", "--link-journal=no"])
            .args(["--resolv-conf=off", "--timezone=off", "--console=pipe"])
            .arg(format!("--machine={}", machine(&self.run.id, &self.name)))
            .arg(format!("--hostname={}", self.name))
            .arg(format!(
                "--network-namespace-path={}",
                network::file(&self.port.namespace).display()
            ))
            .arg("--capability=CAP_NET_ADMIN")
            // Parameters of its own network, and of nothing else, can be set on the host.
            .env("SYSTEMD_NSPAWN_API_VFS_WRITABLE", "network")
            .args(disk)
            .arg(format!("--directory={}", self.root.display()))
            .stdin(Stdio::null())
            .stdout(console.try_clone()?)
            .stderr(console);
        let mut supervisor = command.spawn().context("cannot start systemd-nspawn")?;
        let found = tool::await_answer("the first process", BOOT_MAX, || {
            if let Some(status) = supervisor.try_wait()? {
                bail!("systemd-nspawn ended: {status}");
            }
            Ok(self.group.leader())
        });
        match found {
            Ok(leader) => self.power = Power::On { supervisor, leader },
            Err(error) => {
                self.group.kill();
                supervisor.wait()?;
                return Err(error);
            }
        }
        self.await_boot()
    }

    /// Asks systemd; that some unit failed is not ours to judge.
    fn await_boot(&mut self) -> Result<()> {
        tool::await_answer("the end of the boot", BOOT_MAX, || {
            if let Power::On { supervisor, .. } = &mut self.power
                && let Some(status) = supervisor.try_wait()?
            {
                self.power = Power::Off;
                bail!("it went down while booting: {status}");
            }
            let state = self.run_within(
                BOOT_MAX.as_secs(),
                &["systemctl", "is-system-running", "--wait"],
            )?;
            match state.stdout.trim() {
                "running" | "degraded" => Ok(Some(())),
                "maintenance" => bail!("it is in the emergency shell"),
                // Not yet able to answer.
                _ => Ok(None),
            }
        })
    }

    /// Powers it off in an orderly way.
    ///
    /// # Errors
    /// When it does not go down.
    pub fn stop(&mut self) -> Result<()> {
        // The connection may end before the answer.
        self.run(&["systemctl", "poweroff"])?;
        let status = self.await_end(STOP_MAX)?;
        ensure!(
            status.code() != Some(WANTS_REBOOT),
            "the host `{}` rebooted instead",
            self.name
        );
        Ok(())
    }

    /// As if the power went: every process ends at once. What is in the kernel's cache is kept, unlike then.
    ///
    /// # Errors
    /// When the kernel does not end them.
    pub fn kill(&mut self) -> Result<()> {
        let Power::On { leader, .. } = &self.power else {
            return Ok(());
        };
        // Gone is what was wanted. The kernel ends a pid namespace with its first process.
        let _ = kill_process(*leader, Signal::KILL);
        self.await_end(KILL_MAX).map(drop)
    }

    /// The power goes: like [`Host::kill`], and what a btrfs had not written to its disk is lost too. Other disks keep it.
    ///
    /// # Errors
    /// When the kernel does not end the processes, or the disk cannot be copied.
    pub fn lose_power(&mut self) -> Result<()> {
        self.kill()?;
        match &mut self.btrfs {
            Some(btrfs) => btrfs.lose_unwritten(&self.root),
            None => Ok(()),
        }
    }

    /// Reboots in an orderly way and waits until it is up again.
    ///
    /// # Errors
    /// When it does not go down or does not come up.
    pub fn reboot(&mut self) -> Result<()> {
        self.run(&["systemctl", "reboot"])?;
        match self.follow()? {
            Ended::Rebooted => Ok(()),
            Ended::Off => bail!("the host `{}` went off instead", self.name),
        }
    }

    /// Waits for an end that something inside began; a reboot is carried out.
    ///
    /// # Errors
    /// When it does not go down within two minutes, or does not come up.
    pub fn follow(&mut self) -> Result<Ended> {
        if self.await_end(STOP_MAX)?.code() == Some(WANTS_REBOOT) {
            self.start()?;
            return Ok(Ended::Rebooted);
        }
        Ok(Ended::Off)
    }

    fn await_end(&mut self, limit: Duration) -> Result<ExitStatus> {
        let name = self.name.as_str();
        let Power::On { supervisor, .. } = &mut self.power else {
            bail!("the host `{name}` is off");
        };
        let status = tool::await_answer(&format!("`{name}` to go down"), limit, || {
            Ok(supervisor.try_wait()?)
        })?;
        self.power = Power::Off;
        // What entered from outside has the same pid namespace and is gone too; the kernel may still be at it.
        tool::await_answer(&format!("the last process of `{name}`"), limit, || {
            self.group.kill();
            Ok(self.group.processes().is_empty().then_some(()))
        })?;
        self.group.remove();
        Ok(status)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Power::On { supervisor, .. } = &mut self.power {
            self.group.kill();
            let _ = supervisor.wait();
        }
        self.run.part(&self.name);
        leftovers::remove_host(&self.run.id, &self.name, &self.folder);
    }
}

/// The name of a host that no other host on this machine has: of its control group and for systemd-nspawn.
pub fn machine(lab: &str, host: &str) -> String {
    format!("{}{lab}-{host}", network::PREFIX)
}

fn mount(arguments: &[&str], at: &Path) -> Result<()> {
    let mut command = tool::command("mount", arguments);
    tool::succeed(command.arg(at))
}
