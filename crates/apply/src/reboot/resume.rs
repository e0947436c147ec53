//! The unit that takes a run up again after a boot.
//!
//! It is a file in `/etc/systemd/system` and a link that makes it part of every boot, written before anything that a boot
//! may come into and removed once the run has ended. If it stays it does no harm: `overlock repair --resume` does nothing
//! where no run is open, and removes it.
//!
//! systemd reads its files anew at a boot, so nothing is reloaded here: neither to arm nor to disarm.

use super::lacking;
use crate::durable;
use crate::timer::{NameError, quoted};
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

const UNIT: &str = "/etc/systemd/system/overlock-resume.service";
const WANTED: &str = "/etc/systemd/system/multi-user.target.wants/overlock-resume.service";

/// What [`arm`] writes; a state revert brings it along into the root that boots.
pub(crate) const FILES: [&str; 2] = [UNIT, WANTED];

/// The run could not be made to go on after a boot.
#[derive(Debug, thiserror::Error)]
pub enum ArmError {
    /// Nothing would start us.
    #[error("{0}")]
    Host(&'static str),
    /// Our own program, or the state directory, has a name that a unit cannot hold.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The program that would be started is not there.
    #[error("`{0}` is no program; install overlock where it stays")]
    Program(PathBuf),
    /// It could not be written.
    #[error("`{UNIT}` cannot be written")]
    Write(#[source] io::Error),
}

/// Makes the open run go on after the next boot, whoever causes it. Done again it changes nothing.
///
/// `program` is our own, by a path that a newer version of it will have too; `data` is the state directory.
///
/// # Errors
/// When the host has no systemd, a path cannot be named, or the unit cannot be written.
pub fn arm(program: &Path, data: &Path) -> Result<(), ArmError> {
    if let Some(why) = lacking() {
        return Err(ArmError::Host(why));
    }
    let program = lasting(program);
    if !program.is_file() {
        return Err(ArmError::Program(program));
    }
    let data = std::path::absolute(data).map_err(ArmError::Write)?;
    let text = unit(&program, &data)?;
    if fs::read_to_string(UNIT).is_ok_and(|there| there == text) && Path::new(WANTED).is_symlink() {
        return Ok(());
    }
    write(&text).map_err(ArmError::Write)
}

/// Takes the unit away: the run has ended. That it was not there is fine.
pub fn disarm() {
    // The link first: a unit that nobody starts does nothing, a link to nothing is a line in the log of each boot.
    for path in [WANTED, UNIT] {
        // What cannot be removed does no harm.
        let _ = durable::remove(Path::new(path));
    }
}

/// What is asked of the kernel while our program is being replaced has a remark behind the path; the path stays.
pub(crate) fn lasting(program: &Path) -> PathBuf {
    let text = program.to_string_lossy();
    text.strip_suffix(" (deleted)")
        .map_or_else(|| program.to_owned(), PathBuf::from)
}

fn write(text: &str) -> io::Result<()> {
    let (unit, wanted) = (Path::new(UNIT), Path::new(WANTED));
    durable::write(unit, text)?;
    let folder = wanted.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder)?;
    if !wanted.is_symlink() {
        symlink(unit, wanted)?;
    }
    fs::File::open(folder)?.sync_all()
}

/// It must not hold the boot up, so it counts as started at once; a journal that somebody else holds for a moment is
/// tried again, an end of the run is an end. Exit code 5, a run that was taken back, is one that we vouch for.
fn unit(program: &Path, data: &Path) -> Result<String, NameError> {
    Ok(format!(
        "# Written by overlock for as long as a run is open, and removed at its end.\n\
         [Unit]\n\
         Description=Overlock goes on with a run that a boot came into\n\
         Wants=network-online.target\n\
         After=network-online.target local-fs.target\n\
         StartLimitIntervalSec=600\n\
         StartLimitBurst=60\n\
         \n\
         [Service]\n\
         Type=simple\n\
         ExecStart={} --data {} repair --resume\n\
         SuccessExitStatus=5\n\
         Restart=on-failure\n\
         RestartSec=5\n\
         RestartPreventExitStatus=2 4 6 70\n\
         \n\
         [Install]\n\
         WantedBy=multi-user.target\n",
        quoted(program)?,
        quoted(data)?
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unit_names_program_and_data_as_single_words() {
        let text = unit(
            Path::new("/opt/our own/overlock"),
            Path::new("/var/lib/100%"),
        )
        .unwrap();
        assert!(
            text.contains(
                "ExecStart=\"/opt/our own/overlock\" --data \"/var/lib/100%%\" repair --resume\n"
            ),
            "{text}"
        );
        assert!(unit(Path::new("/usr/bin/overlock"), Path::new("relative")).is_err());
    }

    #[test]
    fn program_that_is_being_replaced_keeps_its_path() {
        assert_eq!(
            lasting(Path::new("/usr/bin/overlock (deleted)")),
            Path::new("/usr/bin/overlock")
        );
        assert_eq!(
            lasting(Path::new("/usr/bin/overlock")),
            Path::new("/usr/bin/overlock")
        );
    }
}
