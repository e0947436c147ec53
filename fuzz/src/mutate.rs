//! Fixed mutations of a seed: the same number gives the same bytes on any machine.

/// Numbers at which readers of lengths and counts go wrong.
const EDGES: [u64; 12] = [
    0,
    1,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    u64::MAX,
];
/// Pieces that mean something to one text format or another.
const WORDS: [&[u8]; 24] = [
    b"\n",
    b"\n\n",
    b"\r\n",
    b"\0",
    b" ",
    b"\t",
    b":",
    b",",
    b"\"",
    b"\\",
    b"[",
    b"]",
    b"{",
    b"}",
    b"<",
    b"</",
    b"&#x0;",
    b"99999999999999999999",
    b"-1",
    b"~",
    b"\xff\xfe",
    b"\xc3",
    b"\xf0\x9f\x92\xa9",
    b"\xe2\x80\xae",
];
/// No input grows beyond this.
const BYTES_MAX: usize = 64 << 10;

/// A source of mutations.
#[derive(Debug)]
pub struct Mutator {
    state: u64,
}

impl Mutator {
    /// Starts at a number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self { state: number }
    }

    /// Changes `seed` in one to eight places; `other` is a second seed to take pieces from.
    #[must_use]
    pub fn mutate(&mut self, seed: &[u8], other: &[u8]) -> Vec<u8> {
        let mut bytes = seed.to_vec();
        for _ in 0..=self.below(8) {
            self.change(&mut bytes, other);
        }
        bytes.truncate(BYTES_MAX);
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>, other: &[u8]) {
        let at = self.below(bytes.len() + 1);
        match self.below(9) {
            0 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
            1 if at < bytes.len() => bytes[at] = self.next() as u8,
            2 => bytes.truncate(at),
            3 => {
                let end = (at + 1 + self.below(32)).min(bytes.len());
                bytes.drain(at.min(end)..end);
            }
            4 => {
                let end = (at + self.below(256)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                let times = 1 + self.below(4);
                bytes.splice(at..at, piece.repeat(times));
            }
            5 => {
                let from = self.below(other.len() + 1);
                let to = (from + self.below(256)).min(other.len());
                bytes.splice(at..at, other[from..to].iter().copied());
            }
            6 => {
                let word = WORDS[self.below(WORDS.len())];
                bytes.splice(at..at, word.iter().copied());
            }
            _ => {
                let edge = EDGES[self.below(EDGES.len())];
                let width = 1 << self.below(4);
                let number = if self.below(2) == 0 {
                    edge.to_le_bytes()[..width].to_vec()
                } else {
                    edge.to_be_bytes()[8 - width..].to_vec()
                };
                let end = (at + width).min(bytes.len());
                bytes.splice(at..end, number);
            }
        }
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    /// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_number_gives_the_same_bytes_and_another_number_others() {
        let of = |number| Mutator::new(number).mutate(b"Package: bash\n", b"Version: 1\n");
        assert_eq!(of(7), of(7));
        assert!(
            (0..50)
                .map(of)
                .collect::<std::collections::HashSet<_>>()
                .len()
                > 40
        );
    }
}
