//! Whether a transaction of rpm was cut off, and what it left.
//!
//! rpm writes the new package into its database, then removes the former one; it lays files down one package after the
//! other. A cut leaves packages in two versions, which the database shows, or files of a version that the database does
//! not name, which only verification shows. So a mark is written (and synced) before rpm starts, with what was amiss
//! already, and goes when rpm has ended well; while it is there, packages are verified.

use super::database::{Database, Header};
use super::words;
use crate::program::{Call, Program, ProgramError};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// There is one database on a host, so there is one place for the mark, wherever a run keeps its state.
pub(super) const FOLDER: &str = "/var/lib/overlock";
const MARK: &str = "rpm-transaction";
/// Most bytes of rpm's output that are looked through.
const LOG_BYTES_MAX: u64 = 16 << 20;
/// Most files that are named.
const DAMAGE_MAX: usize = 20;

/// The mark of a transaction that has not been seen to end well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cut {
    path: PathBuf,
    /// What rpm said since the transaction began.
    log: PathBuf,
    begin: u64,
    /// `NAME.ARCH VERSION` of what was to come.
    coming: Vec<(String, String)>,
    /// Lines of verification from before.
    amiss: BTreeSet<String>,
}

impl Cut {
    /// Writes the mark. One that is there already stays the judge of what was amiss before in its packages.
    pub fn begin(folder: &Path, headers: &[Header], log: &Path) -> io::Result<Self> {
        let coming: Vec<(String, String)> = headers
            .iter()
            .map(|header| {
                let name = format!("{}.{}", header.name, header.arch);
                (name, header.version.clone())
            })
            .collect();
        let former = Self::read(folder);
        let is_judged = |name: &str| {
            let mut judged = former.iter().flat_map(|former| &former.coming);
            judged.any(|(known, _)| known == name)
        };
        let fresh: Vec<(String, String)> = coming
            .iter()
            .filter(|(name, _)| !is_judged(name))
            .cloned()
            .collect();
        let mut amiss = verify(&fresh).map_err(io::Error::other)?;
        amiss.extend(former.into_iter().flat_map(|former| former.amiss));
        let cut = Self {
            path: folder.join(MARK),
            log: log.to_owned(),
            begin: fs::metadata(log).map_or(0, |of| of.len()),
            coming,
            amiss,
        };
        fs::create_dir_all(folder)?;
        let new = cut.path.with_extension("new");
        let mut file = File::create(&new)?;
        file.write_all(cut.text().as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, &cut.path)?;
        File::open(folder)?.sync_all()?;
        Ok(cut)
    }

    /// The mark that is there.
    pub fn read(folder: &Path) -> Option<Self> {
        let path = folder.join(MARK);
        let text = fs::read_to_string(&path).ok()?;
        Some(Self::of(path, &text))
    }

    fn text(&self) -> String {
        let mut text = format!("log {} {}\n", self.begin, self.log.display());
        for (name, version) in &self.coming {
            text.push_str(&format!("coming {name} {version}\n"));
        }
        for line in &self.amiss {
            text.push_str(&format!("amiss {line}\n"));
        }
        text
    }

    fn of(path: PathBuf, text: &str) -> Self {
        let mut cut = Self {
            path,
            log: PathBuf::new(),
            begin: 0,
            coming: Vec::new(),
            amiss: BTreeSet::new(),
        };
        for line in text.lines() {
            match line.split_once(' ') {
                Some(("log", rest)) => {
                    if let Some((begin, log)) = rest.split_once(' ') {
                        (cut.begin, cut.log) = (begin.parse().unwrap_or(0), log.into());
                    }
                }
                Some(("coming", rest)) => cut.coming.extend(
                    rest.split_once(' ')
                        .map(|(name, version)| (name.to_owned(), version.to_owned())),
                ),
                Some(("amiss", rest)) => {
                    cut.amiss.insert(rest.to_owned());
                }
                _ => {}
            }
        }
        cut
    }

    /// Takes the mark away: all that was to be done is done.
    pub fn end(self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Scriptlets of packages that came which failed.
    pub fn failures(&self) -> Vec<String> {
        let read = || -> io::Result<Vec<u8>> {
            let mut file = File::open(&self.log)?;
            file.seek(SeekFrom::Start(self.begin))?;
            let mut bytes = Vec::new();
            file.take(LOG_BYTES_MAX).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        words::failures(&String::from_utf8_lossy(&read().unwrap_or_default()))
    }

    /// Files that are not what the database says and were before.
    pub fn damage(&self) -> Result<Vec<String>, ProgramError> {
        let mut notes: Vec<String> = verify(&self.coming)?
            .difference(&self.amiss)
            .map(|line| format!("not what rpm's database says: {line}"))
            .collect();
        notes.truncate(DAMAGE_MAX);
        Ok(notes)
    }

    /// What was to come, without versions.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.coming.iter().map(|(name, _)| name.as_str())
    }

    /// Some came and some did not.
    pub fn is_half(&self, database: &Database) -> bool {
        let came = |(name, version): &&(String, String)| {
            let (name, arch) = name.rsplit_once('.').unwrap_or((name, ""));
            database.versions(name, arch).contains(&version.as_str())
        };
        let count = self.coming.iter().filter(came).count();
        count > 0 && count < self.coming.len()
    }
}

/// Files of these packages that differ from the database: other bytes, or none. Configuration is the administrator's.
fn verify(packages: &[(String, String)]) -> Result<BTreeSet<String>, ProgramError> {
    if packages.is_empty() {
        return Ok(BTreeSet::new());
    }
    let options = ["--verify", "--nodeps", "--noscripts", "--"];
    let names = packages.iter().map(|(name, _)| name.as_str());
    // It ends with 1 where something differs, or where a package is not there.
    let ran = Call::new(Program::Rpm, options.into_iter().chain(names)).run()?;
    let text = String::from_utf8_lossy(&ran.stdout);
    Ok(text
        .lines()
        .filter(|line| is_damage(line))
        .map(str::to_owned)
        .collect())
}

/// `S.5....T.  c PATH`, `missing     PATH`: nine flags, what kind of file it is, the path (rpm(8), verify options).
fn is_damage(line: &str) -> bool {
    let Some((flags, rest)) = line.split_once(' ') else {
        return false;
    };
    let rest = rest.trim_start();
    let is_other_bytes = flags.len() == 9 && flags.as_bytes().get(2) == Some(&b'5');
    (is_other_bytes || flags == "missing") && rest.starts_with('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configuration_and_times_are_no_damage() {
        assert!(is_damage("S.5....T.    /usr/bin/x"));
        assert!(is_damage("missing     /usr/bin/x"));
        assert!(!is_damage("S.5....T.  c /etc/x.conf"));
        assert!(!is_damage("missing   c /etc/x.conf"));
        assert!(!is_damage(".......T.    /usr/bin/x"));
        assert!(!is_damage("package x is not installed"));
    }

    #[test]
    fn mark_is_read_as_it_was_written() {
        let cut = Cut {
            path: "/data/rpm-transaction".into(),
            log: "/data/runs/1/packages.log".into(),
            begin: 17,
            coming: vec![("bash.x86_64".to_owned(), "1:5-1".to_owned())],
            amiss: ["missing     /usr/x y".to_owned()].into(),
        };
        assert_eq!(Cut::of(cut.path.clone(), &cut.text()), cut);
    }
}
