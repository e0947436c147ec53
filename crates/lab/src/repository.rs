//! Real apt repositories, made on the spot: an index by apt-ftparchive, signed, served to the lab's hosts.
//!
//! The form is the usual one of Debian's archive with one component: `dists/SUITE/{InRelease,Release}`,
//! `dists/SUITE/main/binary-ARCH/Packages`, `pool/*.deb`.

use crate::key::SigningKey;
use crate::network::SERVER_NAME;
use crate::run::Run;
use crate::tool;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a repository says of itself in its `Release` file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suite {
    /// Suite and folder below `dists`: `bookworm-security`.
    pub suite: String,
    /// Whose packages they are: `Debian`.
    pub origin: String,
    /// Which of their archives: `Debian-Security`.
    pub label: String,
}

impl Suite {
    /// Debian's own main archive for a release, as hosts know it.
    #[must_use]
    pub fn debian(codename: &str) -> Self {
        Self::new(codename, "Debian", "Debian")
    }

    /// Debian's security archive for a release, as hosts know it.
    #[must_use]
    pub fn debian_security(codename: &str) -> Self {
        Self::new(&format!("{codename}-security"), "Debian", "Debian-Security")
    }

    /// Somebody's archive.
    #[must_use]
    pub fn new(suite: &str, origin: &str, label: &str) -> Self {
        Self {
            suite: suite.to_owned(),
            origin: origin.to_owned(),
            label: label.to_owned(),
        }
    }
}

/// Whether the index follows a change of an artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Index {
    /// It still tells the hash of the former bytes.
    Kept,
    /// It tells the hash of the new bytes, and is signed again.
    Renewed,
}

/// A repository of a lab. Its files go with it.
#[derive(Debug)]
pub struct Repository {
    suite: Suite,
    folder: PathBuf,
    key: SigningKey,
    published: Vec<Published>,
    run: Arc<Run>,
}

#[derive(Debug)]
struct Published {
    name: String,
    version: String,
    file: PathBuf,
}

impl Repository {
    pub(crate) fn new(run: Arc<Run>, suite: Suite) -> Result<Self> {
        let folder = run.served().join(&suite.suite);
        ensure!(
            !folder.exists(),
            "the lab has a repository `{}` already",
            suite.suite
        );
        fs::create_dir_all(folder.join("pool"))?;
        // The secret key lies outside of what is served.
        let keys = run.folder.join("keys").join(&suite.suite);
        let repository = Self {
            key: SigningKey::new(&keys, &suite.label)?,
            suite,
            folder,
            published: Vec::new(),
            run,
        };
        repository.index()?;
        Ok(repository)
    }

