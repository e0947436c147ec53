//! One package list as a sorted table that can be mapped into memory.
//!
//! A list is 50 MB of text and a host needs some hundred entries of it. So each list is turned once into a table,
//! stored beside the other caches, and every later scan maps it and searches for the installed names only.
//!
//! ```text
//! header 144 bytes: magic, file length, identity of the list, SHA-256 of its text, counts, checksum
//! offsets           one u32 for each record, sorted by name
//! records           u32 checksum, u32 length, then name, arch, version, source … each with its length
//! ```
//!
//! The file is ours, but it may be damaged: every access is checked, header and every record that is used have their
//! own checksums, and a table that fails is thrown away and built again. Records that a search only passes by are not
//! summed: that would cost more than the rest of a warm scan.

use memmap2::Mmap;
use overlock_rootfs::Identity;
use std::cmp::Ordering;
use std::fs::File;
use std::path::Path;

/// Changes with the layout; an older table is then built again.
const MAGIC: &[u8; 8] = b"OVLKAPT1";
const HEADER: usize = 144;
/// The most text that the records of one list may take.
const RECORDS_BYTES_MAX: usize = 1 << 30;

/// The table is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Damaged;

/// One package as a list states it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// Binary package name.
    pub name: String,
    /// Architecture, may be `all`.
    pub arch: String,
    /// Version.
    pub version: String,
    /// Source name where it differs from the name.
    pub source: Option<String>,
    /// Source version where it differs from the version.
    pub source_version: Option<String>,
    /// SHA-256 of the `.deb`, lower-case hex.
    pub sha256: Option<String>,
    /// Size of the `.deb` in bytes.
    pub size_bytes: Option<u64>,
    /// `Phased-Update-Percentage`, where it is stated.
    pub phased_percent: Option<u8>,
    /// `=` relations of `Depends` and `Pre-Depends`, as (name, version).
    pub requires_exactly: Vec<(String, String)>,
}

/// A sorted table of one list.
#[derive(Debug)]
pub struct Table {
    bytes: Bytes,
}

#[derive(Debug)]
enum Bytes {
    Mapped(Mmap),
    Built(Vec<u8>),
}

impl Table {
    /// Maps a stored table; `None` where there is none, where it belongs to another state of the list, or where it
    /// is damaged.
    #[must_use]
    pub fn open(path: &Path, identity: &Identity) -> Option<Self> {
        let file = File::open(path).ok()?;
        #[expect(unsafe_code, reason = "mapping is what makes a warm scan cheap")]
        // SAFETY: the file is only ever created whole and renamed into place by `store`, never written again, and it
        // lies in a directory of our own; nobody who may not already act as us can truncate it.
        let map = unsafe { Mmap::map(&file) }.ok()?;
        let table = Self {
            bytes: Bytes::Mapped(map),
        };
        (table.is_whole() && table.identity()? == *identity).then_some(table)
    }

