//! Why there is no inventory.

use overlock_host::release::ReleaseError;
use overlock_packages::PackagesError;

/// Why an inventory could not be collected.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    /// Which release it is is not known, so nothing can be said of its packages.
    #[error(transparent)]
    Release(#[from] ReleaseError),
    /// A database is damaged, and half an inventory would read like a whole one.
    #[error("the package database cannot be read")]
    Packages(#[from] PackagesError),
}

impl InventoryError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Release(_) => Some("the root has to be a system's `/`, with its etc/os-release"),
            Self::Packages(error) => error.hint(),
        }
    }
}
