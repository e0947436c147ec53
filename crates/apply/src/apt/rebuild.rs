//! The artifact of an installed package, made again from its files: the way back where no repository has it any more.
//!
//! Archives drop a version as soon as the next is out, so on most hosts the former artifacts are nowhere to be had when a
//! plan is made. What dpkg installed is still there, though: files, scripts and fields. The plan is made from them while
//! nothing has changed, so the hash of what is made goes into the plan like any other.
//!
//! ```text
//! dpkg --verify ──► status paragraph, scripts ──► DEBIAN/ ──┐
//!                   info/NAME.list, diversions ──► links ───┴─ dpkg-deb --build ──► NAME_VERSION_ARCH.deb
//! ```
//!
//! It is no copy of the artifact that once was, only of what it installed; so a package with a changed file is refused: its
//! rebuilt artifact would make the change the package's own, and a later update would overwrite it without asking.

mod paths;
mod staging;

use crate::program::{Call, Program, ProgramError};
use paths::Diversions;
use staging::Staging;
use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// dpkg's database.
const INFO: &str = "/var/lib/dpkg/info";
const DIVERSIONS: &str = "/var/lib/dpkg/diversions";
/// Larger packages (firmware, language models) stay one-way: their copy would take longer than fetching it ever did.
const INSTALLED_KIB_MAX: u64 = 512 << 10;
/// Bytes of a list or a script.
const INFO_BYTES_MAX: u64 = 16 << 20;
/// Compressing is quick, and these files are not for long.
const BUILD_MAX: Duration = Duration::from_secs(600);
/// Of what the database keeps of a package, what belongs into its artifact (`deb-control(5)` and the pages it names).
const CONTROL: [&str; 11] = [
    "preinst",
    "postinst",
    "prerm",
    "postrm",
    "config",
    "templates",
    "triggers",
    "shlibs",
    "symbols",
    "conffiles",
    "md5sums",
];
/// Fields of the status paragraph that the installation has added.
const ADDED: [&str; 5] = [
    "Status",
    "Conffiles",
    "Config-Version",
    "Triggers-Pending",
    "Triggers-Awaited",
];
/// Ends of lines of `Conffiles` (`deb-conffiles(5)`), after path and checksum.
const GONE: [&str; 2] = [" obsolete", " remove-on-upgrade"];
/// Where files may be missing: hosts that are kept small leave them out (`path-exclude` in `dpkg(1)`).
const LEFT_OUT: [&str; 5] = [
    "/usr/share/doc/",
    "/usr/share/man/",
    "/usr/share/info/",
    "/usr/share/locale/",
    "/usr/share/lintian/",
];

/// Why a package cannot be rebuilt.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// What is installed does not say all that its artifact said.
    #[error("packages of {0} cannot be rebuilt from their installed files")]
    Unsupported(&'static str),
    /// A file is not as it was installed.
    #[error("`{0}` is not as the package installed it")]
    Changed(String),
    /// Nothing says what its files were like.
    #[error("there are no checksums of its files")]
    Unverifiable,
    /// Another version is there, or none.
    #[error("it is not installed in this version")]
    NotInstalled,
    /// Too much to copy.
    #[error("it has {0} MiB")]
    Large(u64),
    /// A file of a kind that no package should have.
    #[error("`{0}` is neither file, link nor folder")]
    Kind(PathBuf),
    /// A program failed.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// A file cannot be read or written.
    #[error("its files cannot be gathered")]
    Disk(#[from] io::Error),
}

/// Makes the artifact of a package that is installed in this version, as a file in `folder`.
///
/// # Errors
/// When it cannot be made, or would not be what was installed.
pub(super) fn rebuild(
    (name, arch, version): (&str, &str, &str),
    file_name: &str,
    folder: &Path,
) -> Result<PathBuf, RebuildError> {
    let spec = format!("{name}:{arch}");
    let status = Call::new(Program::DpkgQuery, ["--status", "--", &spec]).output()?;
    let status = String::from_utf8_lossy(&status);
    if field(&status, "Version") != Some(version)
        || field(&status, "Status") != Some("install ok installed")
    {
        return Err(RebuildError::NotInstalled);
    }
    let kib: u64 = field(&status, "Installed-Size")
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    if kib > INSTALLED_KIB_MAX {
        return Err(RebuildError::Large(kib >> 10));
    }
    let info = |extension: &str| {
        [
            format!("{INFO}/{spec}.{extension}"),
            format!("{INFO}/{name}.{extension}"),
        ]
        .into_iter()
        .map(PathBuf::from)
        .find(|path| path.is_file())
    };
    let listed = read(&info("list").ok_or(RebuildError::NotInstalled)?)?;
    let (folders, mut files) = paths::split(&listed);
    let gone = gone(&status);
    files.retain(|path| !gone.contains(path));
    unchanged(&spec, info("md5sums").is_some() || files.is_empty())?;
    let diversions = Diversions::parse(&read(Path::new(DIVERSIONS)).unwrap_or_default());
    let staging = Staging::new(&folder.join(format!("rebuild-{name}-{arch}")))?;
    for path in &folders {
        staging.folder(path)?;
    }
    for path in &files {
        staging.file(path, &diversions.place(path, name))?;
    }
    staging.control("control", &control(&status))?;
    for (extension, path) in CONTROL.iter().filter_map(|one| Some((one, info(one)?))) {
        staging.control_from(extension, &path)?;
    }
    let to = folder.join(file_name);
    let arguments = [
        "--build".into(),
        "-Zgzip".into(),
        "-z1".into(),
        staging.path().as_os_str().to_owned(),
        to.as_os_str().to_owned(),
    ];
    Call::new(Program::DpkgDeb, arguments)
        .limit(BUILD_MAX)
        .output()?;
    Ok(to)
}

/// Whether every file is as the package has it, and that can be known.
fn unchanged(spec: &str, is_verifiable: bool) -> Result<(), RebuildError> {
    if !is_verifiable {
        return Err(RebuildError::Unverifiable);
    }
    // It ends with 1 where something differs; what counts is what it says.
    let said = Call::new(Program::Dpkg, ["--verify", "--", spec]).run()?;
    let said = String::from_utf8_lossy(&said.stdout);
    match said.lines().find_map(paths::changed) {
        Some(path) if path.starts_with('/') => Err(RebuildError::Changed(path.to_owned())),
        _ => Ok(()),
    }
}

fn read(path: &Path) -> io::Result<String> {
    if fs::metadata(path)?.len() > INFO_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "too large"));
    }
    fs::read_to_string(path)
}

