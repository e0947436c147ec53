//! A version that was taken back stays away from apt: no timer of the host installs it again (F39a).
//!
//! apt reads it as a preference: the version has a negative priority until the pin ends (`apt_preferences(5)`). The end
//! is written into the file, and whoever plans or applies next removes pins that have ended.

use crate::manager::Named;
use jiff::Timestamp;
use overlock_model::run::RunId;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const FOLDER: &str = "/etc/apt/preferences.d";
const PREFIX: &str = "overlock-run-";
const UNTIL: &str = "Explanation: overlock-until ";

/// Keeps these versions away until then; a pin of the same run is replaced.
///
/// # Errors
/// When the file cannot be written.
pub fn keep_away(run: RunId, versions: &[Named<'_>], until: Timestamp) -> io::Result<PathBuf> {
    let path = Path::new(FOLDER).join(format!("{PREFIX}{run}"));
    fs::create_dir_all(FOLDER)?;
    // apt ignores a name with this extension, so half a file is never read.
    let new = path.with_extension("new");
    let mut file = fs::File::create(&new)?;
    file.write_all(text(run, versions, until).as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, &path)?;
    Ok(path)
}

fn text(run: RunId, versions: &[Named<'_>], until: Timestamp) -> String {
    let mut text = format!(
        "Explanation: overlock took these versions back after run {run}; see `overlock history {run}`\n\
         {UNTIL}{until}\n"
    );
    for (at, (package, _, version)) in versions.iter().enumerate() {
        if at > 0 {
            text.push('\n');
        }
        text.push_str(&format!(
            "Package: {package}\nPin: version {version}\nPin-Priority: -1\n"
        ));
    }
    text
}

/// Removes pins that have ended; answers which.
///
/// # Errors
/// When a pin that has ended cannot be removed.
pub fn end(now: Timestamp) -> io::Result<Vec<PathBuf>> {
    end_in(Path::new(FOLDER), now)
}

fn end_in(folder: &Path, now: Timestamp) -> io::Result<Vec<PathBuf>> {
    let mut ended = Vec::new();
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(ended),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        let is_ours = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with(PREFIX));
        if !is_ours {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap_or_default();
        let until = text
            .lines()
            .find_map(|line| line.strip_prefix(UNTIL)?.parse::<Timestamp>().ok());
        // One whose end cannot be read stays: it was somebody's decision.
        if until.is_some_and(|until| until <= now) {
            fs::remove_file(&path)?;
            ended.push(path);
        }
    }
    Ok(ended)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn pin_ends_at_its_time_and_no_other_file_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        let (ours, other) = (
            folder.path().join("overlock-run-3"),
            folder.path().join("admin"),
        );
        let until = at("2026-12-01T00:00:00Z");
        fs::write(&ours, text(RunId(3), &[("openssl", "amd64", "2.0")], until)).unwrap();
        fs::write(&other, format!("{UNTIL}2020-01-01T00:00:00Z\n")).unwrap();
        assert!(
            end_in(folder.path(), at("2026-11-30T23:59:59Z"))
                .unwrap()
                .is_empty()
        );
        assert_eq!(end_in(folder.path(), until).unwrap(), [ours]);
        assert!(other.exists());
    }

    #[test]
    fn stanzas_are_those_that_apt_reads() {
        let text = text(
            RunId(1),
            &[("a", "all", "1"), ("b", "all", "2:2")],
            at("2026-12-01T00:00:00Z"),
        );
        assert!(text.ends_with(
            "Package: a\nPin: version 1\nPin-Priority: -1\n\nPackage: b\nPin: version 2:2\nPin-Priority: -1\n"
        ));
    }
}
