//! `APKINDEX.tar.gz`: a signature, then an index, each a gzip member with a tar inside.

use super::stanza::stanzas;
use crate::PackagesError;
use crate::archive::{TarReader, decoded};

/// Most bytes of an index as stored, and unpacked. Alpine's largest has about 2 MB and 10 MB.
pub(super) const STORED_BYTES: u64 = 128 << 20;
const UNPACKED_BYTES: u64 = 512 << 20;

/// One repository's index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Index {
    /// How many packages it has in all.
    pub packages: u64,
    /// The packages asked for, in the order of the file.
    pub indexed: Vec<Indexed>,
}

/// One package as an index lists it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Indexed {
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
    /// Architecture.
    pub arch: Option<String>,
    /// Source package.
    pub origin: Option<String>,
    /// Size of the package file.
    pub size_bytes: Option<u64>,
    /// Dependencies on exactly one version, as (name, version).
    pub requires_exactly: Vec<(String, String)>,
}

/// Unpacks an index file and reads the packages whose name is `wanted`.
///
/// # Errors
/// When gzip or tar are damaged, a bound is met, or there is no `APKINDEX` inside.
pub fn read_index(
    path: &str,
    stored: &[u8],
    wanted: impl Fn(&str) -> bool,
) -> Result<Index, PackagesError> {
    let read = |error| PackagesError::read(path, error);
    let mut tar = TarReader::new(decoded(stored, UNPACKED_BYTES).map_err(read)?);
    let mut text = None;
    // Read to the end: only there gzip's checksum is looked at.
    while let Some(entry) = tar.next_file().map_err(read)? {
        if entry.name == "APKINDEX" && text.is_none() {
            text = Some(tar.read_file(UNPACKED_BYTES).map_err(read)?);
        }
    }
    let text = text.ok_or_else(|| PackagesError::format(path, "it holds no `APKINDEX`"))?;
    Ok(parse_index(&text, wanted))
}

/// Reads the text of an index. Entries without name or version are passed over.
#[must_use]
pub fn parse_index(bytes: &[u8], wanted: impl Fn(&str) -> bool) -> Index {
    let mut index = Index::default();
    let text = String::from_utf8_lossy(bytes);
    for stanza in stanzas(&text, "PVAoSD") {
        index.packages += 1;
        let (Some(name), Some(version)) = (stanza.get('P'), stanza.get('V')) else {
            continue;
        };
        if !wanted(name) {
            continue;
        }
        let dependencies = stanza.get('D').unwrap_or_default().split_whitespace();
        index.indexed.push(Indexed {
            name: name.to_owned(),
            version: version.to_owned(),
            arch: stanza.get('A').map(str::to_owned),
            origin: stanza.get('o').map(str::to_owned),
            size_bytes: stanza.get('S').and_then(|size| size.parse().ok()),
            requires_exactly: dependencies.filter_map(exactly).collect(),
        });
    }
    index
}

/// `name=version`; dependencies on what packages provide (`so:`, `cmd:`, `/bin/sh`) name no package.
fn exactly(dependency: &str) -> Option<(String, String)> {
    let (name, version) = dependency.split_once('=')?;
    let is_name = !name.contains([':', '/', '<', '>', '~', '!']) && !version.starts_with('~');
    is_name.then(|| (name.to_owned(), version.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_dependencies_are_packages_only() {
        let index = parse_index(
            b"C:Q1\nP:busybox-binsh\nV:1.36.1-r15\nA:x86_64\nS:1543\nD:busybox=1.36.1-r15 so:libc.so=1 foo>=2 bar=~1\no:busybox\n\nP:other\nV:1\n",
            |name| name == "busybox-binsh",
        );
        assert_eq!(index.packages, 2);
        assert_eq!(
            index.indexed[0].requires_exactly,
            [("busybox".to_owned(), "1.36.1-r15".to_owned())]
        );
        assert_eq!(index.indexed[0].size_bytes, Some(1543));
    }

    #[test]
    fn damage_is_an_error() {
        assert!(read_index("i", b"", |_| true).is_err());
        assert!(read_index("i", &[0x1f, 0x8b, 8, 0, 1, 2, 3], |_| true).is_err());
        assert!(read_index("i", &[7; 600], |_| true).is_err());
    }
}
