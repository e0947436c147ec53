//! What a host is, as far as a run may change it: compared between a host that was cut off and one that was not.

use crate::scene::Scene;
use anyhow::Result;
use overlock_model::plan::Digest;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Files that tell of the way and not of the place: our own state, logs, caches, locks, backups of dpkg's database. What
/// dpkg's `status` says is compared by its content.
const OF_THE_WAY: [&str; 17] = [
    "lost+found",
    "proc",
    "run",
    "tmp",
    "root",
    "var/lib/overlock",
    "var/log",
    "var/cache",
    "var/tmp",
    "var/lib/dpkg/status",
    "var/lib/dpkg/status-old",
    "var/lib/dpkg/diversions-old",
    "var/lib/dpkg/lock",
    "var/lib/dpkg/lock-frontend",
    "var/lib/dpkg/triggers/Lock",
    // Where dpkg unpacks a package's scripts; it empties it itself before the next.
    "var/lib/dpkg/tmp.ci",
    // Into which dpkg writes an entry of its journal before that has its name.
    "var/lib/dpkg/updates/tmp.i",
];

/// Where a revert writes down which versions are kept away, and until when.
const PIN: &str = "etc/apt/preferences.d/overlock-run-";

/// What a host is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// `dpkg-query -W`: name, version and status of every package.
    packages: BTreeSet<String>,
    /// `dpkg --audit`: what is not whole.
    audit: BTreeSet<String>,
    /// `dpkg --verify`: files that are not as their package has them.
    verify: BTreeSet<String>,
    /// Every file on the disk that is not as it was before the run, but for [`OF_THE_WAY`]: configuration files,
    /// programs, diversions, what a half installation would leave.
    files: BTreeMap<String, String>,
    is_pinned: bool,
}

impl Facts {
    /// Looks.
    ///
    /// # Errors
    /// When dpkg cannot be asked.
    pub fn of(scene: &Scene) -> Result<Self> {
        let format = "-f=${Package}:${Architecture} ${Version} ${db:Status-Want} ${db:Status-Eflag} ${db:Status-Status}\n";
        let lines = |text: String| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
        let mut files = BTreeMap::new();
        let (now, before) = scene.sides();
        let sides = Sides {
            root: scene.root(),
            now,
            before,
        };
        sides.changed(Path::new(""), &mut files)?;
        let (pins, files) = files
            .into_iter()
            .partition(|(path, _): &(String, String)| path.starts_with(PIN));
        let pins: BTreeMap<String, String> = pins;
        Ok(Self {
            packages: lines(scene.run(&["dpkg-query", "-W", format])?.said),
            audit: lines(scene.run(&["dpkg", "--audit"])?.said),
            verify: lines(scene.run(&["dpkg", "--verify"])?.said),
            files,
            is_pinned: !pins.is_empty(),
        })
    }

    /// Whether versions are kept away, as they are after a revert.
    #[must_use]
    pub fn is_pinned(&self) -> bool {
        self.is_pinned
    }

    /// Where another host differs from this one, in words; nothing where they are the same.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Vec<String> {
        let sets = [
            ("package", &self.packages, &other.packages),
            ("audit", &self.audit, &other.audit),
            ("verify", &self.verify, &other.verify),
        ];
        let mut told = Vec::new();
        for (what, here, there) in sets {
            told.extend(
                here.difference(there)
                    .map(|line| format!("{what} missing: {line}")),
            );
            told.extend(
                there
                    .difference(here)
                    .map(|line| format!("{what} new: {line}")),
            );
        }
        let paths: BTreeSet<&String> = self.files.keys().chain(other.files.keys()).collect();
        for path in paths {
            let (here, there) = (self.files.get(path), other.files.get(path));
            if here != there {
                let text =
                    |it: Option<&String>| it.map_or("as before the run", String::as_str).to_owned();
                told.push(format!(
                    "file /{path}: {} instead of {}",
                    text(there),
                    text(here)
                ));
            }
        }
        told
    }

    /// Whether dpkg finds every package whole.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.audit.is_empty()
    }

    /// How many files are not as before the run.
    #[must_use]
    pub fn changed_files(&self) -> usize {
        self.files.len()
    }
}

