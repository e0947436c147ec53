//! Package databases, repositories and bills of materials, read natively.
//!
//! `overlock-host` calls one reader per kind of database it finds under a root; each turns outside bytes into the
//! nouns of `overlock-model` or fails with place, cause and hint. No process is started, every read has a bound, and
//! what could not be read is stated next to what was.
//!
//! ```text
//! root ──► deb, rpm, apk, alpm, language ──► Vec<Package>
//!      └─► apt, rpm, apk, alpm metadata  ──► Vec<Repository>, Vec<Offer>
//! file ──► sbom, inventory               ──► Inventory
//! ```

pub mod alpm;
pub mod apk;
pub mod apt;
pub mod archive;
pub mod deb;
pub mod document;
pub mod error;
mod glob;
pub mod ini;
pub mod inventory;
pub mod language;
pub mod rpm;
pub mod sbom;
pub mod survey;
pub mod vex;

pub use error::PackagesError;
pub use survey::Survey;
