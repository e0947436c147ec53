//! A root to break: layers below that nobody changes, and one disk that is made for it and goes with it.
//!
//! Mounts are made in a mount namespace that belongs to one thread ([`in_own_mounts`]). Whatever way a campaign ends, the
//! kernel takes its mounts, disks in memory and loop devices away with it: there is nothing to sweep.
//!
//! ```text
//! FOLDER/root     what a chroot of the trial sees: an overlay of the layers and FOLDER/disk, or an ext4 of its own
//! FOLDER/disk     tmpfs, the uppermost layer of an overlay
//! FOLDER/image    the ext4, on a loop device; a copy of the image of all layers
//! FOLDER/before   for an ext4: the layers as they were, to compare with
//! ```
//!
//! A disk that loses its power holds the whole root: ext4 looks after a file that replaces another, and over the layers of
//! an overlay there is none to replace the first time, so that more would be lost than on a real host.

use anyhow::{Context, Result, anyhow, ensure};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use std::cell::Cell;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Flag of the shutdown call: nothing that is only in memory is written, the journal neither
/// (`EXT4_GOING_FLAGS_NOLOGFLUSH`, Linux `include/uapi/linux/ext4.h`).
const NO_LOG_FLUSH: u32 = 2;

/// Below `/proc`.
const BOOT_ID: &str = "sys/kernel/random/boot_id";

/// What changes go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disk {
    /// In memory, of this many MiB, over the layers.
    Memory(u32),
    /// ext4 with the whole root, a copy of this image ([`image`]): it can lose its power.
    Ext4(PathBuf),
}

/// A root with its mounts; they go with it.
#[derive(Debug)]
pub struct Scene {
    folder: PathBuf,
    below: Vec<PathBuf>,
    disk: Disk,
    boots: Cell<u32>,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// Exit code; -1 after a signal.
    pub code: i32,
    /// Both outputs.
    pub said: String,
}

/// Runs `work` in a thread with mounts of its own, over an empty disk in memory at `folder`.
///
/// # Errors
/// Those of `work`, and when the namespace or the disk cannot be made.
pub fn in_own_mounts<T: Send>(folder: &Path, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    fs::create_dir_all(folder)?;
    let inside = || {
        unshare(CloneFlags::CLONE_NEWNS).context("cannot have mounts of its own")?;
        // What happens here stays here.
        let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
        mount(None::<&str>, "/", None::<&str>, private, None::<&str>)?;
        tmpfs(folder, 8 << 10)?;
        work()
    };
    std::thread::scope(|scope| {
        let joined = scope.spawn(inside).join();
        joined.map_err(|_| anyhow!("a thread ended by a panic"))?
    })
}

impl Scene {
    /// Mounts a root of these layers, uppermost first, in `folder`.
    ///
    /// # Errors
    /// When something cannot be mounted.
    pub fn new(folder: &Path, below: &[PathBuf], disk: Disk) -> Result<Self> {
        let scene = Self {
            folder: folder.to_owned(),
            below: below.to_vec(),
            disk,
            boots: Cell::new(0),
        };
        for name in ["disk", "root", "before"] {
            fs::create_dir_all(folder.join(name))?;
        }
        match &scene.disk {
            Disk::Memory(mib) => tmpfs(&scene.at("disk"), *mib)?,
            Disk::Ext4(image) => {
                let mut copy = Command::new("cp");
                succeed(
                    copy.args(["--sparse=auto", "--"])
                        .args([image, &scene.at("image")]),
                )?;
                layers(below, &scene.at("before"))?;
            }
        }
        scene.mount()?;
        Ok(scene)
    }

