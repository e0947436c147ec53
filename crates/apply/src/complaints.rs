//! What a package manager complained of, from its own output, for the reason of a failure.

use crate::PackageManager;
use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

const LOG_BYTES_MAX: u64 = 16 << 20;
/// Complaints in one reason.
const COMPLAINTS_MAX: usize = 3;

/// The complaints in a log from `begin` on; else its last line, at which it stopped; `None` for an empty one.
pub(crate) fn told(log: &Path, begin: u64, manager: &dyn PackageManager) -> Option<String> {
    let mut file = fs::File::open(log).ok()?;
    file.seek(SeekFrom::Start(begin)).ok()?;
    let mut bytes = Vec::new();
    file.take(LOG_BYTES_MAX).read_to_end(&mut bytes).ok()?;
    let said = String::from_utf8_lossy(&bytes);
    words(&said, manager.complaints(&said))
}

fn words(said: &str, mut found: Vec<String>) -> Option<String> {
    if found.is_empty() {
        let last = said.lines().rfind(|line| !line.trim().is_empty())?;
        return Some(format!("it stopped at `{}`", last.trim()));
    }
    found.truncate(COMPLAINTS_MAX);
    Some(found.join("; "))
}

/// dpkg's words on each package that it could not process; else apt's own.
pub(crate) fn of_dpkg(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let found: Vec<String> = lines
        .iter()
        .zip(lines.iter().skip(1).chain([&""]))
        .filter_map(|(line, next)| {
            // A script that asked a question leaves its line open before it.
            let (_, rest) = line.split_once("dpkg: error processing ")?;
            let rest = rest.strip_prefix("package ").unwrap_or(rest);
            let what = rest.split(" (").next().unwrap_or(rest);
            Some(format!("{what}: {}", next.trim()))
        })
        .collect();
    if !found.is_empty() {
        return found;
    }
    let errors = lines.iter().filter_map(|line| line.strip_prefix("E: "));
    errors.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(text: &str) -> Option<String> {
        words(text, of_dpkg(text))
    }

    #[test]
    fn reason_is_the_packages_own() {
        let text = "Setting up a (2) ...\ndpkg: error processing package lab-fails (--configure):\n installed lab-fails package post-installation script subprocess returned error exit status 1\nErrors were encountered while processing:\n lab-fails\nE: Sub-process /usr/bin/dpkg returned an error code (1)\n";
        assert_eq!(
            reason(text).unwrap(),
            "lab-fails: installed lab-fails package post-installation script subprocess returned error exit status 1"
        );
        assert_eq!(
            reason("Unpacking x\nSetting up lab-hangs (2.0) ...\n").unwrap(),
            "it stopped at `Setting up lab-hangs (2.0) ...`"
        );
        let asked = "go on? [y/N] dpkg: error processing package b (--configure):\n it ended\n";
        assert_eq!(reason(asked).unwrap(), "b: it ended");
        assert_eq!(reason("E: no\n").unwrap(), "no");
        assert_eq!(reason("\n"), None);
    }
}
