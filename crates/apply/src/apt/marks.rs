//! Which packages apt installed by itself, and may remove when nothing needs them: kept over an installation.
//!
//! Naming a package tells apt that somebody wants it, and apt writes that down before dpkg begins. So what was so is
//! written beside the log of a run before its first installation, and put right whenever the packages are looked at,
//! also after a cut.

use crate::program::{Call, Program, ProgramError};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Writes the marks down, unless an earlier installation of the same run did.
///
/// # Errors
/// When apt cannot be asked or the file cannot be written.
pub(super) fn keep(log: &Path) -> Result<(), ProgramError> {
    let file = beside(log);
    if file.exists() {
        return Ok(());
    }
    let marks: Vec<String> = automatic()?.into_iter().collect();
    write(&file, &marks.join("\n")).map_err(|source| ProgramError::Start {
        program: Program::AptMark.path().to_string(),
        source,
    })
}

/// Marks again what was marked before the run whose log this is; nothing where no installation began.
///
/// # Errors
/// When apt cannot be asked.
pub fn restore(log: &Path) -> Result<(), ProgramError> {
    let Ok(text) = fs::read_to_string(beside(log)) else {
        return Ok(());
    };
    let now = automatic()?;
    let lost: Vec<&str> = text.lines().filter(|name| !now.contains(*name)).collect();
    if !lost.is_empty() {
        // A package that was removed has no mark to lose; apt-mark only warns.
        Call::new(Program::AptMark, ["auto", "--"].into_iter().chain(lost)).run()?;
    }
    Ok(())
}

fn beside(log: &Path) -> PathBuf {
    log.with_file_name("automatic")
}

fn write(file: &Path, text: &str) -> io::Result<()> {
    let new = file.with_extension("new");
    let mut opened = File::create(&new)?;
    opened.write_all(text.as_bytes())?;
    opened.sync_all()?;
    fs::rename(new, file)
}

fn automatic() -> Result<BTreeSet<String>, ProgramError> {
    let text = Call::new(Program::AptMark, ["showauto"]).output()?;
    Ok(String::from_utf8_lossy(&text)
        .lines()
        .map(str::to_owned)
        .collect())
}
