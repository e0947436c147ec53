//! Rust crates that a binary was built from, as `cargo auditable` embeds them.
//!
//! The section `.dep-v0` holds zlib-compressed JSON: `{"packages": [{name, version, source, kind?, dependencies?,
//! root?}]}` (cargo-auditable, "PARSING.md" and its JSON schema). Crates of kind `build` ran on the build machine and
//! are not in the binary; crates with the source `local` are the author's own and no registry knows them.

use super::Found;
use super::elf::Elf;
use crate::archive::Bounded;
use crate::rpm::bytes_at::BytesAt;
use overlock_model::package::PackageType;
use serde::Deserialize;
use std::io::Read;

/// Largest compressed section; a binary with a thousand crates needs 20 KiB.
const SECTION_BYTES_MAX: u64 = 4 << 20;
/// Largest JSON; the specification advises readers to take 8 MiB at most.
const JSON_BYTES_MAX: u64 = 8 << 20;

#[derive(Deserialize)]
struct AuditData {
    packages: Vec<AuditPackage>,
}

#[derive(Deserialize)]
struct AuditPackage {
    name: String,
    version: String,
    #[serde(default)]
    source: String,
    #[serde(default)]
    kind: String,
}

/// Name and version of each crate in the content of a `.dep-v0` section.
///
/// # Errors
/// When it is not zlib, unpacks to more than 8 MiB, or is not the documented JSON.
pub fn crates_in_audit_data(compressed: &[u8]) -> std::io::Result<Vec<(String, String)>> {
    let mut json = Vec::new();
    Bounded::new(
        flate2::bufread::ZlibDecoder::new(compressed),
        JSON_BYTES_MAX,
    )
    .read_to_end(&mut json)?;
    let data: AuditData = serde_json::from_slice(&json)?;
    let of_registry = |package: &AuditPackage| package.kind != "build" && package.source != "local";
    Ok(data
        .packages
        .into_iter()
        .filter(of_registry)
        .map(|package| (package.name, package.version))
        .collect())
}

pub(super) fn in_elf<S: BytesAt + ?Sized>(elf: &Elf<'_, S>) -> Result<Vec<Found>, String> {
    let Some(section) = elf.section(".dep-v0") else {
        return Ok(Vec::new());
    };
    if section.size > SECTION_BYTES_MAX {
        return Err(format!(
            "its list of crates is larger than the limit of {SECTION_BYTES_MAX} bytes"
        ));
    }
    let wrong = |error: &dyn std::fmt::Display| format!("its list of crates is damaged: {error}");
    let bytes = elf
        .bytes(section.offset, section.size)
        .map_err(|error| wrong(&error))?;
    let crates = crates_in_audit_data(&bytes).map_err(|error| wrong(&error))?;
    let found = |(name, version)| Found {
        kind: PackageType::Cargo,
        name,
        version,
        by_user: false,
    };
    Ok(crates.into_iter().map(found).collect())
}
