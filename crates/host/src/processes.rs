//! Processes that still execute files which are no longer on disk, and which files each unit executes.
//!
//! "Fixed means running": a patched library protects nothing until the processes that mapped the old one are gone.
//! The scan calls [`survey`] once on the running host. It only reads `/proc` and looks at file names; nothing is
//! executed, and no process is stopped or traced.
//!
//! A mapping is stale when the kernel marks its name as deleted, or when another file now stands under its name. The
//! second is judged only where the device number of the mapping and of the name are equal: on overlayfs `maps` shows
//! the layer's own device and on btrfs the volume's, while `stat` shows the overlay's and the subvolume's, so there
//! a difference says nothing and the mark of deletion, which is right on both, is all that counts.
//!
//! A process whose root is another directory (a container, a chroot) has other files under the same names. It is
//! counted apart, judged by the mark alone, and its paths are never looked up in this root. A service with a private
//! mount namespace on the same root (`ProtectSystem=` and the like) is an ordinary one.

use crate::cgroup::{Owner, parse_cgroup};
use crate::maps::{Mapping, parse_maps};
use crate::printable::printable;
use jiff::Timestamp;
use overlock_model::effective::{Effective, StaleProcess, UnitFiles};
use overlock_rootfs::Root;
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

mod files;
mod stat;

pub use stat::{Stat, boot_time, parse_stat};

use files::{Files, identity_of, look_at};
use stat::read;

/// Bounds of a survey.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Most processes looked into; the rest count as unseen.
    pub processes: usize,
    /// Most bytes of one process's `maps`; a longer one is judged by its beginning and counts as unseen.
    pub maps_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        // Linux allows 65,530 mappings by default (vm.max_map_count); at 60 to 100 bytes a line, few reach 4 MiB.
        Self {
            processes: 100_000,
            maps_bytes: 4 * 1024 * 1024,
        }
    }
}

/// Why processes could not be looked into at all.
#[derive(Debug, thiserror::Error)]
#[error("`{}` cannot be read: what runs is unknown", path.display())]
pub struct SurveyError {
    path: PathBuf,
    #[source]
    source: std::io::Error,
}

const PF_KTHREAD: u32 = 0x0020_0000;
const SMALL_FILE_BYTES: usize = 64 * 1024;

/// Looks into every process below `proc` (which is `/proc`, or a copy of its layout). `root` is the root directory
/// that the host's own processes have.
///
/// `reboot_required` is left empty. Stale processes are sorted by unit and process id.
///
/// # Errors
/// When `proc` cannot be listed.
pub fn survey(root: &Root, proc: &Path, limits: Limits) -> Result<Effective, SurveyError> {
    let error = |source: Errno| SurveyError {
        path: proc.to_owned(),
        source: source.into(),
    };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = rustix::fs::open(proc, flags, Mode::empty()).map_err(error)?;
    let mut pids = Vec::new();
    let mut effective = Effective::default();
    for entry in rustix::fs::Dir::read_from(&directory).map_err(error)? {
        let entry = entry.map_err(error)?;
        let Some(pid) = entry
            .file_name()
            .to_str()
            .ok()
            .and_then(|name| name.parse::<u32>().ok())
        else {
            continue;
        };
        if pids.len() < limits.processes {
            pids.push(pid);
        } else {
            effective.processes_unseen += 1;
        }
    }
    pids.sort_unstable();

    let root_identity = root
        .identity("/")
        .map(|identity| (identity.dev, identity.inode));
    let mut survey = Survey {
        root,
        root_identity,
        proc,
        directory,
        limits,
        known: Files::default(),
        units: BTreeMap::new(),
        effective,
        boot: OnceCell::new(),
        text: Vec::with_capacity(SMALL_FILE_BYTES),
        files: Vec::new(),
    };
    for pid in pids {
        match survey.process(pid) {
            Ok(()) => {}
            // It ended meanwhile: nothing of it runs any more.
            Err(Errno::NOENT | Errno::SRCH) => {}
            Err(_) => survey.effective.processes_unseen += 1,
        }
    }
    Ok(survey.finish())
}

struct Survey<'a> {
    root: &'a Root,
    root_identity: Option<(u64, u64)>,
    proc: &'a Path,
    directory: OwnedFd,
    limits: Limits,
    known: Files,
    units: BTreeMap<String, BTreeSet<u32>>,
    effective: Effective,
    boot: OnceCell<Option<Timestamp>>,
    text: Vec<u8>,
    files: Vec<u32>,
}

