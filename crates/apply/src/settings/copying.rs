//! Copies of files with all that is said of them: owner, mode, extended attributes.
//!
//! Some folders of `/etc` belong to services' own accounts. Names in them may be links that were planted, so nothing here
//! follows one or writes into a file that was there.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

/// What a file is called until it has its name.
pub(super) const NEW: &str = ".overlock-new";
/// Displaced copies of one file that are kept.
const ASIDE_MAX: u32 = 50;
/// Bytes of one attribute; the kernel's own bound (`XATTR_SIZE_MAX`).
const ATTRIBUTE_BYTES_MAX: usize = 64 << 10;

/// Copies a file; what was there is unlinked before.
pub(super) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    let no_follow = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    let mut source = OpenOptions::new()
        .read(true)
        .custom_flags(no_follow)
        .open(from)?;
    match fs::remove_file(to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        done => done?,
    }
    let mut copy = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(to)?;
    io::copy(&mut source, &mut copy)?;
    let of = source.metadata()?;
    fchown(&copy, Some(of.uid()), Some(of.gid()))?;
    copy.set_permissions(Permissions::from_mode(of.mode() & 0o7777))?;
    attributes(&source, &copy);
    Ok(())
}

/// Labels and access lists, where both file systems have them; one that cannot be set is the file system's own.
fn attributes(source: &File, copy: &File) {
    let mut names = vec![0; ATTRIBUTE_BYTES_MAX];
    let Ok(length) = rustix::fs::flistxattr(source, &mut names) else {
        return;
    };
    let mut value = vec![0; ATTRIBUTE_BYTES_MAX];
    let names = names
        .get(..length)
        .unwrap_or_default()
        .split(|byte| *byte == 0);
    for name in names.filter(|name| !name.is_empty()) {
        if let Ok(length) = rustix::fs::fgetxattr(source, name, &mut value)
            && let Some(value) = value.get(..length)
        {
            let _ = rustix::fs::fsetxattr(copy, name, value, rustix::fs::XattrFlags::empty());
        }
    }
}

/// Puts a copy in place, whole or not at all.
pub(super) fn put_back(kept: &Path, path: &Path) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(NEW);
    let new = PathBuf::from(name);
    copy(kept, &new)?;
    File::open(&new)?.sync_all()?;
    fs::rename(&new, path)
}

/// Keeps what is about to be displaced, in the run's folder; where it lies then.
pub(super) fn set_aside(folder: &Path, path: &Path) -> io::Result<PathBuf> {
    let at = folder
        .join("aside")
        .join(path.strip_prefix("/").unwrap_or(path));
    let name = at.file_name().unwrap_or_default().to_os_string();
    let free = (1..=ASIDE_MAX).find_map(|number| {
        let mut name = name.clone();
        name.push(format!(".{number}"));
        let at = at.with_file_name(name);
        (!at.exists()).then_some(at)
    });
    let at = free.unwrap_or(at);
    copy(path, &at)?;
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planted_link_is_replaced_and_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("victim"), "secret").unwrap();
        fs::write(at("kept"), "former").unwrap();
        fs::write(at("conf"), "new").unwrap();
        std::os::unix::fs::symlink(at("victim"), at("conf.overlock-new")).unwrap();
        put_back(&at("kept"), &at("conf")).unwrap();
        assert_eq!(fs::read(at("conf")).unwrap(), b"former");
        assert_eq!(fs::read(at("victim")).unwrap(), b"secret");
        // Nor read through one.
        std::os::unix::fs::symlink(at("victim"), at("link")).unwrap();
        assert!(copy(&at("link"), &at("copy")).is_err());
    }

    #[test]
    fn displaced_files_are_kept_side_by_side() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("conf");
        let run = folder.path().join("run");
        for text in ["one", "two"] {
            fs::write(&path, text).unwrap();
            let at = set_aside(&run, &path).unwrap();
            assert_eq!(fs::read_to_string(at).unwrap(), text);
        }
    }
}
