//! Which release a root holds, from `os-release(5)` or from what hosts had before it.
//!
//! The scan asks this first, since everything later (feeds, version order, support) depends on the answer. The file
//! is written in shell syntax but never given to a shell: only assignments with one optional pair of quotes are read,
//! as os-release(5) promises that nothing else occurs.

use crate::printable::printable;
use overlock_model::os::Os;
use overlock_rootfs::{Root, RootError};

/// Largest release file that is read, in bytes. Real ones have less than 2 KiB.
pub const RELEASE_BYTES_MAX: u64 = 64 * 1024;

/// Why the release is not known.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// No file of the root states it.
    #[error(
        "the release is not stated: neither `/etc/os-release`, `/usr/lib/os-release` nor an older release file exists"
    )]
    Missing,
    /// A file that states it could not be read.
    #[error("the release file cannot be read")]
    Unreadable(#[source] RootError),
}

/// Reads the release of a root.
///
/// `/etc/os-release` comes before `/usr/lib/os-release` (os-release(5)); a file without an `ID` counts only where no
/// older file says more.
///
/// # Errors
/// When no file states it, or none that does can be read.
pub fn read(root: &Root) -> Result<Os, ReleaseError> {
    let mut failure = None;
    let mut nameless = None;
    for path in ["/etc/os-release", "/usr/lib/os-release"] {
        match root.read_optional(path, RELEASE_BYTES_MAX) {
            Ok(Some(bytes)) => {
                let os = parse_os_release(&bytes);
                if !os.id.is_empty() {
                    return Ok(os);
                }
                nameless = nameless.or(Some(os));
            }
            Ok(None) => {}
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    if let Some(os) = older(root) {
        return Ok(os);
    }
    match (nameless, failure) {
        // "If not set, a default of ID=linux may be used."
        (Some(os), _) => Ok(Os {
            id: "linux".to_owned(),
            ..os
        }),
        (None, Some(error)) => Err(ReleaseError::Unreadable(error)),
        (None, None) => Err(ReleaseError::Missing),
    }
}

/// Parses the text of an `os-release` file. A key given twice has its last value, as in a shell.
#[must_use]
pub fn parse_os_release(bytes: &[u8]) -> Os {
    let mut os = Os::default();
    let mut ubuntu_codename = None;
    for line in bytes.split(|byte| *byte == b'\n') {
        let line = line.trim_ascii();
        let Some(equals) = memchr::memchr(b'=', line) else {
            continue;
        };
        let (key, value) = line.split_at(equals);
        let value = unquote(value.get(1..).unwrap_or_default());
        let some = || (!value.is_empty()).then(|| value.clone());
        match key {
            b"ID" => os.id = value.to_lowercase(),
            b"VERSION_ID" => os.version_id = value,
            b"VERSION_CODENAME" => os.codename = some(),
            b"UBUNTU_CODENAME" => ubuntu_codename = some(),
            b"PRETTY_NAME" => os.name = some(),
            b"ID_LIKE" => os.id_like = value.split_whitespace().map(str::to_lowercase).collect(),
            _ => {}
        }
    }
    // Ubuntu before 18.04 has no VERSION_CODENAME. Derivatives give this key the name of what they build on.
    if os.id == "ubuntu" && os.codename.is_none() {
        os.codename = ubuntu_codename;
    }
    os
}

/// The value of an assignment: one pair of quotes taken off, backslash escapes resolved.
fn unquote(raw: &[u8]) -> String {
    let raw = raw.trim_ascii();
    let (inner, escapes) = match raw {
        [b'\'', inner @ .., b'\''] => (inner, false),
        [b'"', inner @ .., b'"'] => (inner, true),
        _ => (raw, true),
    };
    if !escapes || !inner.contains(&b'\\') {
        return printable(inner);
    }
    let mut value = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => value.extend(bytes.next()),
            byte => value.push(*byte),
        }
    }
    printable(&value)
}

