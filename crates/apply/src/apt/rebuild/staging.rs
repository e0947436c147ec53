//! The folder that `dpkg-deb` makes an artifact of; gone when it is let go of.

use super::RebuildError;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink};
use std::path::{Path, PathBuf};

#[derive(Debug)]
pub(super) struct Staging(PathBuf);

impl Staging {
    /// An empty one.
    pub fn new(path: &Path) -> io::Result<Self> {
        if path.exists() {
            fs::remove_dir_all(path)?;
        }
        let staging = Self(path.to_owned());
        fs::create_dir_all(path.join("DEBIAN"))?;
        for folder in [path, &path.join("DEBIAN")] {
            fs::set_permissions(folder, Permissions::from_mode(0o755))?;
        }
        Ok(staging)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    fn at(&self, path: &Path) -> PathBuf {
        self.0.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// A folder with the owner and the mode that it has, or would have.
    pub fn folder(&self, path: &Path) -> io::Result<()> {
        let at = self.at(path);
        fs::create_dir_all(&at)?;
        let of = fs::metadata(path).ok().filter(fs::Metadata::is_dir);
        let (mode, owner, group) = of.map_or((0o755, 0, 0), |of| (of.mode(), of.uid(), of.gid()));
        chown(&at, Some(owner), Some(group))?;
        fs::set_permissions(at, Permissions::from_mode(mode & 0o7777))
    }

    /// A file or a link; one that is missing is left out.
    pub fn file(&self, path: &Path, place: &Path) -> Result<(), RebuildError> {
        let of = match fs::symlink_metadata(place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            of => of?,
        };
        let at = self.at(path);
        if let Some(parent) = at.parent() {
            fs::create_dir_all(parent)?;
        }
        if of.is_symlink() {
            symlink(fs::read_link(place)?, &at)?;
            lchown(&at, Some(of.uid()), Some(of.gid()))?;
            return Ok(());
        }
        if !of.is_file() {
            return Err(RebuildError::Kind(place.to_owned()));
        }
        // The same file by another name is soonest made; elsewhere on the disk it is a copy, with the time that it has.
        if fs::hard_link(place, &at).is_err() {
            fs::copy(place, &at)?;
            chown(&at, Some(of.uid()), Some(of.gid()))?;
            fs::set_permissions(&at, Permissions::from_mode(of.mode() & 0o7777))?;
            File::options()
                .write(true)
                .open(&at)?
                .set_modified(of.modified()?)?;
        }
        Ok(())
    }

    /// A file of the control part.
    pub fn control(&self, name: &str, text: &str) -> io::Result<()> {
        fs::write(self.0.join("DEBIAN").join(name), text)
    }

    pub fn control_from(&self, name: &str, from: &Path) -> io::Result<()> {
        let at = self.0.join("DEBIAN").join(name);
        fs::copy(from, &at)?;
        let mode = match name {
            "preinst" | "postinst" | "prerm" | "postrm" | "config" => 0o755,
            _ => 0o644,
        };
        fs::set_permissions(at, Permissions::from_mode(mode))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}
