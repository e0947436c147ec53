//! Disks: a file system made from a folder, and for the root one with a partition and GRUB before it.
//!
//! ```text
//! sector 0       GRUB's boot.img, the number of the disk, one partition
//! sector 1 …     GRUB's core.img: finds the file system by its label and reads the menu there
//! sector 2048 …  ext4
//! ```
//! That is where `grub-install` puts them on a disk of this form; it cannot be used here, since a container's kernel makes
//! no devices for the partitions of a file.

use super::tree;
use crate::root::Root;
use crate::tool;
use anyhow::{Context, Result, ensure};
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

const SECTOR: u64 = 512;
/// Where the partition begins, in sectors: the usual place.
const BEGIN: u32 = 2048;
const DISK_BYTES: u64 = 2 << 30;
/// Of a disk that holds no more than a folder: room for the file system's own tables.
const SPARE_BYTES: u64 = 32 << 20;
/// The part of the first sector that is code; behind it the number of the disk and the table of partitions.
const CODE: usize = 440;
/// Features that the GRUB of Debian 12 cannot read.
const FEATURES: &str = "^metadata_csum_seed,^orphan_file";

/// The disk of a root, built now unless it was before.
pub fn base(root: &Root) -> Result<PathBuf> {
    let disks = crate::folder().join("disks");
    fs::create_dir_all(&disks)?;
    let mut digest = DefaultHasher::new();
    (tree::FINISH, super::line::AGENT).hash(&mut digest);
    let name = root
        .path()
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
    let name = format!("{name}-{:016x}", digest.finish());
    let disk = disks.join(format!("{name}.raw"));
    let lock = File::create(disks.join(format!("{name}.lock")))?;
    lock.lock()?;
    if !disk.is_file() {
        let copy = disks.join(format!("{name}.tree"));
        let fresh = disks.join(format!("{name}.new"));
        let built = build(root, &copy, &fresh);
        fs::remove_dir_all(&copy)?;
        built.with_context(|| format!("cannot build the disk `{name}`"))?;
        fs::rename(&fresh, &disk)?;
    }
    Ok(disk)
}

fn build(root: &Root, copy: &Path, disk: &Path) -> Result<()> {
    if copy.exists() {
        fs::remove_dir_all(copy)?;
    }
    let mut all = tool::command("cp", &["-a", "--reflink=auto"]);
    tool::succeed(all.arg(root.path()).arg(copy))?;
    tree::finish(copy)?;
    let begin = u64::from(BEGIN) * SECTOR;
    let file = File::create(disk)?;
    file.set_len(DISK_BYTES)?;
    let offset = format!("offset={begin}");
    format(copy, "lab-root", disk, DISK_BYTES - begin, &["-E", &offset])?;
    let boot = fs::read(copy.join("usr/lib/grub/i386-pc/boot.img"))?;
    let boot = boot.get(..CODE).context("GRUB's `boot.img` is short")?;
    let core = fs::read(copy.join(tree::CORE))?;
    ensure!(
        core.len() as u64 <= begin - SECTOR,
        "GRUB's `core.img` does not fit before the partition"
    );
    file.write_all_at(boot, 0)?;
    file.write_all_at(&table(DISK_BYTES), CODE as u64)?;
    file.write_all_at(&core, SECTOR)?;
    Ok(())
}

/// The end of the first sector: the number of the disk, and one bootable partition of Linux up to the disk's end.
fn table(disk: u64) -> Vec<u8> {
    let sectors = u32::try_from(disk / SECTOR).unwrap_or(u32::MAX) - BEGIN;
    // Addresses by cylinder are out of use; this is how one says so.
    let beyond = [0xfe, 0xff, 0xff];
    let mut bytes = tree::DISK_SIGNATURE.to_le_bytes().to_vec();
    bytes.extend([0, 0, 0x80]);
    bytes.extend(beyond);
    bytes.push(0x83);
    bytes.extend(beyond);
    bytes.extend(BEGIN.to_le_bytes());
    bytes.extend(sectors.to_le_bytes());
    bytes.extend([0; 48]);
    bytes.extend([0x55, 0xaa]);
    bytes
}

/// A disk without partitions that holds a folder.
pub fn of_folder(folder: &Path, label: &str, disk: &Path) -> Result<()> {
    let shown = tool::output(tool::command("du", &["-sb"]).arg(folder))?;
    let bytes: u64 = shown
        .split_whitespace()
        .next()
        .and_then(|word| word.parse().ok())
        .context("`du` tells no size")?;
    let size = bytes + bytes / 4 + SPARE_BYTES;
    File::create(disk)?.set_len(size)?;
    format(folder, label, disk, size, &[])
}

fn format(folder: &Path, label: &str, disk: &Path, bytes: u64, more: &[&str]) -> Result<()> {
    let mut make = tool::command("mke2fs", &["-q", "-F", "-t", "ext4", "-O", FEATURES]);
    make.args(["-L", label, "-d"])
        .arg(folder)
        .args(more)
        .arg(disk)
        .arg(format!("{}k", bytes >> 10));
    tool::succeed(&mut make)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_sector_ends_with_one_partition_of_linux() {
        let table = table(DISK_BYTES);
        assert_eq!(CODE + table.len(), 512);
        assert_eq!(table.get(6), Some(&0x80));
        assert_eq!(table.get(10), Some(&0x83));
        assert_eq!(table.get(14..18), Some([0, 8, 0, 0].as_slice()));
        assert_eq!(table.get(70..), Some([0x55, 0xaa].as_slice()));
    }
}
