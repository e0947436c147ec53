//! The rpm header: the one structure behind database entries and `.rpm` files.
//!
//! Layout (rpm manual, "RPM V4 Package format", header structure): two big-endian counts, an index of 16-byte entries
//! (tag, type, offset, count) and a store that they point into. Every count and offset comes from outside; each is
//! checked against the bytes at hand before use, so a header can be refused but can neither panic nor allocate more
//! than its own size.

use std::borrow::Cow;

/// Most index entries; rpm itself refuses more (`hdrchkTags`).
const MAX_ENTRIES: usize = 0xffff;
/// Largest store; rpm itself refuses more (`hdrchkData`).
const MAX_STORE_BYTES: usize = 256 << 20;
const ENTRY_BYTES: usize = 16;
/// First bytes of a header in a file; a database entry has none.
const MAGIC: [u8; 4] = [0x8e, 0xad, 0xe8, 0x01];

/// Tags that Overlock reads (rpm `rpmtag.h`).
pub mod tag {
    /// Package name.
    pub const NAME: u32 = 1000;
    /// Version.
    pub const VERSION: u32 = 1001;
    /// Release.
    pub const RELEASE: u32 = 1002;
    /// Epoch; absent in most packages.
    pub const EPOCH: u32 = 1003;
    /// When it was installed, in seconds since 1970; only in the database.
    pub const INSTALLTIME: u32 = 1008;
    /// Who built it.
    pub const VENDOR: u32 = 1011;
    /// Architecture.
    pub const ARCH: u32 = 1022;
    /// File name of the source package.
    pub const SOURCERPM: u32 = 1044;
    /// `name:stream:version:context` of a modular build.
    pub const MODULARITYLABEL: u32 = 5096;
}

const TYPE_INT32: u32 = 4;
const TYPE_STRING: u32 = 6;
const TYPE_STRING_ARRAY: u32 = 8;
const TYPE_I18NSTRING: u32 = 9;

/// Why bytes are not an rpm header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Fewer bytes than the counts ask for.
    #[error("the header says {wanted} bytes and {have} are there")]
    Truncated {
        /// Bytes that the counts ask for.
        wanted: u64,
        /// Bytes at hand.
        have: u64,
    },
    /// A count that no real header has.
    #[error("the header's {what} is {value}, which no package has")]
    Implausible {
        /// Which count.
        what: &'static str,
        /// Its value.
        value: u64,
    },
    /// The magic number of a file's header is not there.
    #[error("it does not begin as an rpm {0}")]
    Magic(&'static str),
    /// A tag without which there is no package.
    #[error("tag {0} is missing")]
    Missing(u32),
    /// A tag with a wrong type, or that points outside the header.
    #[error("tag {tag} {why}")]
    Tag {
        /// Number of the tag.
        tag: u32,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// A header whose counts are known to fit its bytes.
#[derive(Debug, Clone, Copy)]
pub struct Header<'a> {
    index: &'a [u8],
    store: &'a [u8],
}

struct Entry {
    kind: u32,
    offset: usize,
    count: u32,
}

impl<'a> Header<'a> {
    /// Reads a database entry; bytes after the store are not looked at.
    ///
    /// # Errors
    /// When the counts are implausible or ask for more bytes than there are.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, HeaderError> {
        Self::split(bytes).map(|(header, _)| header)
    }

    /// Reads a header with its magic number, as in a file, and gives the bytes that follow.
    ///
    /// # Errors
    /// As [`Header::parse`], and when the magic number is another.
    pub fn parse_file(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), HeaderError> {
        let rest = bytes
            .strip_prefix(&MAGIC)
            .ok_or(HeaderError::Magic("header"))?;
        // Four reserved bytes follow the magic number.
        let rest = rest.get(4..).ok_or(HeaderError::Magic("header"))?;
        Self::split(rest)
    }

    fn split(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), HeaderError> {
        let count = |at| {
            be32(bytes, at).ok_or(HeaderError::Truncated {
                wanted: 8,
                have: bytes.len() as u64,
            })
        };
        let (entries, store) = (count(0)? as usize, count(4)? as usize);
        if entries == 0 || entries > MAX_ENTRIES {
            return Err(HeaderError::Implausible {
                what: "number of tags",
                value: entries as u64,
            });
        }
        if store > MAX_STORE_BYTES {
            return Err(HeaderError::Implausible {
                what: "size",
                value: store as u64,
            });
        }
        let (index_end, end) = (8 + entries * ENTRY_BYTES, 8 + entries * ENTRY_BYTES + store);
        match (
            bytes.get(8..index_end),
            bytes.get(index_end..end),
            bytes.get(end..),
        ) {
            (Some(index), Some(store), Some(rest)) => Ok((Self { index, store }, rest)),
            _ => Err(HeaderError::Truncated {
                wanted: end as u64,
                have: bytes.len() as u64,
            }),
        }
    }

    /// The text of a tag, `None` when it is absent. Bytes that are not UTF-8 are replaced. Of an array or a translated
    /// text it is the first one.
    ///
    /// # Errors
    /// When the tag is of another type or points outside the store.
    pub fn text(&self, tag: u32) -> Result<Option<Cow<'a, str>>, HeaderError> {
        let Some(entry) = self.find(tag) else {
            return Ok(None);
        };
        if !matches!(
            entry.kind,
            TYPE_STRING | TYPE_STRING_ARRAY | TYPE_I18NSTRING
        ) || entry.count == 0
        {
            return Err(HeaderError::Tag {
                tag,
                why: "is no text",
            });
        }
        let outside = HeaderError::Tag {
            tag,
            why: "points outside the header",
        };
        let from = self
            .store
            .get(entry.offset..)
            .ok_or_else(|| outside.clone())?;
        let end = memchr::memchr(0, from).ok_or_else(|| outside.clone())?;
        Ok(Some(String::from_utf8_lossy(
            from.get(..end).ok_or(outside)?,
        )))
    }

    /// As [`Header::text`] for a tag that every package has.
    ///
    /// # Errors
    /// As there, and when it is absent or empty.
    pub fn required(&self, tag: u32) -> Result<Cow<'a, str>, HeaderError> {
        self.text(tag)?
            .filter(|text| !text.is_empty())
            .ok_or(HeaderError::Missing(tag))
    }

    /// The number of a tag, `None` when it is absent; of an array it is the first one.
    ///
    /// # Errors
    /// When the tag is of another type or points outside the store.
    pub fn number(&self, tag: u32) -> Result<Option<u32>, HeaderError> {
        let Some(entry) = self.find(tag) else {
            return Ok(None);
        };
        if entry.kind != TYPE_INT32 || entry.count == 0 {
            return Err(HeaderError::Tag {
                tag,
                why: "is no 32-bit number",
            });
        }
        match be32(self.store, entry.offset) {
            Some(number) => Ok(Some(number)),
            None => Err(HeaderError::Tag {
                tag,
                why: "points outside the header",
            }),
        }
    }

    /// A database entry has its signed part first and what installation added behind it, so tags are not sorted over
    /// the whole index: look at each.
    fn find(&self, tag: u32) -> Option<Entry> {
        let entry = self
            .index
            .chunks_exact(ENTRY_BYTES)
            .find(|entry| be32(entry, 0) == Some(tag))?;
        Some(Entry {
            kind: be32(entry, 4)?,
            offset: be32(entry, 8)? as usize,
            count: be32(entry, 12)?,
        })
    }
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes(four.try_into().ok()?))
}

