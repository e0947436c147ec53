//! What really runs: kernels, and processes with the packages whose code they hold.

use crate::{missed, ownership};
use overlock_host::kernel;
use overlock_model::effective::Effective;
use overlock_model::inventory::Unseen;
use overlock_model::os::Kernel;
use overlock_model::package::Package;
use overlock_rootfs::Root;

/// The effective state, and what of it could not be seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Running {
    /// Processes, units and reasons to reboot; absent where nothing runs in this root.
    pub effective: Option<Effective>,
    /// What could not be seen.
    pub unseen: Vec<Unseen>,
}

/// The kernel that runs, where one does in this root, and those that `packages` installed.
#[must_use]
pub fn kernels(root: &Root, packages: &[Package]) -> Kernel {
    let uname = root.is_running().then(kernel::uname);
    kernel::kernels(uname.as_ref(), packages)
}

/// Asks processes which files they use. Replaced files get the name of their package, one of `packages`; those of
/// units do not, as that costs time on every host ([`ownership::of_units`]).
#[must_use]
pub fn running(root: &Root, kernel: &Kernel, packages: &[Package]) -> Running {
    let mut effective = match overlock_host::effective(root, kernel) {
        Ok(Some(effective)) => effective,
        Ok(None) => return Running::default(),
        Err(error) => {
            return Running {
                effective: None,
                unseen: vec![missed("processes", &error)],
            };
        }
    };
    ownership::of_stale_files(root, &mut effective, packages);
    let unseen = of_others(effective.processes_unseen).into_iter().collect();
    Running {
        effective: Some(effective),
        unseen,
    }
}

fn of_others(processes: u64) -> Option<Unseen> {
    let what = match processes {
        0 => return None,
        1 => "1 process of another user".to_owned(),
        many => format!("{many} processes of other users"),
    };
    Some(Unseen {
        what,
        why: "permission: run as root to see which of them still use replaced files".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_of_others_are_counted_and_none_is_silent() {
        assert_eq!(of_others(0), None);
        let what = |processes| of_others(processes).map(|unseen| unseen.what);
        assert_eq!(what(1).as_deref(), Some("1 process of another user"));
        assert_eq!(what(2).as_deref(), Some("2 processes of other users"));
    }
}
