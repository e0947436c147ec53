//! From an rpm header to a [`Package`].

use super::header::{Header, HeaderError, tag};
use overlock_model::package::{Package, PackageType};

/// Why a header is not an installed package.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// A public key: rpm keeps the keys it trusts as packages named `gpg-pubkey`.
    #[error("it is a public key")]
    PublicKey,
    /// The header is damaged.
    #[error(transparent)]
    Header(#[from] HeaderError),
}

/// The package that a header describes.
///
/// `version` is `[epoch:]version-release` with the epoch only where the header has the tag; `epoch` says the same apart,
/// because a source package's file name never names one. `origin` is the `Vendor` tag: it stands inside the part of
/// the header that the build signature covers, and so says more than a repository that happens to list the version.
///
/// # Errors
/// When a tag that every package has is missing, or a tag does not hold; and for public keys.
pub fn package(header: &Header<'_>) -> Result<Package, EntryError> {
    let name = header.required(tag::NAME)?;
    if name == "gpg-pubkey" {
        return Err(EntryError::PublicKey);
    }
    let (version, release) = (
        header.required(tag::VERSION)?,
        header.required(tag::RELEASE)?,
    );
    let epoch = header.number(tag::EPOCH)?;
    let optional = |tag| {
        Ok::<_, HeaderError>(
            header
                .text(tag)?
                .filter(|text| !text.is_empty())
                .map(String::from),
        )
    };

    let mut package = Package::new(PackageType::Rpm, name, evr(epoch, &version, &release));
    package.epoch = epoch;
    package.arch = optional(tag::ARCH)?;
    package.module = optional(tag::MODULARITYLABEL)?;
    package.origin = optional(tag::VENDOR)?;
    if let Some((source, version)) = header
        .text(tag::SOURCERPM)?
        .as_deref()
        .and_then(source_package)
    {
        package.source = Some(source.to_owned());
        package.source_version = (version != package.version).then(|| version.to_owned());
    }
    Ok(package)
}

/// `[epoch:]version-release`.
pub(super) fn evr(epoch: Option<u32>, version: &str, release: &str) -> String {
    match epoch {
        Some(epoch) => format!("{epoch}:{version}-{release}"),
        None => format!("{version}-{release}"),
    }
}

/// Name and `version-release` of a source package from its file name, `NAME-VERSION-RELEASE.src.rpm`.
pub(super) fn source_package(file: &str) -> Option<(&str, &str)> {
    let stem = file
        .strip_suffix(".src.rpm")
        .or_else(|| file.strip_suffix(".nosrc.rpm"))?;
    let (rest, _) = stem.rsplit_once('-')?;
    let (name, _) = rest.rsplit_once('-')?;
    let version = stem.get(name.len() + 1..)?;
    (!name.is_empty()).then_some((name, version))
}

#[cfg(test)]
mod tests {
    use super::super::header::build;
    use super::*;

    fn read(texts: &[(u32, &str)], numbers: &[(u32, u32)]) -> Result<Package, EntryError> {
        package(&Header::parse(&build(texts, numbers)).unwrap())
    }

    #[test]
    fn all_facts_of_a_modular_build_are_kept() {
        let package = read(
            &[
                (tag::NAME, "perl-Errno"),
                (tag::VERSION, "1.28"),
                (tag::RELEASE, "422.el8"),
                (tag::ARCH, "x86_64"),
                (tag::SOURCERPM, "perl-5.26.3-422.el8.src.rpm"),
                (tag::MODULARITYLABEL, "perl:5.26:8020:aa"),
                (tag::VENDOR, "AlmaLinux"),
            ],
            &[(tag::EPOCH, 0)],
        )
        .unwrap();
        assert_eq!(package.version, "0:1.28-422.el8");
        assert_eq!(package.epoch, Some(0));
        assert_eq!(package.source.as_deref(), Some("perl"));
        assert_eq!(package.source_version.as_deref(), Some("5.26.3-422.el8"));
        assert_eq!(package.module.as_deref(), Some("perl:5.26:8020:aa"));
        assert_eq!(package.origin.as_deref(), Some("AlmaLinux"));
    }

    #[test]
    fn an_epoch_that_was_not_stated_stays_unknown() {
        let package = read(
            &[
                (tag::NAME, "bash"),
                (tag::VERSION, "5.1"),
                (tag::RELEASE, "9.el9"),
                (tag::SOURCERPM, "bash-5.1-9.el9.src.rpm"),
            ],
            &[],
        )
        .unwrap();
        assert_eq!(
            (package.epoch, package.version.as_str()),
            (None, "5.1-9.el9")
        );
        assert_eq!(package.source_version, None);
    }

    #[test]
    fn public_keys_and_nameless_headers_are_no_packages() {
        assert_eq!(
            read(&[(tag::NAME, "gpg-pubkey")], &[]),
            Err(EntryError::PublicKey)
        );
        assert_eq!(
            read(&[(tag::NAME, "bash"), (tag::VERSION, "1")], &[]),
            Err(HeaderError::Missing(tag::RELEASE).into())
        );
    }

    #[test]
    fn source_names_may_hold_hyphens() {
        assert_eq!(
            source_package("a-b-c-1.0-2.el9.src.rpm"),
            Some(("a-b-c", "1.0-2.el9"))
        );
        assert_eq!(source_package("fw-1-1.nosrc.rpm"), Some(("fw", "1-1")));
        for bad in [
            "",
            "(none)",
            "x.src.rpm",
            "-1-2.src.rpm",
            "a-1-2.x86_64.rpm",
        ] {
            assert_eq!(source_package(bad), None, "{bad}");
        }
    }
}