/// Builds a header for tests: (tag, value) pairs.
#[cfg(test)]
pub(crate) fn build(texts: &[(u32, &str)], numbers: &[(u32, u32)]) -> Vec<u8> {
    let (mut index, mut store) = (Vec::new(), Vec::new());
    for (tag, number) in numbers {
        for word in [*tag, TYPE_INT32, store.len() as u32, 1] {
            index.extend(word.to_be_bytes());
        }
        store.extend(number.to_be_bytes());
    }
    for (tag, text) in texts {
        for word in [*tag, TYPE_STRING, store.len() as u32, 1] {
            index.extend(word.to_be_bytes());
        }
        store.extend(text.as_bytes());
        store.push(0);
    }
    let mut out = ((texts.len() + numbers.len()) as u32)
        .to_be_bytes()
        .to_vec();
    out.extend((store.len() as u32).to_be_bytes());
    out.extend(index);
    out.extend(store);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tags_are_read_by_type() {
        let bytes = build(
            &[(tag::NAME, "bash"), (tag::VERSION, "5.1.8")],
            &[(tag::EPOCH, 3)],
        );
        let header = Header::parse(&bytes).unwrap();
        assert_eq!(header.required(tag::NAME).unwrap(), "bash");
        assert_eq!(header.number(tag::EPOCH), Ok(Some(3)));
        assert_eq!(header.text(tag::VENDOR), Ok(None));
        assert_eq!(
            header.required(tag::ARCH),
            Err(HeaderError::Missing(tag::ARCH))
        );
        assert!(header.number(tag::NAME).is_err());
        assert!(header.text(tag::EPOCH).is_err());
    }

    #[test]
    fn every_cut_is_an_error() {
        let bytes = build(&[(tag::NAME, "bash")], &[]);
        for cut in 0..bytes.len() {
            assert!(Header::parse(&bytes[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn huge_counts_and_offsets_are_errors() {
        let bytes = build(&[(tag::NAME, "bash")], &[(tag::EPOCH, 1)]);
        for at in (0..8 + 2 * ENTRY_BYTES).step_by(4) {
            let mut bad = bytes.clone();
            bad[at..at + 4].fill(0xff);
            if let Ok(header) = Header::parse(&bad) {
                assert!(
                    header.required(tag::NAME).is_err()
                        || !matches!(header.number(tag::EPOCH), Ok(Some(1)))
                        || at == 36
                        || at == 20,
                    "field at {at}"
                );
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), at in 0usize..40, value in any::<u8>()) {
            let _ = Header::parse(&bytes).map(|header| header.text(tag::NAME));
            let mut near = build(&[(tag::NAME, "bash"), (tag::ARCH, "x86_64")], &[(tag::EPOCH, 1)]);
            near[at] = value;
            if let Ok(header) = Header::parse(&near) {
                let _ = (header.text(tag::NAME), header.text(tag::ARCH), header.number(tag::EPOCH));
            }
        }
    }
}
