//! The compiled, sorted tables that answer what advisories say of a package.
//!
//! `feeds` parses publishers' files into statements and hands them to the builders here; `matching` reads the
//! finished bytes, usually from a memory map. Two kinds of table:
//!
//! ```text
//! one per ecosystem   advisories  package name ─► disclosures, resolutions (versions as sortable byte keys)
//! one for all         threats     CVE ─► CVSS vectors, EPSS, KEV, SSVC, date
//! ```
//!
//! The bytes depend only on the statements: the same feeds give the same file. Every number read from a file is
//! checked against the file's length, so a damaged table is an error and never a panic.
//!
//! A resolution keeps its fixed version as a byte key whose `memcmp` order is the scheme's version order, and the
//! rows of a package are sorted by it. All fixes that an installed version has not reached are then one tail of
//! the rows, found by a binary search: a package with nothing to report costs one hash probe and one comparison.

mod advisory;
mod advisory_builder;
mod cve;
mod error;
mod layout;
mod strings;
mod threat;
mod threat_builder;

pub use advisory::{AdvisoryIndex, DisclosureRef, PackageRows, ResolutionRef, StatusWord};
pub use advisory_builder::{AdvisoryBuilder, Built};
pub use cve::CveKey;
pub use error::IndexError;
pub use threat::ThreatIndex;
pub use threat_builder::ThreatBuilder;

#[cfg(test)]
mod tests;
