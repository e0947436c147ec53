//! How a table lies in its file: a header, then sections one after the other.
//!
//! All numbers are little-endian and unaligned, so that the file can be used wherever it is mapped.

use crate::IndexError;
use zerocopy::little_endian::U64;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Most sections a table has.
pub(crate) const SECTIONS: usize = 8;

/// First bytes of every table.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
pub(crate) struct Header {
    /// Kind and version of the table.
    pub magic: [u8; 8],
    /// Free for the kind: the advisory table keeps scheme and depth here, the threat table the EPSS date.
    pub facts: [u8; 16],
    /// End of each section, counted from the end of the header.
    pub ends: [U64; SECTIONS],
}

/// Writes header and sections as one file.
pub(crate) fn assemble(magic: [u8; 8], facts: [u8; 16], sections: &[&[u8]; SECTIONS]) -> Vec<u8> {
    let mut ends = [U64::new(0); SECTIONS];
    let mut end = 0_u64;
    for (slot, section) in ends.iter_mut().zip(sections) {
        end += section.len() as u64;
        *slot = U64::new(end);
    }
    let header = Header { magic, facts, ends };
    let mut bytes = Vec::with_capacity(size_of::<Header>() + usize::try_from(end).unwrap_or(0));
    bytes.extend_from_slice(header.as_bytes());
    for section in sections {
        bytes.extend_from_slice(section);
    }
    bytes
}

/// Takes a file apart again; every section is inside the file.
pub(crate) fn disassemble<'a>(
    bytes: &'a [u8],
    magic: [u8; 8],
    kind: &'static str,
) -> Result<([u8; 16], [&'a [u8]; SECTIONS]), IndexError> {
    let foreign = IndexError::Foreign {
        kind,
        version: u32::from(magic[7].wrapping_sub(b'0')),
    };
    let Ok((header, rest)) = Header::ref_from_prefix(bytes) else {
        return Err(foreign);
    };
    if header.magic != magic {
        return Err(foreign);
    }
    let damaged = |what| IndexError::Damaged {
        what,
        length: bytes.len(),
    };
    let mut sections: [&[u8]; SECTIONS] = [&[]; SECTIONS];
    let mut start = 0_usize;
    for (slot, end) in sections.iter_mut().zip(header.ends) {
        let end = usize::try_from(end.get()).map_err(|_| damaged("a section"))?;
        *slot = rest.get(start..end).ok_or_else(|| damaged("a section"))?;
        start = end;
    }
    if start != rest.len() {
        return Err(damaged("the last section"));
    }
    Ok((header.facts, sections))
}

/// Reads a section as rows of one type.
pub(crate) fn rows<'a, T>(section: &'a [u8], what: &'static str) -> Result<&'a [T], IndexError>
where
    T: FromBytes + KnownLayout + Immutable + Unaligned,
{
    <[T]>::ref_from_bytes(section).map_err(|_| IndexError::Damaged {
        what,
        length: section.len(),
    })
}

/// A hash that is the same in every build and on every machine, since the file keeps its results (FNV-1a, 64 bit,
/// with a final mix so that the low bits can pick a bucket).
pub(crate) fn stable_hash(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in bytes {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash ^ (hash >> 29)
}