/// Releases from before os-release(5), and those that ship only their own file.
fn older(root: &Root) -> Option<Os> {
    let first_line = |path: &str| {
        let bytes = root.read_optional(path, RELEASE_BYTES_MAX).ok().flatten()?;
        let line = bytes
            .split(|byte| *byte == b'\n')
            .next()
            .unwrap_or_default();
        Some(printable(line.trim_ascii()))
    };
    if let Some(version) = first_line("/etc/alpine-release") {
        return Some(named("alpine", &version, None));
    }
    // Oracle keeps Red Hat's file beside its own, so its own is asked first.
    for path in [
        "/etc/oracle-release",
        "/etc/system-release",
        "/etc/redhat-release",
    ] {
        if let Some(os) = first_line(path).and_then(|line| parse_red_hat_release(&line)) {
            return Some(os);
        }
    }
    if let Some(bytes) = root
        .read_optional("/etc/SuSE-release", RELEASE_BYTES_MAX)
        .ok()
        .flatten()
    {
        return Some(parse_suse_release(&printable_lines(&bytes)));
    }
    if let Some(line) = first_line("/etc/debian_version") {
        return Some(parse_debian_version(&line));
    }
    root.exists("/etc/arch-release")
        .then(|| named("arch", "", None))
}

fn printable_lines(bytes: &[u8]) -> Vec<String> {
    bytes
        .split(|byte| *byte == b'\n')
        .map(|line| printable(line.trim_ascii()))
        .collect()
}

fn named(id: &str, version: &str, name: Option<&str>) -> Os {
    Os {
        id: id.to_owned(),
        version_id: version.to_owned(),
        name: name.map(str::to_owned),
        ..Os::default()
    }
}

/// `CentOS release 6.10 (Final)`, `Red Hat Enterprise Linux Server release 7.9 (Maipo)` …
fn parse_red_hat_release(line: &str) -> Option<Os> {
    const NAMES: [(&str, &str); 8] = [
        ("AlmaLinux", "almalinux"),
        ("Amazon Linux", "amzn"),
        ("CentOS", "centos"),
        ("Fedora", "fedora"),
        ("Oracle", "ol"),
        ("Enterprise Linux Enterprise Linux", "ol"),
        ("Red Hat Enterprise Linux", "rhel"),
        ("Rocky", "rocky"),
    ];
    let (_, id) = NAMES.iter().find(|(prefix, _)| line.starts_with(prefix))?;
    let version = line
        .split_whitespace()
        .find(|word| word.starts_with(|character: char| character.is_ascii_digit()))?;
    Some(named(id, version, Some(line)))
}

/// `SUSE Linux Enterprise Server 11 (x86_64)` / `VERSION = 11` / `PATCHLEVEL = 4`
fn parse_suse_release(lines: &[String]) -> Os {
    let value = |key: &str| {
        lines.iter().find_map(|line| {
            let (name, value) = line.split_once('=')?;
            (name.trim() == key).then(|| value.trim().to_owned())
        })
    };
    let name = lines.first().map_or("", String::as_str);
    let id = if name.starts_with("openSUSE") {
        "opensuse"
    } else {
        "sles"
    };
    let mut version = value("VERSION").unwrap_or_default();
    if let Some(level) = value("PATCHLEVEL").filter(|level| level != "0") {
        version = format!("{version}.{level}");
    }
    named(id, &version, Some(name))
}

/// `8.11`, or `jessie/sid` on a release that is not out yet.
fn parse_debian_version(line: &str) -> Os {
    if !line.starts_with(|character: char| character.is_ascii_digit()) {
        let codename = line.split('/').next().filter(|word| !word.is_empty());
        return Os {
            codename: codename.map(str::to_owned),
            ..named("debian", "", None)
        };
    }
    // From Debian 7 on the first number names the release, before it the first two do.
    let major = line.split('.').next().unwrap_or(line);
    let version = if major.parse::<u32>().is_ok_and(|number| number >= 7) {
        major
    } else {
        line
    };
    named("debian", version, None)
}

#[cfg(test)]
mod tests;
