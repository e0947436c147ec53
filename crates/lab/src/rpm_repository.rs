//! Real dnf repositories, made on the spot: metadata by createrepo_c, packages and metadata signed, served to the lab's
//! hosts.

use crate::host::{Host, Ran};
use crate::key::SigningKey;
use crate::network::SERVER_NAME;
use crate::repository::Index;
use crate::run::Run;
use crate::tool;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A repository of a lab. Its files go with it.
#[derive(Debug)]
pub struct RpmRepository {
    name: String,
    folder: PathBuf,
    key: SigningKey,
    run: Arc<Run>,
}

impl RpmRepository {
    pub(crate) fn new(run: Arc<Run>, name: &str) -> Result<Self> {
        let folder = run.served().join(name);
        ensure!(
            !folder.exists(),
            "the lab has a repository `{name}` already"
        );
        fs::create_dir_all(folder.join("Packages"))?;
        let keys = run.folder.join("keys").join(name);
        let repository = Self {
            key: SigningKey::new(&keys, name)?,
            name: name.to_owned(),
            folder,
            run,
        };
        repository.index()?;
        Ok(repository)
    }

    /// Its name in the lab, and its id for dnf.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where hosts find it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{SERVER_NAME}/{}", self.name)
    }

    /// Adds packages, signed; all versions stay on offer.
    ///
    /// # Errors
    /// When a package cannot be signed or the metadata cannot be made.
    pub fn publish<P: AsRef<Path>>(&self, packages: &[P]) -> Result<()> {
        for package in packages {
            let package = package.as_ref();
            let name = package
                .file_name()
                .with_context(|| format!("`{}` is no file", package.display()))?;
            let file = self.folder.join("Packages").join(name);
            fs::copy(package, &file)
                .with_context(|| format!("cannot take `{}`", package.display()))?;
            self.key.sign_rpm(&file)?;
        }
        self.index()
    }

    /// Adds a package without a signature of its own; the metadata is signed as always.
    ///
    /// # Errors
    /// When it cannot be taken or the metadata cannot be made.
    pub fn publish_unsigned(&self, package: &Path) -> Result<()> {
        let name = package.file_name().unwrap_or_default();
        fs::copy(package, self.folder.join("Packages").join(name))
            .with_context(|| format!("cannot take `{}`", package.display()))?;
        self.index()
    }

    /// Takes a version away, from the metadata and as a file.
    ///
    /// # Errors
    /// When it is not there or the metadata cannot be made.
    pub fn withdraw(&self, name: &str, version: &str) -> Result<()> {
        fs::remove_file(self.artifact(name, version))?;
        self.index()
    }

    /// Puts another package, signed by the same key, under the same name and version.
    ///
    /// # Errors
    /// When the metadata cannot be made.
    pub fn swap(&self, name: &str, version: &str, other: &Path, index: Index) -> Result<()> {
        let file = self.artifact(name, version);
        fs::copy(other, &file)?;
        self.key.sign_rpm(&file)?;
        match index {
            Index::Kept => Ok(()),
            Index::Renewed => self.index(),
        }
    }

    /// The file of a version as it is served.
    #[must_use]
    pub fn artifact(&self, name: &str, version: &str) -> PathBuf {
        let file = format!("{name}-{version}-1.noarch.rpm");
        self.folder.join("Packages").join(file)
    }

    /// Paths that hosts asked for since the lab began.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        self.run.requests(&format!("/{}/", self.name))
    }

    /// `NAME.repo`, with the key at `key` on the host.
    #[must_use]
    pub fn source(&self, key: &str) -> String {
        format!(
            "[{}]\nname={}\nbaseurl={}\ngpgcheck=1\nrepo_gpgcheck=1\ngpgkey=file://{key}\n",
            self.name,
            self.name,
            self.url()
        )
    }

    /// Makes dnf on a host take packages from it, with its key, and fetch its metadata.
    ///
    /// # Errors
    /// When a file cannot be written. That dnf fails is an answer.
    pub fn join(&self, host: &Host) -> Result<Ran> {
        let key = format!("/etc/pki/rpm-gpg/RPM-GPG-KEY-{}", self.name);
        host.write(&key, self.key.armored()?)?;
        let file = format!("/etc/yum.repos.d/{}.repo", self.name);
        host.write(&file, self.source(&key))?;
        host.run(&["dnf", "-q", "-y", "makecache"])
    }

    /// Writes the metadata anew, with a notice that calls every newest version a security update.
    fn index(&self) -> Result<()> {
        let mut create = tool::command("createrepo_c", &["--quiet", "--general-compress-type=gz"]);
        tool::succeed(create.arg(&self.folder))?;
        let notice = self.folder.join("updateinfo.xml");
        fs::write(&notice, self.notice()?)?;
        let mut modify = tool::command("modifyrepo_c", &["--compress-type=gz"]);
        modify.arg(&notice).arg(self.folder.join("repodata"));
        tool::succeed(&mut modify)?;
        let repomd = self.folder.join("repodata/repomd.xml");
        self.key
            .sign_detached(&repomd, &self.folder.join("repodata/repomd.xml.asc"))
    }

    /// `updateinfo.xml`: one advisory for version 2.0 of everything.
    fn notice(&self) -> Result<String> {
        let mut packages = String::new();
        for entry in fs::read_dir(self.folder.join("Packages"))? {
            let file = entry?.file_name().to_string_lossy().into_owned();
            if let Some(name) = file.strip_suffix("-2.0-1.noarch.rpm") {
                packages.push_str(&format!(
                    "<package name=\"{name}\" version=\"2.0\" release=\"1\" epoch=\"0\" arch=\"noarch\">\
                     <filename>{file}</filename></package>\n"
                ));
            }
        }
        Ok(format!(
            "<?xml version=\"1.0\"?>\n<updates><update from=\"lab@example.org\" status=\"final\" type=\"security\" \
             version=\"1\"><id>LAB-2026:1</id><title>lab</title><issued date=\"2026-11-01 00:00:00\"/>\
             <severity>Important</severity><description>lab</description>\
             <pkglist><collection short=\"lab\"><name>lab</name>\n{packages}</collection></pkglist></update></updates>\n"
        ))
    }
}