    /// Takes the bytes of a table from anywhere (tests and fuzzing); `None` where the header is damaged.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        let table = Self {
            bytes: Bytes::Built(bytes),
        };
        table.is_whole().then_some(table)
    }

    /// The bytes to store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Mapped(map) => map,
            Bytes::Built(bytes) => bytes,
        }
    }

    /// SHA-256 of the uncompressed list, lower-case hex.
    #[must_use]
    pub fn text_sha256(&self) -> String {
        hex(self.as_bytes().get(64..96).unwrap_or_default())
    }

    /// How many packages the list has.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.u32_at(96).unwrap_or(0)
    }

    /// Whether the list has no packages.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many entries of the list were passed over because they lack a name, version or architecture.
    #[must_use]
    pub fn skipped(&self) -> u32 {
        self.u32_at(100).unwrap_or(0)
    }

    /// All records with a name, in the order of the list.
    ///
    /// # Errors
    /// When the table is damaged where it was looked at.
    pub fn find(&self, name: &str) -> Result<Vec<Record>, Damaged> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.name(middle)?.cmp(name.as_bytes()) {
                Ordering::Less => low = middle + 1,
                Ordering::Equal | Ordering::Greater => high = middle,
            }
        }
        let mut found = Vec::new();
        while low < self.len() && self.name(low)? == name.as_bytes() {
            found.push(self.record(low)?);
            low += 1;
        }
        Ok(found)
    }

    fn is_whole(&self) -> bool {
        let bytes = self.as_bytes();
        let header = bytes.get(..HEADER - 8).unwrap_or_default();
        bytes.starts_with(MAGIC)
            && self.u64_at(8) == Some(bytes.len() as u64)
            && self.u64_at(HEADER - 8) == Some(u64::from(checksum(header)))
            && HEADER + self.len() as usize * 4 <= bytes.len()
    }

    fn identity(&self) -> Option<Identity> {
        let mtime: [u8; 16] = self.as_bytes().get(32..48)?.try_into().ok()?;
        Some(Identity {
            dev: self.u64_at(16)?,
            inode: self.u64_at(24)?,
            mtime_ns: i128::from_le_bytes(mtime),
            size: self.u64_at(48)?,
        })
    }

    /// Payload of a record, without its checksum being looked at.
    fn payload(&self, index: u32) -> Result<(u32, &[u8]), Damaged> {
        let offset = self.u32_at(HEADER + index as usize * 4).ok_or(Damaged)? as usize;
        let start = HEADER + self.len() as usize * 4 + offset;
        let (sum, length) = (
            self.u32_at(start).ok_or(Damaged)?,
            self.u32_at(start + 4).ok_or(Damaged)? as usize,
        );
        let payload = self
            .as_bytes()
            .get(start + 8..)
            .and_then(|rest| rest.get(..length))
            .ok_or(Damaged)?;
        Ok((sum, payload))
    }

    fn name(&self, index: u32) -> Result<&[u8], Damaged> {
        Reader(self.payload(index)?.1).bytes()
    }

    fn record(&self, index: u32) -> Result<Record, Damaged> {
        let (sum, payload) = self.payload(index)?;
        if checksum(payload) != sum {
            return Err(Damaged);
        }
        let mut reader = Reader(payload);
        let mut record = Record {
            name: reader.text()?,
            arch: reader.text()?,
            version: reader.text()?,
            source: reader.optional()?,
            source_version: reader.optional()?,
            sha256: Some(hex(reader.bytes()?)).filter(|hash| !hash.is_empty()),
            size_bytes: reader.optional()?.and_then(|size| size.parse().ok()),
            phased_percent: Some(reader.byte()?).filter(|percent| *percent <= 100),
            requires_exactly: Vec::new(),
        };
        while !reader.0.is_empty() {
            record
                .requires_exactly
                .push((reader.text()?, reader.text()?));
        }
        Ok(record)
    }

    fn u32_at(&self, at: usize) -> Option<u32> {
        Some(u32::from_le_bytes(
            self.as_bytes()
                .get(at..at.checked_add(4)?)?
                .try_into()
                .ok()?,
        ))
    }

    fn u64_at(&self, at: usize) -> Option<u64> {
        Some(u64::from_le_bytes(
            self.as_bytes()
                .get(at..at.checked_add(8)?)?
                .try_into()
                .ok()?,
        ))
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Damaged> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Damaged)?;
        self.0 = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, Damaged> {
        self.take(1)?.first().copied().ok_or(Damaged)
    }

    fn bytes(&mut self) -> Result<&'a [u8], Damaged> {
        let (low, high) = (self.byte()?, self.byte()?);
        self.take(usize::from(u16::from_le_bytes([low, high])))
    }

    fn text(&mut self) -> Result<String, Damaged> {
        Ok(String::from_utf8_lossy(self.bytes()?).into_owned())
    }

    fn optional(&mut self) -> Result<Option<String>, Damaged> {
        Ok(Some(self.text()?).filter(|text| !text.is_empty()))
    }
}

/// The fields of one package in a list, as slices of its text.
#[derive(Debug, Clone, Default)]
pub struct Fields<'a> {
    pub(super) name: &'a [u8],
    pub(super) arch: &'a [u8],
    pub(super) version: &'a [u8],
    pub(super) source: &'a [u8],
    pub(super) source_version: &'a [u8],
    pub(super) sha256: &'a [u8],
    pub(super) size: &'a [u8],
    pub(super) phased_percent: Option<u8>,
    pub(super) requires_exactly: Vec<(&'a [u8], &'a [u8])>,
}

/// Collects packages and sorts them into a table.
#[derive(Debug, Default)]
pub struct Builder {
    records: Vec<u8>,
    offsets: Vec<u32>,
    skipped: u32,
}

impl Builder {
    /// Counts an entry that lacks what every package has.
    pub(super) fn skip(&mut self) {
        self.skipped = self.skipped.saturating_add(1);
    }

    /// Adds a package. False where the table is full.
    pub(super) fn add(&mut self, fields: &Fields<'_>) -> bool {
        let Some(offset) = u32::try_from(self.records.len())
            .ok()
            .filter(|_| self.records.len() < RECORDS_BYTES_MAX)
        else {
            return false;
        };
        let start = self.records.len();
        self.records.extend([0; 8]);
        for text in [
            fields.name,
            fields.arch,
            fields.version,
            fields.source,
            fields.source_version,
        ] {
            self.put(text);
        }
        let mut hash = [0; 32];
        let known = unhex(fields.sha256, &mut hash);
        self.put(if known { &hash } else { &[] });
        self.put(fields.size);
        self.records.push(fields.phased_percent.unwrap_or(u8::MAX));
        for (name, version) in &fields.requires_exactly {
            self.put(name);
            self.put(version);
        }
        let payload = self.records.get(start + 8..).unwrap_or_default();
        let (sum, length) = (
            checksum(payload),
            u32::try_from(payload.len()).unwrap_or(u32::MAX),
        );
        let head = [sum.to_le_bytes(), length.to_le_bytes()].concat();
        if let Some(slot) = self.records.get_mut(start..start + 8) {
            slot.copy_from_slice(&head);
        }
        self.offsets.push(offset);
        true
    }

