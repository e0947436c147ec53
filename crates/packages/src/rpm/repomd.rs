//! `repomd.xml`: the table of contents of a dnf or zypper repository.

use super::xml::{Node, XmlError, attribute, walk};
use std::io::Read;

/// Most entries that are kept; real ones have about a dozen.
const MAX_DATA: usize = 256;

/// The table of contents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repomd {
    /// The publisher's revision; by convention seconds since 1970.
    pub revision: Option<String>,
    /// The metadata files.
    pub data: Vec<Data>,
}

/// One metadata file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Data {
    /// `primary`, `updateinfo`, `modules` …
    pub kind: String,
    /// Path relative to the repository.
    pub href: String,
    /// SHA-256 of the file as stored, lower-case hex, where that is the checksum given.
    pub sha256: Option<String>,
}

impl Repomd {
    /// Reads a `repomd.xml`.
    ///
    /// # Errors
    /// When it is not well-formed or breaks a bound.
    pub fn parse(source: impl Read) -> Result<Self, XmlError> {
        let mut repomd = Self::default();
        let mut current: Option<Data> = None;
        let mut is_sha256 = false;
        walk(source, |node| match (node, &mut current) {
            (Node::Open("data", element), current) => {
                let kind = attribute(element, "type").unwrap_or_default();
                *current = Some(Data {
                    kind,
                    ..Data::default()
                });
            }
            (Node::Open("location", element), Some(data)) => {
                data.href = attribute(element, "href").unwrap_or_default();
            }
            (Node::Open("checksum", element), _) => {
                is_sha256 = attribute(element, "type").as_deref() == Some("sha256");
            }
            (Node::Close("checksum", text), Some(data)) if is_sha256 => {
                data.sha256 = Some(text.to_ascii_lowercase())
            }
            (Node::Close("revision", text), None) if !text.is_empty() => {
                repomd.revision = Some(text.to_owned())
            }
            (Node::Close("data", _), current) => {
                repomd
                    .data
                    .extend(current.take().filter(|_| repomd.data.len() < MAX_DATA));
            }
            _ => {}
        })?;
        Ok(repomd)
    }

    /// The first file of a kind.
    #[must_use]
    pub fn find(&self, kind: &str) -> Option<&Data> {
        self.data.iter().find(|data| data.kind == kind)
    }
}

impl Data {
    /// Name of the file without its folders; caches keep all of them in one.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.href.rsplit('/').next().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_by_kind() {
        let xml = br#"<?xml version="1.0"?><repomd xmlns="http://linux.duke.edu/metadata/repo">
            <revision>1700000000</revision>
            <data type="primary"><checksum type="sha256">AB12</checksum>
              <open-checksum type="sha256">ff</open-checksum><location href="repodata/ab-primary.xml.gz"/></data>
            <data type="updateinfo"><checksum type="md5">ff</checksum><location href="u.xml"/></data></repomd>"#;
        let repomd = Repomd::parse(&xml[..]).unwrap();
        assert_eq!(repomd.revision.as_deref(), Some("1700000000"));
        let primary = repomd.find("primary").unwrap();
        assert_eq!(
            (primary.file_name(), primary.sha256.as_deref()),
            ("ab-primary.xml.gz", Some("ab12"))
        );
        assert_eq!(repomd.find("updateinfo").unwrap().sha256, None);
    }
}
