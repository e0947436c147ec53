//! Text of a table, each string once, sorted, addressed by number.

use crate::IndexError;
use crate::layout;
use std::collections::HashMap;
use zerocopy::little_endian::U32;

/// Number of a string; [`NONE`] stands for "absent".
pub(crate) type StringId = u32;

/// No string.
pub(crate) const NONE: StringId = u32::MAX;

/// Collects strings while a table is built.
#[derive(Debug, Default)]
pub(crate) struct StringsBuilder {
    ids: HashMap<Box<[u8]>, StringId, foldhash::fast::FixedState>,
}

/// Finished text: the sections, and where each provisional number went.
pub(crate) struct Strings {
    pub offsets: Vec<u8>,
    pub text: Vec<u8>,
    final_ids: Vec<StringId>,
}

impl StringsBuilder {
    pub fn add(&mut self, text: &[u8]) -> StringId {
        if let Some(id) = self.ids.get(text) {
            return *id;
        }
        // The 32-bit space cannot run out before memory limits of the parsers do; `finish` checks it.
        let id = StringId::try_from(self.ids.len()).unwrap_or(NONE);
        self.ids.insert(text.into(), id);
        id
    }

    pub fn add_optional(&mut self, text: Option<&[u8]>) -> StringId {
        text.map_or(NONE, |text| self.add(text))
    }

    /// Sorts the text, so that comparing numbers is comparing strings and the file depends on content alone.
    pub fn finish(self) -> Result<Strings, IndexError> {
        let mut entries: Vec<(Box<[u8]>, StringId)> = self.ids.into_iter().collect();
        if entries.len() >= NONE as usize {
            return Err(IndexError::TooMany { what: "strings" });
        }
        entries.sort_unstable();
        let mut final_ids = vec![NONE; entries.len()];
        let mut offsets = Vec::with_capacity((entries.len() + 1) * 4);
        let mut text = Vec::new();
        for (rank, (string, provisional)) in entries.iter().enumerate() {
            let too_many = |_| IndexError::TooMany {
                what: "bytes of text",
            };
            offsets.extend_from_slice(&u32::try_from(text.len()).map_err(too_many)?.to_le_bytes());
            text.extend_from_slice(string);
            if let (Some(slot), Ok(rank)) = (
                final_ids.get_mut(*provisional as usize),
                u32::try_from(rank),
            ) {
                *slot = rank;
            }
        }
        let end = u32::try_from(text.len()).map_err(|_| IndexError::TooMany {
            what: "bytes of text",
        })?;
        offsets.extend_from_slice(&end.to_le_bytes());
        Ok(Strings {
            offsets,
            text,
            final_ids,
        })
    }
}

impl Strings {
    /// The text of a final number; empty for a number that is none.
    pub fn bytes(&self, id: StringId) -> &[u8] {
        StringsRef::open(&self.offsets, &self.text)
            .ok()
            .and_then(|strings| strings.bytes(id))
            .unwrap_or_default()
    }

    /// The number a provisional number became.
    pub fn id(&self, provisional: StringId) -> StringId {
        self.final_ids
            .get(provisional as usize)
            .copied()
            .unwrap_or(NONE)
    }
}

/// Text of a finished table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StringsRef<'a> {
    offsets: &'a [U32],
    text: &'a [u8],
}

impl<'a> StringsRef<'a> {
    pub fn open(offsets: &'a [u8], text: &'a [u8]) -> Result<Self, IndexError> {
        Ok(Self {
            offsets: layout::rows(offsets, "the string offsets")?,
            text,
        })
    }

    pub fn bytes(&self, id: StringId) -> Option<&'a [u8]> {
        let id = id as usize;
        let start = self.offsets.get(id)?.get() as usize;
        let end = self.offsets.get(id.checked_add(1)?)?.get() as usize;
        self.text.get(start..end)
    }

    pub fn text(&self, id: StringId) -> Option<&'a str> {
        std::str::from_utf8(self.bytes(id)?).ok()
    }
}
