//! rpm's own database format `ndb` (`Packages.db`), used by SUSE.
//!
//! rpm has no specification of it; this is what its own reader takes (rpm 4.18, backend `ndb`). All numbers are
//! little-endian.
//! The file begins with slot pages: a 32-byte header (`RpmP`, version, generation, number of slot pages, next package
//! number), then 16-byte slots (`Slot`, package number, block offset, block count; offset 0 is a free slot). A slot's
//! blob fills 16-byte blocks: head (`BlbS`, package number, generation, length), rpm header, padding, tail (Adler-32
//! of all before it, length, `BlbE`).

use super::bytes_at::{BytesAt, le32};
use std::io;

const BLOCK: u64 = 16;
const SLOT: usize = 16;
const PAGE: u64 = 4096;
const HEADER_SLOTS: usize = 2;
const HEAD: usize = 16;
const TAIL: usize = 12;
const MAGIC: u32 = u32::from_le_bytes(*b"RpmP");
const SLOT_MAGIC: u32 = u32::from_le_bytes(*b"Slot");
const HEAD_MAGIC: u32 = u32::from_le_bytes(*b"BlbS");
const TAIL_MAGIC: u32 = u32::from_le_bytes(*b"BlbE");
/// Most slot pages: 255 slots each, so about a million packages.
const MAX_SLOT_PAGES: u32 = 4096;
/// Largest blob.
const MAX_BLOB_BYTES: u64 = 64 << 20;

/// Why an ndb file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum NdbError {
    /// The file system failed or the file ends early.
    #[error("the bytes at {offset} cannot be read")]
    Read {
        /// Where.
        offset: u64,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// Not an ndb file, or one with structures that contradict each other.
    #[error("it is no sound ndb file: {0}")]
    Format(&'static str),
}

/// Calls `blob` with the package number and header bytes of each package, in the order of the slots. A blob that does
/// not hold is given as an error and the walk goes on: the slots say where the others are.
///
/// # Errors
/// When the header or the slot pages do not hold.
pub fn blobs<B: BytesAt + ?Sized>(
    file: &B,
    mut blob: impl FnMut(u32, Result<&[u8], NdbError>),
) -> Result<(), NdbError> {
    let mut header = [0; 32];
    read(file, 0, &mut header)?;
    let word = |index: usize| le32(&header, 4 * index);
    if word(0) != Some(MAGIC) {
        return Err(NdbError::Format("the first bytes are others"));
    }
    if word(1) != Some(0) {
        return Err(NdbError::Format("its version is unknown"));
    }
    let pages = word(3).filter(|pages| (1..=MAX_SLOT_PAGES).contains(pages));
    let pages = pages.ok_or(NdbError::Format("its number of slot pages is none"))?;
    let size = file
        .size()
        .map_err(|source| NdbError::Read { offset: 0, source })?;
    let slots_end = u64::from(pages) * PAGE;
    if slots_end > size {
        return Err(NdbError::Format("it ends inside its slots"));
    }
    let mut buffer = Vec::new();
    // No two sound blobs overlap, so all together are no larger than the file.
    let mut left = size;
    let mut page = [0; PAGE as usize];
    for number in 0..pages {
        read(file, u64::from(number) * PAGE, &mut page)?;
        let skip = if number == 0 { HEADER_SLOTS } else { 0 };
        for slot in page.chunks_exact(SLOT).skip(skip) {
            let [magic, package, offset, count] =
                [0, 4, 8, 12].map(|at| le32(slot, at).unwrap_or(0));
            if magic != SLOT_MAGIC {
                return Err(NdbError::Format("a slot is damaged"));
            }
            if offset == 0 {
                continue;
            }
            let (offset, length) = (u64::from(offset) * BLOCK, u64::from(count) * BLOCK);
            left = left
                .checked_sub(length)
                .ok_or(NdbError::Format("its packages overlap"))?;
            let outcome = if offset < slots_end || length > MAX_BLOB_BYTES {
                Err(NdbError::Format("a slot points where no package can be"))
            } else {
                buffer.resize(usize::try_from(length).unwrap_or(0), 0);
                read(file, offset, &mut buffer).and_then(|()| check(&buffer, package))
            };
            blob(package, outcome);
        }
    }
    Ok(())
}

/// The rpm header inside a blob, once head, tail and checksum hold.
fn check(bytes: &[u8], package: u32) -> Result<&[u8], NdbError> {
    let head = |at| le32(bytes, at);
    let length = head(12).unwrap_or(0);
    let tail_at = bytes
        .len()
        .checked_sub(TAIL)
        .ok_or(NdbError::Format("a package is empty"))?;
    if head(0) != Some(HEAD_MAGIC) || head(4) != Some(package) {
        return Err(NdbError::Format("a package does not begin as one"));
    }
    if le32(bytes, tail_at + 8) != Some(TAIL_MAGIC) || le32(bytes, tail_at + 4) != Some(length) {
        return Err(NdbError::Format("a package does not end as one"));
    }
    let covered = bytes.get(..tail_at).unwrap_or_default();
    if le32(bytes, tail_at) != Some(adler32(covered)) {
        return Err(NdbError::Format("a package's checksum does not hold"));
    }
    HEAD.checked_add(length as usize)
        .and_then(|end| covered.get(HEAD..end))
        .ok_or(NdbError::Format("a package is longer than its blocks"))
}

fn read<B: BytesAt + ?Sized>(file: &B, offset: u64, buffer: &mut [u8]) -> Result<(), NdbError> {
    file.read_at(offset, buffer)
        .map_err(|source| NdbError::Read { offset, source })
}

/// RFC 1950, section 8.2.
fn adler32(bytes: &[u8]) -> u32 {
    let (mut low, mut high) = (1, 0);
    // 5552 is the most bytes whose sums stay within 32 bits.
    for chunk in bytes.chunks(5552) {
        for byte in chunk {
            low += u32::from(*byte);
            high += low;
        }
        low %= 65521;
        high %= 65521;
    }
    high << 16 | low
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn no_slots_panic(slots in proptest::collection::vec((any::<u32>(), 0u32..600, 0u32..600), 0..20), tail in 0usize..6000) {
            let mut bytes = [MAGIC, 0, 1, 1, 1, 0, 0, 0].map(u32::to_le_bytes).concat();
            for (package, offset, count) in slots {
                bytes.extend([SLOT_MAGIC, package, offset, count].map(u32::to_le_bytes).concat());
            }
            while bytes.len() < 4096 {
                bytes.extend([SLOT_MAGIC, 0, 0, 0].map(u32::to_le_bytes).concat());
            }
            bytes.resize(4096 + tail, 0x42);
            let mut sound = 0;
            let _ = blobs(&bytes[..], |_, blob| sound += usize::from(blob.is_ok()));
            prop_assert_eq!(sound, 0);
        }
    }

    #[test]
    fn adler_of_the_known_word() {
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
    }
}
