//! A host on a btrfs of its own, as an installer lays it out: the root is the subvolume `@`, `/srv` the subvolume `@data`
//! mounted there, and [`NESTED`] a subvolume within the root.
//!
//! The host sees the device of its file system, as a machine sees its disk. At each boot the root is mounted anew, since a
//! state revert gives its name to another subvolume.
//!
//! ```text
//! roots/NAME.btrfs-SIZE   made once: mkfs, subvolumes, a copy of the root
//! hosts/NAME/image        a copy of it under another number, on a loop device that goes with its last mount
//! ```

use crate::root::Root;
use crate::tool;
use anyhow::{Context, Result};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// A subvolume within the root.
pub const NESTED: &str = "/var/lib/nested";

#[derive(Debug)]
pub struct Btrfs {
    image: PathBuf,
    /// Where `@data` is mounted outside. The loop device lasts as long as this does.
    data: PathBuf,
    device: String,
}

impl Btrfs {
    /// Makes a host's file system and mounts all of it.
    pub fn lay_out(root: &Root, size_mib: u32, folder: &Path, at: &Path) -> Result<Self> {
        let template = template(root, size_mib)?;
        let (image, data) = (folder.join("image"), folder.join("data"));
        copy(&template, &image)?;
        // Two file systems of one number cannot be mounted at once.
        tool::succeed(tool::command("btrfstune", &["-f", "-u"]).arg(&image))?;
        fs::create_dir_all(&data)?;
        let device = mount_image(&image, &data)?;
        let disk = Self {
            image,
            data,
            device,
        };
        disk.mount_root(at)?;
        Ok(disk)
    }

    /// Mounts the root as the disk is to boot: the default subvolume where somebody on the host has set one, else what is
    /// called `@` now.
    pub fn mount_root(&self, at: &Path) -> Result<()> {
        // The kernel may still be ending the namespace of the last boot. That nothing is mounted is fine.
        let _ = tool::succeed(tool::command("umount", &["--lazy", "--quiet"]).arg(at));
        let mut default = tool::command("btrfs", &["subvolume", "get-default"]);
        let default = tool::output(default.arg(&self.data))?;
        let options = match default.starts_with("ID 5 ") {
            true => "subvol=@",
            false => "rw",
        };
        let mut mount = tool::command("mount", &["-o", options, &self.device]);
        tool::succeed(mount.arg(at))
    }

    /// For systemd-nspawn: the disk, what is mounted of it besides the root, and what the kernel tells of it: without
    /// that, `btrfs filesystem usage` of version 6.2 compares memory that it never wrote.
    pub fn arguments(&self) -> [String; 3] {
        [
            format!("--bind={}", self.device),
            format!("--bind={}:/srv", self.data.display()),
            "--bind-ro=/sys/fs/btrfs".to_owned(),
        ]
    }

    /// What the disk has at this moment is all that is left: what btrfs has not written out yet is lost, as when the
    /// power goes. The host must be off.
    pub fn lose_unwritten(&mut self, at: &Path) -> Result<()> {
        let left = self.image.with_extension("left");
        copy(&self.image, &left)?;
        for mount in [at, &self.data] {
            tool::succeed(tool::command("umount", &["--lazy"]).arg(mount))?;
        }
        fs::rename(&left, &self.image)?;
        self.device = mount_image(&self.image, &self.data)?;
        Ok(())
    }
}

/// Mounts `@data` by a loop device that goes with its last mount; which it is.
fn mount_image(image: &Path, data: &Path) -> Result<String> {
    let mut mount = tool::command("mount", &["-o", "loop,subvol=@data"]);
    tool::succeed(mount.arg(image).arg(data))?;
    let find = [
        "--noheadings",
        "--first-only",
        "--nofsroot",
        "--output",
        "SOURCE",
    ];
    let found = tool::output(tool::command("findmnt", &find).arg(data))?;
    Ok(found.trim().to_owned())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let mut copy = tool::command("cp", &["--sparse=always", "--reflink=auto"]);
    tool::succeed(copy.arg(from).arg(to))
}

/// The file system that hosts get copies of, made now unless it was before.
fn template(root: &Root, size_mib: u32) -> Result<PathBuf> {
    let beside = |end: &str| {
        let mut name = root.path().as_os_str().to_owned();
        name.push(format!(".btrfs-{size_mib}{end}"));
        PathBuf::from(name)
    };
    let (path, new, top) = (beside(""), beside(".new"), beside(".top"));
    let lock = File::create(beside(".lock"))?;
    lock.lock()?;
    if path.is_file() {
        return Ok(path);
    }
    File::create(&new)?.set_len(u64::from(size_mib) << 20)?;
    tool::succeed(tool::command("mkfs.btrfs", &["-q"]).arg(&new))?;
    fs::create_dir_all(&top)?;
    tool::succeed(tool::command("mount", &["-o", "loop"]).arg(&new).arg(&top))?;
    let filled = fill(root, &top);
    tool::succeed(tool::command("umount", &["--quiet"]).arg(&top))?;
    fs::remove_dir(&top)?;
    filled.context("cannot fill a btrfs")?;
    fs::rename(&new, &path)?;
    Ok(path)
}

fn fill(root: &Root, top: &Path) -> Result<()> {
    let make = |path: &str| {
        let create = ["-q", "subvolume", "create"];
        tool::succeed(tool::command("btrfs", &create).arg(top.join(path)))
    };
    make("@")?;
    make("@data")?;
    let mut copy = tool::command("cp", &["--archive"]);
    tool::succeed(copy.arg(root.path().join(".")).arg(top.join("@")))?;
    make(&format!("@{NESTED}"))
}
