//! What the machine is: its release, names, architecture and the kernel that runs.

use crate::{InventoryError, kernels};
use overlock_host::{architecture, kernel, release};
use overlock_model::Timestamp;
use overlock_model::inventory::{Inventory, InventorySource};
use overlock_rootfs::Root;

/// Largest file that names the machine.
const NAME_BYTES_MAX: u64 = 4096;

/// An inventory that says what the machine is and nothing of what is on it. The architecture is absent where no
/// program in the root shows it.
///
/// # Errors
/// When the release is not stated.
pub fn machine(root: &Root, now: Timestamp) -> Result<Inventory, InventoryError> {
    let mut inventory = Inventory::new(release::read(root)?);
    inventory.collected = Some(now);
    inventory.source = if root.is_running() {
        InventorySource::RunningHost
    } else {
        InventorySource::Root {
            path: root.path().display().to_string(),
        }
    };
    inventory.host = hostname(root);
    let uname = root.is_running().then(kernel::uname);
    inventory.arch = architecture::of_root(
        root,
        &inventory.os,
        uname.as_ref().map(|uname| uname.machine.as_str()),
    );
    inventory.kernel = kernels(root, &[]);
    Ok(inventory)
}

/// The name of the machine: what the running kernel says, else the root's `/etc/hostname`.
#[must_use]
pub fn hostname(root: &Root) -> Option<String> {
    if root.is_running() {
        let name = rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .into_owned();
        return Some(name).filter(|name| !name.is_empty());
    }
    first_line(root, "/etc/hostname")
}

/// The machine id (machine-id(5)): stays over reboots and upgrades, differs between installations.
#[must_use]
pub fn machine_id(root: &Root) -> Option<String> {
    first_line(root, "/etc/machine-id")
}

fn first_line(root: &Root, path: &str) -> Option<String> {
    let bytes = root.read_optional(path, NAME_BYTES_MAX).ok()??;
    let text = String::from_utf8_lossy(&bytes);
    text.lines()
        .next()
        .map(|line| line.trim().to_owned())
        .filter(|line| !line.is_empty())
}
