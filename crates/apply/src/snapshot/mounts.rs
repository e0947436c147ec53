//! What is mounted where, as `/proc/self/mountinfo` tells it (`proc(5)`).

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// More than any host has: a line has some hundred bytes.
const BYTES_MAX: u64 = 8 << 20;

/// File systems that show what is elsewhere, or nothing that lasts: containers, packed programs, the kernel. Nobody expects
/// them in a snapshot.
const WITHOUT_DISK: [&str; 24] = [
    "autofs",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "devtmpfs",
    "efivarfs",
    "fusectl",
    "hugetlbfs",
    "mqueue",
    "nsfs",
    "overlay",
    "proc",
    "pstore",
    "ramfs",
    "rpc_pipefs",
    "securityfs",
    "squashfs",
    "sysfs",
    "tmpfs",
    "tracefs",
];

/// Everything that is mounted, oldest first.
#[derive(Debug, Clone)]
pub struct Mounts(Vec<Mount>);

/// One mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The folder of the file system that is mounted: on btrfs the path of the subvolume in the top level.
    pub folder: String,
    /// Where.
    pub at: PathBuf,
    /// Kind of the file system.
    pub kind: String,
    /// Device.
    pub source: String,
    /// Options of the file system: `subvolid=256`, `subvol=/@`.
    options: String,
}

impl Mounts {
    /// Of this process.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn now() -> io::Result<Self> {
        let mut text = String::new();
        File::open("/proc/self/mountinfo")?
            .take(BYTES_MAX)
            .read_to_string(&mut text)?;
        Ok(Self::parse(&text))
    }

    /// Lines that are no mounts are left out.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self(text.lines().filter_map(Mount::parse).collect())
    }

    /// The one that is seen at a place: the last that was mounted there.
    #[must_use]
    pub fn at(&self, place: &Path) -> Option<&Mount> {
        self.0.iter().rev().find(|mount| mount.at == place)
    }

    /// Mounts below a root that have a disk or a network behind them, by place.
    #[must_use]
    pub fn data(&self, root: &Path) -> Vec<&Mount> {
        let kernel = ["proc", "sys", "dev", "run"].map(|name| root.join(name));
        let mut found: Vec<&Mount> = self
            .0
            .iter()
            .filter(|mount| mount.at != root && mount.at.starts_with(root))
            .filter(|mount| !kernel.iter().any(|place| mount.at.starts_with(place)))
            .filter(|mount| !WITHOUT_DISK.contains(&mount.kind.as_str()))
            .collect();
        found.sort_by(|a, b| a.at.cmp(&b.at));
        found.dedup_by(|a, b| a.at == b.at);
        found
    }
}

impl Mount {
    /// `36 35 98:0 /@ /mnt rw,noatime shared:1 - btrfs /dev/sda2 rw,subvolid=256,subvol=/@`
    fn parse(line: &str) -> Option<Self> {
        let (own, system) = line.split_once(" - ")?;
        let mut own = own.split(' ').skip(3);
        let mut system = system.split(' ');
        Some(Self {
            folder: unescaped(own.next()?),
            at: unescaped(own.next()?).into(),
            kind: system.next()?.to_owned(),
            source: unescaped(system.next()?),
            options: system.next().unwrap_or_default().to_owned(),
        })
    }

    /// The value of an option of the file system.
    #[must_use]
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options
            .split(',')
            .find_map(|option| option.strip_prefix(name)?.strip_prefix('='))
    }
}

/// Space, tab, newline and backslash are written as octal numbers.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let number = after
            .get(..3)
            .filter(|_| *first == b'\\')
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match number {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
1 0 0:2 / / rw - rootfs rootfs rw
22 1 0:20 / /proc rw,nosuid shared:5 - proc proc rw
23 1 0:42 /@ / rw,relatime shared:1 - btrfs /dev/sda2 rw,space_cache=v2,subvolid=256,subvol=/@
24 23 0:42 /@home /home rw,relatime shared:2 - btrfs /dev/sda2 rw,space_cache=v2,subvolid=257,subvol=/@home
25 23 8:1 / /boot/efi rw - vfat /dev/sda1 rw
26 23 0:50 / /run/host rw - ext4 /dev/sdb rw
27 23 0:51 /a\\040b /mnt/a\\040b rw - ext4 /dev/sdc rw
28 23 0:52 / /tmp rw - tmpfs tmpfs rw
29 23 0:53 / /var/lib/docker/overlay2/1/merged rw - overlay overlay rw
a line that is none
";

    #[test]
    fn root_is_the_last_that_was_mounted_there() {
        let mounts = Mounts::parse(TEXT);
        let root = mounts.at(Path::new("/")).unwrap();
        assert_eq!((root.kind.as_str(), root.folder.as_str()), ("btrfs", "/@"));
        assert_eq!(root.option("subvolid"), Some("256"));
        assert_eq!(root.option("subvol"), Some("/@"));
        assert_eq!(root.option("sub"), None);
    }

    #[test]
    fn data_is_what_has_a_disk_behind_it() {
        let mounts = Mounts::parse(TEXT);
        let places: Vec<&Path> = mounts
            .data(Path::new("/"))
            .iter()
            .map(|mount| mount.at.as_path())
            .collect();
        assert_eq!(
            places,
            ["/boot/efi", "/home", "/mnt/a b"].map(Path::new),
            "not what the kernel or a container makes, and nothing below /run"
        );
    }
}