impl Survey<'_> {
    fn process(&mut self, pid: u32) -> Result<(), Errno> {
        let mut text = std::mem::take(&mut self.text);
        let result = self.process_with(pid, &mut text);
        self.text = text;
        result
    }

    fn process_with(&mut self, pid: u32, text: &mut Vec<u8>) -> Result<(), Errno> {
        read(
            &self.directory,
            &format!("{pid}/stat"),
            SMALL_FILE_BYTES,
            text,
        )?;
        let Some(stat) = parse_stat(text) else {
            return Err(Errno::INVAL);
        };
        // Kernel threads and processes that only wait to be collected execute no file.
        if stat.flags & PF_KTHREAD != 0 || matches!(stat.state, b'Z' | b'X') {
            return Ok(());
        }
        let (name, start_ticks) = (printable(stat.name), stat.start_ticks);
        let is_whole = read(
            &self.directory,
            &format!("{pid}/maps"),
            self.limits.maps_bytes,
            text,
        )?;
        let is_here = self.has_this_root(pid);

        self.files.clear();
        let mut stale: Vec<String> = Vec::new();
        let mut last: Option<Mapping<'_>> = None;
        for mapping in parse_maps(text) {
            if last.replace(mapping) == Some(mapping) {
                continue;
            }
            let is_stale = if is_here {
                let file = self.known.look_up(self.root, mapping.path);
                self.files.push(file);
                self.is_stale(pid, &mapping, file)
            } else {
                mapping.deleted
            };
            if is_stale {
                stale.push(printable(mapping.path));
            }
        }

        read(
            &self.directory,
            &format!("{pid}/cgroup"),
            SMALL_FILE_BYTES,
            text,
        )?;
        let unit = parse_cgroup(text).as_ref().map(Owner::to_string);
        if is_here && !self.files.is_empty() {
            let key = unit.clone().unwrap_or_else(|| format!("pid {pid} {name}"));
            self.units.entry(key).or_default().extend(&self.files);
        }
        if !is_here {
            self.effective.processes_elsewhere += 1;
        }
        if is_whole {
            self.effective.processes_seen += 1;
        } else {
            self.effective.processes_unseen += 1;
        }
        if !stale.is_empty() {
            stale.sort_unstable();
            stale.dedup();
            let started = self.started(start_ticks);
            self.effective.stale.push(StaleProcess {
                pid,
                name,
                unit,
                started,
                files: stale,
                packages: Vec::new(),
            });
        }
        Ok(())
    }

    fn has_this_root(&self, pid: u32) -> bool {
        let stat = rustix::fs::statat(&self.directory, format!("{pid}/root"), AtFlags::empty());
        stat.is_ok_and(|stat| self.root_identity == Some(device_and_inode(&stat)))
    }

    fn is_stale(&mut self, pid: u32, mapping: &Mapping<'_>, file: u32) -> bool {
        let now = self.known.identity(file);
        if now == Some(identity_of(mapping)) {
            return false;
        }
        if mapping.deleted {
            let mut literal = mapping.path.to_vec();
            literal.extend(b" (deleted)");
            let literal = self.known.look_up(self.root, &literal);
            return self.known.identity(literal) != Some(identity_of(mapping));
        }
        let Some((device, _)) = now.filter(|(device, _)| *device == mapping.device) else {
            return false;
        };
        // The process may see another file there than we do, through a mount of its own.
        let seen_by_it = Root::open(self.proc.join(format!("{pid}/root")))
            .ok()
            .and_then(|root| look_at(&root, mapping.path));
        seen_by_it.is_some_and(|(its_device, inode)| its_device == device && inode != mapping.inode)
    }

    fn started(&self, start_ticks: u64) -> Option<Timestamp> {
        let seconds = start_ticks / rustix::param::clock_ticks_per_second().max(1);
        let boot = (*self.boot.get_or_init(|| boot_time(self.proc)))?;
        Timestamp::from_second(boot.as_second().checked_add(i64::try_from(seconds).ok()?)?).ok()
    }

    fn finish(mut self) -> Effective {
        self.effective
            .stale
            .sort_by(|a, b| a.unit.cmp(&b.unit).then(a.pid.cmp(&b.pid)));
        let names = self.known.names();
        let files_of = |files: &BTreeSet<u32>| {
            let mut files: Vec<String> = files
                .iter()
                .filter_map(|file| Some(printable(names.get(file)?)))
                .collect();
            files.sort_unstable();
            files
        };
        self.effective.units = self
            .units
            .iter()
            .map(|(unit, files)| UnitFiles {
                unit: unit.clone(),
                files: files_of(files),
                packages: Vec::new(),
            })
            .collect();
        self.effective
    }
}

#[allow(
    clippy::unnecessary_cast,
    reason = "the types of these fields differ between architectures"
)]
fn device_and_inode(stat: &rustix::fs::Stat) -> (u64, u64) {
    (stat.st_dev as u64, stat.st_ino as u64)
}

#[cfg(test)]
mod tests;
