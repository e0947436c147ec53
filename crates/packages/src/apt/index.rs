//! Package lists (`Packages`), read as a stream into a [`Table`].
//!
//! The text is never in memory as a whole: blocks come out of the decompressor, are hashed, and their whole
//! paragraphs are scanned in place.

use super::table::{Builder, Fields, Table};
use crate::archive::{Bounded, decoded};
use crate::error::PackagesError;
use aws_lc_rs::digest::{Context, SHA256};
use memchr::{memchr, memmem};
use overlock_rootfs::Identity;
use std::io::{self, BufRead, BufReader, Read};

/// Bounds of one list.
#[derive(Debug, Clone, Copy)]
pub struct IndexLimits {
    /// The most text of one list.
    pub text_bytes: u64,
    /// How many times larger than the file the text may be; real lists reach 8.
    pub ratio: u64,
    /// The longest paragraph.
    pub paragraph_bytes: usize,
}

impl Default for IndexLimits {
    fn default() -> Self {
        Self {
            text_bytes: 1 << 30,
            ratio: 100,
            paragraph_bytes: 4 << 20,
        }
    }
}

const BLOCK_BYTES: usize = 256 << 10;

/// Reads a list, compressed or not, into a table. `path` is for messages.
///
/// # Errors
/// When it cannot be read or decompressed, or goes past a limit.
pub fn read_index(
    path: &str,
    source: impl Read,
    identity: &Identity,
    limits: IndexLimits,
) -> Result<Table, PackagesError> {
    // Small files may have any ratio: their text is bounded well below what matters.
    let limit = limits
        .text_bytes
        .min(identity.size.saturating_mul(limits.ratio).max(16 << 20));
    let failed = |error: io::Error| PackagesError::read(path, error);
    let mut reader = plain(source, limit).map_err(failed)?;
    let mut hash = Context::new(&SHA256);
    let mut builder = Builder::default();
    let mut block = vec![0; BLOCK_BYTES];
    let mut held = 0;
    let ends = memmem::Finder::new(b"\n\n");
    loop {
        if held == block.len() {
            if block.len() >= limits.paragraph_bytes {
                return Err(PackagesError::format(
                    path,
                    "it has a paragraph longer than 4 MiB",
                ));
            }
            block.resize(block.len() * 2, 0);
        }
        let read = reader
            .read(block.get_mut(held..).unwrap_or_default())
            .map_err(failed)?;
        hash.update(block.get(held..held + read).unwrap_or_default());
        // A paragraph's end may straddle two reads by one byte.
        let search_from = held.saturating_sub(1);
        held += read;
        let filled = block.get(..held).unwrap_or_default();
        if read == 0 {
            scan(path, filled, &mut builder, &ends)?;
            break;
        }
        let fresh = filled.get(search_from..).unwrap_or_default();
        let Some(last) = memmem::rfind(fresh, b"\n\n").map(|at| search_from + at + 2) else {
            continue;
        };
        scan(
            path,
            filled.get(..last).unwrap_or_default(),
            &mut builder,
            &ends,
        )?;
        block.copy_within(last..held, 0);
        held -= last;
    }
    Ok(builder.finish(identity, hash.finish().as_ref()))
}

/// The text of a list; lz4 is what apt uses where it keeps lists compressed.
fn plain<'a>(source: impl Read + 'a, limit: u64) -> io::Result<Box<dyn Read + 'a>> {
    let mut source = BufReader::with_capacity(64 << 10, source);
    if source.fill_buf()?.starts_with(&[0x04, 0x22, 0x4d, 0x18]) {
        return Ok(Box::new(Bounded::new(
            lz4_flex::frame::FrameDecoder::new(source),
            limit,
        )));
    }
    Ok(Box::new(decoded(source, limit)?))
}

/// Scans whole paragraphs.
fn scan(
    path: &str,
    mut text: &[u8],
    builder: &mut Builder,
    ends: &memmem::Finder<'_>,
) -> Result<(), PackagesError> {
    while !text.is_empty() {
        let end = ends.find(text).map_or(text.len(), |at| at + 1);
        let (paragraph, rest) = text.split_at_checked(end).unwrap_or((text, &[]));
        text = rest;
        while let Some(after) = text.strip_prefix(b"\n") {
            text = after;
        }
        let fields = scan_package(paragraph);
        if fields.name.is_empty() || fields.version.is_empty() || fields.arch.is_empty() {
            if !paragraph.trim_ascii().is_empty() {
                builder.skip();
            }
        } else if !builder.add(&fields) {
            return Err(PackagesError::format(
                path,
                "it has more packages than a list can have",
            ));
        }
    }
    Ok(())
}

/// The fields that we use of one package's paragraph. Nothing is checked beyond the first colon of a line.
#[must_use]
pub fn scan_package(paragraph: &[u8]) -> Fields<'_> {
    let mut fields = Fields::default();
    let mut rest = paragraph;
    while !rest.is_empty() {
        let end = memchr(b'\n', rest).unwrap_or(rest.len());
        let (line, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        rest = after.get(1..).unwrap_or_default();
        match line.first() {
            Some(b'P' | b'V' | b'A' | b'S' | b'D' | b'p' | b'v' | b'a' | b's' | b'd') => {}
            _ => continue,
        }
        let Some((name, value)) = memchr(b':', line).and_then(|colon| line.split_at_checked(colon))
        else {
            continue;
        };
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        let is = |wanted: &str| name.eq_ignore_ascii_case(wanted.as_bytes());
        match name.len() {
            7 if is("Package") => fields.name = value,
            7 if is("Version") => fields.version = value,
            12 if is("Architecture") => fields.arch = value,
            6 if is("Source") => (fields.source, fields.source_version) = source(value),
            6 if is("SHA256") => fields.sha256 = value,
            4 if is("Size") => fields.size = value,
            24 if is("Phased-Update-Percentage") => {
                let percent = std::str::from_utf8(value)
                    .ok()
                    .and_then(|text| text.parse::<u8>().ok());
                fields.phased_percent = percent.filter(|percent| *percent <= 100);
            }
            7 if is("Depends") => exact(value, &mut fields.requires_exactly),
            11 if is("Pre-Depends") => exact(value, &mut fields.requires_exactly),
            _ => {}
        }
    }
    fields
}

