//! `primary.xml`: the packages of a repository. Only those whose name is asked for are kept.

use super::entry::{evr, source_package};
use super::xml::{Node, XmlError, attribute, walk};
use quick_xml::events::BytesStart;
use std::io::Read;

/// Most packages kept of one repository; a repository keeps a few versions of each installed name.
const MAX_LISTED: usize = 500_000;
/// Most requirements kept of one package.
const MAX_REQUIRES: usize = 4096;

/// One package as a repository lists it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listed {
    /// Name.
    pub name: String,
    /// Architecture.
    pub arch: String,
    /// Epoch; repositories write 0 where the package has none.
    pub epoch: u32,
    /// `version-release`.
    pub version_release: String,
    /// Who built it.
    pub vendor: Option<String>,
    /// Source package's name.
    pub source: Option<String>,
    /// Source package's `version-release`.
    pub source_version: Option<String>,
    /// SHA-256 of the package file.
    pub sha256: Option<String>,
    /// Size of the package file.
    pub size_bytes: Option<u64>,
    /// Path of the package file in the repository.
    pub location: Option<String>,
    /// Requirements of exactly one version, as (name, `[epoch:]version[-release]`).
    pub requires_exactly: Vec<(String, String)>,
}

impl Listed {
    /// `[epoch:]version-release`, an epoch of 0 left out.
    #[must_use]
    pub fn evr(&self) -> String {
        match self.epoch {
            0 => self.version_release.clone(),
            epoch => format!("{epoch}:{}", self.version_release),
        }
    }

    /// `name-epoch:version-release.arch`, as module metadata writes it.
    #[must_use]
    pub fn nevra(&self) -> String {
        format!(
            "{}-{}:{}.{}",
            self.name, self.epoch, self.version_release, self.arch
        )
    }
}

/// What a repository lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Primary {
    /// How many packages it has in all.
    pub packages: u64,
    /// The first vendor named.
    pub vendor: Option<String>,
    /// The packages asked for, in the order of the file.
    pub listed: Vec<Listed>,
}

/// Reads a `primary.xml`, compressed or not, and keeps the packages whose name is `wanted`.
///
/// # Errors
/// When it is not well-formed or breaks a bound.
pub fn parse(source: impl Read, wanted: impl Fn(&str) -> bool) -> Result<Primary, XmlError> {
    let mut primary = Primary::default();
    let mut current: Option<Listed> = None;
    let (mut keep, mut in_requires, mut is_sha256) = (false, false, false);
    walk(source, |node| match node {
        Node::Open("package", _) => {
            primary.packages += 1;
            (keep, in_requires) = (true, false);
            current = Some(Listed::default());
        }
        Node::Close("package", _) => {
            let done = current
                .take()
                .filter(|listed| keep && !listed.version_release.is_empty());
            primary
                .listed
                .extend(done.filter(|_| primary.listed.len() < MAX_LISTED));
        }
        Node::Close("vendor", text) if primary.vendor.is_none() && !text.is_empty() => {
            primary.vendor = Some(text.to_owned());
            if let Some(listed) = &mut current {
                listed.vendor = Some(text.to_owned());
            }
        }
        node if keep => {
            let Some(listed) = &mut current else { return };
            match node {
                Node::Open("requires", _) => in_requires = true,
                Node::Close("requires", _) => in_requires = false,
                Node::Open("checksum", element) => {
                    is_sha256 = attribute(element, "type").as_deref() == Some("sha256");
                }
                Node::Open("entry", element) if in_requires => {
                    listed.requires_exactly.extend(
                        exactly(element).filter(|_| listed.requires_exactly.len() < MAX_REQUIRES),
                    );
                }
                Node::Open("version", element) => version(listed, element),
                Node::Open("location", element) => listed.location = attribute(element, "href"),
                Node::Open("size", element) => {
                    listed.size_bytes =
                        attribute(element, "package").and_then(|size| size.parse().ok());
                }
                Node::Close("name", text) => {
                    keep = wanted(text);
                    text.clone_into(&mut listed.name);
                }
                Node::Close("arch", text) => text.clone_into(&mut listed.arch),
                Node::Close("checksum", text) if is_sha256 => {
                    listed.sha256 = Some(text.to_ascii_lowercase())
                }
                Node::Close("vendor", text) if !text.is_empty() => {
                    listed.vendor = Some(text.to_owned())
                }
                Node::Close("sourcerpm", text) => {
                    if let Some((name, version)) = source_package(text) {
                        listed.source = Some(name.to_owned());
                        listed.source_version = Some(version.to_owned());
                    }
                }
                _ => {}
            }
        }
        _ => {}
    })?;
    Ok(primary)
}

