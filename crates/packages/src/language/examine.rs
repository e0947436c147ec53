//! Which files may state a language package, and what one of them states.
//!
//! Candidates are told by name alone, so that listing a directory needs no `stat` per file.

use super::cache::FileRecord;
use super::search::reason;
use super::{Found, cargo, elf::Elf, golang, node, python};
use overlock_rootfs::{Identity, Root, RootError};
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

/// Most bytes of a text file that are read; name and version of Python metadata stand before its description.
const PYTHON_BYTES: u64 = 128 << 10;
/// Largest `package.json`; real ones end below 200 KiB.
const MANIFEST_BYTES: u64 = 4 << 20;

/// Endings of files that are data, sources or documents: a program is not looked for in them. Sorted.
const DATA: [&str; 100] = [
    "a",
    "asc",
    "au",
    "bat",
    "bc",
    "bz2",
    "c",
    "cc",
    "cfg",
    "cmake",
    "conf",
    "cpp",
    "crate",
    "crt",
    "css",
    "csv",
    "cxx",
    "db",
    "debug",
    "def",
    "diff",
    "dll",
    "dylib",
    "enc",
    "eot",
    "exe",
    "f90",
    "gif",
    "gir",
    "go",
    "gz",
    "h",
    "hpp",
    "htm",
    "html",
    "ico",
    "in",
    "inc",
    "ini",
    "jar",
    "java",
    "jmod",
    "jpeg",
    "jpg",
    "js",
    "json",
    "json5",
    "ko",
    "list",
    "lock",
    "log",
    "lua",
    "m4",
    "map",
    "md",
    "md5sums",
    "mjs",
    "mo",
    "mod",
    "msg",
    "o",
    "pc",
    "pdf",
    "pem",
    "php",
    "pl",
    "pm",
    "png",
    "po",
    "pod",
    "properties",
    "py",
    "pyc",
    "pyi",
    "pyo",
    "rb",
    "rlib",
    "rmeta",
    "rs",
    "rst",
    "s",
    "sh",
    "sql",
    "svg",
    "tcl",
    "tex",
    "toml",
    "ts",
    "ttf",
    "txt",
    "typed",
    "vim",
    "wav",
    "woff",
    "woff2",
    "xml",
    "xz",
    "yaml",
    "yml",
    "zip",
];

/// The outcome of looking into a file.
pub(super) enum Examined {
    /// It is not there any more.
    Gone,
    /// Machine code that nobody may run yet: not judged, not remembered, as a later `chmod` leaves no trace in what the
    /// cache compares.
    Later,
    /// It cannot be read.
    Unreadable(String),
    /// It was read.
    Read(FileRecord),
}

/// The file that states the package of a Python metadata directory. It counts wherever it is: `pip install --target` and
/// editable installs put it outside `site-packages`.
pub(super) fn stated_by(directory: &str) -> Option<&'static str> {
    if directory.ends_with(".dist-info") {
        Some("METADATA")
    } else if directory.ends_with(".egg-info") {
        Some("PKG-INFO")
    } else {
        None
    }
}

/// Whether the file `name` in `folder` may state a package.
pub(super) fn is_candidate(folder: &str, name: &str) -> bool {
    name == "package.json" && is_installed_module(folder)
        || name.ends_with(".egg-info") && in_site_packages(folder)
        || may_be_program(folder, name)
}

fn may_be_program(folder: &str, name: &str) -> bool {
    if in_program_folder(folder) {
        return true;
    }
    match name.rsplit_once('.') {
        None => true,
        // A dot file such as `.bashrc`.
        Some(("", _)) => false,
        Some((_, ending)) => !DATA.iter().any(|data| data.eq_ignore_ascii_case(ending)),
    }
}

fn in_program_folder(folder: &str) -> bool {
    matches!(folder.rsplit('/').next(), Some("bin" | "sbin" | "libexec"))
}

/// `…/node_modules/NAME` or `…/node_modules/@SCOPE/NAME`: deeper ones are parts and test data of a package.
fn is_installed_module(folder: &str) -> bool {
    let mut parts = folder.rsplit('/');
    let (Some(name), Some(parent)) = (parts.next(), parts.next()) else {
        return false;
    };
    match parent {
        "node_modules" => !name.starts_with('@'),
        scope => scope.starts_with('@') && parts.next() == Some("node_modules"),
    }
}