    /// The root.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.at("root")
    }

    /// The folders whose entries may be other than before, and those that they were before, uppermost first.
    #[must_use]
    pub fn sides(&self) -> (PathBuf, Vec<PathBuf>) {
        match self.disk {
            Disk::Memory(_) => (self.changes(), self.below.clone()),
            Disk::Ext4(_) => (self.root(), vec![self.at("before")]),
        }
    }

    /// What was changed in an overlay: the uppermost layer.
    #[must_use]
    pub fn changes(&self) -> PathBuf {
        self.at("disk").join("changes")
    }

    /// Argv of a command in the root.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Vec<String> {
        // A command that hangs is an end too: code 124.
        ["timeout", "--kill-after=5", "300", "chroot"]
            .into_iter()
            .map(str::to_owned)
            .chain([self.root().to_string_lossy().into_owned()])
            .chain(arguments.iter().map(|&word| word.to_owned()))
            .collect()
    }

    /// Runs a command in the root.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn run(&self, arguments: &[&str]) -> Result<Ran> {
        let argv = self.command(arguments);
        let output = Command::new("/usr/bin/env")
            .args(argv)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("LC_ALL", "C.UTF-8")
            .env("HOME", "/root")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("cannot start `{}`", arguments.join(" ")))?;
        let said = [output.stdout, output.stderr].concat();
        Ok(Ran {
            code: output.status.code().unwrap_or(-1),
            said: String::from_utf8_lossy(&said).into_owned(),
        })
    }

    /// Runs a command that must succeed; what it said.
    ///
    /// # Errors
    /// When it does not.
    pub fn succeed(&self, arguments: &[&str]) -> Result<String> {
        let ran = self.run(arguments)?;
        let line = arguments.join(" ");
        ensure!(
            ran.code == 0,
            "`{line}` ended with {}: {}",
            ran.code,
            ran.said
        );
        Ok(ran.said)
    }

    /// The disk loses its power: what was not synced is lost, and nothing can be written any more.
    ///
    /// # Errors
    /// When it is no ext4.
    pub fn cut_power(&self) -> Result<()> {
        let disk = File::open(self.root())?;
        power::shutdown(&disk, NO_LOG_FLUSH).context("cannot cut the disk's power")
    }

    /// Takes the disk up again as a boot does: the file system's journal is replayed, `/run` and `/tmp` are empty.
    ///
    /// # Errors
    /// When it cannot be mounted any more.
    pub fn boot(&self) -> Result<()> {
        self.unmount()?;
        self.boots.set(self.boots.get() + 1);
        self.mount()?;
        for name in ["run", "tmp"] {
            for entry in fs::read_dir(self.root().join(name))? {
                let path = entry?.path();
                if path.is_dir() && !path.is_symlink() {
                    fs::remove_dir_all(path)?;
                } else {
                    fs::remove_file(path)?;
                }
            }
        }
        Ok(())
    }

    /// Fills the disk to the last byte.
    ///
    /// # Errors
    /// When even the name of what fills it finds no room.
    pub fn fill(&self) -> Result<()> {
        let ballast = File::create(self.ballast())?;
        for shift in (9..=30).rev() {
            let step = 1_i64 << shift;
            loop {
                let length = i64::try_from(ballast.metadata()?.len())?;
                if nix::fcntl::fallocate(
                    &ballast,
                    nix::fcntl::FallocateFlags::empty(),
                    length,
                    step,
                )
                .is_err()
                {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Makes room again.
    ///
    /// # Errors
    /// When what filled it cannot be removed.
    pub fn relieve(&self) -> Result<()> {
        Ok(fs::remove_file(self.ballast())?)
    }

    fn ballast(&self) -> PathBuf {
        self.at("disk").join("ballast")
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn mount(&self) -> Result<()> {
        let root = self.root();
        match &self.disk {
            Disk::Ext4(_) => {
                let mut mount = Command::new("mount");
                succeed(
                    mount
                        .args(["-o", "loop"])
                        .args([self.at("image"), root.clone()]),
                )?;
            }
            Disk::Memory(_) => {
                for name in ["changes", "work"] {
                    fs::create_dir_all(self.at("disk").join(name))?;
                }
                let upper = format!(
                    ",upperdir={},workdir={}",
                    self.changes().display(),
                    self.at("disk").join("work").display()
                );
                overlay(&self.below, &upper, &root)?;
            }
        }
        let proc = root.join("proc");
        let none = MsFlags::empty();
        mount(Some("proc"), &proc, Some("proc"), none, None::<&str>)
            .context("cannot mount /proc")?;
        // By this a program knows one boot from the next; the machine itself does not boot.
        let boot = self.at("boot_id");
        let id = format!("00000000-0000-4000-8000-{:012}\n", self.boots.get());
        fs::write(&boot, id)?;
        let place = proc.join(BOOT_ID);
        mount(
            Some(&boot),
            &place,
            None::<&str>,
            MsFlags::MS_BIND,
            None::<&str>,
        )
        .context("cannot say which boot it is")
    }

    fn unmount(&self) -> Result<()> {
        let proc = self.root().join("proc");
        umount2(&proc.join(BOOT_ID), MntFlags::empty()).context("the boot's id is busy")?;
        umount2(&proc, MntFlags::empty()).context("/proc is busy")?;
        umount2(&self.root(), MntFlags::empty()).context("the root is busy")
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let proc = self.root().join("proc");
        let mounts = [
            proc.join(BOOT_ID),
            proc,
            self.root(),
            self.at("disk"),
            self.at("before"),
        ];
        for at in mounts {
            let _ = umount2(&at, MntFlags::MNT_DETACH);
        }
        let _ = fs::remove_file(self.at("image"));
    }
}

/// Makes an ext4 image of these layers with `mib` MiB of room beside them.
///
/// # Errors
/// When the layers cannot be mounted or the image cannot be made.
pub fn image(below: &[PathBuf], mib: u64, folder: &Path) -> Result<PathBuf> {
    let (whole, image) = (folder.join("whole"), folder.join("whole.ext4"));
    fs::create_dir_all(&whole)?;
    layers(below, &whole)?;
    let size = succeed(Command::new("du").args(["-sm", "--"]).arg(&whole))?;
    let size: u64 = String::from_utf8_lossy(&size)
        .split_whitespace()
        .next()
        .and_then(|number| number.parse().ok())
        .context("du says no size")?;
    let mut make = Command::new("mke2fs");
    succeed(
        make.args([
            "-q",
            "-F",
            "-t",
            "ext4",
            "-E",
            "lazy_itable_init=0,lazy_journal_init=0",
            "-d",
        ])
        .args([&whole, &image])
        .arg(format!("{}M", size + mib)),
    )?;
    umount2(&whole, MntFlags::empty()).context("the layers are busy")?;
    Ok(image)
}

/// The layers together, not to be changed.
fn layers(below: &[PathBuf], at: &Path) -> Result<()> {
    overlay(below, "", at)
}

fn overlay(below: &[PathBuf], upper: &str, at: &Path) -> Result<()> {
    let below: Vec<String> = below
        .iter()
        .map(|path| path.to_string_lossy().into_owned())
        .collect();
    let options = format!("lowerdir={}{upper}", below.join(":"));
    let kind = Some("overlay");
    mount(kind, at, kind, MsFlags::empty(), Some(options.as_str()))
        .context("cannot mount the layers")
}

fn tmpfs(at: &Path, mib: u32) -> Result<()> {
    let size = format!("size={mib}m,mode=755");
    mount(
        Some("tmpfs"),
        at,
        Some("tmpfs"),
        MsFlags::empty(),
        Some(size.as_str()),
    )
    .with_context(|| format!("cannot mount a disk in memory at `{}`", at.display()))
}

/// Runs a program of this machine that must succeed.
///
/// # Errors
/// When it does not, with its own words.
pub fn succeed(command: &mut Command) -> Result<Vec<u8>> {
    let line = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start `{line}`"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`{line}` failed: {}", said.trim());
    Ok(output.stdout)
}

/// The one call for which no safe function exists.
mod power {
    use std::fs::File;
    use std::os::fd::AsRawFd;

    // `EXT4_IOC_SHUTDOWN`, `_IOR('X', 125, __u32)` in Linux `include/uapi/linux/ext4.h`; it reads the flags from there.
    nix::ioctl_read!(
        /// Ends an ext4 file system.
        shutdown_ioctl, b'X', 125, u32);

    pub fn shutdown(disk: &File, mut flags: u32) -> nix::Result<()> {
        #[expect(
            unsafe_code,
            reason = "neither rustix nor nix has a safe function for this call"
        )]
        // SAFETY: `disk` is open while the call runs, and the kernel reads four bytes at the pointer, which are `flags`.
        let done = unsafe { shutdown_ioctl(disk.as_raw_fd(), &raw mut flags) };
        done.map(drop)
    }
}
