//! Bytes by offset: a database file on disk, or a slice in a test or fuzz target, behind one face.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// A source that is read at offsets and never moves a cursor, so that a database needs no `&mut`.
pub trait BytesAt {
    /// Fills `buffer` from `offset`.
    ///
    /// # Errors
    /// When the source fails or ends before the buffer is full.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;

    /// Size in bytes.
    ///
    /// # Errors
    /// When the system will not tell.
    fn size(&self) -> io::Result<u64>;
}

impl BytesAt for File {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.read_exact_at(buffer, offset)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}

impl BytesAt for [u8] {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let from = usize::try_from(offset).ok();
        let range = from.and_then(|from| Some(from..from.checked_add(buffer.len())?));
        let bytes = range
            .and_then(|range| self.get(range))
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(bytes);
        Ok(())
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }
}

/// A big-endian number of up to eight bytes.
pub(crate) fn be(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .take(8)
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// A little-endian 32-bit number at an offset.
pub(crate) fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(four.try_into().ok()?))
}