    fn put(&mut self, text: &[u8]) {
        let text = text.get(..usize::from(u16::MAX)).unwrap_or(text);
        let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
        self.records.extend(length.to_le_bytes());
        self.records.extend(text);
    }

    /// Sorts what was added into a table of the list with this identity and SHA-256.
    #[must_use]
    pub fn finish(mut self, identity: &Identity, text_sha256: &[u8]) -> Table {
        let Self {
            records,
            offsets,
            skipped,
        } = &mut self;
        let name = |&offset: &u32| {
            Reader(records.get(offset as usize + 8..).unwrap_or_default())
                .bytes()
                .unwrap_or_default()
        };
        // A stable sort: versions of one name stay in the order of the list.
        offsets.sort_by(|a, b| name(a).cmp(name(b)));
        let mut bytes = Vec::with_capacity(HEADER + offsets.len() * 4 + records.len());
        bytes.extend(MAGIC);
        bytes.extend(((HEADER + offsets.len() * 4 + records.len()) as u64).to_le_bytes());
        bytes.extend(identity.dev.to_le_bytes());
        bytes.extend(identity.inode.to_le_bytes());
        bytes.extend(identity.mtime_ns.to_le_bytes());
        bytes.extend(identity.size.to_le_bytes());
        bytes.extend([0; 8]);
        let mut hash = [0; 32];
        for (to, from) in hash.iter_mut().zip(text_sha256) {
            *to = *from;
        }
        bytes.extend(hash);
        bytes.extend(
            u32::try_from(offsets.len())
                .unwrap_or(u32::MAX)
                .to_le_bytes(),
        );
        bytes.extend(skipped.to_le_bytes());
        bytes.resize(HEADER - 8, 0);
        bytes.extend(u64::from(checksum(&bytes)).to_le_bytes());
        bytes.extend(offsets.iter().flat_map(|offset| offset.to_le_bytes()));
        bytes.extend(records.iter());
        Table {
            bytes: Bytes::Built(bytes),
        }
    }
}

/// FNV-1a: the guard is against damage, not against an enemy.
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |sum, &byte| {
        (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

/// Lower-case hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes
        .iter()
        .flat_map(|&byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

fn unhex(text: &[u8], out: &mut [u8; 32]) -> bool {
    let nibble = |digit: u8| {
        char::from(digit)
            .to_digit(16)
            .and_then(|value| u8::try_from(value).ok())
    };
    if text.len() != 64 {
        return false;
    }
    for (to, pair) in out.iter_mut().zip(text.chunks_exact(2)) {
        let &[high, low] = pair else { return false };
        let (Some(high), Some(low)) = (nibble(high), nibble(low)) else {
            return false;
        };
        *to = high << 4 | low;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const IDENTITY: Identity = Identity {
        dev: 1,
        inode: 2,
        mtime_ns: 3,
        size: 4,
    };

    fn table() -> Table {
        let mut builder = Builder::default();
        for (name, version) in [("b", "2"), ("a", "1"), ("c", "1"), ("b", "1")] {
            builder.add(&Fields {
                name: name.as_bytes(),
                arch: b"amd64",
                version: version.as_bytes(),
                sha256: "ab".repeat(32).as_bytes(),
                size: b"123",
                phased_percent: None,
                requires_exactly: vec![(b"x", b"1")],
                ..Fields::default()
            });
        }
        builder.finish(&IDENTITY, &[7; 32])
    }

    #[test]
    fn names_are_found_and_keep_the_order_of_the_list() {
        let table = Table::from_bytes(table().as_bytes().to_vec()).unwrap();
        let versions: Vec<_> = table
            .find("b")
            .unwrap()
            .into_iter()
            .map(|record| record.version)
            .collect();
        assert_eq!(versions, ["2", "1"]);
        let record = &table.find("a").unwrap()[0];
        assert_eq!(record.sha256.as_deref(), Some("ab".repeat(32).as_str()));
        assert_eq!(
            (record.size_bytes, record.source.as_deref()),
            (Some(123), None)
        );
        assert_eq!(record.requires_exactly, [("x".to_owned(), "1".to_owned())]);
        assert!(table.find("bb").unwrap().is_empty());
        assert_eq!(table.identity(), Some(IDENTITY));
        assert_eq!(table.text_sha256(), "07".repeat(32));
    }

    proptest! {
        #[test]
        fn a_damaged_table_is_refused_or_harmless(at in 0usize..400, byte in any::<u8>()) {
            let mut bytes = table().as_bytes().to_vec();
            let at = at % bytes.len();
            bytes[at] ^= byte;
            if let Some(table) = Table::from_bytes(bytes) {
                for name in ["a", "b", "c", "d"] {
                    for record in table.find(name).unwrap_or_default() {
                        prop_assert_eq!(record.name, name);
                    }
                }
            }
        }
        #[test]
        fn any_bytes_are_refused_or_harmless(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut bytes = bytes;
            if let Some(start) = bytes.get_mut(..8) { start.copy_from_slice(MAGIC); }
            prop_assert!(Table::from_bytes(bytes).is_none());
        }
    }
}
