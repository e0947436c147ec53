//! The installed packages.

use super::stanza::stanzas;
use super::world;
use crate::PackagesError;
use overlock_model::inventory::Unseen;
use overlock_model::package::{Hold, Package, PackageType};
use overlock_rootfs::Root;

/// The classic place, and that of apk-tools 3 with a merged `/usr`.
const DATABASES: [&str; 2] = ["/lib/apk/db/installed", "/usr/lib/apk/db/installed"];
const WORLD: &str = "/etc/apk/world";
/// Largest database; it lists every file of every package.
const DATABASE_BYTES: u64 = 512 << 20;
const WORLD_BYTES: u64 = 4 << 20;

/// What apk's database holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Installed {
    /// Packages in the order of the database.
    pub packages: Vec<Package>,
    /// Entries that could not be read, and why.
    pub unseen: Vec<Unseen>,
}

/// Reads apk's database under a root; `None` when there is none.
///
/// # Errors
/// When it may not be read, is too large, or holds text but no package.
pub fn installed(root: &Root) -> Result<Option<Installed>, PackagesError> {
    for path in DATABASES {
        let bytes = root
            .read_optional(path, DATABASE_BYTES)
            .map_err(|error| PackagesError::read(path, error))?;
        let Some(bytes) = bytes else { continue };
        let mut found = parse_installed(&bytes);
        if found.packages.is_empty() && !bytes.is_empty() {
            return Err(PackagesError::format(path, "it holds no package"));
        }
        match root.read_optional(WORLD, WORLD_BYTES) {
            Ok(Some(bytes)) => hold(&mut found.packages, &world::parse(&bytes)),
            Ok(None) => {}
            Err(error) => found.unseen.push(Unseen {
                what: WORLD.to_owned(),
                why: error.to_string(),
            }),
        }
        return Ok(Some(found));
    }
    Ok(None)
}

/// Reads the text of an `installed` file. An entry without name or version is stated in `unseen`.
#[must_use]
pub fn parse_installed(bytes: &[u8]) -> Installed {
    let mut installed = Installed::default();
    let text = String::from_utf8_lossy(bytes);
    for (number, stanza) in stanzas(&text, "PVAo").enumerate() {
        let (Some(name), Some(version)) = (stanza.get('P'), stanza.get('V')) else {
            installed.unseen.push(Unseen {
                what: format!("apk database entry {}", number + 1),
                why: "it has no name or no version".to_owned(),
            });
            continue;
        };
        let mut package = Package::new(PackageType::Apk, name, version);
        package.arch = stanza.get('A').map(str::to_owned);
        // Packages of one origin have one version, so the source's is the package's.
        package.source = stanza.get('o').map(str::to_owned);
        installed.packages.push(package);
    }
    installed
}

fn hold(packages: &mut [Package], world: &[world::Wish]) {
    for package in packages {
        if world
            .iter()
            .any(|wish| wish.concerns(package) && wish.keeps())
        {
            package.hold = Some(Hold::Ignored);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_origin_is_the_source() {
        let found = parse_installed(b"C:Q1x=\nP:libcrypto3\nV:3.1.4-r5\nA:x86_64\no:openssl\nF:lib\nR:libcrypto.so.3\n\nP:musl\nV:1.2.4-r2\n\nP:x\n");
        let [crypto, musl] = &found.packages[..] else {
            panic!("{found:?}")
        };
        assert_eq!(
            (crypto.source_name(), crypto.source_version()),
            ("openssl", "3.1.4-r5")
        );
        assert_eq!(musl.source, None);
        assert_eq!(found.unseen.len(), 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "([PVAo:x\\n]){0,40}") {
            let _ = parse_installed(&bytes);
            let _ = parse_installed(text.as_bytes());
        }
    }
}
