//! What a machine has with it: programs and repositories on a second disk, mounted at `/lab`.

use crate::repository::Repository;
use crate::tool;
use anyhow::{Context, Result};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Label of the luggage's file system.
pub const LABEL: &str = "lab-luggage";

/// A folder that becomes a disk.
#[derive(Debug)]
pub struct Luggage {
    folder: PathBuf,
}

impl Luggage {
    /// Nothing yet, packed in `folder`, which is made.
    ///
    /// # Errors
    /// When the folder is there already or cannot be made.
    pub fn new(folder: &Path) -> Result<Self> {
        fs::create_dir(folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
        fs::create_dir(folder.join("sources"))?;
        fs::create_dir(folder.join("bin"))?;
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    /// A program, to be found at `/usr/local/bin/NAME`.
    ///
    /// # Errors
    /// When it cannot be copied.
    pub fn program(&self, program: &Path, name: &str) -> Result<()> {
        let packed = self.folder.join("bin").join(name);
        fs::copy(program, &packed)
            .with_context(|| format!("cannot pack `{}`", program.display()))?;
        fs::set_permissions(packed, fs::Permissions::from_mode(0o755))?;
        Ok(())
    }

    /// A repository as it is now, which apt takes packages from.
    ///
    /// # Errors
    /// When it cannot be copied.
    pub fn repository(&self, repository: &Repository) -> Result<()> {
        let name = repository.name();
        let mut copy = tool::command("cp", &["-a"]);
        tool::succeed(copy.arg(repository.folder()).arg(self.folder.join(name)))?;
        let key = format!("{name}.gpg");
        fs::copy(repository.key(), self.folder.join(&key))?;
        let source = repository
            .source(&format!("/lab/{key}"))
            .replace(&repository.url(), &format!("file:/lab/{name}"));
        fs::write(
            self.folder.join("sources").join(format!("{name}.sources")),
            source,
        )?;
        Ok(())
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }
}

/// What puts the luggage in its places on the machine.
pub const UNPACK: [&str; 3] = [
    "sh",
    "-ec",
    "cp /lab/bin/* /usr/local/bin/; cp /lab/sources/* /etc/apt/sources.list.d/; apt-get -q update",
];
