//! Building a package: fields, files and scriptlets in, an `.rpm` out, by rpmbuild.
//!
//! The same package is the same bytes each time, so that a test may compare hashes. Nothing is worked out from files: what
//! a package requires and provides is what the test says.

use crate::tool;
use anyhow::{Context, Result};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Files in packages are not newer than this, in seconds since 1970: a package has no time of its own.
const EPOCH: &str = "1700000000";

/// What makes rpmbuild pack what it gets and nothing else.
const PLAIN: &str = "%define debug_package %{nil}\n%define __os_install_post %{nil}\n%define _build_id_links none\n\
    %define _buildhost lab.example.org\n%define use_source_date_epoch_as_buildtime 1\n\
    %define clamp_mtime_to_source_date_epoch 1\n%define _binary_payload w1.gzdio\n";

/// A package in the making. Its release is always 1, so that version 1.0 is `1.0-1`.
#[derive(Debug, Clone)]
pub struct Rpm {
    name: String,
    version: String,
    fields: Vec<(String, String)>,
    files: Vec<Content>,
    scriptlets: Vec<(String, String)>,
}

#[derive(Debug, Clone)]
struct Content {
    /// Absolute.
    path: String,
    mode: u32,
    /// What stands before it in the list of files: `%config(noreplace) `.
    mark: &'static str,
    bytes: Vec<u8>,
}

impl Rpm {
    /// An empty package for all architectures.
    #[must_use]
    pub fn new(name: &str, version: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            fields: Vec::new(),
            files: Vec::new(),
            scriptlets: Vec::new(),
        }
    }

    /// A further tag: `Requires`, `Provides`, `Obsoletes`, …
    #[must_use]
    pub fn field(mut self, field: &str, value: impl Into<String>) -> Self {
        self.fields.push((field.to_owned(), value.into()));
        self
    }

    /// A file, by its absolute path.
    #[must_use]
    pub fn file(self, path: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.content(path, 0o644, "", bytes.into())
    }

    /// An executable file.
    #[must_use]
    pub fn program(self, path: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.content(path, 0o755, "", bytes.into())
    }

    /// `%config(noreplace)`: a local edit stays, and the new version lies beside it as `.rpmnew`.
    #[must_use]
    pub fn config_noreplace(self, path: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.content(path, 0o644, "%config(noreplace) ", bytes.into())
    }

    /// `%config`: the new version replaces a local edit, which lies beside it as `.rpmsave`.
    #[must_use]
    pub fn config(self, path: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.content(path, 0o644, "%config ", bytes.into())
    }

    /// A scriptlet (`pre`, `post`, `preun`, `postun`, `posttrans`) for `/bin/sh`.
    #[must_use]
    pub fn scriptlet(mut self, section: &str, body: &str) -> Self {
        self.scriptlets.push((section.to_owned(), body.to_owned()));
        self
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its version, without release.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Writes it as `NAME-VERSION-1.noarch.rpm` into `folder`.
    ///
    /// # Errors
    /// When a file cannot be written or rpmbuild refuses the package.
    pub fn build(&self, folder: &Path) -> Result<PathBuf> {
        let file_name = format!("{}-{}-1.noarch", self.name, self.version);
        let work = folder.join(format!("{file_name}.work"));
        if work.exists() {
            fs::remove_dir_all(&work)?;
        }
        let tree = work.join("tree");
        fs::create_dir_all(&tree)?;
        for file in &self.files {
            write(&tree, file)?;
        }
        let spec = work.join("package.spec");
        fs::write(&spec, self.spec(&tree))?;
        let define = |name: &str, value: &Path| format!("{name} {}", value.display());
        let mut build = tool::command(
            "rpmbuild",
            &["-bb", "--quiet", "--nodeps", "--target", "noarch"],
        );
        build
            .args(["--define", &define("_topdir", &work)])
            .args(["--define", &define("_rpmdir", &work)])
            .args(["--define", "_rpmfilename package.rpm"])
            .env("SOURCE_DATE_EPOCH", EPOCH)
            .env("HOME", &work)
            .arg(&spec);
        tool::succeed(&mut build)?;
        let package = folder.join(format!("{file_name}.rpm"));
        fs::rename(work.join("package.rpm"), &package)
            .with_context(|| format!("rpmbuild made no `{file_name}`"))?;
        fs::remove_dir_all(&work)?;
        Ok(package)
    }

    fn content(mut self, path: &str, mode: u32, mark: &'static str, bytes: Vec<u8>) -> Self {
        self.files.push(Content {
            path: path.to_owned(),
            mode,
            mark,
            bytes,
        });
        self
    }

    fn spec(&self, tree: &Path) -> String {
        let mut text = format!(
            "{PLAIN}Name: {}\nVersion: {}\nRelease: 1\nSummary: made for tests\nLicense: none\n\
             Vendor: Lab\nBuildArch: noarch\nAutoReqProv: no\n",
            self.name, self.version
        );
        for (field, value) in &self.fields {
            text.push_str(&format!("{field}: {value}\n"));
        }
        text.push_str("%description\nmade for tests\n%install\nmkdir -p %{buildroot}\n");
        text.push_str(&format!("cp -a {}/. %{{buildroot}}/\n", tree.display()));
        for (section, body) in &self.scriptlets {
            text.push_str(&format!("%{section}\n{body}"));
        }
        text.push_str("%files\n%defattr(-,root,root)\n");
        for file in &self.files {
            text.push_str(&format!("{}{}\n", file.mark, file.path));
        }
        text
    }
}

fn write(tree: &Path, file: &Content) -> Result<()> {
    let path = tree.join(file.path.trim_start_matches('/'));
    fs::create_dir_all(path.parent().unwrap_or(tree))?;
    fs::write(&path, &file.bytes).with_context(|| format!("cannot write `{}`", path.display()))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(file.mode))?;
    Ok(())
}
