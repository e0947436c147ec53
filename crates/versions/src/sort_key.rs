//! The byte key and the few encodings that all schemes share.
//!
//! A key is a sequence of self-delimiting pieces, so that two keys first differ inside pieces of the same kind:
//!
//! ```text
//! number   length of the digits without leading zeros (1 byte, or the highest + 2 bytes), then those digits;
//!          the length byte may start at a rank, so that it is a mark as well
//! integer  length in bytes, then those, the highest first: for numbers that were parsed
//! text     its bytes, then 00 (no text here ever contains 00)
//! mark     one byte whose value is the rank of what stands there: "end" is a mark like any other
//! ```

/// A version's place in its scheme's order: `a < b` in bytes exactly when `a < b` as versions.
///
/// Keys of different schemes have nothing to say to each other. Keys may be stored; their bytes are part of the
/// index format, so a change of an encoding is a change of that format.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SortKey(Vec<u8>);

impl SortKey {
    /// The bytes to store or to compare by `memcmp` (a key that is a prefix of another is the lesser).
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Takes back bytes that came from [`SortKey::as_bytes`]. Any bytes are a place in the order.
    #[must_use]
    pub const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Gives the bytes away.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl AsRef<[u8]> for SortKey {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Writes a key piece by piece.
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    pub(crate) fn finish(self) -> SortKey {
        SortKey(self.0)
    }

    /// One byte whose value is the rank of what follows.
    pub(crate) fn mark(&mut self, rank: u8) {
        self.0.push(rank);
    }

    /// A number of any length, by value; leading zeros do not count and no digits at all are zero.
    pub(crate) fn number(&mut self, digits: &str) {
        self.number_at(0, u8::MAX, digits);
    }

    /// A number whose first byte is also its mark: from `rank` for zero up to `rank + span` for the longest.
    pub(crate) fn number_at(&mut self, rank: u8, span: u8, digits: &str) {
        let digits = digits.trim_start_matches('0');
        match u8::try_from(digits.len()) {
            Ok(length) if length < span => self.0.push(rank.saturating_add(length)),
            _ => {
                self.0.push(rank.saturating_add(span));
                let length = u16::try_from(digits.len()).unwrap_or(u16::MAX);
                self.0.extend_from_slice(&length.to_be_bytes());
            }
        }
        self.0.extend_from_slice(digits.as_bytes());
    }

    /// A number that has been read already: how many bytes it needs, then those, the highest first.
    pub(crate) fn integer(&mut self, value: u64) {
        let bytes = value.to_be_bytes();
        let needed = bytes.iter().skip_while(|byte| **byte == 0);
        self.0
            .push(u8::try_from(needed.clone().count()).unwrap_or(u8::MAX));
        self.0.extend(needed);
    }

    /// Text in byte order, a prefix before what it begins.
    pub(crate) fn text(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
        self.0.push(0);
    }

    /// As [`Writer::text`], with ASCII letters folded to lower case.
    pub(crate) fn text_ignoring_case(&mut self, text: &str) {
        self.0
            .extend(text.bytes().map(|byte| byte.to_ascii_lowercase()));
        self.0.push(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(digits: &str) -> SortKey {
        let mut out = Writer::with_capacity(8);
        out.number(digits);
        out.finish()
    }

    #[test]
    fn numbers_order_by_value_at_any_length() {
        let nines = |count: usize| "9".repeat(count);
        let ones = |count: usize| "1".repeat(count);
        for (less, more) in [
            ("0".to_owned(), "1".to_owned()),
            ("9".to_owned(), "10".to_owned()),
            (nines(253), ones(254)),
            (nines(254), ones(255)),
            (nines(255), ones(256)),
            (nines(511), ones(512)),
        ] {
            assert!(number(&less) < number(&more), "{less} < {more}");
        }
        assert_eq!(number(""), number("000"));
        assert_eq!(number("007"), number("7"));
    }

    #[test]
    fn integers_order_by_value() {
        let integer = |value: u64| {
            let mut out = Writer::with_capacity(9);
            out.integer(value);
            out.finish()
        };
        let values = [
            0,
            1,
            255,
            256,
            65_535,
            65_536,
            1 << 40,
            u64::MAX - 1,
            u64::MAX,
        ];
        assert!(
            values
                .windows(2)
                .all(|pair| integer(pair[0]) < integer(pair[1]))
        );
    }

    #[test]
    fn bytes_round_trip() {
        let key = number("42");
        assert_eq!(SortKey::from_bytes(key.as_bytes().to_vec()), key);
    }
}
