//! Room on every file system that an installation touches, in bytes and in inodes (F5).

use rustix::fs::statvfs;
use std::path::Path;

/// Room that is left free beyond what is needed, for logs, triggers and the database: 32 MiB.
const RESERVE_BYTES: u64 = 32 << 20;
/// Inodes that a package may need; Debian's mean is some hundred files, kernels have thousands.
const INODES_PER_PACKAGE: u64 = 500;

/// Places, what fills them, and how many bytes they need.
#[derive(Debug, Clone)]
pub struct Need<'a> {
    /// A folder on the file system.
    pub place: &'a Path,
    /// Bytes.
    pub bytes: u64,
    /// Inodes.
    pub inodes: u64,
}

/// Inodes for so many packages.
#[must_use]
pub fn inodes(packages: usize) -> u64 {
    u64::try_from(packages)
        .unwrap_or(u64::MAX)
        .saturating_mul(INODES_PER_PACKAGE)
}

/// What is missing, in words; empty when all fits. Needs of one file system are added up.
#[must_use]
pub fn lacking(needs: &[Need<'_>]) -> Vec<String> {
    let mut systems: Vec<(u64, &Path, u64, u64, rustix::fs::StatVfs)> = Vec::new();
    let mut words = Vec::new();
    for need in needs {
        let Ok(of) = statvfs(need.place) else {
            continue;
        };
        match systems.iter_mut().find(|(id, ..)| *id == of.f_fsid) {
            Some((_, _, bytes, inodes, _)) => {
                *bytes += need.bytes;
                *inodes += need.inodes;
            }
            None => systems.push((of.f_fsid, need.place, need.bytes, need.inodes, of)),
        }
    }
    for (_, place, bytes, inodes, of) in systems {
        let free = of.f_bavail.saturating_mul(of.f_frsize);
        let wanted = bytes.saturating_add(RESERVE_BYTES);
        if free < wanted {
            words.push(format!(
                "`{}` has {} MiB free, {} MiB are needed",
                place.display(),
                free >> 20,
                wanted.div_ceil(1 << 20)
            ));
        }
        // File systems without a fixed number of inodes say 0 of 0.
        if of.f_files > 0 && of.f_favail < inodes {
            words.push(format!(
                "`{}` has {} inodes free, {inodes} are needed",
                place.display(),
                of.f_favail
            ));
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_there_is_is_lacking() {
        let need = |bytes, inodes| Need {
            place: Path::new("/"),
            bytes,
            inodes,
        };
        assert!(lacking(&[need(0, 0)]).is_empty());
        assert_eq!(lacking(&[need(u64::MAX >> 1, 0), need(1, 0)]).len(), 1);
    }
}
