//! Texts of sections, each kept once by its digest, packed.

use crate::Store;
use crate::batch::{Statement, select_in};
use crate::columns::Columns;
use crate::error::StoreError;
use overlock_model::plan::Digest;
use overlock_protocol::{Limits, SectionContent};
use sqlx::AnyConnection;
use sqlx::{AnyPool, Arguments};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

/// A section's content with its digest: both are made where the report is taken in, not where all of them are written.
/// So is its packing, which takes as long as everything else together: in the transaction all others would wait for it.
#[derive(Debug, Clone)]
pub struct Content {
    digest: Digest,
    line_count: usize,
    size: usize,
    packed: Vec<u8>,
}

impl Content {
    /// Of a section's lines. Takes as long as packing them takes.
    ///
    /// # Errors
    /// When they are above [`Limits::section_bytes`], and so could not be read again.
    pub fn of(content: &SectionContent) -> Result<Self, StoreError> {
        let text = content.text();
        if text.len() > Limits::WIRE.section_bytes {
            return Err(StoreError::damaged(
                "a section to keep",
                format!("it has {} bytes", text.len()),
            ));
        }
        Ok(Self {
            digest: Digest::of(text.as_bytes()),
            line_count: content.lines().len(),
            size: text.len(),
            packed: pack(text.as_bytes())?,
        })
    }

    /// Bytes that it takes in memory and in the database.
    #[must_use]
    pub fn packed_bytes(&self) -> usize {
        self.packed.len()
    }

    /// SHA-256 of the text.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

/// Level of compression: the fast one, which packs lines of packages about as well as slower ones.
const LEVEL: i32 = 3;
/// Largest text that is packed, and so the largest that is unpacked: nothing is written that cannot be read.
const UNPACKED_BYTES: u64 = 128 << 20;
const _: () = assert!(Limits::WIRE.section_bytes as u64 <= UNPACKED_BYTES);

pub(crate) fn pack(bytes: &[u8]) -> Result<Vec<u8>, StoreError> {
    if bytes.len() as u64 > UNPACKED_BYTES {
        return Err(StoreError::damaged(
            "a text to pack",
            "it is larger than anything we read",
        ));
    }
    let mut packed = zstd::bulk::compress(bytes, LEVEL)
        .map_err(|error| StoreError::damaged("a text to pack", error))?;
    // It has room for what does not compress at all, and waits to be written beside many others.
    packed.shrink_to_fit();
    Ok(packed)
}

pub(crate) fn unpack(place: &'static str, packed: &[u8]) -> Result<Vec<u8>, StoreError> {
    let damaged = |error: std::io::Error| StoreError::damaged(place, error);
    let mut bytes = Vec::new();
    let read = zstd::stream::read::Decoder::with_buffer(packed)
        .map_err(damaged)?
        .take(UNPACKED_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(damaged)?;
    if read as u64 > UNPACKED_BYTES {
        return Err(StoreError::damaged(
            place,
            "it is larger than anything we write",
        ));
    }
    Ok(bytes)
}

/// Writes those that are not there yet.
pub(crate) async fn intern(
    connection: &mut AnyConnection,
    contents: &BTreeMap<Digest, &Content>,
) -> Result<(), StoreError> {
    let digests: Vec<Digest> = contents.keys().copied().collect();
    let there: BTreeSet<Digest> = select_in(
        connection,
        "looking for contents",
        ("SELECT digest FROM contents WHERE digest IN", ""),
        &digests,
        |digest, to| to.add(digest.bytes().as_slice()),
    )
    .await?
    .iter()
    .map(|row| row.digest("digest"))
    .collect::<Result<_, _>>()?;
    let new: Vec<&Content> = contents
        .iter()
        .filter(|(digest, _)| !there.contains(digest))
        .map(|(_, content)| *content)
        .collect();
    Statement {
        doing: "writing contents",
        before: "INSERT INTO contents (digest, line_count, size_bytes, packed)",
        columns: 4,
        after: " ON CONFLICT (digest) DO NOTHING",
    }
    .run(connection, &new, |content, to| {
        to.add(content.digest.bytes().as_slice())?;
        to.add(i64::try_from(content.line_count).unwrap_or(i64::MAX))?;
        to.add(i64::try_from(content.size).unwrap_or(i64::MAX))?;
        to.add(content.packed.as_slice())
    })
    .await
    .map(drop)
}

impl Store {
    /// The content of a digest.
    ///
    /// # Errors
    /// When the database fails, or the content is not what its digest says.
    pub async fn content(&self, digest: Digest) -> Result<Option<SectionContent>, StoreError> {
        Ok(self.contents(&[digest]).await?.remove(&digest))
    }

    /// The contents of some digests; what is not there is left out.
    ///
    /// # Errors
    /// As [`Self::content`].
    pub async fn contents(
        &self,
        digests: &[Digest],
    ) -> Result<BTreeMap<Digest, SectionContent>, StoreError> {
        read(&self.pool, digests).await
    }
}

async fn read(
    pool: &AnyPool,
    digests: &[Digest],
) -> Result<BTreeMap<Digest, SectionContent>, StoreError> {
    const DOING: &str = "reading contents";
    let mut connection = pool
        .acquire()
        .await
        .map_err(|error| StoreError::of(DOING, error))?;
    let rows = select_in(
        &mut connection,
        DOING,
        ("SELECT digest, packed FROM contents WHERE digest IN", ""),
        digests,
        |digest, to| to.add(digest.bytes().as_slice()),
    )
    .await?;
    rows.iter()
        .map(|row| {
            let digest = row.digest("digest")?;
            let bytes = unpack("contents.packed", &row.bytes("packed")?)?;
            if Digest::of(&bytes) != digest {
                return Err(StoreError::damaged(
                    "contents.packed",
                    format!("its SHA-256 is not {digest}"),
                ));
            }
            let text = String::from_utf8(bytes)
                .map_err(|error| StoreError::damaged("contents.packed", error))?;
            let content = SectionContent::from_text(&text, &Limits::WIRE)
                .map_err(|error| StoreError::damaged("contents.packed", error))?;
            Ok((digest, content))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_read_again_is_not_kept() {
        let section = |bytes: usize| SectionContent::of(["x".repeat(bytes)]).unwrap();
        let limit = Limits::WIRE.section_bytes;
        // Two quotes belong to a line.
        let largest = Content::of(&section(limit - 2)).unwrap();
        assert_eq!(largest.size, limit);
        assert_eq!(unpack("a text", &largest.packed).unwrap().len(), limit);
        assert!(Content::of(&section(limit - 1)).is_err());
    }
}
