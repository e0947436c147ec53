//! Snapshots of a root that is a btrfs subvolume, mounted by its name (`@`, `@rootfs`, `root`) or as the default one.
//!
//! ```text
//! top level (subvolid 5), mounted for the time of one act only
//! ├── @                      the root; nested subvolumes are empty folders in its snapshots
//! ├── @home, …               mounted elsewhere: never touched
//! └── overlock/
//!     ├── run-N              read-only: the root before run N
//!     ├── next-M             a writable copy of one, while run M puts it back
//!     └── replaced-M         the root that was replaced by it
//! ```
//! How a root is replaced, and in which order, is in [`swap`].

mod subvolumes;
mod swap;
mod top;
mod usage;

pub use swap::Act;

use super::mounts::Mounts;
use super::{Back, NoSnapshots, PutBack, SnapshotError, Snapshots, first_lines, surplus};
use crate::program::{Call, Program};
use overlock_model::run::RunId;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use top::Top;

/// Our folder in the top level.
const FOLDER: &str = "overlock";
/// What must lie in the root's own subvolume, where it is there: programs, configuration, and what is known of packages.
const TOGETHER: [&str; 5] = [
    "usr",
    "etc",
    "var/lib/dpkg",
    "var/lib/rpm",
    "usr/lib/sysimage/rpm",
];
/// A busy disk takes its time to write out what a snapshot has to hold.
const CALL_MAX: Duration = Duration::from_secs(600);

/// A root that is a subvolume.
#[derive(Debug, Clone)]
pub struct Btrfs {
    /// Where it is mounted: `/`.
    root: PathBuf,
    /// Its path in the top level, without the first slash: `@`.
    path: String,
    /// Its number.
    id: u64,
    device: String,
    /// Mounts of data below it.
    mounts: Vec<String>,
    /// Where the top level is mounted while it is needed.
    top: PathBuf,
}

impl Btrfs {
    /// What is mounted at `root`.
    ///
    /// # Errors
    /// Why it cannot be kept.
    pub fn of(root: &Path, mounts: &Mounts) -> Result<Self, NoSnapshots> {
        let kind = |kind: &str| NoSnapshots::Kind {
            kind: kind.to_owned(),
        };
        let mount = mounts.at(root).ok_or_else(|| kind("not mounted"))?;
        if mount.kind != "btrfs" {
            return Err(kind(&mount.kind));
        }
        let id = mount.option("subvolid").and_then(|id| id.parse().ok());
        let id: u64 = id.ok_or_else(|| NoSnapshots::Folder(mount.folder.clone()))?;
        if mount.option("subvol") != Some(&mount.folder) {
            return Err(NoSnapshots::Folder(mount.folder.clone()));
        }
        let path = mount.folder.trim_matches('/');
        if path.is_empty() || id == subvolumes::TOP_LEVEL {
            return Err(NoSnapshots::TopLevel);
        }
        if !Program::Btrfs.is_here() {
            return Err(NoSnapshots::NoProgram);
        }
        let own = device_number(root);
        for place in TOGETHER.map(|place| root.join(place)) {
            let number = device_number(&place);
            if number.is_some() && number != own {
                return Err(NoSnapshots::Split(place));
            }
        }
        let read = |path: &Path| fs::read_to_string(path).unwrap_or_default();
        let command_line = read(Path::new("/proc/cmdline"));
        let table = read(&root.join("etc/fstab"));
        if let Some(place) = by_number(&command_line, &table) {
            return Err(NoSnapshots::ByNumber { place });
        }
        Ok(Self {
            root: root.to_owned(),
            path: path.to_owned(),
            id,
            device: mount.source.clone(),
            mounts: mounts
                .data(root)
                .iter()
                .map(|mount| {
                    format!(
                        "{} ({}, a mount of its own)",
                        mount.at.display(),
                        mount.kind
                    )
                })
                .collect(),
            top: "/run/overlock/top".into(),
        })
    }

    /// With the top level mounted elsewhere while it is needed.
    #[must_use]
    pub fn with_top(self, top: &Path) -> Self {
        Self {
            top: top.to_owned(),
            ..self
        }
    }

    fn open(&self) -> Result<Top, SnapshotError> {
        Top::mount(&self.device, &self.top)
    }

    /// As [`Snapshots::put_back`]; `before` is asked before each act and may end it there, as a loss of power would.
    ///
    /// # Errors
    /// As [`Snapshots::put_back`], and what `before` says.
    pub fn put_back_asking(
        &self,
        back: &Back<'_>,
        before: &mut dyn FnMut(Act) -> Result<(), SnapshotError>,
    ) -> Result<PutBack, SnapshotError> {
        swap::put_back(self, back, before)
    }
}