/// `name (version)`; the version is empty where it is not written.
fn source(value: &[u8]) -> (&[u8], &[u8]) {
    match memchr(b'(', value).and_then(|open| value.split_at_checked(open)) {
        Some((name, version)) => {
            let version = version.strip_prefix(b"(").unwrap_or(version);
            (
                name.trim_ascii(),
                version.strip_suffix(b")").unwrap_or(version).trim_ascii(),
            )
        }
        None => (value, &[]),
    }
}

/// Adds the relations `name (= version)` that stand alone, without an alternative.
fn exact<'a>(value: &'a [u8], found: &mut Vec<(&'a [u8], &'a [u8])>) {
    if memmem::find(value, b"(=").is_none() {
        return;
    }
    for relation in value.split(|&byte| byte == b',') {
        if memchr(b'|', relation).is_some() {
            continue;
        }
        let Some((name, rest)) =
            memmem::find(relation, b"(=").and_then(|at| relation.split_at_checked(at))
        else {
            continue;
        };
        let name = name.trim_ascii();
        let name = memchr(b':', name)
            .and_then(|colon| name.get(..colon))
            .unwrap_or(name);
        let version = rest.get(2..).unwrap_or_default();
        let version = memchr(b')', version)
            .and_then(|close| version.get(..close))
            .unwrap_or(version)
            .trim_ascii();
        if !name.is_empty() && !version.is_empty() && !found.contains(&(name, version)) {
            found.push((name, version));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;

    const LIST: &str = "Package: b\nVersion: 2\nArchitecture: amd64\nSource: src (1.9)\nDepends: a (= 2), c (>= 1), d:any (= 3) | e, f:any (= 4)\n\
                        Description: x\n Package: no\nPhased-Update-Percentage: 20\n\n\nPackage: a\nVersion: 1\nArchitecture: all\n\nPackage: broken\n";

    fn identity(size: usize) -> Identity {
        Identity {
            dev: 1,
            inode: 1,
            mtime_ns: 1,
            size: size as u64,
        }
    }

    fn read(bytes: &[u8]) -> Result<Table, PackagesError> {
        read_index(
            "list",
            bytes,
            &identity(bytes.len()),
            IndexLimits::default(),
        )
    }

    #[test]
    fn every_compression_gives_the_same_table() {
        let plain = read(LIST.as_bytes()).unwrap();
        let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
        lz4.write_all(LIST.as_bytes()).unwrap();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(LIST.as_bytes()).unwrap();
        let zstd = ruzstd::encoding::compress_to_vec(
            LIST.as_bytes(),
            ruzstd::encoding::CompressionLevel::Fastest,
        );
        for bytes in [lz4.finish().unwrap(), gzip.finish().unwrap(), zstd] {
            let table = read(&bytes).unwrap();
            assert_eq!(table.text_sha256(), plain.text_sha256());
            assert_eq!(table.find("b"), plain.find("b"));
        }
        let record = &plain.find("b").unwrap()[0];
        assert_eq!(record.source_version.as_deref(), Some("1.9"));
        assert_eq!(record.phased_percent, Some(20));
        let exact: Vec<_> = record
            .requires_exactly
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        assert_eq!(exact, [("a", "2"), ("f", "4")]);
        assert_eq!((plain.len(), plain.skipped()), (2, 1));
    }

    #[test]
    fn paragraphs_across_blocks_are_whole() {
        let mut list = String::new();
        for number in 0..20_000 {
            list.push_str(&format!(
                "Package: p{number:05}\nVersion: {number}\nArchitecture: amd64\n\n"
            ));
        }
        let table = read(list.as_bytes()).unwrap();
        assert_eq!((table.len(), table.skipped()), (20_000, 0));
        for number in [0, 3_333, 19_999] {
            assert_eq!(
                table.find(&format!("p{number:05}")).unwrap()[0].version,
                number.to_string()
            );
        }
    }

    #[test]
    fn a_bomb_is_refused() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(&vec![b'a'; 40 << 20]).unwrap();
        let error = read(&gzip.finish().unwrap()).unwrap_err();
        assert!(matches!(
            error,
            PackagesError::Read { .. } | PackagesError::Format { .. }
        ));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400), kind in 0usize..6) {
            let magic: [&[u8]; 6] = [b"", &[4, 0x22, 0x4d, 0x18, 0x40, 0x40], &[0x1f, 0x8b, 8], &[0x28, 0xb5, 0x2f, 0xfd], b"\xfd7zXZ\0", b"BZh9"];
            let mut all = magic[kind].to_vec();
            all.extend(bytes);
            let _ = read(&all);
            let _ = scan_package(&all);
        }
        #[test]
        fn any_soup_of_fields_is_read(text in "(Package|Version|Depends|Source|Architecture|:| |\n|a|\\(=|\\)|,|\\|){0,60}") {
            let table = read(text.as_bytes()).unwrap();
            prop_assert!(u64::from(table.len()) <= text.len() as u64);
        }
    }
}