    /// Its name in the lab: the suite.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.suite.suite
    }

    /// Its files.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where hosts find it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{SERVER_NAME}/{}", self.suite.suite)
    }

    /// The public key on this machine, in binary form.
    #[must_use]
    pub fn key(&self) -> &Path {
        self.key.public()
    }

    /// What `sources.list.d` holds for it (`sources.list(5)`, deb822 style) with the key ring at `ring` on the host.
    #[must_use]
    pub fn source(&self, ring: &str) -> String {
        format!(
            "Types: deb\nURIs: {}\nSuites: {}\nComponents: main\nSigned-By: {ring}\n",
            self.url(),
            self.suite.suite
        )
    }

    /// Adds packages; all versions stay on offer.
    ///
    /// # Errors
    /// When a file is no package or the index cannot be made.
    pub fn publish<P: AsRef<Path>>(&mut self, packages: &[P]) -> Result<()> {
        for package in packages {
            let package = package.as_ref();
            let published = self.take(package)?;
            self.published.push(published);
        }
        self.index()
    }

    fn take(&self, package: &Path) -> Result<Published> {
        let name = package
            .file_name()
            .with_context(|| format!("`{}` is no file", package.display()))?;
        let file = self.folder.join("pool").join(name);
        fs::copy(package, &file).with_context(|| format!("cannot take `{}`", package.display()))?;
        let mut show = tool::command(
            "dpkg-deb",
            &["--show", "--showformat", "${Package} ${Version}"],
        );
        let shown = tool::output(show.arg(&file))?;
        let (name, version) = shown
            .split_once(' ')
            .with_context(|| format!("`{}` has no name or no version", package.display()))?;
        Ok(Published {
            name: name.to_owned(),
            version: version.to_owned(),
            file,
        })
    }

    /// Takes a version away, from the index and as a file.
    ///
    /// # Errors
    /// When it is not there or the index cannot be made.
    pub fn withdraw(&mut self, name: &str, version: &str) -> Result<()> {
        fs::remove_file(&self.find(name, version)?.file)?;
        self.published
            .retain(|package| (package.name.as_str(), package.version.as_str()) != (name, version));
        self.index()
    }

    /// Puts other bytes under the same name and version.
    ///
    /// # Errors
    /// When the version is not there or the index cannot be made.
    pub fn swap(&mut self, name: &str, version: &str, bytes: &[u8], index: Index) -> Result<()> {
        let file = &self.find(name, version)?.file;
        fs::write(file, bytes)?;
        match index {
            Index::Kept => Ok(()),
            Index::Renewed => self.index(),
        }
    }

    /// The file of a version as it is served now.
    ///
    /// # Errors
    /// When it is not there.
    pub fn artifact(&self, name: &str, version: &str) -> Result<&Path> {
        Ok(&self.find(name, version)?.file)
    }

    /// Paths that hosts asked for since the lab began, below the repository's own, without escapes, in order.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        self.run.requests(&format!("/{}/", self.suite.suite))
    }

    fn find(&self, name: &str, version: &str) -> Result<&Published> {
        self.published
            .iter()
            .find(|package| package.name == name && package.version == version)
            .with_context(|| format!("`{name}` {version} is not in `{}`", self.suite.suite))
    }

    /// Writes the index anew. A host that reads it meanwhile sees the old one or the new one, not a mixture: the
    /// signed file comes last and by renaming, and a list that does not fit to it is refused by apt.
    fn index(&self) -> Result<()> {
        let release = Path::new("dists").join(&self.suite.suite);
        let arch = tool::output(&mut tool::command("dpkg", &["--print-architecture"]))?;
        let arch = arch.trim();
        let lists = release.join(format!("main/binary-{arch}"));
        fs::create_dir_all(self.folder.join(&lists))?;
        let packages = self.ftparchive(&["packages", "pool"])?;
        fs::write(self.folder.join(lists.join("Packages")), packages)?;
        let Suite {
            suite,
            origin,
            label,
        } = &self.suite;
        let told: Vec<String> = [
            ("Origin", origin.as_str()),
            ("Label", label),
            ("Suite", suite),
            ("Codename", suite),
            ("Components", "main"),
            ("Architectures", &format!("all {arch}")),
        ]
        .iter()
        .map(|(field, value)| format!("APT::FTPArchive::Release::{field}={value}"))
        .collect();
        let folder = release.to_string_lossy();
        let mut arguments: Vec<&str> = told.iter().flat_map(|one| ["-o", one]).collect();
        arguments.extend(["release", &folder]);
        // An earlier one would be listed as a part of itself.
        let folder = self.folder.join(&release);
        for former in ["Release", "InRelease.new"] {
            if folder.join(former).exists() {
                fs::remove_file(folder.join(former))?;
            }
        }
        let text = self.ftparchive(&arguments)?;
        fs::write(folder.join("Release"), text)?;
        self.key
            .sign(&folder.join("Release"), &folder.join("InRelease.new"))?;
        fs::rename(folder.join("InRelease.new"), folder.join("InRelease"))?;
        Ok(())
    }

    fn ftparchive(&self, arguments: &[&str]) -> Result<String> {
        tool::output(
            tool::command("apt-ftparchive", &["-q"])
                .args(arguments)
                .current_dir(&self.folder),
        )
    }
}
