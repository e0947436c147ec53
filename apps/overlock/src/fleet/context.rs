//! Which server the command line speaks to: `--server`, else `context.toml`, else none.
//!
//! The file is written by `overlock up` and `overlock login`; it holds a token, so nobody else may read it.

use crate::exit::Failure;
use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

/// Largest file that is read.
const BYTES_MAX: u64 = 64 << 10;

/// A server, how it is known, and how we are known to it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Context {
    /// Address, such as `https://patch.example.org:7443`.
    pub server: String,
    /// Certificate of its authority (PEM); without it the system's own authorities are trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
    /// Our token.
    pub token: String,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Context({}, [token])", self.server)
    }
}

/// Where the file is: `OVERLOCK_CONTEXT`, else below `XDG_CONFIG_HOME`, else below `~/.config`.
pub fn path() -> Option<PathBuf> {
    let absolute = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute("OVERLOCK_CONTEXT").or_else(|| {
        absolute("XDG_CONFIG_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".config")))
            .map(|config| config.join("overlock/context.toml"))
    })
}

/// The context to use; `server` overrules the address of the file, and then the file's token is used only if it is for
/// that address.
pub fn find(server: Option<&str>) -> Result<Context, Failure> {
    let file = read()?;
    let token = std::env::var("OVERLOCK_TOKEN").ok();
    match (server, file) {
        (None, Some(context)) => Ok(Context {
            token: token.unwrap_or(context.token),
            ..context
        }),
        (Some(server), Some(context)) if same(server, &context.server) => Ok(Context {
            token: token.unwrap_or(context.token),
            ..context
        }),
        (Some(server), _) => match token {
            Some(token) => Ok(Context {
                server: server.to_owned(),
                authority: None,
                token,
            }),
            None => Err(Failure::input(anyhow::anyhow!("no token for `{server}` is known"))
                .hint(format!("run `overlock login --server {server}`, or set OVERLOCK_TOKEN"))),
        },
        (None, None) => Err(Failure::input(anyhow::anyhow!("no server is known")).hint(
            "run `overlock up` for a server of your own, `overlock login` for one that is there, or give --server",
        )),
    }
}

fn same(a: &str, b: &str) -> bool {
    a.trim_end_matches('/')
        .eq_ignore_ascii_case(b.trim_end_matches('/'))
}

/// The context of the file, if there is one.
pub fn read() -> Result<Option<Context>, Failure> {
    let Some(path) = path() else {
        return Ok(None);
    };
    if !path.exists() {
        return Ok(None);
    }
    let bytes = crate::commands::read_input(&path, BYTES_MAX)?;
    let text = String::from_utf8_lossy(&bytes);
    toml::from_str(&text).map(Some).map_err(|error| {
        Failure::input(
            anyhow::Error::new(error).context(format!("cannot use `{}`", path.display())),
        )
        .hint("mend it, or remove it and run `overlock login`")
    })
}

/// Writes the file, readable by its owner only; a reader sees the old one or the new one.
pub fn write(context: &Context) -> Result<PathBuf, Failure> {
    let path = path().ok_or_else(|| {
        Failure::input(anyhow::anyhow!("no place for the context is known"))
            .hint("set HOME, XDG_CONFIG_HOME or OVERLOCK_CONTEXT")
    })?;
    let text = toml::to_string(context).map_err(Failure::input)?;
    let folder = path.parent().unwrap_or(&path);
    let fresh = path.with_extension("toml.new");
    let put = || -> anyhow::Result<()> {
        std::fs::create_dir_all(folder)?;
        drop(std::fs::remove_file(&fresh));
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&fresh)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&fresh, &path)?;
        Ok(())
    };
    put()
        .with_context(|| format!("cannot write `{}`", path.display()))
        .map_err(Failure::environment)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_never_shows_its_token() {
        let context = Context {
            server: "https://patch.example.org:7443".into(),
            authority: None,
            token: "secret".into(),
        };
        assert!(!format!("{context:?}").contains("secret"));
        let text = toml::to_string(&context).unwrap();
        assert_eq!(toml::from_str::<Context>(&text).unwrap().token, "secret");
        assert!(toml::from_str::<Context>("server='x'\ntoken='y'\nserve='z'").is_err());
    }

    #[test]
    fn the_same_server_is_known_by_other_spellings() {
        assert!(same(
            "https://Patch.example.org/",
            "https://patch.example.org"
        ));
        assert!(!same(
            "https://patch.example.org",
            "https://patch.example.com"
        ));
    }
}
