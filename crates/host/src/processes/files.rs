//! Files by name: every name is looked at once, however many processes map it.

use crate::maps::Mapping;
use overlock_rootfs::Root;
use std::collections::HashMap;

/// Device (major, minor) and inode.
pub(super) type FileIdentity = ((u32, u32), u64);

/// What the mapping says of the file that was mapped.
pub(super) fn identity_of(mapping: &Mapping<'_>) -> FileIdentity {
    (mapping.device, mapping.inode)
}

/// The names met so far, numbered, so that a unit holds numbers and not names.
#[derive(Default)]
pub(super) struct Files {
    known: HashMap<Box<[u8]>, u32, foldhash::fast::RandomState>,
    identities: Vec<Option<FileIdentity>>,
}

impl Files {
    /// The number of a name.
    pub(super) fn look_up(&mut self, root: &Root, path: &[u8]) -> u32 {
        if let Some(number) = self.known.get(path) {
            return *number;
        }
        // Never reached: a host has far fewer files than numbers. The last number is shared then.
        let number = u32::try_from(self.identities.len()).unwrap_or(u32::MAX);
        self.identities.push(look_at(root, path));
        self.known.insert(path.into(), number);
        number
    }

    /// What stood under the name when it was first met.
    pub(super) fn identity(&self, number: u32) -> Option<FileIdentity> {
        *self.identities.get(usize::try_from(number).ok()?)?
    }

    /// Names by number.
    pub(super) fn names(&self) -> HashMap<u32, &[u8], foldhash::fast::RandomState> {
        self.known
            .iter()
            .map(|(name, number)| (*number, &**name))
            .collect()
    }
}

/// What stands under a name of `root` now; names that are not UTF-8 are not looked up.
pub(super) fn look_at(root: &Root, path: &[u8]) -> Option<FileIdentity> {
    let identity = root.identity(std::str::from_utf8(path).ok()?)?;
    Some((
        (
            rustix::fs::major(identity.dev),
            rustix::fs::minor(identity.dev),
        ),
        identity.inode,
    ))
}
