//! Files under `/etc` on the way back: what is still as a run left it gets its former content.

use super::copying::{put_back, set_aside};
use super::{DEPTH_MAX, ETC, Files, LIST, copy_path, files, settle};
use crate::artifacts::hash_file;
use crate::durable;
use overlock_model::plan::Digest;
use overlock_model::run::RunId;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What package tools lay beside a file: the content that was in force before, under these endings.
const FORMER: [&str; 5] = [".dpkg-old", ".ucf-old", ".dpkg-bak", ".rpmsave", ".rpmorig"];
/// The content that is not.
const OFFERED: [&str; 1] = [".rpmnew"];

/// The way back: asked before packages go back, finished after.
#[derive(Debug)]
pub(crate) struct GoingBack {
    folder: PathBuf,
    /// Files that are still as the run left them.
    untouched: Vec<PathBuf>,
    /// Files that somebody has edited since.
    edited: Vec<PathBuf>,
    /// Other versions that lie beside files already.
    beside: BTreeSet<PathBuf>,
    /// What the run changed is written nowhere: nothing can be told from what others changed.
    is_unknown: bool,
}

/// Files of these endings below `/etc`.
fn beside() -> BTreeSet<PathBuf> {
    let mut found = Files::new();
    files(Path::new(ETC), DEPTH_MAX, &mut found);
    let is_one = |path: &PathBuf| {
        let text = path.to_string_lossy();
        FORMER.iter().chain(&OFFERED).any(|end| text.ends_with(end))
    };
    found.into_keys().filter(is_one).collect()
}

/// The file that a former content belongs to.
fn belongs_to(path: &Path) -> Option<PathBuf> {
    let text = path.to_str()?;
    FORMER
        .iter()
        .find_map(|end| text.strip_suffix(end))
        .map(PathBuf::from)
}

/// Where it is written what a run that takes this one back has seen.
fn seen_path(folder: &Path, by: RunId) -> PathBuf {
    folder.join(format!("going-back-{by}"))
}

impl GoingBack {
    /// Looks which files are still as the run left them, and writes it down: once packages begin to go back, that can no
    /// longer be told. `by` is the run that takes back; after a cut it goes on with what it saw first.
    pub fn begin(folder: &Path, by: RunId) -> Self {
        if let Some(seen) = Self::seen(folder, by) {
            return seen;
        }
        let is_own = folder.file_name() == Some(by.to_string().as_ref());
        let now = Self::look(folder, is_own);
        let line =
            |word: &'static str| move |path: &PathBuf| format!("{word} {}\n", path.display());
        let untouched = now.untouched.iter().map(line("untouched"));
        let edited = now.edited.iter().map(line("edited"));
        let beside = now.beside.iter().map(line("beside"));
        let unknown = now.is_unknown.then(|| "unknown -\n".to_owned());
        let text: String = untouched
            .chain(edited)
            .chain(beside)
            .chain(unknown)
            .collect();
        // Where it cannot be written, only a cut makes a difference.
        drop(durable::write(&seen_path(folder, by), &text));
        now
    }

    /// What a run that was cut off while it took this one back had seen before it began.
    pub fn seen(folder: &Path, by: RunId) -> Option<Self> {
        let text = fs::read_to_string(seen_path(folder, by)).ok()?;
        let of = |word: &str| {
            let paths = text.lines().filter_map(|line| line.split_once(' '));
            let paths = paths.filter(move |(found, _)| *found == word);
            paths
                .map(|(_, path)| PathBuf::from(path))
                .collect::<Vec<_>>()
        };
        Some(Self {
            folder: folder.to_owned(),
            untouched: of("untouched"),
            edited: of("edited"),
            beside: of("beside").into_iter().collect(),
            is_unknown: !of("unknown").is_empty(),
        })
    }

    /// Packages and files are back: what was seen is of no use any more.
    pub fn forget(folder: &Path, by: RunId) {
        // One that stays is only read by the same run.
        drop(durable::remove(&seen_path(folder, by)));
    }

    fn look(folder: &Path, is_own: bool) -> Self {
        // A run that takes itself back, and was cut off before it could say what it changed, can still tell. Later
        // everybody's changes would be taken for the run's.
        if is_own && !folder.join(LIST).exists() {
            drop(settle(folder));
        }
        let list = fs::read_to_string(folder.join(LIST)).unwrap_or_default();
        let (mut untouched, mut edited) = (Vec::new(), Vec::new());
        for line in list.lines() {
            let Some((hash, path)) = line.split_once(' ') else {
                continue;
            };
            let path = PathBuf::from(path);
            let is = hash_file(&path).ok().map(|(hash, _)| hash);
            if is == hash.parse::<Digest>().ok() {
                untouched.push(path);
            } else {
                edited.push(path);
            }
        }
        Self {
            folder: folder.to_owned(),
            untouched,
            edited,
            beside: beside(),
            is_unknown: !folder.join(LIST).exists(),
        }
    }

