//! As much of ELF as finding one section takes: 32 and 64 bit, both byte orders.
//!
//! System V ABI (gABI), chapter 4, "ELF Header", "Sections" and "Program Header". Every number comes from outside and
//! is checked where it is used; nothing is mapped, and what is read has a bound.

use crate::rpm::bytes_at::BytesAt;
use std::io;

/// Most section or program headers; binaries built with one section per function have a few thousand.
const HEADERS_MAX: u64 = 8192;
/// Largest table of section names.
const NAMES_BYTES_MAX: u64 = 1 << 20;

/// Why a file is not an ELF file that can be read.
#[derive(Debug, thiserror::Error)]
pub enum ElfError {
    /// The file system failed, or the file ends early.
    #[error("the file ends early or cannot be read")]
    Read(#[from] io::Error),
    /// The first bytes are those of something else.
    #[error("it is no ELF file")]
    Magic,
    /// A number that no real file has.
    #[error("{what} is out of bounds")]
    Bounds {
        /// Which number.
        what: &'static str,
    },
}

/// A section or a loaded segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// Address in memory.
    pub address: u64,
    /// Place in the file.
    pub offset: u64,
    /// Bytes in the file.
    pub size: u64,
}

/// The parts of an ELF file that were asked for.
#[derive(Debug)]
pub struct Elf<'a, S: ?Sized> {
    source: &'a S,
    /// Whether numbers are stored with the high byte first.
    pub big_endian: bool,
    sections: Vec<(Vec<u8>, Range)>,
    /// Loaded segments, and whether each may be written to.
    segments: Vec<(bool, Range)>,
}

/// Where the fields stand, by class.
struct Layout {
    header: usize,
    program_at: usize,
    section_at: usize,
    counts: usize,
    program_header: u64,
    section_header: u64,
    wide: bool,
}

const ELF32: Layout = Layout {
    header: 52,
    program_at: 28,
    section_at: 32,
    counts: 42,
    program_header: 32,
    section_header: 40,
    wide: false,
};
const ELF64: Layout = Layout {
    header: 64,
    program_at: 32,
    section_at: 40,
    counts: 54,
    program_header: 56,
    section_header: 64,
    wide: true,
};

impl<'a, S: BytesAt + ?Sized> Elf<'a, S> {
    /// Reads headers and section names.
    ///
    /// # Errors
    /// When the file is no ELF file, ends early, or has counts that no real file has.
    pub fn read(source: &'a S) -> Result<Self, ElfError> {
        let mut ident = [0; 16];
        source.read_at(0, &mut ident)?;
        let [0x7f, b'E', b'L', b'F', class, data, ..] = ident else {
            return Err(ElfError::Magic);
        };
        let layout = match class {
            1 => &ELF32,
            2 => &ELF64,
            _ => return Err(ElfError::Magic),
        };
        let big_endian = match data {
            1 => false,
            2 => true,
            _ => return Err(ElfError::Magic),
        };
        let header = Fields {
            bytes: read(source, 0, layout.header as u64)?,
            big_endian,
            wide: layout.wide,
        };
        let count = |at| u64::from(header.half(layout.counts + at));
        let mut elf = Self {
            source,
            big_endian,
            sections: Vec::new(),
            segments: Vec::new(),
        };
        elf.read_segments(layout, header.word(layout.program_at), count(0), count(2))?;
        elf.read_sections(
            layout,
            header.word(layout.section_at),
            (count(4), count(6)),
            count(8),
        )?;
        Ok(elf)
    }

    fn read_segments(
        &mut self,
        layout: &Layout,
        at: u64,
        size: u64,
        count: u64,
    ) -> Result<(), ElfError> {
        if count == 0 || size != layout.program_header || count > HEADERS_MAX {
            return Ok(());
        }
        for bytes in
            read(self.source, at, size * count)?.chunks_exact(layout.program_header as usize)
        {
            let entry = Fields {
                bytes: bytes.to_vec(),
                big_endian: self.big_endian,
                wide: layout.wide,
            };
            // p_flags stands second in ELF64 and second to last in ELF32.
            let (flags, offset, address, size) = if layout.wide {
                (4, 8, 16, 32)
            } else {
                (24, 4, 8, 16)
            };
            if entry.four(0) == 1 {
                let range = Range {
                    address: entry.word(address),
                    offset: entry.word(offset),
                    size: entry.word(size),
                };
                self.segments.push((entry.four(flags) & 2 != 0, range));
            }
        }
        Ok(())
    }

