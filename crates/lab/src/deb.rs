//! Building a package: fields, files and maintainer scripts in, a `.deb` out, by dpkg-deb.
//!
//! The same package is the same bytes each time, so that a test may compare hashes.

use crate::tool;
use anyhow::{Context, Result};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Files in packages are not newer than this, in seconds since 1970: a package has no time of its own.
const EPOCH: &str = "1700000000";

/// A package in the making.
#[derive(Debug, Clone)]
pub struct Deb {
    name: String,
    version: String,
    architecture: String,
    fields: Vec<(String, String)>,
    files: Vec<Content>,
    control: Vec<Content>,
}

#[derive(Debug, Clone)]
struct Content {
    /// Relative to the root or to the control folder.
    path: String,
    mode: u32,
    bytes: Vec<u8>,
}

impl Deb {
    /// An empty package for all architectures.
    #[must_use]
    pub fn new(name: &str, version: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            architecture: "all".to_owned(),
            fields: Vec::new(),
            files: Vec::new(),
            control: Vec::new(),
        }
    }

    /// For one architecture, by Debian's name.
    #[must_use]
    pub fn architecture(mut self, architecture: &str) -> Self {
        architecture.clone_into(&mut self.architecture);
        self
    }

    /// A further field of its control file: `Depends`, `Source`, `Conflicts`, …
    #[must_use]
    pub fn field(mut self, field: &str, value: impl Into<String>) -> Self {
        self.fields.push((field.to_owned(), value.into()));
        self
    }

    /// A file, by its absolute path.
    #[must_use]
    pub fn file(self, path: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.content(path, 0o644, bytes.into())
    }

    /// An executable file.
    #[must_use]
    pub fn program(self, path: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.content(path, 0o755, bytes.into())
    }

    /// A configuration file: dpkg keeps what an administrator changes in it.
    #[must_use]
    pub fn conffile(self, path: &str, bytes: impl Into<Vec<u8>>) -> Self {
        let mut deb = self.file(path, bytes);
        let listed = deb.control.iter_mut().find(|file| file.path == "conffiles");
        let line = format!("{path}\n");
        match listed {
            Some(list) => list.bytes.extend_from_slice(line.as_bytes()),
            None => deb.control.push(Content {
                path: "conffiles".to_owned(),
                mode: 0o644,
                bytes: line.into_bytes(),
            }),
        }
        deb
    }

    /// A maintainer script (`preinst`, `postinst`, `prerm`, `postrm`, `config`) for `/bin/sh -e`.
    #[must_use]
    pub fn script(mut self, name: &str, body: &str) -> Self {
        self.control.push(Content {
            path: name.to_owned(),
            mode: 0o755,
            bytes: format!("#!/bin/sh\nset -e\n{body}").into_bytes(),
        });
        self
    }

    /// Another file of the control folder: `triggers`, `templates`.
    #[must_use]
    pub fn control(mut self, name: &str, text: &str) -> Self {
        self.control.push(Content {
            path: name.to_owned(),
            mode: 0o644,
            bytes: text.as_bytes().to_vec(),
        });
        self
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Writes it as `NAME_VERSION_ARCH.deb` into `folder`.
    ///
    /// # Errors
    /// When a file cannot be written or dpkg-deb refuses the package.
    pub fn build(&self, folder: &Path) -> Result<PathBuf> {
        let file_name = format!("{}_{}_{}", self.name, self.version, self.architecture);
        let tree = folder.join(format!("{file_name}.tree"));
        if tree.exists() {
            fs::remove_dir_all(&tree)?;
        }
        for file in &self.files {
            write(&tree, file)?;
        }
        for file in &self.control {
            write(&tree.join("DEBIAN"), file)?;
        }
        let control = Content {
            path: "control".to_owned(),
            mode: 0o644,
            bytes: self.control_text().into_bytes(),
        };
        write(&tree.join("DEBIAN"), &control)?;
        let package = folder.join(format!("{file_name}.deb"));
        let mut build = tool::command("dpkg-deb", &["--root-owner-group", "-Zgzip", "--build"]);
        tool::succeed(
            build
                .env("SOURCE_DATE_EPOCH", EPOCH)
                .arg(&tree)
                .arg(&package),
        )?;
        fs::remove_dir_all(&tree)?;
        Ok(package)
    }

    fn content(mut self, path: &str, mode: u32, bytes: Vec<u8>) -> Self {
        let path = path.trim_start_matches('/').to_owned();
        self.files.push(Content { path, mode, bytes });
        self
    }

    fn control_text(&self) -> String {
        let mut text = format!(
            "Package: {}\nVersion: {}\nArchitecture: {}\nMaintainer: Lab <lab@example.org>\n",
            self.name, self.version, self.architecture
        );
        for (field, value) in &self.fields {
            text.push_str(&format!("{field}: {value}\n"));
        }
        text.push_str("Description: made for tests\n");
        text
    }
}

fn write(folder: &Path, file: &Content) -> Result<()> {
    let path = folder.join(&file.path);
    let above = path.parent().unwrap_or(folder);
    fs::create_dir_all(above)?;
    fs::write(&path, &file.bytes).with_context(|| format!("cannot write `{}`", path.display()))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(file.mode))?;
    Ok(())
}