fn in_site_packages(folder: &str) -> bool {
    folder
        .split('/')
        .any(|part| matches!(part, "site-packages" | "dist-packages"))
}

/// Looks into a candidate.
pub(super) fn examine(root: &Root, path: &str) -> Examined {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let file = match root.open_file(path) {
        Ok(file) => file,
        Err(RootError::Missing { .. }) if !path.contains(char::REPLACEMENT_CHARACTER) => {
            return Examined::Gone;
        }
        Err(error) => return Examined::Unreadable(reason(&error)),
    };
    let metadata = match file.metadata() {
        Ok(metadata) => metadata,
        Err(error) => return Examined::Unreadable(error.to_string()),
    };
    let mut record = FileRecord::nothing(Identity {
        dev: metadata.dev(),
        inode: metadata.ino(),
        mtime_ns: i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec()),
        size: metadata.size(),
    });
    let outcome = match name {
        "package.json" => text(&file, MANIFEST_BYTES).and_then(|text| node::manifest(&text)),
        "METADATA" | "PKG-INFO" => {
            text(&file, PYTHON_BYTES).and_then(|text| python::metadata(root, folder, &text))
        }
        name if name.ends_with(".egg-info") => {
            text(&file, PYTHON_BYTES).and_then(|text| python::metadata(root, "", &text))
        }
        name => match program(&file, &metadata) {
            Ok(Program::NotRunnable) if !in_program_folder(folder) => {
                if name.contains(".so") {
                    return Examined::Read(record);
                }
                return Examined::Later;
            }
            Ok(Program::Nothing) => return Examined::Read(record),
            Ok(Program::Runnable | Program::NotRunnable) => in_binary(&file),
            Err(why) => Err(why),
        },
    };
    match outcome {
        Ok(found) => record.found = found,
        Err(why) => record.damaged = Some(why),
    }
    record.found.sort();
    record.found.dedup();
    Examined::Read(record)
}

enum Program {
    Nothing,
    NotRunnable,
    Runnable,
}

fn program(mut file: &File, metadata: &std::fs::Metadata) -> Result<Program, String> {
    let mut magic = [0; 4];
    if metadata.len() < 64 {
        return Ok(Program::Nothing);
    }
    file.read_exact(&mut magic)
        .map_err(|error| error.to_string())?;
    Ok(match (&magic, metadata.permissions().mode() & 0o111) {
        (b"\x7fELF", 0) => Program::NotRunnable,
        (b"\x7fELF", _) => Program::Runnable,
        _ => Program::Nothing,
    })
}

/// Go and Rust say in the binary what they were built from; a binary with neither states nothing.
fn in_binary(file: &File) -> Result<Vec<Found>, String> {
    let elf = match Elf::read(file) {
        Ok(elf) => elf,
        // Cut or strange files with the right magic number are common (core dumps, test data) and state nothing.
        Err(_) => return Ok(Vec::new()),
    };
    let mut found = cargo::in_elf(&elf)?;
    found.extend(golang::in_elf(&elf)?);
    Ok(found)
}

/// At most `limit` bytes as text; what is no UTF-8 is replaced.
fn text(mut file: &File, limit: u64) -> Result<String, String> {
    let mut bytes = Vec::new();
    Read::take(&mut file, limit)
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_endings_are_sorted_and_once() {
        assert!(DATA.is_sorted_by(|one, two| one < two));
    }

    #[test]
    fn candidates_are_told_by_name_and_place() {
        for (folder, name) in [
            ("usr/lib/node_modules/npm", "package.json"),
            ("srv/x/node_modules/@babel/core", "package.json"),
            ("usr/lib/python3/dist-packages", "six.egg-info"),
            ("opt/tool", "tool-v1.2"),
            ("opt/tool", "tool"),
            ("opt/tool/lib", "libx.so.1.2.30"),
            ("usr/bin", "run.py"),
        ] {
            assert!(is_candidate(folder, name), "{folder}/{name}");
        }
        for (folder, name) in [
            ("srv/x/node_modules/a/test/fixture", "package.json"),
            ("srv/x/node_modules/@babel", "package.json"),
            ("srv/x", "package.json"),
            ("srv/x", "x.egg-info.txt"),
            ("opt/tool", "README.MD"),
            ("root", ".bashrc"),
        ] {
            assert!(!is_candidate(folder, name), "{folder}/{name}");
        }
    }
}
