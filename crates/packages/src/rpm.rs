//! rpm databases, `.rpm` files and the metadata of dnf and zypper.
//!
//! `overlock-host` calls [`installed`] for the packages, [`kernels`] for the kernels among them and [`survey`] for what
//! the configured repositories offer; the feeds crate takes [`updateinfo_files`]. Nothing is started and nothing is
//! written: both database formats are read by own code ([`sqlite`], [`ndb`]) because SQLite itself would create files
//! next to a database in WAL mode.
//!
//! ```text
//! rpmdb.sqlite (+ -wal) ─┐
//! Packages.db (ndb)     ─┼─► header ─► Package ─► versionlock ─► Hold
//! *.rpm                 ─┘
//! *.repo + cache/repodata ─► repomd ─► primary, modules, updateinfo ─► Offer
//! ```

pub mod bytes_at;
mod database;
mod dnf;
mod entry;
pub mod header;
mod kernel;
mod lock;
pub mod modules;
pub mod ndb;
mod offer;
pub mod package_file;
pub mod primary;
pub mod repomd;
pub mod sqlite;
mod survey;
pub mod updateinfo;
mod wal;
mod xml;

pub use database::{Installed, installed};
pub use entry::{EntryError, package};
pub use kernel::kernels;
pub use survey::{listed, survey, updateinfo_files};
