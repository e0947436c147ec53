//! What makes a Debian tree the tree of a machine: a boot loader's files, a kernel without helpers, an agent.

use super::line::AGENT;
use super::luggage;
use crate::tool;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

/// Changes when what is done here changes, so that older disks are not used.
pub const FINISH: u32 = 1;

/// The kernel finds its root by the number of the disk and of the partition, since nothing helps it (`PARTUUID` in
/// `init/do_mounts.c`): Debian's cloud kernel has NVMe and ext4 built in, and an initial file system takes this emulated
/// machine minutes to make.
pub const DISK_SIGNATURE: u32 = 0x4c41_4230;

/// What GRUB's first stage is to find without a menu: the menu itself.
const EARLY: &str =
    "search --no-floppy --label --set=root lab-root\nset prefix=($root)/boot/grub\n";
/// The menu until Debian's own `update-grub` writes one.
const MENU: &str = "search --no-floppy --label --set=root lab-root\nlinux /vmlinuz @\nboot\n";

/// Modules of GRUB that it needs before it can read any.
const MODULES: [&str; 10] = [
    "biosdisk",
    "part_msdos",
    "ext2",
    "normal",
    "linux",
    "search",
    "search_label",
    "configfile",
    "echo",
    "test",
];

/// Units that only take time in an emulated machine, or wait for a network that it does not have.
const UNWANTED: [&str; 6] = [
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "fstrim.timer",
    "systemd-networkd-wait-online.service",
];

const UNIT: &str = "[Unit]\nDescription=Commands from outside\nDefaultDependencies=no\nAfter=local-fs.target\n\
                    [Service]\nExecStart=/usr/local/lib/lab-agent\n";

/// Where GRUB's first image is in the finished tree.
pub const CORE: &str = "boot/grub/core.img";

/// Finishes a copy of a root.
pub fn finish(tree: &Path) -> Result<()> {
    let write = |path: &str, text: &str| {
        let path = tree.join(path);
        let folder = path.parent().unwrap_or(tree);
        fs::create_dir_all(folder)?;
        fs::write(&path, text).with_context(|| format!("cannot write `{}`", path.display()))
    };
    let modules = tree.join("usr/lib/grub/i386-pc");
    ensure!(
        modules.is_dir() && tree.join("vmlinuz").exists(),
        "the root has no boot loader or no kernel; `Recipe::machine` has both"
    );
    // No initial file system is made, neither now nor for the next kernel: hooks that are not executable are passed over.
    let hook = tree.join("etc/kernel/postinst.d/initramfs-tools");
    fs::set_permissions(hook, fs::Permissions::from_mode(0o644))?;
    let mut copy = tool::command("cp", &["-a"]);
    tool::succeed(copy.arg(modules).arg(tree.join("boot/grub")))?;
    let kernel = format!("root=PARTUUID={DISK_SIGNATURE:08x}-01 ro console=ttyS0 quiet panic=10");
    write("boot/grub/grub.cfg", &MENU.replace('@', &kernel))?;
    write(
        "etc/default/grub",
        &format!(
            "GRUB_TIMEOUT=0\nGRUB_TERMINAL=console\nGRUB_DISABLE_OS_PROBER=true\nGRUB_CMDLINE_LINUX=\"{kernel}\"\n"
        ),
    )?;
    write("early.cfg", EARLY)?;
    let mut image = tool::command("chroot", &[tree]);
    image
        .args([
            "grub-mkimage",
            "-O",
            "i386-pc",
            "-p",
            "(hd0,msdos1)/boot/grub",
        ])
        .args(["-c", "/early.cfg", "-o", &format!("/{CORE}")])
        .args(MODULES);
    tool::succeed(&mut image)?;
    fs::remove_file(tree.join("early.cfg"))?;
    write(
        "etc/fstab",
        &format!(
            "PARTUUID={DISK_SIGNATURE:08x}-01 / ext4 rw 0 0\nLABEL={} /lab ext4 ro 0 0\n",
            luggage::LABEL
        ),
    )?;
    fs::create_dir_all(tree.join("lab"))?;
    write("etc/hostname", "machine\n")?;
    write("etc/hosts", "127.0.0.1 localhost machine\n")?;
    write("usr/local/lib/lab-agent", AGENT)?;
    fs::set_permissions(
        tree.join("usr/local/lib/lab-agent"),
        fs::Permissions::from_mode(0o755),
    )?;
    write("etc/systemd/system/lab-agent.service", UNIT)?;
    let units = tree.join("etc/systemd/system");
    let wanted = units.join("multi-user.target.wants");
    fs::create_dir_all(&wanted)?;
    symlink("../lab-agent.service", wanted.join("lab-agent.service"))?;
    for unit in UNWANTED {
        let path = units.join(unit);
        if path.symlink_metadata().is_ok() {
            fs::remove_file(&path)?;
        }
        symlink("/dev/null", path)?;
    }
    Ok(())
}
