//! A service of ours with the timer that starts it: units on disk, so that they outlive us and a boot.
//!
//! What must happen while a run waits is a transient unit (`confirm`); what must happen in days, or every week, is here.

use crate::durable;
use crate::program::{Call, Program, ProgramError};
use crate::restart::is_systemd;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const FOLDER: &str = "/etc/systemd/system";

/// The units cannot be put or taken away.
#[derive(Debug, thiserror::Error)]
pub enum TimerError {
    /// A file.
    #[error("cannot {what} `{path}`")]
    File {
        /// `write` or `remove`.
        what: &'static str,
        /// Which.
        path: String,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// systemd.
    #[error("systemd does not take the timer")]
    Systemd(#[from] ProgramError),
    /// A path in it.
    #[error(transparent)]
    Name(#[from] NameError),
}

/// A path of ours that a unit of systemd cannot hold as it is.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{}` cannot be named in a unit of systemd: it must be an absolute path without quotes, `\\`, `$` or line breaks",
    .0.display()
)]
pub struct NameError(pub PathBuf);

/// A service and its timer, by their common name.
#[derive(Debug, Clone)]
pub struct Timer {
    name: String,
    folder: PathBuf,
}

impl Timer {
    /// By name, without an ending.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            folder: FOLDER.into(),
        }
    }

    /// The timer's unit.
    #[must_use]
    pub fn unit(&self) -> String {
        format!("{}.timer", self.name)
    }

    /// Where its two files lie.
    #[must_use]
    pub fn files(&self) -> [PathBuf; 2] {
        ["service", "timer"].map(|kind| self.folder.join(format!("{}.{kind}", self.name)))
    }

    /// Writes both units and starts the timer, now and at each boot. The same again changes nothing.
    ///
    /// Where systemd does not run there is no timer, and the answer is `false`.
    ///
    /// # Errors
    /// When a file cannot be written or systemd does not take it.
    pub fn put(&self, service: &str, timer: &str) -> Result<bool, TimerError> {
        if !is_systemd() {
            return Ok(false);
        }
        for (path, text) in self.files().iter().zip([service, timer]) {
            durable::write(path, text).map_err(|source| self.file("write", path, source))?;
        }
        systemctl(&["daemon-reload"])?;
        systemctl(&["enable", "--now", "--", &self.unit()])?;
        // What is new in the files counts for a timer that ran already.
        systemctl(&["restart", "--", &self.unit()])?;
        Ok(true)
    }

    /// Stops the timer and removes all there is of it; a service of it that runs goes on to its end.
    ///
    /// # Errors
    /// When a file cannot be removed or systemd says no.
    pub fn take(&self) -> Result<(), TimerError> {
        let files = self.files();
        if !files.iter().any(|path| path.exists()) {
            return Ok(());
        }
        if is_systemd() {
            systemctl(&["disable", "--now", "--", &self.unit()])?;
            // The note of when it last elapsed. Older versions of systemd cannot, and leave an empty file.
            drop(
                Call::new(
                    Program::Systemctl,
                    ["clean", "--what=state", "--", &self.unit()],
                )
                .run(),
            );
        }
        for path in &files {
            durable::remove(path).map_err(|source| self.file("remove", path, source))?;
        }
        if is_systemd() {
            systemctl(&["daemon-reload"])?;
        }
        Ok(())
    }

    /// Whether both files are there and the timer runs.
    #[must_use]
    pub fn stands(&self) -> bool {
        self.files().iter().all(|path| path.is_file())
            && Call::new(
                Program::Systemctl,
                ["is-active", "--quiet", "--", &self.unit()],
            )
            .run()
            .is_ok_and(|ran| ran.is_success())
    }

    fn file(&self, what: &'static str, path: &Path, source: io::Error) -> TimerError {
        TimerError::File {
            what,
            path: path.display().to_string(),
            source,
        }
    }
}

/// A path as a word that systemd takes as it is. What would need more than quotes is refused: versions of systemd differ
/// in what they make of it, and a line break would begin a line of the unit.
pub(crate) fn named(path: &Path) -> Result<&str, NameError> {
    let plain = |c: char| !c.is_control() && !matches!(c, '"' | '\'' | '\\' | '$');
    path.to_str()
        .filter(|text| path.is_absolute() && text.chars().all(plain))
        .ok_or_else(|| NameError(path.to_owned()))
}

/// A path as one word of `ExecStart=` (`systemd.service(5)`, "Command lines"); `%` is doubled.
///
/// # Errors
/// When a unit cannot hold it.
pub fn quoted(path: &Path) -> Result<String, NameError> {
    Ok(format!("\"{}\"", named(path)?.replace('%', "%%")))
}

/// What a unit's `systemctl show` says of one property; empty where it says nothing.
pub(crate) fn property(unit: &str, name: &str) -> Result<String, ProgramError> {
    let wanted = format!("--property={name}");
    let text = Call::new(Program::Systemctl, ["show", "--value", &wanted, "--", unit]).output()?;
    Ok(String::from_utf8_lossy(&text).trim().to_owned())
}

/// `systemctl` with these words.
pub(crate) fn systemctl(words: &[&str]) -> Result<(), ProgramError> {
    Call::new(Program::Systemctl, words)
        .limit(std::time::Duration::from_secs(180))
        .output()
        .map(drop)
}

/// Removes a folder that nothing is left in.
pub(crate) fn remove_if_empty(folder: &Path) {
    // Not empty is the answer "no".
    drop(fs::remove_dir(folder));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_is_one_word_or_refused() {
        let quoted = |path: &str| quoted(Path::new(path)).ok();
        let word = quoted("/data of ours/100%");
        assert_eq!(word.as_deref(), Some("\"/data of ours/100%%\""));
        for wrong in [
            "",
            "relative",
            "/a\"b",
            "/a'b",
            "/a$HOME",
            "/a\nExecStart=/bin/sh",
            "/a\\b",
        ] {
            assert_eq!(quoted(wrong), None, "{wrong}");
        }
    }
}
