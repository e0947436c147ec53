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
#[derive(Debug, Clone)]
pub struct Content {
    digest: Digest,
    line_count: usize,
    text: String,
}

impl Content {
    /// Of a section's lines.
    #[must_use]
    pub fn of(content: &SectionContent) -> Self {
        let text = content.text();
        Self {
            digest: Digest::of(text.as_bytes()),
            line_count: content.lines().len(),
            text,
        }
    }

    /// SHA-256 of the text.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

/// Level of compression: the fast one, which packs lines of packages about as well as slower ones.
const LEVEL: i32 = 3;
/// Largest text that is unpacked; above what the wire lets in.
const UNPACKED_BYTES: u64 = 128 << 20;

pub(crate) fn pack(bytes: &[u8]) -> Result<Vec<u8>, StoreError> {
    zstd::bulk::compress(bytes, LEVEL).map_err(|error| StoreError::damaged("a text to pack", error))
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
    let mut new = Vec::new();
    for (digest, content) in contents {
        if !there.contains(digest) {
            new.push((content, pack(content.text.as_bytes())?));
        }
    }
    Statement {
        doing: "writing contents",
        before: "INSERT INTO contents (digest, line_count, size_bytes, packed)",
        columns: 4,
        after: " ON CONFLICT (digest) DO NOTHING",
    }
    .run(connection, &new, |(content, packed), to| {
        to.add(content.digest.bytes().as_slice())?;
        to.add(i64::try_from(content.line_count).unwrap_or(i64::MAX))?;
        to.add(i64::try_from(content.text.len()).unwrap_or(i64::MAX))?;
        to.add(packed.as_slice())
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
