//! A machine: a host with a kernel and a boot loader of its own, in qemu.
//!
//! [`Host`](crate::Host)s share this machine's kernel, so what a new kernel does to a run can be seen only here. It is
//! emulated instruction by instruction (`tcg`), which works on any machine and is slow: a boot takes half a minute. So a
//! machine is for a story that needs a kernel, and a host for all others.
//!
//! ```text
//! Root ──copy, boot loader, mke2fs──► disk, built once per root ──copy──► Machine ◄── Luggage: programs, repositories
//!                                                                         │  BIOS ─► GRUB ─► the kernel it chooses
//!                                                                         └─ virtio-serial ─► commands
//! ```
//! It has no network. What is written stays until the machine is dropped. A reboot ends qemu, which is started anew: the
//! same way through BIOS and GRUB, which picks the kernel, and half a minute shorter than qemu's own reset.

mod disk;
mod line;
mod luggage;
mod tree;

pub use luggage::Luggage;

use crate::cgroup::Group;
use crate::host::{Ran, machine};
use crate::leftovers;
use crate::root::Root;
use crate::run::Run;
use crate::tool;
use anyhow::{Context, Result, ensure};
use line::Line;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Child;
use std::sync::Arc;
use std::time::Duration;

/// Programs that machines need besides the lab's own, each with the Debian package that brings it.
pub const PROGRAMS: [(&str, &str); 2] = [
    ("qemu-system-x86_64", "qemu-system-x86"),
    ("mke2fs", "e2fsprogs"),
];

/// Half a minute when this machine has nothing else to do.
const BOOT_MAX: Duration = Duration::from_secs(600);
/// systemd gives a service 90 s to end.
const STOP_MAX: Duration = Duration::from_secs(180);
/// A program that takes longer is given up.
const RUN_MAX: Duration = Duration::from_secs(600);

/// Whether `test` can use machines, after telling why it is skipped where it cannot.
///
/// # Panics
/// With `CI=true`, where a skip is a failure.
#[must_use]
pub fn available(test: &str) -> bool {
    crate::available(test)
        && PROGRAMS
            .iter()
            .all(|(program, _)| overlock_testkit::tool(test, program).is_some())
}

/// A machine of a lab.
#[derive(Debug)]
pub struct Machine {
    name: String,
    folder: PathBuf,
    group: Group,
    power: Power,
    run: Arc<Run>,
}

#[derive(Debug)]
enum Power {
    Off,
    On { qemu: Child, line: Line },
}

impl Machine {
    /// Lays its disk out, with what it is to find there; it is not started.
    pub(crate) fn prepare(
        run: Arc<Run>,
        name: &str,
        root: &Root,
        luggage: &Luggage,
    ) -> Result<Self> {
        let folder = run.folder.join("hosts").join(name);
        ensure!(!folder.exists(), "the lab has a host `{name}` already");
        let base = disk::base(root)?;
        fs::create_dir_all(&folder)?;
        let machine = Self {
            name: name.to_owned(),
            group: Group::named(&machine(&run.id, name))?,
            power: Power::Off,
            folder,
            run,
        };
        let mut copy = tool::command("cp", &["--sparse=always", "--reflink=auto"]);
        tool::succeed(copy.arg(base).arg(machine.disk()))?;
        disk::of_folder(luggage.folder(), luggage::LABEL, &machine.luggage())?;
        Ok(machine)
    }

    fn disk(&self) -> PathBuf {
        self.folder.join("disk.raw")
    }

    fn luggage(&self) -> PathBuf {
        self.folder.join("luggage.raw")
    }

