//! Go modules that a binary was built from, as the Go linker embeds them.
//!
//! Layout after the Go source, `debug/buildinfo` (`buildInfoMagic`, `buildInfoAlign`, `buildInfoHeaderSize`) and
//! `runtime/debug` (`ParseBuildInfo`): a header of 32 bytes, 16-aligned, `\xff Go buildinf:`, the pointer size and
//! flags. Flag 2 (Go 1.18 and later): two strings follow, each with a varint length. Otherwise two pointers to Go
//! strings, flag 1 telling the byte order. The second string is the module list inside 16-byte markers.

use super::Found;
use super::elf::{Elf, ElfError, number};
use crate::rpm::bytes_at::BytesAt;
use overlock_model::package::PackageType;

const MAGIC: &[u8] = b"\xff Go buildinf:";
const HEADER_BYTES: usize = 32;
const ALIGN: usize = 16;
/// Without a section table the header is searched in the first bytes of the data segment, as Go itself does.
const SEARCH_BYTES_MAX: u64 = 1 << 20;
/// Largest version and module list; a program with a thousand modules needs 100 KiB.
const INFO_BYTES_MAX: u64 = 8 << 20;
/// A module without a version of its own: built from a local directory.
const DEVEL: &str = "(devel)";

/// What a Go binary says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildInfo {
    /// Version of the Go tools as written, such as `go1.21.5`.
    pub go: String,
    /// The module list, empty for a program built without modules.
    pub modules: String,
}

/// Why build information cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum GoError {
    /// A part of it lies outside the file.
    #[error(transparent)]
    Elf(#[from] ElfError),
    /// A number that no real binary has.
    #[error("{what} is out of bounds")]
    Bounds {
        /// Which number.
        what: &'static str,
    },
}

/// The build information of a binary; `None` where it is no Go program.
///
/// # Errors
/// When there is a header and what it points to is not there or too large.
pub fn build_info<S: BytesAt + ?Sized>(elf: &Elf<'_, S>) -> Result<Option<BuildInfo>, GoError> {
    let section = elf.section(".go.buildinfo");
    let Some(range) = section.or_else(|| elf.writable_segment()) else {
        return Ok(None);
    };
    let searched = range.size.min(SEARCH_BYTES_MAX);
    let head = elf.bytes(range.offset, searched)?;
    let at = head
        .chunks(ALIGN)
        .position(|chunk| chunk.starts_with(MAGIC))
        .map(|chunk| chunk * ALIGN);
    let Some(at) = at else { return Ok(None) };
    let header = head
        .get(at..at + HEADER_BYTES)
        .ok_or(GoError::Bounds { what: "the header" })?;
    let (pointer_size, flags) = match header.get(14..16) {
        Some(&[size, flags]) => (size, flags),
        _ => return Ok(None),
    };
    let (go, modules) = if flags & 2 != 0 {
        let rest = (range.size - at as u64).min(INFO_BYTES_MAX);
        let bytes = elf.bytes(range.offset + at as u64, rest)?;
        let strings = bytes.get(HEADER_BYTES..).unwrap_or_default();
        let (go, strings) = inline_string(strings)?;
        let (modules, _) = inline_string(strings)?;
        (go.to_vec(), modules.to_vec())
    } else {
        let big_endian = flags & 1 != 0;
        let pointers = header.get(16..).unwrap_or_default();
        let size = usize::from(pointer_size);
        if !matches!(size, 4 | 8) {
            return Err(GoError::Bounds {
                what: "the pointer size",
            });
        }
        let pointer =
            |at: usize| number(pointers.get(at..at + size).unwrap_or_default(), big_endian);
        (
            pointed_string(elf, pointer(0), size, big_endian)?,
            pointed_string(elf, pointer(size), size, big_endian)?,
        )
    };
    if go.is_empty() {
        return Ok(None);
    }
    Ok(Some(BuildInfo {
        go: String::from_utf8_lossy(&go).into_owned(),
        modules: String::from_utf8_lossy(without_markers(&modules)).into_owned(),
    }))
}

/// A string with its length before it as an unsigned varint (LEB128).
fn inline_string(bytes: &[u8]) -> Result<(&[u8], &[u8]), GoError> {
    let wrong = || GoError::Bounds {
        what: "the length of a string",
    };
    let mut length = 0_usize;
    for (index, byte) in bytes.iter().enumerate().take(4) {
        length |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return bytes
                .get(index + 1..)
                .and_then(|rest| rest.split_at_checked(length))
                .ok_or_else(wrong);
        }
    }
    Err(wrong())
}

