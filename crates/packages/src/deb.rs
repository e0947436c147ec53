//! dpkg's own database: what is installed, which kernels, and which package owns a file.
//!
//! `overlock-host` calls [`installed`] for every root that has `/var/lib/dpkg`; [`crate::apt`] then adds origins and
//! offers. Only files are read, `dpkg` is never started.
//!
//! ```text
//! /var/lib/dpkg/status, status.d/* ──control──► status ──► Vec<Package> ──► kernels, owners
//! ```

pub mod control;
mod kernels;
mod owners;
mod status;

pub use kernels::kernels;
pub use owners::{Owner, owners, owners_in_list};
pub use status::{Installed, installed, parse_status};

use overlock_versions::{Scheme, key};
use std::cmp::Ordering;

/// dpkg's order, total over any texts: what is no version comes before all versions, in text order.
pub(crate) fn order(a: &str, b: &str) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    match (key(Scheme::Dpkg, a), key(Scheme::Dpkg, b)) {
        (Ok(a), Ok(b)) => a.cmp(&b),
        (Ok(_), Err(_)) => Ordering::Greater,
        (Err(_), Ok(_)) => Ordering::Less,
        (Err(_), Err(_)) => a.cmp(b),
    }
}