/// A field's first line (Debian Policy, section 5.1).
fn field<'a>(paragraph: &'a str, name: &str) -> Option<&'a str> {
    paragraph.lines().find_map(|line| {
        let rest = line.strip_prefix(name)?.strip_prefix(':')?;
        Some(rest.trim())
    })
}

/// Configuration files that are the package's no longer, though its list still names them. In an artifact they would be
/// ordinary files, which dpkg overwrites without asking.
fn gone(paragraph: &str) -> HashSet<&Path> {
    paragraph
        .lines()
        .skip_while(|line| !line.starts_with("Conffiles:"))
        .skip(1)
        .take_while(|line| line.starts_with([' ', '\t']))
        .filter_map(|line| {
            let line = line.trim();
            let mut file = line;
            while let Some(rest) = GONE.iter().find_map(|flag| file.strip_suffix(flag)) {
                file = rest;
            }
            let (path, _checksum) = file.rsplit_once(' ')?;
            (file != line).then(|| Path::new(path))
        })
        .collect()
}

/// The control file: the paragraph without what the installation added.
fn control(paragraph: &str) -> String {
    let mut text = String::new();
    let mut is_left_out = false;
    for line in paragraph.lines() {
        if !line.starts_with([' ', '\t']) {
            let name = line.split(':').next().unwrap_or_default();
            is_left_out = ADDED.contains(&name);
        }
        if !is_left_out {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_installation_added_is_left_out() {
        let paragraph = "Package: a\nStatus: install ok installed\nVersion: 1:2-3\nConffiles:\n \
                         /etc/a 00112233445566778899aabbccddeeff\nDescription: one\n two\n .\n three\n";
        assert_eq!(
            control(paragraph),
            "Package: a\nVersion: 1:2-3\nDescription: one\n two\n .\n three\n"
        );
        assert_eq!(field(paragraph, "Version"), Some("1:2-3"));
        assert_eq!(field(paragraph, "Vers"), None);
    }

    #[test]
    fn configuration_that_is_the_packages_no_longer_is_told_by_its_flags() {
        let paragraph = "Package: a\nConffiles:\n /etc/a 00112233445566778899aabbccddeeff\n \
                         /etc/old name 00112233445566778899aabbccddeeff obsolete\n \
                         /etc/obsolete 00112233445566778899aabbccddeeff\n \
                         /etc/leaves newconffile remove-on-upgrade\n \
                         /etc/both 00112233445566778899aabbccddeeff obsolete remove-on-upgrade\n\
                         Description: one\n /etc/text 0 obsolete\n";
        let told = ["/etc/old name", "/etc/leaves", "/etc/both"].map(Path::new);
        assert_eq!(gone(paragraph), HashSet::from(told));
        assert_eq!(
            gone("Package: a\nDescription: one\n /a 0 obsolete\n"),
            HashSet::new()
        );
    }
}
