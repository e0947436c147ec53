//! Reads a journal's bytes and believes nothing that does not hold.
//!
//! What a crash can leave is known exactly, because each append is `line, sync, block, sync`:
//!
//! | cut off in | leaves | means |
//! |---|---|---|
//! | line | both blocks whole, at most one line's bytes after the head | not acknowledged: cut away |
//! | block | one block a mixture of the head before last and the next, one whole line after the head | one more entry |
//!
//! Everything else is damage, and is told as such.

use crate::error::{Flaw, Place};
use crate::head::{BLOCK_BYTES, HEADER_BYTES, Head};
use crate::line::{self, LINE_BYTES_MAX, LineFlaw};
use overlock_model::plan::Digest;
use overlock_model::run::{Entry, Event};
use std::io::{BufRead, Read};

/// A journal that holds.
#[derive(Debug)]
pub struct Verified {
    /// All of them.
    pub entries: Vec<Entry>,
    /// After the last entry.
    pub head: Head,
    /// Before the last entry; what the other block says.
    pub former: Head,
    /// What a crash left.
    pub left: Left,
}

/// What is in the file besides acknowledged entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// Nothing.
    Nothing,
    /// Part of a line, to be cut away.
    PartOfLine,
    /// A whole line, counted among the entries, whose head is still to be written.
    WholeLine,
}

/// The two blocks as read.
struct Heads {
    newest: Head,
    /// The other block: a head, or bytes that are none.
    other: Result<Head, Vec<u8>>,
}

/// Reads the whole journal.
pub fn verify(source: &mut impl BufRead) -> Result<Verified, Flaw> {
    let heads = heads(source)?;
    let mut walk = Walk::new();
    while walk.head.count < heads.newest.count {
        let line = walk.next_line(source)?;
        let read = line::read(&walk.head.last, &line);
        walk.take(&line, read.map_err(|flaw| walk.flaw(flaw))?)?;
    }
    if walk.head != heads.newest {
        return Err(walk.damage("the entries are not those that the head counts"));
    }
    let before = walk.former;
    let left = tail(source, &mut walk)?;
    match &heads.other {
        Ok(other) if *other == before => {}
        Ok(_) => {
            return Err(Flaw::damage(
                Place::Head,
                "its two blocks do not follow each other",
            ));
        }
        Err(block) => {
            if left != Left::WholeLine || !is_mixture(block, before, walk.head) {
                return Err(Flaw::damage(Place::Head, "one of its two blocks is broken"));
            }
        }
    }
    Ok(Verified {
        entries: walk.entries,
        head: walk.head,
        former: walk.former,
        left,
    })
}

fn heads(source: &mut impl BufRead) -> Result<Heads, Flaw> {
    let mut header = Vec::with_capacity(HEADER_BYTES);
    source
        .by_ref()
        .take(HEADER_BYTES as u64)
        .read_to_end(&mut header)?;
    if header.len() != HEADER_BYTES {
        return Err(Flaw::damage(Place::Head, "the file is too short for it"));
    }
    let (even, odd) = header.split_at(BLOCK_BYTES);
    let read = |block, second| Head::from_block(block).filter(|head| head.is_second() == second);
    let (newest, other) = match (read(even, false), read(odd, true)) {
        (Some(even), Some(odd)) if even.count > odd.count => (even, Ok(odd)),
        (Some(even), Some(odd)) => (odd, Ok(even)),
        (Some(head), None) => (head, Err(odd.to_vec())),
        (None, Some(head)) => (head, Err(even.to_vec())),
        (None, None) => return Err(Flaw::damage(Place::Head, "both of its blocks are broken")),
    };
    // A journal is born with its first entry in place.
    if newest.count == 0 {
        return Err(Flaw::damage(Place::Head, "it counts no entry"));
    }
    Ok(Heads { newest, other })
}

/// What follows the head: nothing, a part of a line, or one line.
fn tail(source: &mut impl BufRead, walk: &mut Walk) -> Result<Left, Flaw> {
    let mut rest = Vec::new();
    // One byte more than a line can have, to see that there is more.
    let limit = LINE_BYTES_MAX as u64 + 1;
    source.by_ref().take(limit).read_to_end(&mut rest)?;
    if rest.is_empty() {
        return Ok(Left::Nothing);
    }
    let line = match rest.iter().position(|byte| *byte == b'\n') {
        Some(feed) => rest.get(..=feed).unwrap_or_default(),
        None => &rest,
    };
    match line::read(&walk.head.last, line) {
        Ok(_) if line.len() < rest.len() => {
            Err(walk.damage("more follows the head than one append writes"))
        }
        Ok(read) => {
            walk.take(line, read)?;
            Ok(Left::WholeLine)
        }
        Err(LineFlaw::Broken(_)) if rest.len() <= LINE_BYTES_MAX => Ok(Left::PartOfLine),
        Err(flaw) => Err(walk.flaw(flaw)),
    }
}

/// Whether a write of the block of `next` over the one of `before`, cut off at any byte, can leave this.
fn is_mixture(block: &[u8], before: Head, next: Head) -> bool {
    let (old, new) = (before.to_block(), next.to_block());
    block.len() == old.len()
        && block
            .iter()
            .zip(old.iter().zip(&new))
            .all(|(byte, (old, new))| byte == old || byte == new)
}

/// The chain, line by line.
struct Walk {
    entries: Vec<Entry>,
    head: Head,
    former: Head,
}

impl Walk {
    fn new() -> Self {
        Self {
            entries: Vec::new(),
            head: Head::empty(),
            former: Head::empty(),
        }
    }

    fn next_line(&self, source: &mut impl BufRead) -> Result<Vec<u8>, Flaw> {
        let mut line = Vec::new();
        source
            .by_ref()
            .take(LINE_BYTES_MAX as u64)
            .read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Err(self.damage("the file ends before it"));
        }
        Ok(line)
    }

    fn take(&mut self, line: &[u8], (entry, hash): (Entry, Digest)) -> Result<(), Flaw> {
        if entry.sequence != self.head.count {
            return Err(self.damage("its sequence number is not its position"));
        }
        if matches!(entry.event, Event::Opened { .. }) != (entry.sequence == 0) {
            return Err(self.damage("only the first entry says whose journal it is"));
        }
        self.former = self.head;
        self.head = self.head.after(line.len(), hash);
        self.entries.push(entry);
        Ok(())
    }

    fn flaw(&self, flaw: LineFlaw) -> Flaw {
        match flaw {
            LineFlaw::Broken(why) => self.damage(why),
            LineFlaw::Unknown(cause) => Flaw::Unknown {
                sequence: self.head.count,
                cause,
            },
        }
    }

    fn damage(&self, why: &'static str) -> Flaw {
        Flaw::damage(
            Place::Entry {
                sequence: self.head.count,
            },
            why,
        )
    }
}
