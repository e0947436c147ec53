//! Where a feed is read from: its publisher, or a mirror laid out like the publishers, over HTTP or as a folder.
//!
//! A folder holds decoded names (`Rocky Linux/all.zip`), as any web server would serve them; an HTTP mirror is asked
//! with the encoded ones.

use std::path::{Path, PathBuf};

use reqwest::Url;
use thiserror::Error;

/// A mirror of all publishers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mirror {
    /// Files below this folder, `<host>/<path>`.
    Folder(PathBuf),
    /// A web server with `<host>/<path>` below this address.
    Http(Url),
}

/// A mirror that cannot be used as given.
#[derive(Debug, Error)]
pub enum MirrorError {
    /// Neither an address we speak nor a folder that exists.
    #[error("`{given}` is neither an http(s) address nor a folder")]
    Neither {
        /// What was given, credentials removed.
        given: String,
    },
}

impl MirrorError {
    /// What to do next.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        "give `https://HOST/PATH`, or a folder that holds `<publisher's host>/<path>`"
    }

    /// Exit code of the program: wrong usage.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        2
    }
}

impl Mirror {
    /// Reads what a user gives: `http(s)://…`, `file:///…` or a folder that exists.
    ///
    /// # Errors
    /// Where it is none of them.
    pub fn parse(given: &str) -> Result<Self, MirrorError> {
        let neither = || MirrorError::Neither {
            given: redacted_text(given),
        };
        let folder = match Url::parse(given) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => {
                return if url.has_host() {
                    Ok(Self::Http(url))
                } else {
                    Err(neither())
                };
            }
            Ok(url) if url.scheme() == "file" => url.to_file_path().map_err(|()| neither())?,
            Ok(_) if given.contains("://") => return Err(neither()),
            Ok(_) | Err(_) => PathBuf::from(given),
        };
        if folder.is_dir() {
            Ok(Self::Folder(folder))
        } else {
            Err(neither())
        }
    }
}

/// Where one file is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    File(PathBuf),
    Http(Url),
}

impl Source {
    /// Where the publisher's `url` is read, through the mirror if there is one. `None`: the address has no place there.
    pub(crate) fn of(url: &Url, mirror: Option<&Mirror>) -> Option<Self> {
        match mirror {
            None => matches!(url.scheme(), "http" | "https").then(|| Self::Http(url.clone())),
            Some(Mirror::Folder(folder)) => Some(Self::File(folder.join(path_below(url)?))),
            Some(Mirror::Http(base)) => {
                let mut at = base.clone();
                at.set_path(&format!(
                    "{}/{}{}",
                    base.path().trim_end_matches('/'),
                    authority(url)?,
                    url.path()
                ));
                Some(Self::Http(at))
            }
        }
    }

    /// For messages and the state file: without credentials.
    pub(crate) fn redacted(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Http(url) => redacted(url),
        }
    }
}

/// `<host>/<path>`, decoded, as a relative path of plain names; `None` where that is impossible.
pub(crate) fn path_below(url: &Url) -> Option<String> {
    let mut path = authority(url)?;
    for segment in url.path_segments()? {
        let name = percent_decoded(segment)?;
        if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\\', '\0']) {
            return None;
        }
        path.push('/');
        path.push_str(&name);
    }
    Some(path)
}

fn authority(url: &Url) -> Option<String> {
    let host = url.host_str().filter(|host| !host.is_empty())?;
    Some(
        url.port()
            .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")),
    )
}

fn percent_decoded(segment: &str) -> Option<String> {
    let mut bytes = segment.bytes();
    let mut decoded = Vec::with_capacity(segment.len());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digit = |byte: u8| {
                char::from(byte)
                    .to_digit(16)
                    .and_then(|d| u8::try_from(d).ok())
            };
            let (high, low) = (digit(bytes.next()?)?, digit(bytes.next()?)?);
            decoded.push(high << 4 | low);
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).ok()
}

/// An address for people: no user, no password, no query (which may hold a token), no fragment.
pub(crate) fn redacted(url: &Url) -> String {
    let mut shown = url.clone();
    // Both fail only for addresses without host, which have neither.
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    shown.set_query(None);
    shown.set_fragment(None);
    shown.into()
}

/// As [`redacted`], for a text that may be no address at all.
pub(crate) fn redacted_text(text: &str) -> String {
    match Url::parse(text) {
        Ok(url) if url.has_host() => redacted(&url),
        Ok(_) | Err(_) => {
            let shown = text.rsplit_once('@').map_or(text, |(_, after)| after);
            shown
                .chars()
                .filter(|c| !c.is_control())
                .take(200)
                .collect()
        }
    }
}

/// Whether a path is a regular file, following links: a mirror is the user's own folder.
pub(crate) fn is_regular(path: &Path) -> std::io::Result<bool> {
    Ok(std::fs::metadata(path)?.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn mirror_holds_host_then_decoded_path() {
        let feed = url("https://feeds.example.org/Rocky%20Linux/all.zip");
        assert_eq!(
            path_below(&feed).unwrap(),
            "feeds.example.org/Rocky Linux/all.zip"
        );
        let folder = Mirror::Folder(PathBuf::from("/m"));
        assert_eq!(
            Source::of(&feed, Some(&folder)),
            Some(Source::File(PathBuf::from(
                "/m/feeds.example.org/Rocky Linux/all.zip"
            )))
        );
        let http = Mirror::Http(url("https://user:secret@mirror.example.org/feeds/"));
        let source = Source::of(&feed, Some(&http)).unwrap();
        assert_eq!(
            source.redacted(),
            "https://mirror.example.org/feeds/feeds.example.org/Rocky%20Linux/all.zip"
        );
        assert_eq!(Source::of(&feed, None), Some(Source::Http(feed.clone())));
    }

    #[test]
    fn address_that_would_leave_the_mirror_has_no_place() {
        for hostile in [
            "https://h.example.org/a%2f..%2f..%2fetc/passwd",
            "https://h.example.org/%00",
            "https://h.example.org/a//b",
            "https://h.example.org/%zz",
            "https://h.example.org/%ff",
            "https://h.example.org/a%5c..",
            "https://h.example.org/",
        ] {
            assert_eq!(path_below(&url(hostile)), None, "{hostile}");
        }
        // Dot segments are resolved by the address parser and cannot climb over the host.
        assert_eq!(
            path_below(&url("https://h.example.org/%2e%2e/x")).unwrap(),
            "h.example.org/x"
        );
        assert_eq!(Source::of(&url("ftp://h.example.org/x"), None), None);
    }

    #[test]
    fn credentials_never_show() {
        for secret in [
            "https://user:secret@h.example.org/p?token=secret#secret",
            "ftp://user:secret@h.example.org/p",
            "user:secret@h/p",
        ] {
            let shown = redacted_text(secret);
            assert!(!shown.contains("secret"), "{shown}");
            let error = Mirror::parse(secret);
            assert!(
                !format!("{:?}", error.err()).contains("secret") || secret.starts_with("https")
            );
        }
    }

    #[test]
    fn folder_is_taken_as_path_or_file_address_and_must_exist() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        let expected = Mirror::Folder(folder.path().to_owned());
        assert_eq!(Mirror::parse(path).unwrap(), expected);
        assert_eq!(Mirror::parse(&format!("file://{path}")).unwrap(), expected);
        assert!(Mirror::parse(&format!("{path}/absent")).is_err());
        assert!(Mirror::parse("ftp://h.example.org/").is_err());
    }
}
