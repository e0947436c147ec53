//! Packages' own restarts, kept quiet during an installation and written down for the restart pass (REQ-16, REQ-17).
//!
//! Debian's maintainer scripts ask `/usr/sbin/policy-rc.d` before they start, stop or restart anything (Debian policy,
//! section 9.3.3). Ours says no while our installation runs, and notes what was asked for. It disarms itself: it only
//! says no while the process that put it there lives, so one that a crash left behind harms nothing.
//!
//! A host with a `policy-rc.d` of its own keeps it: that is the administrator's word.

use crate::asked::FOLDER;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

const POLICY: &str = "/usr/sbin/policy-rc.d";
/// Its name until it is whole.
const NEW: &str = "/usr/sbin/policy-rc.d.overlock-new";
const MARK: &str = "# written by overlock; harmless when no installation of it runs";

/// Restarts are kept quiet while this lives.
#[derive(Debug)]
pub struct Quiet {
    ours: bool,
}

impl Quiet {
    /// Puts the policy in place; `false` in [`Quiet::is_ours`] where the host has one already.
    ///
    /// # Errors
    /// When files cannot be written.
    pub fn begin() -> io::Result<Self> {
        fs::create_dir_all(FOLDER)?;
        fs::set_permissions(FOLDER, fs::Permissions::from_mode(0o700))?;
        if Path::new(POLICY).symlink_metadata().is_ok() && !is_ours()? {
            return Ok(Self { ours: false });
        }
        fs::write(
            Path::new(FOLDER).join("installing"),
            std::process::id().to_string(),
        )?;
        let text = format!(
            "#!/bin/sh\n{MARK}\npid=$(cat {FOLDER}/installing 2>/dev/null) || exit 0\n\
             kill -0 \"$pid\" 2>/dev/null || exit 0\n\
             printf '%s\\n' \"$*\" >> {FOLDER}/asked\nexit 101\n"
        );
        let mut file = fs::OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o755)
            .open(NEW)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(NEW, POLICY)?;
        Ok(Self { ours: true })
    }

    /// Whether our policy is the one in force.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.ours
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        if self.ours {
            drop(disarm());
        }
    }
}

/// Removes what a run that was cut off left behind.
///
/// # Errors
/// When it is there and cannot be removed.
pub fn disarm() -> io::Result<()> {
    if is_ours()? {
        fs::remove_file(POLICY)?;
    }
    gone(Path::new(NEW))?;
    gone(&Path::new(FOLDER).join("installing"))
}

fn gone(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn is_ours() -> io::Result<bool> {
    match fs::read_to_string(POLICY) {
        Ok(text) => Ok(text.contains(MARK)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        // Not text, so not ours.
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(false),
        Err(error) => Err(error),
    }
}
