//! What is on an asset: the running machine, a root, a bill of materials or a saved inventory.

use crate::cli::{Packages, Subject};
use crate::commands::read_input;
use crate::exit::Failure;
use crate::state::State;
use overlock_inventory::{InventoryError, Options, Parts};
use overlock_model::inventory::Inventory;
use overlock_packages::document::DocumentError;
use overlock_packages::sbom;
use overlock_rootfs::Root;
use std::path::Path;

/// Largest bill of materials or inventory that is read.
const FILE_BYTES_MAX: u64 = 512 << 20;

/// Collects the inventory of what the command line names; the root too, where there is one to ask further.
pub fn collect(
    subject: &Subject,
    packages: Packages,
    state: &State,
) -> Result<(Inventory, Option<Root>), Failure> {
    if let Some(file) = &subject.sbom {
        let bytes = read_input(file, FILE_BYTES_MAX)?;
        let inventory = sbom::read(&bytes).map_err(|error| unreadable(file, error))?;
        return Ok((inventory, None));
    }
    if let Some(file) = &subject.inventory {
        let bytes = read_input(file, FILE_BYTES_MAX)?;
        let inventory =
            overlock_packages::inventory::parse(&bytes).map_err(|error| unreadable(file, error))?;
        return Ok((inventory, None));
    }
    let path = subject.root.as_deref().unwrap_or(Path::new("/"));
    let root = Root::open(path).map_err(|error| {
        Failure::input(error).hint("give a directory that holds a system's `/`")
    })?;
    let options = Options {
        parts: match packages {
            Packages::Os => Parts::OPERATING_SYSTEM,
            Packages::All => Parts::ALL,
        },
        cache: state.cache(),
    };
    let inventory = overlock_inventory::of_root(&root, &options, state.now).map_err(uncollected)?;
    Ok((inventory, Some(root)))
}

fn uncollected(error: InventoryError) -> Failure {
    let hint = match &error {
        InventoryError::Release(_) => {
            Some("point --root at a system's `/`, with its etc/os-release")
        }
        InventoryError::Packages(_) => error.hint(),
    };
    let hint = hint.map(str::to_owned);
    Failure {
        hint,
        ..Failure::input(error)
    }
}

fn unreadable(file: &Path, error: DocumentError) -> Failure {
    let hint = error.hint();
    let error = anyhow::Error::new(error).context(format!("cannot use `{}`", file.display()));
    Failure {
        hint: hint.map(str::to_owned),
        ..Failure::input(error)
    }
}
