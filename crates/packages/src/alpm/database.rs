//! The installed packages: one folder with a `desc` file each.

use super::conf::Conf;
use super::desc::parse_desc;
use crate::{PackagesError, Survey, glob};
use overlock_model::inventory::Unseen;
use overlock_model::package::{Hold, Package, PackageType};
use overlock_rootfs::{EntryKind, Root};

const MAX_PACKAGES: usize = 200_000;
const DESC_BYTES: u64 = 4 << 20;

/// What pacman's local database holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Installed {
    /// Packages, sorted by folder name.
    pub packages: Vec<Package>,
    /// Entries that could not be read, and why.
    pub unseen: Vec<Unseen>,
}

/// Reads pacman's local database under a root; `None` when there is none.
///
/// # Errors
/// When its folder may not be read or holds too many entries.
pub fn installed(root: &Root) -> Result<Option<Installed>, PackagesError> {
    let mut survey = Survey::default();
    let conf = Conf::read(root, &mut survey);
    let folder = format!("{}/local", conf.database);
    let entries = match root.list(&folder, MAX_PACKAGES) {
        Ok(entries) => entries,
        Err(error) if error.is_missing() => return Ok(None),
        Err(error) => return Err(PackagesError::read(folder, error)),
    };
    let mut found = Installed {
        unseen: survey.unseen,
        ..Installed::default()
    };
    for entry in entries
        .into_iter()
        .filter(|entry| entry.kind != EntryKind::File)
    {
        let path = format!("{folder}/{}/desc", entry.name);
        let outcome = root
            .read(&path, DESC_BYTES)
            .map_err(|error| error.to_string());
        match outcome.and_then(|bytes| {
            package(&bytes).ok_or_else(|| "it has no name or no version".to_owned())
        }) {
            Ok(mut package) => {
                if conf
                    .ignored
                    .iter()
                    .any(|pattern| glob::matches(pattern, &package.name))
                {
                    package.hold = Some(Hold::Ignored);
                }
                found.packages.push(package);
            }
            Err(why) => found.unseen.push(Unseen { what: path, why }),
        }
    }
    Ok(Some(found))
}

fn package(bytes: &[u8]) -> Option<Package> {
    let desc = parse_desc(bytes);
    let mut package = Package::new(PackageType::Alpm, desc.get("NAME")?, desc.get("VERSION")?);
    package.arch = desc.get("ARCH").map(str::to_owned);
    // All packages of one base have its version.
    package.source = desc.get("BASE").map(str::to_owned);
    package.epoch = package
        .version
        .split_once(':')
        .and_then(|(epoch, _)| epoch.parse().ok());
    Some(package)
}