    fn read_sections(
        &mut self,
        layout: &Layout,
        at: u64,
        (size, count): (u64, u64),
        names: u64,
    ) -> Result<(), ElfError> {
        if at == 0 || count == 0 {
            return Ok(());
        }
        if size != layout.section_header || count > HEADERS_MAX {
            return Err(ElfError::Bounds {
                what: "the section table",
            });
        }
        let table = read(self.source, at, size * count)?;
        let mut sections = Vec::new();
        for bytes in table.chunks_exact(layout.section_header as usize) {
            let entry = Fields {
                bytes: bytes.to_vec(),
                big_endian: self.big_endian,
                wide: layout.wide,
            };
            let (address, offset, size) = if layout.wide {
                (16, 24, 32)
            } else {
                (12, 16, 20)
            };
            // SHT_NOBITS has a size but no bytes in the file.
            let size = if entry.four(4) == 8 {
                0
            } else {
                entry.word(size)
            };
            let range = Range {
                address: entry.word(address),
                offset: entry.word(offset),
                size,
            };
            sections.push((entry.four(0), range));
        }
        let (_, names) = usize::try_from(names)
            .ok()
            .and_then(|names| sections.get(names))
            .ok_or(ElfError::Bounds {
                what: "the index of the section names",
            })?;
        if names.size > NAMES_BYTES_MAX {
            return Err(ElfError::Bounds {
                what: "the table of section names",
            });
        }
        let names = read(self.source, names.offset, names.size)?;
        for (at, range) in sections {
            let name = names.get(at as usize..).unwrap_or_default();
            let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
            // The two sections asked for have short names; a long one must not be copied thousands of times.
            if name.len() <= 32 {
                self.sections.push((name.to_vec(), range));
            }
        }
        Ok(())
    }

    /// The section of this name.
    #[must_use]
    pub fn section(&self, name: &str) -> Option<Range> {
        self.sections
            .iter()
            .find(|(own, _)| own == name.as_bytes())
            .map(|(_, range)| *range)
    }

    /// The first loaded segment that may be written to.
    #[must_use]
    pub fn writable_segment(&self) -> Option<Range> {
        self.segments
            .iter()
            .find(|(writable, _)| *writable)
            .map(|(_, range)| *range)
    }

    /// `size` bytes from a place in the file.
    ///
    /// # Errors
    /// When the file ends before; nothing is allocated then.
    pub fn bytes(&self, offset: u64, size: u64) -> Result<Vec<u8>, ElfError> {
        read(self.source, offset, size)
    }

    /// `size` bytes from an address in memory, as the loader would place them.
    ///
    /// # Errors
    /// When no segment holds all of them.
    pub fn bytes_at_address(&self, address: u64, size: u64) -> Result<Vec<u8>, ElfError> {
        let place = self.segments.iter().find_map(|(_, range)| {
            let within = address.checked_sub(range.address)?;
            (within.checked_add(size)? <= range.size).then(|| range.offset.checked_add(within))?
        });
        self.bytes(place.ok_or(ElfError::Bounds { what: "an address" })?, size)
    }
}

/// Reads after a look at the file's size, so that a wrong size cannot ask for memory.
fn read<S: BytesAt + ?Sized>(source: &S, offset: u64, size: u64) -> Result<Vec<u8>, ElfError> {
    let end = offset
        .checked_add(size)
        .ok_or(ElfError::Bounds { what: "an offset" })?;
    if end > source.size()? {
        return Err(ElfError::Read(io::ErrorKind::UnexpectedEof.into()));
    }
    let mut bytes =
        vec![0; usize::try_from(size).map_err(|_| ElfError::Bounds { what: "a size" })?];
    source.read_at(offset, &mut bytes)?;
    Ok(bytes)
}

/// Numbers of a header by offset; beyond its end they are zero.
struct Fields {
    bytes: Vec<u8>,
    big_endian: bool,
    wide: bool,
}

impl Fields {
    fn number(&self, at: usize, size: usize) -> u64 {
        number(
            self.bytes.get(at..at + size).unwrap_or_default(),
            self.big_endian,
        )
    }

    fn half(&self, at: usize) -> u16 {
        self.number(at, 2) as u16
    }

    fn four(&self, at: usize) -> u32 {
        self.number(at, 4) as u32
    }

    /// A number as wide as an address.
    fn word(&self, at: usize) -> u64 {
        self.number(at, if self.wide { 8 } else { 4 })
    }
}

/// Up to eight bytes as a number.
pub(super) fn number(bytes: &[u8], big_endian: bool) -> u64 {
    let add = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
    if big_endian {
        bytes.iter().fold(0, add)
    } else {
        bytes.iter().rev().fold(0, add)
    }
}
