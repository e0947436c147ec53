//! What a forensic look needs and a patch destroys, taken before anything is changed (BOD 26-04, P26).
//!
//! One folder of plain files and a manifest of their hashes; the manifest's own hash is what the journal keeps.

use crate::artifacts::hash_file;
use crate::program::{Call, Program};
use overlock_model::plan::Digest;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

/// Tables of the kernel that are copied as they are.
const TABLES: [(&str, &str); 7] = [
    ("tcp", "/proc/net/tcp"),
    ("tcp6", "/proc/net/tcp6"),
    ("udp", "/proc/net/udp"),
    ("unix", "/proc/net/unix"),
    ("mounts", "/proc/self/mountinfo"),
    ("modules", "/proc/modules"),
    ("logins", "/run/utmp"),
];

/// Programs whose output is kept.
const PROGRAMS: [(&str, Program, &[&str]); 2] = [
    (
        "units",
        Program::Systemctl,
        &["list-units", "--all", "--no-pager", "--plain", "--full"],
    ),
    (
        "journal",
        Program::Journalctl,
        &["--no-pager", "--lines=5000", "--output=short-iso-precise"],
    ),
];

/// Longest command line that is kept, in bytes.
const LINE_BYTES_MAX: usize = 4096;

/// Takes the evidence into a folder; `verification` is how the package manager verifies what is installed. Answers the hash of its manifest and what could not be had.
///
/// # Errors
/// When the folder cannot be written: without evidence nothing is changed.
pub fn take(folder: &Path, verification: (Program, &[&str])) -> io::Result<(Digest, Vec<String>)> {
    let [units, journal] = PROGRAMS;
    let (program, arguments) = verification;
    take_with(
        folder,
        &[units, journal, ("verification", program, arguments)],
    )
}

fn take_with(
    folder: &Path,
    programs: &[(&str, Program, &[&str])],
) -> io::Result<(Digest, Vec<String>)> {
    let mut missing = Vec::new();
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    fs::write(folder.join("processes"), processes())?;
    for (name, path) in TABLES {
        match fs::read(path) {
            Ok(bytes) => fs::write(folder.join(name), bytes)?,
            Err(error) => missing.push(format!("{path}: {error}")),
        }
    }
    for &(name, program, arguments) in programs {
        if !program.is_here() {
            missing.push(format!("{} is not installed", program.path()));
            continue;
        }
        // A verification ends with 1 where something differs, which is what we want to see.
        match Call::new(program, arguments)
            .limit(Duration::from_secs(300))
            .run()
        {
            Ok(ran) => fs::write(folder.join(name), ran.stdout)?,
            Err(error) => missing.push(error.to_string()),
        }
    }
    let manifest = manifest(folder)?;
    let path = folder.join("MANIFEST");
    let mut file = fs::File::create(&path)?;
    file.write_all(manifest.as_bytes())?;
    file.sync_all()?;
    Ok((Digest::of(manifest.as_bytes()), missing))
}

/// `SHA256  NAME` of each file, as `sha256sum` writes and checks it.
fn manifest(folder: &Path) -> io::Result<String> {
    let mut lines = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (hash, _) = hash_file(&entry.path())?;
        lines.push(format!("{hash}  {}\n", entry.file_name().to_string_lossy()));
    }
    lines.sort_by(|a, b| a.get(64..).cmp(&b.get(64..)));
    Ok(lines.concat())
}

/// `PID PPID UID START EXE COMMAND` of each process; START in clock ticks since boot, `proc(5)`.
fn processes() -> String {
    let mut lines = String::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(pid) = name
            .to_str()
            .filter(|name| name.bytes().all(|b| b.is_ascii_digit()))
        else {
            continue;
        };
        let folder = entry.path();
        let stat = fs::read_to_string(folder.join("stat")).unwrap_or_default();
        let fields: Vec<&str> = stat
            .rsplit_once(") ")
            .map(|(_, rest)| rest.split(' ').collect())
            .unwrap_or_default();
        let field = |at: usize| fields.get(at).copied().unwrap_or("?");
        let uid = fs::read_to_string(folder.join("status"))
            .unwrap_or_default()
            .lines()
            .find_map(|line| {
                Some(
                    line.strip_prefix("Uid:")?
                        .split_whitespace()
                        .next()?
                        .to_owned(),
                )
            })
            .unwrap_or_else(|| "?".to_owned());
        let exe = fs::read_link(folder.join("exe"))
            .map(|path| path.display().to_string())
            .unwrap_or_else(|_| "-".to_owned());
        let mut line = fs::read(folder.join("cmdline")).unwrap_or_default();
        line.truncate(LINE_BYTES_MAX);
        let command: String = String::from_utf8_lossy(&line)
            .replace('\0', " ")
            .chars()
            .map(|c| if c.is_control() { '?' } else { c })
            .collect();
        lines.push_str(&format!(
            "{pid} {} {uid} {} {exe} {}\n",
            field(1),
            field(19),
            command.trim()
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bundle_names_and_hashes_what_it_holds() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("evidence");
        let (digest, _) = take_with(&folder, &[]).unwrap();
        let manifest = fs::read(folder.join("MANIFEST")).unwrap();
        assert_eq!(Digest::of(&manifest), digest);
        let text = String::from_utf8(manifest).unwrap();
        for line in text.lines() {
            let (hash, name) = line.split_once("  ").unwrap();
            let found = hash_file(&folder.join(name)).unwrap().0;
            assert_eq!(found.to_string(), hash, "{name}");
        }
        let own = std::process::id().to_string();
        let processes = fs::read_to_string(folder.join("processes")).unwrap();
        assert!(processes.lines().any(|line| line.starts_with(&own)));
    }
}
