//! From an rpm repository's `repomd.xml` to its updateinfo file.
//!
//! Format: createrepo_c's `repomd.xml`, `<data type="updateinfo">` with `location`, `checksum` and `size`. The checksum
//! is checked by us; the signature of `repomd.xml` is not (the feed informs, it installs nothing).

use std::io::Read;
use std::path::Path;

use aws_lc_rs::digest;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use reqwest::Url;

use crate::download::hex;
use crate::error::Cause;

/// Real ones have 3 to 10 kB.
pub(crate) const REPOMD_BYTES_MAX: u64 = 1 << 20;

/// Where the updateinfo is and what it must be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Updateinfo {
    /// Relative to the repository, without `..`.
    pub href: String,
    pub size_bytes: Option<u64>,
    pub checksum: Option<Checksum>,
}

/// An announced checksum, lower-case hex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Checksum {
    pub algorithm: Algorithm,
    pub value: String,
}

/// Algorithms that repositories use today; older ones are no protection and so are not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Sha256,
    Sha384,
    Sha512,
}

impl Algorithm {
    fn parse(name: &str) -> Option<Self> {
        match name {
            "sha256" => Some(Self::Sha256),
            "sha384" => Some(Self::Sha384),
            "sha512" => Some(Self::Sha512),
            _ => None,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
        }
    }
}

impl Checksum {
    /// The word kept in place of an `ETag`.
    pub(crate) fn as_etag(&self) -> String {
        format!("{} {}", self.algorithm.name(), self.value)
    }

    /// Whether a file has it.
    pub(crate) fn holds(&self, path: &Path) -> std::io::Result<bool> {
        let mut hash = digest::Context::new(match self.algorithm {
            Algorithm::Sha256 => &digest::SHA256,
            Algorithm::Sha384 => &digest::SHA384,
            Algorithm::Sha512 => &digest::SHA512,
        });
        let mut file = std::fs::File::open(path)?;
        let mut chunk = vec![0; 64 << 10];
        loop {
            let read = file.read(&mut chunk)?;
            match chunk.get(..read) {
                None | Some([]) => return Ok(hex(hash.finish().as_ref()) == self.value),
                Some(bytes) => hash.update(bytes),
            }
        }
    }
}

/// The updateinfo that a `repomd.xml` names; `None` if the repository publishes none.
pub(crate) fn updateinfo(repomd: &str) -> Result<Option<Updateinfo>, Cause> {
    let mut reader = Reader::from_str(repomd);
    let mut root = false;
    let mut found: Option<Updateinfo> = None;
    // Name of the element whose text is being read, inside the wanted `data`.
    let mut inside: Option<String> = None;
    let mut algorithm = None;
    loop {
        match reader
            .read_event()
            .map_err(|error| broken(&error.to_string()))?
        {
            Event::Start(element) | Event::Empty(element)
                if element.local_name().as_ref() == "repomd" =>
            {
                root = true;
            }
            Event::Start(element)
                if element.local_name().as_ref() == "data"
                    && attribute(&element, "type")?.as_deref() == Some("updateinfo") =>
            {
                found = Some(Updateinfo::default());
            }
            Event::Start(element) | Event::Empty(element) => {
                if let Some(entry) = &mut found {
                    match element.local_name().as_ref() {
                        "location" => {
                            entry.href = attribute(&element, "href")?.unwrap_or_default();
                        }
                        "checksum" => algorithm = attribute(&element, "type")?,
                        _ => {}
                    }
                    inside = Some(element.local_name().as_ref().to_owned());
                }
            }
            Event::Text(text) => {
                if let (Some(entry), Some(name)) = (&mut found, &inside) {
                    take(entry, name, text.trim(), algorithm.as_deref())?;
                }
            }
            Event::End(element) => {
                inside = None;
                if element.local_name().as_ref() == "data"
                    && let Some(entry) = found.take()
                {
                    return if is_relative(&entry.href) {
                        Ok(Some(entry))
                    } else {
                        Err(broken(
                            "the location of the updateinfo leaves the repository",
                        ))
                    };
                }
            }
            Event::Eof if root => return Ok(None),
            Event::Eof => return Err(broken("it is no repomd.xml")),
            _ => {}
        }
    }
}