    /// What it wrote on its console since it was made.
    #[must_use]
    pub fn console(&self) -> String {
        let bytes = fs::read(self.folder.join("console.log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Switches it on and waits until systemd has started all it had to.
    ///
    /// # Errors
    /// When it is on already or does not come up.
    pub fn start(&mut self) -> Result<()> {
        ensure!(
            matches!(self.power, Power::Off),
            "the machine `{}` is on already",
            self.name
        );
        let messages = File::create(self.folder.join("qemu.log"))?;
        let (line, theirs) = Line::new()?;
        let drive = |id: &str, file: PathBuf, more: &str| {
            // A cache that this machine need not flush: its own crash is not what is tried.
            let file = file.display();
            format!("file={file},if=none,id={id},format=raw,{more}")
        };
        let mut command = self.group.command();
        command
            .args(["qemu-system-x86_64", "-accel", "tcg", "-M", "q35"])
            .args(["-m", "1024", "-smp", "2", "-display", "none"])
            .args(["-nodefaults", "-no-user-config"])
            .args(["-no-reboot", "-serial", "chardev:console", "-chardev"])
            .arg(format!(
                "file,id=console,append=on,path={}",
                self.folder.join("console.log").display()
            ))
            .arg("-drive")
            .arg(drive("disk", self.disk(), "cache=unsafe"))
            .args(["-device", "nvme,drive=disk,serial=disk"])
            .arg("-drive")
            .arg(drive("luggage", self.luggage(), "readonly=on"))
            .args(["-device", "nvme,drive=luggage,serial=luggage"])
            .args(["-device", "virtio-rng-pci"])
            .args(["-device", "virtio-serial-pci"])
            .args(["-chardev", "stdio,id=line,signal=off"])
            .args(["-device", "virtserialport,chardev=line,name=lab"])
            .stdin(theirs.try_clone()?)
            .stdout(theirs)
            .stderr(messages);
        let qemu = command.spawn().context("cannot start qemu")?;
        self.power = Power::On { qemu, line };
        self.await_boot()
    }

    /// Puts what is in the luggage in its places.
    pub(crate) fn unpack(&mut self) -> Result<()> {
        self.output(&luggage::UNPACK).map(drop)
    }

    /// Waits for a reboot that something inside began, and for the end of the boot.
    ///
    /// # Errors
    /// When it does not go down and come up in time.
    pub fn follow(&mut self) -> Result<()> {
        let name = self.name.as_str();
        let Power::On { qemu, .. } = &mut self.power else {
            anyhow::bail!("the machine `{name}` is off");
        };
        tool::await_answer(&format!("`{name}` to go down"), STOP_MAX, || {
            Ok(qemu.try_wait()?)
        })?;
        self.power = Power::Off;
        self.start()
    }

    fn await_boot(&mut self) -> Result<()> {
        let result = match &mut self.power {
            Power::Off => Err(anyhow::anyhow!("the machine is off")),
            Power::On { line, .. } => line.await_boot(BOOT_MAX),
        };
        if let Err(error) = result {
            let said = fs::read_to_string(self.folder.join("qemu.log")).unwrap_or_default();
            let said = said + &self.console();
            let said = tool::last_words(&said).to_owned();
            let name = &self.name;
            return Err(error.context(format!("`{name}` does not come up; it says: {said}")));
        }
        // That some unit failed is not ours to judge.
        self.run_within(BOOT_MAX, &["systemctl", "is-system-running", "--wait"])
            .map(drop)
    }

    /// Runs a program to its end, for ten minutes at most, without terminal and with an empty standard input.
    ///
    /// # Errors
    /// When the machine does not answer. That the program fails is an answer.
    pub fn run(&mut self, argv: &[&str]) -> Result<Ran> {
        self.run_within(RUN_MAX, argv)
    }

    fn run_within(&mut self, limit: Duration, argv: &[&str]) -> Result<Ran> {
        let name = self.name.clone();
        match &mut self.power {
            Power::Off => anyhow::bail!("the machine `{name}` is off"),
            Power::On { line, .. } => line
                .run(argv, limit)
                .with_context(|| format!("`{}` on `{name}`", argv.join(" "))),
        }
    }

    /// Runs a program that must succeed and gives what it printed.
    ///
    /// # Errors
    /// When it fails.
    pub fn output(&mut self, argv: &[&str]) -> Result<String> {
        let ran = self.run(argv)?.ok();
        let ran = ran.with_context(|| format!("`{}` on `{}`", argv.join(" "), self.name))?;
        Ok(ran.stdout)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if let Power::On { qemu, .. } = &mut self.power {
            self.group.kill();
            let _ = qemu.wait();
        }
        leftovers::remove_host(&self.run.id, &self.name, &self.folder);
    }
}