fn version(listed: &mut Listed, element: &BytesStart<'_>) {
    let part = |name| attribute(element, name).filter(|text| !text.is_empty());
    if let (Some(version), Some(release)) = (part("ver"), part("rel")) {
        listed.version_release = evr(None, &version, &release);
        listed.epoch = part("epoch")
            .and_then(|epoch| epoch.parse().ok())
            .unwrap_or(0);
    }
}

/// A requirement of one version of another package (`flags="EQ"`).
fn exactly(element: &BytesStart<'_>) -> Option<(String, String)> {
    let part = |name| attribute(element, name).filter(|text| !text.is_empty());
    if part("flags").as_deref() != Some("EQ") {
        return None;
    }
    let mut version = part("epoch")
        .filter(|epoch| epoch != "0")
        .map(|epoch| epoch + ":")
        .unwrap_or_default();
    version.push_str(&part("ver")?);
    if let Some(release) = part("rel") {
        version.push('-');
        version.push_str(&release);
    }
    Some((part("name")?, version))
}

#[cfg(test)]
mod tests {
    use super::*;

    const XML: &[u8] = br#"<metadata xmlns="c" xmlns:rpm="r" packages="2"><package type="rpm">
        <name>glibc-common</name><arch>x86_64</arch><version epoch="0" ver="2.34" rel="100.el9"/>
        <checksum type="sha256" pkgid="YES">AA</checksum><size package="10" installed="20" archive="30"/>
        <format><rpm:vendor>Example &amp; Co</rpm:vendor><rpm:sourcerpm>glibc-2.34-100.el9.src.rpm</rpm:sourcerpm>
        <rpm:provides><rpm:entry name="glibc-common" flags="EQ" epoch="0" ver="2.34" rel="100.el9"/></rpm:provides>
        <rpm:requires><rpm:entry name="glibc" flags="EQ" epoch="0" ver="2.34" rel="100.el9"/>
        <rpm:entry name="bash" flags="GE" ver="1"/><rpm:entry name="/bin/sh"/></rpm:requires></format></package>
        <package type="rpm"><name>other</name><arch>noarch</arch><version epoch="2" ver="1" rel="1"/></package>
        </metadata>"#;

    #[test]
    fn asked_for_packages_are_kept_with_their_ties() {
        let primary = parse(XML, |name| name == "glibc-common").unwrap();
        assert_eq!(primary.packages, 2);
        assert_eq!(primary.vendor.as_deref(), Some("Example & Co"));
        let [listed] = &primary.listed[..] else {
            panic!("{primary:?}")
        };
        assert_eq!(listed.nevra(), "glibc-common-0:2.34-100.el9.x86_64");
        assert_eq!(
            listed.requires_exactly,
            [("glibc".to_owned(), "2.34-100.el9".to_owned())]
        );
        assert_eq!(
            (listed.sha256.as_deref(), listed.size_bytes),
            (Some("aa"), Some(10))
        );
        assert_eq!(listed.source.as_deref(), Some("glibc"));
        assert_eq!(
            parse(XML, |name| name == "other").unwrap().listed[0].evr(),
            "2:1-1"
        );
    }
}
