//! The head: how far the journal is acknowledged, kept in two blocks that are written in turn.
//!
//! The block of an even count lies first, that of an odd count second. So the write that acknowledges entry `n` never
//! touches the block that acknowledged entry `n - 1`. A block is text, for people with `head -5`, and is accepted only
//! if it is byte for byte what would be written.

use overlock_model::plan::Digest;

/// Bytes of one block: a page, the largest unit that disks in use write at once.
pub const BLOCK_BYTES: usize = 4096;

/// Bytes of both blocks; the first entry follows.
pub const HEADER_BYTES: usize = 2 * BLOCK_BYTES;

const FORMAT: &str = "overlock.journal/1";

/// What is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// How many entries.
    pub count: u64,
    /// Where the last of them ends, counted from the beginning of the file.
    pub end: u64,
    /// The chain's hash over all of them.
    pub last: Digest,
}

impl Head {
    /// Of no entry.
    pub fn empty() -> Self {
        Self {
            count: 0,
            end: HEADER_BYTES as u64,
            last: Digest::of(FORMAT.as_bytes()),
        }
    }

    /// After one more line of `bytes`, whose hash is `last`.
    pub fn after(&self, bytes: usize, last: Digest) -> Self {
        Self {
            count: self.count.saturating_add(1),
            end: self.end.saturating_add(bytes as u64),
            last,
        }
    }

    /// Which of the two blocks is its place.
    pub fn is_second(&self) -> bool {
        self.count % 2 == 1
    }

    /// Where its block begins.
    pub fn offset(&self) -> u64 {
        if self.is_second() {
            BLOCK_BYTES as u64
        } else {
            0
        }
    }

    /// As it is written.
    pub fn to_block(self) -> Vec<u8> {
        let text = format!(
            "{FORMAT}\ncount {}\nend {}\nlast {}\n",
            self.count, self.end, self.last
        );
        let sum = Digest::of(text.as_bytes());
        let mut block = format!("{text}sum {sum}\n").into_bytes();
        block.resize(BLOCK_BYTES, b'\n');
        block
    }

    /// Reads one; `None` if it is not exactly what [`Head::to_block`] writes.
    pub fn from_block(block: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(block).ok()?;
        let mut lines = text.lines().skip(1);
        let mut field = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
        let head = Self {
            count: field("count")?.parse().ok()?,
            end: field("end")?.parse().ok()?,
            last: field("last")?.parse().ok()?,
        };
        (head.to_block() == block).then_some(head)
    }
}