impl Snapshots for Btrfs {
    fn word(&self) -> &'static str {
        "btrfs"
    }

    fn excluded(&self) -> Result<Vec<String>, SnapshotError> {
        let nested = self.open()?.subvolumes()?.nested(self.id, &self.path);
        let nested = nested
            .iter()
            .map(|path| format!("/{path} (a nested subvolume)"));
        Ok(first_lines(
            self.mounts.iter().cloned().chain(nested).collect(),
        ))
    }

    fn holds(&self, place: &Path) -> bool {
        device_number(place) == device_number(&self.root)
    }

    fn lacking(&self, bytes: u64) -> Result<Vec<String>, SnapshotError> {
        let arguments = ["filesystem", "usage", "-b"].map(OsStr::new);
        let text = btrfs(arguments.into_iter().chain([self.root.as_os_str()]))?;
        usage::Usage::parse(&text)
            .map(|usage| usage.lacking(bytes))
            .ok_or(SnapshotError::Printed("btrfs filesystem usage"))
    }

    fn name(&self, run: RunId) -> String {
        snapshot(run.0)
    }

    fn replaced(&self, by: RunId) -> String {
        replaced(by.0)
    }

    fn take(&self, run: RunId) -> Result<bool, SnapshotError> {
        if self.path.starts_with(&format!("{FOLDER}/")) {
            return Err(NoSnapshots::Replaced.into());
        }
        let top = self.open()?;
        let name = snapshot(run.0);
        if top.subvolumes()?.id(&name).is_some() {
            return match top.is_untouched(&name)? {
                true => Ok(false),
                false => Err(SnapshotError::Taken(name)),
            };
        }
        top.make_folder(FOLDER)?;
        let (from, to) = (top.path(&self.path), top.path(&name));
        let arguments = ["subvolume", "snapshot", "-r"].map(OsStr::new);
        btrfs(
            arguments
                .into_iter()
                .chain([from.as_os_str(), to.as_os_str()]),
        )?;
        top.sync()?;
        Ok(true)
    }

    fn has(&self, run: RunId) -> Result<bool, SnapshotError> {
        let top = self.open()?;
        let name = snapshot(run.0);
        Ok(top.subvolumes()?.id(&name).is_some() && top.is_untouched(&name)?)
    }

    fn prune(&self, current: RunId) -> Result<Vec<String>, SnapshotError> {
        let top = self.open()?;
        let subvolumes = top.subvolumes()?;
        let mut notes = Vec::new();
        for (kind, kept) in [
            ("run-", super::SNAPSHOTS_KEPT),
            ("replaced-", super::REPLACED_KEPT),
        ] {
            let numbers = subvolumes.numbered(&format!("{FOLDER}/{kind}"));
            for number in surplus(numbers, kept, current.0) {
                let name = format!("{FOLDER}/{kind}{number}");
                match top.delete(&name, self.id) {
                    Ok(()) => notes.push(format!("removed the older {name}")),
                    // A data subvolume that found no place in the restored root is in it.
                    Err(error) => {
                        notes.push(format!("kept {name}: {}", crate::host::chain(&error)))
                    }
                }
            }
        }
        Ok(notes)
    }

    fn put_back(&self, back: &Back<'_>) -> Result<PutBack, SnapshotError> {
        self.put_back_asking(back, &mut |_| Ok(()))
    }

    fn is_back(&self, folder: &Path) -> bool {
        swap::Swap::read(folder).is_some_and(|swap| swap.next == self.id)
    }
}

fn snapshot(run: u64) -> String {
    format!("{FOLDER}/run-{run}")
}

fn replaced(by: u64) -> String {
    format!("{FOLDER}/replaced-{by}")
}

/// Each subvolume has a device number of its own, and so has each other file system.
fn device_number(place: &Path) -> Option<u64> {
    fs::metadata(place).ok().map(|of| of.dev())
}

/// Which boot configuration names the root by a number: the kernel's command line, or the table of file systems.
fn by_number(command_line: &str, table: &str) -> Option<&'static str> {
    let is_numbered = |options: &str| options.split([',', '=']).any(|word| word == "subvolid");
    let flags = command_line
        .split_whitespace()
        .filter_map(|word| word.strip_prefix("rootflags="));
    if flags.into_iter().any(is_numbered) {
        return Some("the kernel's command line");
    }
    let mut lines = table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    lines
        .any(|line| match line.as_slice() {
            [device, "/", _, options, ..] => !device.starts_with('#') && is_numbered(options),
            _ => false,
        })
        .then_some("`/etc/fstab`")
}

/// Runs `btrfs`, gives back what it printed. Paths are absolute, so none is taken for an option.
fn btrfs<'a>(arguments: impl IntoIterator<Item = &'a OsStr>) -> Result<String, SnapshotError> {
    let output = Call::new(Program::Btrfs, arguments)
        .limit(CALL_MAX)
        .output()?;
    Ok(String::from_utf8_lossy(&output).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_that_is_no_whole_subvolume_is_told() {
        let root = |folder: &str, kind: &str, options: &str| {
            let line = format!("23 1 0:42 {folder} / rw shared:1 - {kind} /dev/sda2 {options}");
            Btrfs::of(Path::new("/"), &Mounts::parse(&line))
        };
        assert!(matches!(
            root("/", "ext4", "rw"),
            Err(NoSnapshots::Kind { kind }) if kind == "ext4"
        ));
        assert!(matches!(
            root("/", "btrfs", "rw,subvolid=5,subvol=/"),
            Err(NoSnapshots::TopLevel)
        ));
        assert!(matches!(
            root(
                "/@/var/lib/machines/a",
                "btrfs",
                "rw,subvolid=256,subvol=/@"
            ),
            Err(NoSnapshots::Folder(_))
        ));
        assert!(matches!(
            root("/@", "btrfs", "rw,subvol=/@"),
            Err(NoSnapshots::Folder(_))
        ));
    }

    #[test]
    fn root_by_number_is_seen() {
        let named = "root=UUID=1 ro rootflags=subvol=@ quiet";
        let table = "# / by subvolid=1\nUUID=1 / btrfs defaults,subvol=@ 0 0\nUUID=1 /srv btrfs subvolid=257 0 0\n";
        assert_eq!(by_number(named, table), None);
        assert!(by_number("rootflags=noatime,subvolid=256", "").is_some());
        assert!(by_number("", "UUID=1\t/\tbtrfs\tsubvolid=256,subvol=/@\t0 0").is_some());
    }
}
