//! What packages wanted started or restarted while that was held off, written down for the restart pass (REQ-16, REQ-17).
//!
//! One file, which a boot empties. apt's packages write it themselves by our `policy-rc.d`; for rpm's we read their
//! scriptlets.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// On a file system that is empty after a boot.
pub(crate) const FOLDER: &str = "/run/overlock";

/// Units that packages wanted started or restarted during the last installation since boot, in their order, each once.
#[must_use]
pub fn asked_for() -> Vec<Asked> {
    asked(&fs::read_to_string(asked_file()).unwrap_or_default())
}

/// A wish of a package's script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Unit.
    pub unit: String,
    /// It wanted the unit to run, whether it ran before or not.
    pub start: bool,
}

/// Notes wishes, `UNIT ACTION` each.
///
/// # Errors
/// When they cannot be written.
pub(crate) fn note(wishes: &[(String, &str)]) -> io::Result<()> {
    fs::create_dir_all(FOLDER)?;
    fs::set_permissions(FOLDER, fs::Permissions::from_mode(0o700))?;
    let mut file = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(asked_file())?;
    for (unit, action) in wishes {
        file.write_all(format!("{unit} {action}\n").as_bytes())?;
    }
    Ok(())
}

/// Forgets what earlier installations wanted started.
///
/// # Errors
/// When it is written down and cannot be removed.
pub fn forget() -> io::Result<()> {
    match fs::remove_file(asked_file()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn asked_file() -> PathBuf {
    Path::new(FOLDER).join("asked")
}

/// Lines are `[--quiet] ID ACTIONS [RUNLEVEL]`; stopping is no wish to run.
fn asked(text: &str) -> Vec<Asked> {
    let mut asked: Vec<Asked> = Vec::new();
    for line in text.lines() {
        let mut words = line
            .split_whitespace()
            .filter(|word| !word.starts_with("--"));
        let (Some(id), Some(action)) = (words.next(), words.next()) else {
            continue;
        };
        let start = match action {
            "start" => true,
            "restart" | "try-restart" | "reload" | "force-reload" => false,
            _ => continue,
        };
        let unit = if id.contains('.') {
            id.to_owned()
        } else {
            format!("{id}.service")
        };
        match asked.iter_mut().find(|one| one.unit == unit) {
            Some(one) => one.start |= start,
            None => asked.push(Asked { unit, start }),
        }
    }
    asked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_to_run_are_kept_once() {
        let text = "nginx.service restart\n--quiet ssh restart\nnginx.service start\ncron stop\nfoo.socket start 2\n\n";
        let asked: Vec<(String, bool)> = asked(text)
            .into_iter()
            .map(|one| (one.unit, one.start))
            .collect();
        let expected = [
            ("nginx.service", true),
            ("ssh.service", false),
            ("foo.socket", true),
        ];
        assert_eq!(
            asked,
            expected.map(|(unit, start)| (unit.to_owned(), start))
        );
    }
}