/// A string behind a pointer to a Go string: address of the bytes and their number.
fn pointed_string<S: BytesAt + ?Sized>(
    elf: &Elf<'_, S>,
    address: u64,
    pointer_size: usize,
    big_endian: bool,
) -> Result<Vec<u8>, GoError> {
    if address == 0 {
        return Ok(Vec::new());
    }
    let header = elf.bytes_at_address(address, 2 * pointer_size as u64)?;
    let (data, length) = header.split_at_checked(pointer_size).unwrap_or_default();
    let (data, length) = (number(data, big_endian), number(length, big_endian));
    if length > INFO_BYTES_MAX {
        return Err(GoError::Bounds {
            what: "the length of a string",
        });
    }
    if length == 0 {
        return Ok(Vec::new());
    }
    Ok(elf.bytes_at_address(data, length)?)
}

/// The module list without the 16-byte markers at both ends.
fn without_markers(modules: &[u8]) -> &[u8] {
    let inner = modules.get(16..modules.len().saturating_sub(16));
    inner
        .filter(|inner| inner.last() == Some(&b'\n'))
        .unwrap_or_default()
}

/// Modules of a list as (path, version): the main module first, then each dependency; a `replace` directive's own
/// module and version stand in place of the original. One without a version is `(devel)`.
#[must_use]
pub fn parse_modules(text: &str) -> Vec<(String, String)> {
    let mut modules: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        let mut fields = line.split('\t');
        let (Some(word), Some(path)) = (fields.next(), fields.next()) else {
            continue;
        };
        let version = fields.next().filter(|version| !version.is_empty());
        match (word, version) {
            ("mod" | "dep", version) => {
                modules.push((path.to_owned(), version.unwrap_or(DEVEL).to_owned()))
            }
            ("=>", Some(version)) => {
                modules.pop();
                modules.push((path.to_owned(), version.to_owned()));
            }
            // Replaced by a local directory: the module's name stays, its version says nothing any more.
            ("=>", None) => {
                if let Some(last) = modules.last_mut() {
                    last.1 = DEVEL.to_owned();
                }
            }
            _ => {}
        }
    }
    modules
}

/// `go1.22rc1` as the semantic version that advisories use for the standard library: `1.22.0-rc.1`.
fn library_version(go: &str) -> Option<String> {
    let word = go.split([' ', '-', '+']).next()?.strip_prefix("go")?;
    let (numbers, mark) =
        match word.find(|character: char| !character.is_ascii_digit() && character != '.') {
            Some(at) => word.split_at(at),
            None => (word, ""),
        };
    let mut parts: Vec<&str> = numbers.split('.').collect();
    if parts.len() > 3 || parts.iter().any(|part| part.is_empty()) {
        return None;
    }
    parts.resize(3, "0");
    let mark = match mark.find(|character: char| character.is_ascii_digit()) {
        _ if mark.is_empty() => String::new(),
        Some(at) if at > 0 => {
            let (word, number) = mark.split_at(at);
            format!("-{word}.{number}")
        }
        _ => return None,
    };
    Some(parts.join(".") + &mark)
}

pub(super) fn in_elf<S: BytesAt + ?Sized>(elf: &Elf<'_, S>) -> Result<Vec<Found>, String> {
    let info = match build_info(elf) {
        Ok(Some(info)) => info,
        Ok(None) => return Ok(Vec::new()),
        // Without a section the search is a guess, and most binaries are no Go programs.
        Err(_) if elf.section(".go.buildinfo").is_none() => return Ok(Vec::new()),
        Err(error) => return Err(format!("its Go build information is damaged: {error}")),
    };
    let library = library_version(&info.go).unwrap_or_else(|| info.go.clone());
    let modules =
        std::iter::once(("stdlib".to_owned(), library)).chain(parse_modules(&info.modules));
    let found = |(name, version)| Found {
        kind: PackageType::Golang,
        name,
        version,
        by_user: false,
    };
    Ok(modules.map(found).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_library_versions_are_semantic() {
        for (go, version) in [
            ("go1.21.5", Some("1.21.5")),
            ("go1.20", Some("1.20.0")),
            ("go1.22rc1", Some("1.22.0-rc.1")),
            ("go1.13beta1", Some("1.13.0-beta.1")),
            ("go1.21.9 (Red Hat 1.21.9-1.el9_4)", Some("1.21.9")),
            ("go1.21.5 X:boringcrypto", Some("1.21.5")),
            ("go1.21.5-fips", Some("1.21.5")),
            ("devel +abc Thu", None),
            ("go1..2", None),
        ] {
            assert_eq!(library_version(go).as_deref(), version, "{go}");
        }
    }

    #[test]
    fn replaced_modules_count_as_what_replaced_them() {
        let text = "path\texample.org/cmd\nmod\texample.org/m\t(devel)\t\ndep\texample.org/a\tv1.0.0\th1:x=\n=>\texample.org/fork\tv1.0.1\th1:y=\ndep\texample.org/b\tv2.0.0\n=>\t./local\t\nbuild\t-compiler=gc\n";
        let expected = [
            ("example.org/m", "(devel)"),
            ("example.org/fork", "v1.0.1"),
            ("example.org/b", "(devel)"),
        ];
        assert_eq!(
            parse_modules(text),
            expected.map(|(path, version)| (path.to_owned(), version.to_owned()))
        );
    }
}
