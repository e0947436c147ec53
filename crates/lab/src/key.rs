//! A throw-away GnuPG key that signs one repository and is never anywhere else.

use crate::tool;
use anyhow::{Context, Result};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Folder of the secret part.
pub const HOME: &str = "gnupg";

/// A key in a home of its own.
#[derive(Debug)]
pub struct SigningKey {
    home: PathBuf,
    public: PathBuf,
}

impl SigningKey {
    /// Makes a key (Ed25519, no passphrase) in `folder`.
    pub fn new(folder: &Path, owner: &str) -> Result<Self> {
        let home = folder.join(HOME);
        fs::create_dir_all(&home)?;
        fs::set_permissions(&home, fs::Permissions::from_mode(0o700))?;
        let key = Self {
            public: folder.join("key.gpg"),
            home,
        };
        let owner = format!("{owner} <lab@example.org>");
        tool::succeed(&mut key.gpg(&[
            "--passphrase",
            "",
            "--quick-generate-key",
            &owner,
            "ed25519",
            "sign",
            "never",
        ]))
        .context("cannot make a key for the repository")?;
        let public = key.public.to_string_lossy().into_owned();
        tool::succeed(&mut key.gpg(&["--output", &public, "--export"]))?;
        Ok(key)
    }

    /// The public part, as apt's `Signed-By` takes it.
    pub fn public(&self) -> &Path {
        &self.public
    }

    /// Writes `text` signed, in clear (RFC 9580, section 7).
    pub fn sign(&self, text: &Path, signed: &Path) -> Result<()> {
        let (text, signed) = (text.to_string_lossy(), signed.to_string_lossy());
        tool::succeed(&mut self.gpg(&["--output", &signed, "--clearsign", &text]))
    }

    /// Writes a signature over `text` beside it, armored.
    pub fn sign_detached(&self, text: &Path, signature: &Path) -> Result<()> {
        let (text, signature) = (text.to_string_lossy(), signature.to_string_lossy());
        tool::succeed(&mut self.gpg(&["--output", &signature, "--armor", "--detach-sign", &text]))
    }

    /// Signs an rpm package in place.
    pub fn sign_rpm(&self, package: &Path) -> Result<()> {
        // There is one key in this home, which any address of it names.
        let path = format!("_gpg_path {}", self.home.display());
        let mut sign = tool::command("rpmsign", &["--define", "__gpg /usr/bin/gpg"]);
        sign.args(["--define", &path])
            .args(["--define", "_gpg_name lab@example.org", "--addsign"])
            .arg(package);
        tool::succeed(&mut sign)
    }

    /// The public part as text, as rpm takes it.
    pub fn armored(&self) -> Result<String> {
        tool::output(&mut self.gpg(&["--armor", "--export"]))
    }

    fn gpg(&self, arguments: &[&str]) -> Command {
        let mut command = tool::command("gpg", &["--batch", "--yes", "--quiet", "--homedir"]);
        command.arg(&self.home).args(arguments);
        command
    }
}

impl Drop for SigningKey {
    fn drop(&mut self) {
        end_agent(&self.home);
    }
}

/// Ends the agent that gpg started for this home. It would find out by itself that its home is gone, but later.
pub fn end_agent(home: &Path) {
    let mut end = tool::command("gpgconf", &["--homedir"]);
    let _ = tool::succeed(end.arg(home).args(["--kill", "gpg-agent"]));
}