    /// Restores them, where the packages did not; lines for people.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn finish(&self) -> io::Result<Vec<String>> {
        let mut notes = Vec::new();
        if self.is_unknown {
            notes.push(
                "what the run changed under /etc is not known, so it stays as it is".to_owned(),
            );
        }
        // The way back itself is no reason to leave such things; but one of them may be somebody's edit.
        for path in beside().difference(&self.beside) {
            match belongs_to(path).filter(|file| self.edited.contains(file)) {
                Some(file) => {
                    set_aside(&self.folder, &file)?;
                    fs::rename(path, &file)?;
                    notes.push(format!(
                        "edited since, and in force again: {}",
                        file.display()
                    ));
                }
                None => {
                    set_aside(&self.folder, path)?;
                    fs::remove_file(path)?;
                }
            }
        }
        for path in &self.untouched {
            self.restore(path, &mut notes)?;
        }
        notes.extend(
            self.edited
                .iter()
                .map(|path| format!("edited since, left as it is: {}", path.display())),
        );
        Ok(notes)
    }

    fn restore(&self, path: &Path, notes: &mut Vec<String>) -> io::Result<()> {
        let of = fs::symlink_metadata(path).ok();
        // The former package has made something else of it.
        if of.as_ref().is_some_and(|of| !of.is_file()) {
            return Ok(());
        }
        let kept = copy_path(&self.folder, path);
        let was = match hash_file(&kept) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            hashed => Some(hashed?.0),
        };
        if of.is_some() {
            if was == Some(hash_file(path)?.0) {
                return Ok(());
            }
            set_aside(&self.folder, path)?;
        }
        match was {
            Some(_) => {
                put_back(&kept, path)?;
                notes.push(format!("put back {}", path.display()));
            }
            None if of.is_some() => {
                fs::remove_file(path)?;
                notes.push(format!(
                    "removed {}, which the run had made",
                    path.display()
                ));
            }
            None => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::copying::copy;
    use super::super::prune;
    use super::*;

    /// The way back on files of our own making; `/etc` itself is only read.
    #[test]
    fn edits_since_the_run_stay_and_the_rest_goes_back() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run");
        let etc = folder.path().join("etc");
        fs::create_dir_all(&etc).unwrap();
        let (changed, edited, made) = (etc.join("changed"), etc.join("edited"), etc.join("made"));
        for (path, before) in [(&changed, "before"), (&edited, "before")] {
            fs::write(path, before).unwrap();
            copy(path, &copy_path(&run, path)).unwrap();
        }
        let mut list = String::new();
        for path in [&changed, &edited, &made] {
            fs::write(path, "after").unwrap();
            list.push_str(&format!("{} {}\n", Digest::of(b"after"), path.display()));
        }
        fs::write(run.join(LIST), list).unwrap();
        fs::write(&edited, "mine").unwrap();
        let notes = GoingBack::look(&run, false).finish().unwrap();
        assert_eq!(fs::read(&changed).unwrap(), b"before");
        assert_eq!(fs::read(&edited).unwrap(), b"mine");
        assert!(!made.exists());
        assert_eq!(notes.len(), 3, "{notes:?}");
        // What was displaced is not lost.
        let mut aside = Files::new();
        files(&run.join("aside"), DEPTH_MAX, &mut aside);
        assert_eq!(aside.len(), 2, "{aside:?}");
        // What did not change is dropped at the end of a run; the way back does without.
        let unchanged = copy_path(&run, &etc.join("unchanged"));
        fs::write(&unchanged, "same").unwrap();
        prune(&run);
        assert!(!unchanged.exists());
        assert!(copy_path(&run, &changed).exists());
        // Again is nothing new.
        assert!(GoingBack::look(&run, false).finish().is_ok());
        assert_eq!(fs::read(&edited).unwrap(), b"mine");
    }

    /// Of a run that could not say what it changed, nothing is put back weeks later: everything since would be taken for
    /// its doing.
    #[test]
    fn unknown_changes_are_left_and_told() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("1");
        fs::create_dir_all(run.join("etc/etc")).unwrap();
        fs::write(copy_path(&run, Path::new("/etc/passwd")), "then").unwrap();
        let notes = GoingBack::begin(&run, RunId(2)).finish().unwrap();
        assert_eq!(notes.len(), 1, "{notes:?}");
        assert!(notes[0].contains("is not known"));
        assert!(!run.join(LIST).exists());
    }

    #[test]
    fn former_content_belongs_to_its_file() {
        let of = |path: &str| belongs_to(Path::new(path));
        assert_eq!(
            of("/etc/a.conf.rpmsave"),
            Some(PathBuf::from("/etc/a.conf"))
        );
        assert_eq!(
            of("/etc/a.conf.dpkg-old"),
            Some(PathBuf::from("/etc/a.conf"))
        );
        assert_eq!(of("/etc/a.conf.rpmnew"), None);
    }
}
