//! What asks for a reboot: markers that package managers leave, and a newer kernel than the one that runs.
//!
//! | marker | written by |
//! |---|---|
//! | `/run/reboot-required` + `.pkgs` | Debian and Ubuntu packages through update-notifier's and others' hooks |
//! | `/var/run/reboot-required` | the same, where `/var/run` is not a link to `/run` |
//! | `/run/reboot-needed` | SUSE's zypp-boot-plugin |
//!
//! SUSE's `/boot/do_purge_kernels` is none: it tells the next boot, whenever that is, to remove old kernels.

use crate::kernel;
use crate::printable::printable;
use overlock_model::effective::RebootReason;
use overlock_model::os::Kernel;
use overlock_rootfs::{Identity, Root};

const MARKERS: [&str; 3] = [
    "/run/reboot-required",
    "/var/run/reboot-required",
    "/run/reboot-needed",
];
const PACKAGES_BYTES_MAX: u64 = 256 * 1024;

/// Reasons to reboot this running system, markers first.
#[must_use]
pub fn reasons(root: &Root, kernel: &Kernel) -> Vec<RebootReason> {
    let mut reasons = markers(root);
    reasons.extend(kernel::reboot_pending(kernel));
    reasons
}

/// The markers that are there. One file reached under two names counts once.
fn markers(root: &Root) -> Vec<RebootReason> {
    let mut seen: Vec<Identity> = Vec::new();
    let mut found = Vec::new();
    for path in MARKERS {
        let Some(identity) = root.identity(path) else {
            continue;
        };
        if seen.contains(&identity) {
            continue;
        }
        seen.push(identity);
        found.push(RebootReason::Marker {
            path: path.to_owned(),
            packages: packages(root, path),
        });
    }
    found
}

/// The packages that asked, sorted and without repeats: each adds itself once more at every upgrade.
fn packages(root: &Root, marker: &str) -> Vec<String> {
    let list = root
        .read_optional(&format!("{marker}.pkgs"), PACKAGES_BYTES_MAX)
        .ok()
        .flatten();
    let list = list.unwrap_or_default();
    let mut packages: Vec<String> = list
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.is_empty())
        .map(printable)
        .collect();
    packages.sort_unstable();
    packages.dedup();
    packages
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn marker(path: &str, packages: &[&str]) -> RebootReason {
        RebootReason::Marker {
            path: path.into(),
            packages: packages.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[test]
    fn markers_name_the_packages_that_asked_once_each() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("run")).unwrap();
        fs::write(
            folder.path().join("run/reboot-required"),
            "*** System restart required ***\n",
        )
        .unwrap();
        fs::write(
            folder.path().join("run/reboot-required.pkgs"),
            "libc6\nlinux-base\n\nlibc6\nbad\x1b[2J\n",
        )
        .unwrap();
        let root = Root::open(folder.path()).unwrap();
        let expected = marker(
            "/run/reboot-required",
            &["bad\u{fffd}[2J", "libc6", "linux-base"],
        );
        assert_eq!(reasons(&root, &Kernel::default()), [expected]);
    }

    #[test]
    fn a_linked_var_run_counts_once_and_an_own_one_counts() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("run")).unwrap();
        fs::create_dir_all(folder.path().join("var")).unwrap();
        fs::write(folder.path().join("run/reboot-required"), "").unwrap();
        symlink("/run", folder.path().join("var/run")).unwrap();
        let root = Root::open(folder.path()).unwrap();
        assert_eq!(markers(&root), [marker("/run/reboot-required", &[])]);

        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("var/run")).unwrap();
        fs::write(folder.path().join("var/run/reboot-required"), "").unwrap();
        let root = Root::open(folder.path()).unwrap();
        assert_eq!(markers(&root), [marker("/var/run/reboot-required", &[])]);
    }

    #[test]
    fn suse_marker_counts_and_purge_of_kernels_does_not() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("run")).unwrap();
        fs::create_dir_all(folder.path().join("boot")).unwrap();
        fs::write(folder.path().join("boot/do_purge_kernels"), "").unwrap();
        let root = Root::open(folder.path()).unwrap();
        assert_eq!(markers(&root), []);
        fs::write(folder.path().join("run/reboot-needed"), "kexec\n").unwrap();
        assert_eq!(markers(&root), [marker("/run/reboot-needed", &[])]);
    }
}
