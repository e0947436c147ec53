//! SQLite's write-ahead log: committed pages that are not in the database file yet.
//!
//! "Database File Format", section 4. A frame counts when its salts are those of the log's header, its running checksum
//! holds, and a commit frame follows; the last such frame of a page wins. Anything after the first frame that does not
//! hold is an unfinished or older transaction and is passed over, as SQLite does.

use super::bytes_at::{BytesAt, be};
use std::collections::HashMap;
use std::io;

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;
/// Checksums over little-endian words; the same with the last bit set is big-endian.
const MAGIC: u64 = 0x377f_0682;
/// Largest log that is looked at; rpm checkpoints after each transaction.
const MAX_BYTES: u64 = 2 << 30;

/// The committed pages of a log.
#[derive(Debug)]
pub(super) struct Wal<'a, B: BytesAt + ?Sized> {
    file: &'a B,
    /// Page number to the offset of its newest committed content.
    pages: HashMap<u32, u64>,
    database_pages: u32,
}

impl<'a, B: BytesAt + ?Sized> Wal<'a, B> {
    /// Reads a log; `None` when it commits nothing.
    pub(super) fn read(file: &'a B, page_size: usize) -> io::Result<Option<Self>> {
        let size = file.size()?;
        if size < HEADER_BYTES as u64 {
            return Ok(None);
        }
        if size > MAX_BYTES {
            return Err(io::Error::other("the write-ahead log is too large"));
        }
        let mut header = [0; HEADER_BYTES];
        file.read_at(0, &mut header)?;
        let word = |bytes: &[u8], index: usize| {
            be(bytes.get(4 * index..4 * index + 4).unwrap_or_default())
        };
        let magic = word(&header, 0);
        let mut sum = Checksum {
            big_endian: magic & 1 == 1,
            words: (0, 0),
        };
        sum.add(header.get(..24).unwrap_or_default());
        if magic & !1 != MAGIC
            || word(&header, 2) != page_size as u64
            || !sum.is(word(&header, 6), word(&header, 7))
        {
            return Ok(None);
        }
        let salts = (word(&header, 4), word(&header, 5));

        let frame_bytes = FRAME_HEADER_BYTES + page_size;
        let mut frame = vec![0; frame_bytes];
        let (mut pages, mut pending, mut database_pages) = (HashMap::new(), Vec::new(), 0);
        let mut offset = HEADER_BYTES as u64;
        while offset + frame_bytes as u64 <= size {
            file.read_at(offset, &mut frame)?;
            sum.add(frame.get(..8).unwrap_or_default());
            sum.add(frame.get(FRAME_HEADER_BYTES..).unwrap_or_default());
            let holds = (word(&frame, 2), word(&frame, 3)) == salts
                && sum.is(word(&frame, 4), word(&frame, 5));
            if !holds {
                break;
            }
            pending.push((word(&frame, 0) as u32, offset + FRAME_HEADER_BYTES as u64));
            let size_after_commit = word(&frame, 1) as u32;
            if size_after_commit != 0 {
                pages.extend(pending.drain(..));
                database_pages = size_after_commit;
            }
            offset += frame_bytes as u64;
        }
        Ok((database_pages != 0).then_some(Self {
            file,
            pages,
            database_pages,
        }))
    }

    /// Size of the database after the last commit, in pages.
    pub(super) fn database_pages(&self) -> u32 {
        self.database_pages
    }

    /// Fills `page` if the log holds this page.
    pub(super) fn read_page(&self, number: u32, page: &mut [u8]) -> io::Result<bool> {
        let Some(offset) = self.pages.get(&number) else {
            return Ok(false);
        };
        self.file.read_at(*offset, page)?;
        Ok(true)
    }
}

struct Checksum {
    big_endian: bool,
    words: (u32, u32),
}

impl Checksum {
    fn add(&mut self, bytes: &[u8]) {
        for pair in bytes.chunks_exact(8) {
            let (first, second) = pair.split_at(4);
            let word = |four: &[u8]| {
                let number = be(four) as u32;
                if self.big_endian {
                    number
                } else {
                    number.swap_bytes()
                }
            };
            let (first, second) = (word(first), word(second));
            self.words.0 = self.words.0.wrapping_add(first).wrapping_add(self.words.1);
            self.words.1 = self.words.1.wrapping_add(second).wrapping_add(self.words.0);
        }
    }

    fn is(&self, first: u64, second: u64) -> bool {
        (u64::from(self.words.0), u64::from(self.words.1)) == (first, second)
    }
}