fn take(
    entry: &mut Updateinfo,
    element: &str,
    text: &str,
    algorithm: Option<&str>,
) -> Result<(), Cause> {
    match element {
        "size" => entry.size_bytes = text.parse().ok(),
        "checksum" => {
            let algorithm = algorithm
                .and_then(Algorithm::parse)
                .ok_or_else(|| broken("its checksum is of an unknown or outdated kind"))?;
            entry.checksum = Some(Checksum {
                algorithm,
                value: text.to_ascii_lowercase(),
            });
        }
        _ => {}
    }
    Ok(())
}

/// The address of the file named by `href`, from the address of `repodata/repomd.xml`.
pub(crate) fn address(repomd: &Url, href: &str) -> Option<Url> {
    let url = repomd.join("../").ok()?.join(href).ok()?;
    (url.origin() == repomd.origin()).then_some(url)
}

fn is_relative(href: &str) -> bool {
    !href.is_empty()
        && !href.contains([':', '\\', '\0', '?', '#', '%'])
        && href
            .split('/')
            .all(|name| !name.is_empty() && name != "." && name != "..")
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Result<Option<String>, Cause> {
    let found = element
        .try_get_attribute(name)
        .map_err(|error| broken(&error.to_string()))?;
    Ok(found.map(|attribute| attribute.value.into_owned()))
}

fn broken(why: &str) -> Cause {
    Cause::Repomd {
        why: why.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPOMD: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<repomd xmlns="http://linux.duke.edu/metadata/repo" xmlns:rpm="http://linux.duke.edu/metadata/rpm">
  <revision>1717000000</revision>
  <data type="primary">
    <checksum type="sha256">aa</checksum>
    <location href="repodata/aa-primary.xml.gz"/>
    <size>1</size>
  </data>
  <data type="updateinfo">
    <checksum type="sha512">BEEF</checksum>
    <open-checksum type="sha256">cc</open-checksum>
    <location href="repodata/bb-updateinfo.xml.gz"/>
    <timestamp>1717000000</timestamp>
    <size>1234</size>
    <open-size>99999</open-size>
  </data>
</repomd>"#;

    #[test]
    fn updateinfo_is_found_among_the_other_lists() {
        assert_eq!(
            updateinfo(REPOMD).unwrap(),
            Some(Updateinfo {
                href: "repodata/bb-updateinfo.xml.gz".to_owned(),
                size_bytes: Some(1234),
                checksum: Some(Checksum {
                    algorithm: Algorithm::Sha512,
                    value: "beef".to_owned()
                }),
            })
        );
    }

    #[test]
    fn repository_without_updateinfo_is_no_error_and_another_document_is() {
        assert_eq!(
            updateinfo("<repomd><data type=\"primary\"></data></repomd>").unwrap(),
            None
        );
        for text in [
            "",
            "<html><body>login</body></html>",
            "not xml",
            "<repomd",
            "<a></b>",
        ] {
            assert!(updateinfo(text).is_err(), "{text}");
        }
    }

    #[test]
    fn location_stays_inside_the_repository() {
        for href in [
            "../../etc/passwd",
            "/etc/passwd",
            "https://evil.example.org/x",
            "",
            "a//b",
            "%2e%2e/x",
        ] {
            let text = REPOMD.replace("repodata/bb-updateinfo.xml.gz", href);
            assert!(updateinfo(&text).is_err(), "{href}");
        }
        let repomd = Url::parse("https://h.example.org/9/os/repodata/repomd.xml").unwrap();
        assert_eq!(
            address(&repomd, "repodata/b.xml.gz").unwrap().as_str(),
            "https://h.example.org/9/os/repodata/b.xml.gz"
        );
    }

    #[test]
    fn outdated_checksum_is_refused() {
        assert!(updateinfo(&REPOMD.replace("sha512", "md5")).is_err());
    }
}