/// What is, and what was.
struct Sides {
    root: PathBuf,
    /// Holds at least every entry that may have changed.
    now: PathBuf,
    before: Vec<PathBuf>,
}

impl Sides {
    /// Collects below `folder` what is not as it was before.
    fn changed(&self, folder: &Path, files: &mut BTreeMap<String, String>) -> Result<()> {
        for name in self.names(folder)? {
            let path = folder.join(name);
            if OF_THE_WAY.iter().any(|way| path == Path::new(way)) || is_litter(&path) {
                continue;
            }
            let is = self.root.join(&path);
            let was = self.before.iter().map(|layer| layer.join(&path));
            let was = was.into_iter().find(|path| path.symlink_metadata().is_ok());
            let is_same = was.as_ref().is_some_and(|was| is_untouched(&is, was));
            if !is_same {
                let (is, was) = (told(&is), was.and_then(|was| told(&was)));
                if is != was {
                    let is = is.unwrap_or_else(|| "gone".to_owned());
                    files.insert(path.to_string_lossy().into_owned(), is);
                }
            }
            let is_folder = |path: PathBuf| path.symlink_metadata().is_ok_and(|of| of.is_dir());
            if is_folder(self.now.join(&path)) {
                self.changed(&path, files)?;
            }
        }
        Ok(())
    }

    /// What is there now; where all of the root is looked at, also what is there no more.
    fn names(&self, folder: &Path) -> Result<BTreeSet<OsString>> {
        let mut names = BTreeSet::new();
        for entry in fs::read_dir(self.now.join(folder))? {
            names.insert(entry?.file_name());
        }
        if self.now == self.root {
            for before in &self.before {
                for entry in fs::read_dir(before.join(folder)).into_iter().flatten() {
                    names.insert(entry?.file_name());
                }
            }
        }
        Ok(names)
    }
}

/// Whether nobody has written to a file since the root was made. Whatever becomes of a file, the time of its change is one
/// that nobody can set. An image of the root keeps times in whole seconds; a run may begin within the second in which its
/// root was made, so that the seconds alone tell nothing of a file that has more.
fn is_untouched(is: &Path, was: &Path) -> bool {
    let (Ok(is), Ok(was)) = (is.symlink_metadata(), was.symlink_metadata()) else {
        return false;
    };
    let of = |of: &fs::Metadata| {
        let owner = (of.uid(), of.gid(), of.mode());
        (of.len(), of.mtime(), of.ctime(), owner)
    };
    let in_image = is.ctime_nsec() == 0;
    is.is_file() && of(&is) == of(&was) && (in_image || is.ctime_nsec() == was.ctime_nsec())
}

/// Files of an accidental name, into which other programs write before they rename: what a kill leaves of them is never
/// looked at again by anyone.
fn is_litter(path: &Path) -> bool {
    let path = path.to_string_lossy();
    path.starts_with("var/lib/apt/extended_states.")
        || (path.starts_with("var/lib/systemd/deb-systemd-helper-") && path.ends_with(".tmp"))
}

/// Kind, owner, mode and content; `None` if there is nothing, also where an overlay says so by its mark (a character
/// device of number 0).
fn told(path: &Path) -> Option<String> {
    let of = path.symlink_metadata().ok()?;
    let kind = of.file_type();
    if kind.is_char_device() && of.rdev() == 0 {
        return None;
    }
    let content = if kind.is_symlink() {
        format!("link to {}", fs::read_link(path).ok()?.display())
    } else if kind.is_dir() {
        "folder".to_owned()
    } else if kind.is_file() {
        let bytes = fs::read(path).ok()?;
        format!(
            "file of {} bytes {:.12}",
            bytes.len(),
            Digest::of(&bytes).to_string()
        )
    } else {
        "special file".to_owned()
    };
    Some(format!(
        "{content} {:o} {}:{}",
        of.mode() & 0o7777,
        of.uid(),
        of.gid()
    ))
}
