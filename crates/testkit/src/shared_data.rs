//! Reading the shared folder: where it is, and its compressed files as text.
//!
//! Called by tests and by `cargo xtask mirror`. The `.zst` files there have a window of 128 MiB, which is exactly what
//! the decoder accepts by default; it is asked for by number so that a smaller default cannot surprise us.

use anyhow::{Context, Result};
use ruzstd::decoding::StreamingDecoder;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

/// Window of the shared files (`zstd --long=27`), in bytes.
const WINDOW_BYTES: u64 = 1 << 27;

/// Largest text taken into memory, in bytes; `vulnrichment-cve5` (285 MB) is to be read as a stream.
const TEXT_BYTES_MAX: u64 = 128 << 20;

/// The folder with real feeds and inventories, if it is here: `OVERLOCK_SHARED`, or `../shared` beside the project.
#[must_use]
pub fn shared_folder() -> Option<PathBuf> {
    let folder = std::env::var_os("OVERLOCK_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    folder.join("data/README.md").is_file().then_some(folder)
}

/// A file compressed by zstd as a stream.
///
/// # Errors
/// When it cannot be opened or does not begin as a zstd frame.
pub fn zstd_reader(path: &Path) -> Result<impl Read + use<>> {
    let file = File::open(path).with_context(|| format!("cannot open `{}`", path.display()))?;
    StreamingDecoder::new_with_max_window_size(BufReader::new(file), WINDOW_BYTES)
        .with_context(|| format!("cannot decompress `{}`", path.display()))
}

/// The text of a file compressed by zstd, up to 128 MiB.
///
/// # Errors
/// When it cannot be read, is no UTF-8, or is larger.
pub fn zstd_text(path: &Path) -> Result<String> {
    text(zstd_reader(path)?, path)
}

/// The text of a file compressed by gzip, up to 128 MiB.
///
/// # Errors
/// When it cannot be read, is no UTF-8, or is larger.
pub fn gzip_text(path: &Path) -> Result<String> {
    let file = File::open(path).with_context(|| format!("cannot open `{}`", path.display()))?;
    text(
        flate2::read::MultiGzDecoder::new(BufReader::new(file)),
        path,
    )
}

/// The dpkg status file of a real Debian 12 machine: 770 packages, fields cut.
///
/// # Errors
/// When the shared folder (as [`crate::shared`] gives it) does not hold it whole.
pub fn dpkg_status(shared: &Path) -> Result<String> {
    zstd_text(&shared.join("data/inventories/debian12-dpkg-status.zst"))
}

fn text(source: impl Read, path: &Path) -> Result<String> {
    let mut text = String::new();
    source
        .take(TEXT_BYTES_MAX + 1)
        .read_to_string(&mut text)
        .with_context(|| format!("cannot read `{}`", path.display()))?;
    anyhow::ensure!(
        text.len() as u64 <= TEXT_BYTES_MAX,
        "`{}` holds more than {TEXT_BYTES_MAX} bytes: read it as a stream",
        path.display()
    );
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dpkg_status_has_770_packages() {
        let Some(shared) = crate::shared("dpkg_status_has_770_packages") else {
            return;
        };
        let status = dpkg_status(&shared).unwrap();
        let packages = status
            .lines()
            .filter(|line| line.starts_with("Package: "))
            .count();
        assert_eq!(packages, 770);
    }

    #[test]
    fn gzip_text_is_read_whole() {
        let Some(shared) = crate::shared("gzip_text_is_read_whole") else {
            return;
        };
        let list = gzip_text(&shared.join("data/debian-DSA-list.txt.gz")).unwrap();
        let advisories = list.lines().filter(|line| line.starts_with('[')).count();
        assert_eq!(advisories, 6_485);
    }

    #[test]
    fn garbage_is_an_error_and_no_panic() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("garbage.zst");
        std::fs::write(&file, b"not a frame at all").unwrap();
        let error = zstd_text(&file).unwrap_err();
        assert!(error.to_string().contains("garbage.zst"), "{error:#}");
    }
}
