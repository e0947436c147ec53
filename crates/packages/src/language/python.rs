//! Python distributions by their installed metadata.
//!
//! Core metadata specification (PEP 241 to 643): RFC 822 headers, of which `Name` and `Version` are required, then an
//! empty line and the description.

use super::Found;
use overlock_model::package::PackageType;
use overlock_rootfs::Root;

const INSTALLER_BYTES: u64 = 1 << 10;
/// Longest name or version taken; the longest real name has 80 characters.
pub(super) const WORD_BYTES: usize = 512;

/// Name and version of `METADATA` or `PKG-INFO`; `None` where one of them is missing.
#[must_use]
pub fn metadata_in_text(text: &str) -> Option<(&str, &str)> {
    let (mut name, mut version) = (None, None);
    for line in text.trim_start_matches('\u{feff}').lines() {
        if line.trim_end().is_empty() {
            break;
        }
        // A line that begins with a space goes on with the field before, which is never one of these two.
        if line.starts_with([' ', '\t']) {
            continue;
        }
        let Some((field, value)) = line.split_once(':') else {
            continue;
        };
        let value =
            Some(value.trim()).filter(|value| !value.is_empty() && value.len() <= WORD_BYTES);
        if field.eq_ignore_ascii_case("name") {
            name = name.or(value);
        } else if field.eq_ignore_ascii_case("version") {
            version = version.or(value);
        }
    }
    name.zip(version)
}

/// The distribution that a metadata file states; `folder` is its own directory, empty where it has none.
pub(super) fn metadata(root: &Root, folder: &str, text: &str) -> Result<Vec<Found>, String> {
    let (name, version) = metadata_in_text(text).ok_or("it states no name and version")?;
    Ok(vec![Found {
        kind: PackageType::Pypi,
        name: name.to_owned(),
        version: version.to_owned(),
        by_user: !folder.is_empty() && installed_by_user(root, folder),
    }])
}

/// Whether `INSTALLER` (PEP 376, "INSTALLER") names a tool that is not the system's package manager.
fn installed_by_user(root: &Root, folder: &str) -> bool {
    let Ok(bytes) = root.read(&format!("{folder}/INSTALLER"), INSTALLER_BYTES) else {
        return false;
    };
    matches!(
        bytes.trim_ascii(),
        b"pip" | b"uv" | b"poetry" | b"pdm" | b"pipenv" | b"conda"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_and_the_description_is_not() {
        let text = "Metadata-Version: 2.1\r\nName: Flask-Login\r\nVersion: 0.6.3\r\nSummary: x\r\n  Version: 9\r\n\r\nName: no\r\n";
        assert_eq!(metadata_in_text(text), Some(("Flask-Login", "0.6.3")));
        assert_eq!(metadata_in_text("Name: a\n\nVersion: 1\n"), None);
        assert_eq!(metadata_in_text("name: a\nVERSION: 1"), Some(("a", "1")));
        assert_eq!(metadata_in_text("Name:\nVersion: 1"), None);
    }
}
