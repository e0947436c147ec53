//! Opens a publisher's file whatever it is packed with, and bounds what comes out.
//!
//! The packing is told by the first bytes, never by the file's name: mirrors and proxies unpack and rename.

use super::error::OverLimit;
use super::{ErrorKind, Input, Limits, ParseError, Place, tar};
use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read, SeekFrom};
use std::rc::Rc;

/// An opened file.
pub enum Opened<'a> {
    /// One stream of bytes, unpacked.
    Stream(Stream<'a>),
    /// A zip archive.
    Zip(Box<zip::ZipArchive<&'a mut dyn Input>>),
}

/// Unpacked bytes within the limits.
pub struct Stream<'a> {
    /// The bytes.
    pub reader: BufReader<Box<dyn Read + 'a>>,
    /// To be called at the start of each record: the record's bound counts from there.
    pub mark: Mark,
}

/// Bytes read since the last record began.
#[derive(Debug, Clone, Default)]
pub struct Mark(Rc<Cell<u64>>);

impl Mark {
    /// A new record begins.
    pub fn record(&self) {
        self.0.set(0);
    }
}

/// Opens `input`, which may be plain or packed by gzip, xz, bzip2, zstd or zip.
///
/// # Errors
/// The file cannot be read, is empty, or the packing's own header is damaged.
pub fn open<'a>(input: &'a mut dyn Input, limits: &Limits) -> Result<Opened<'a>, ParseError> {
    let failed = |error: &io::Error| ParseError::read(Place::Start, error);
    input.seek(SeekFrom::Start(0)).map_err(|e| failed(&e))?;
    let mut magic = Vec::with_capacity(6);
    (&mut *input)
        .take(6)
        .read_to_end(&mut magic)
        .map_err(|e| failed(&e))?;
    input.seek(SeekFrom::Start(0)).map_err(|e| failed(&e))?;
    if magic.starts_with(b"PK\x03\x04") || magic.starts_with(b"PK\x05\x06") {
        let archive = zip::ZipArchive::new(input).map_err(|e| zip_error(Place::Start, &e))?;
        if archive.len() as u64 > limits.members_max {
            let cause = format!(
                "{} members in the archive, over {}",
                archive.len(),
                limits.members_max
            );
            return Err(ParseError::new(ErrorKind::TooLarge, Place::Start, cause));
        }
        return Ok(Opened::Zip(Box::new(archive)));
    }
    let packed = Rc::new(Cell::new(0));
    let counted = BufReader::with_capacity(
        64 << 10,
        Counted {
            inner: input,
            count: Rc::clone(&packed),
        },
    );
    let plain: Box<dyn Read + 'a> = match magic.as_slice() {
        [] => {
            return Err(ParseError::new(
                ErrorKind::Truncated,
                Place::Start,
                "the file is empty",
            ));
        }
        [0x1f, 0x8b, ..] => Box::new(flate2::bufread::MultiGzDecoder::new(counted)),
        [0xfd, b'7', b'z', b'X', b'Z', 0] => Box::new(lzma_rust2::XzReader::new_mem_limit(
            counted,
            true,
            128 << 10,
        )),
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => {
            Box::new(bzip2::bufread::MultiBzDecoder::new(counted))
        }
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Box::new(ZstdFrames {
            source: Some(counted),
            frame: None,
        }),
        _ => Box::new(counted),
    };
    let mark = Mark::default();
    let bounded = Bounded {
        inner: plain,
        unpacked: 0,
        packed,
        mark: mark.clone(),
        limits: limits.clone(),
    };
    Ok(Opened::Stream(Stream {
        reader: BufReader::with_capacity(64 << 10, Box::new(bounded)),
        mark,
    }))
}

/// Opens a file that must be one stream, not an archive.
pub(super) fn stream<'a>(
    input: &'a mut dyn Input,
    limits: &Limits,
) -> Result<Stream<'a>, ParseError> {
    match open(input, limits)? {
        Opened::Stream(stream) => Ok(stream),
        Opened::Zip(_) => Err(ParseError::new(
            ErrorKind::NotTheFormat,
            Place::Start,
            "a zip archive where one file is expected",
        )),
    }
}

/// Takes a member's name and its bytes, or why they cannot be had.
pub(super) type EachMember<'a> = dyn FnMut(&str, Result<&[u8], String>) + 'a;

/// Calls `each` for the members that `wanted` accepts by name, in the archive's order; false if it is no archive.
///
/// A member is held in memory one at a time and bounded by [`Limits::record_bytes_max`]; a longer one, like a damaged
/// one, is an error of its own that `each` receives.
pub(super) fn members(
    opened: &mut Opened<'_>,
    limits: &Limits,
    wanted: &dyn Fn(&str) -> bool,
    each: &mut EachMember<'_>,
) -> Result<bool, ParseError> {
    match opened {
        Opened::Zip(archive) => zip_members(archive, limits, wanted, each).map(|()| true),
        Opened::Stream(stream) => {
            if !starts_with_tar(stream)? {
                return Ok(false);
            }
            tar::members(stream, limits, wanted, each).map(|()| true)
        }
    }
}

/// Whether a tar header stands at the start (`ustar` at byte 257, POSIX.1-1988). Needs 512 bytes in the buffer at
/// once, which decoders may give in pieces, so the buffer is refilled by chaining.
fn starts_with_tar(stream: &mut Stream<'_>) -> Result<bool, ParseError> {
    let mut head = Vec::with_capacity(512);
    stream
        .reader
        .by_ref()
        .take(512)
        .read_to_end(&mut head)
        .map_err(|e| ParseError::read(Place::Start, &e))?;
    let is_tar = head.get(257..262) == Some(b"ustar");
    let rest = std::mem::replace(&mut stream.reader, BufReader::new(Box::new(io::empty())));
    stream.reader = BufReader::with_capacity(64 << 10, Box::new(io::Cursor::new(head).chain(rest)));
    Ok(is_tar)
}

fn zip_members(
    archive: &mut zip::ZipArchive<&mut dyn Input>,
    limits: &Limits,
    wanted: &dyn Fn(&str) -> bool,
    each: &mut EachMember<'_>,
) -> Result<(), ParseError> {
    let mut bytes = Vec::new();
    let mut unpacked = 0_u64;
    for index in 0..archive.len() {
        let opened = archive.by_index(index);
        let named = opened.and_then(|member| Ok((member.name()?.into_owned(), member)));
        let (name, member) = match named {
            Ok(named) => named,
            Err(zip::result::ZipError::Io(error)) => {
                return Err(ParseError::read(
                    Place::Record(format!("member {index}")),
                    &error,
                ));
            }
            // Encrypted, or packed in a way that no publisher uses.
            Err(error) => {
                each(&format!("member {index}"), Err(error.to_string()));
                continue;
            }
        };
        if !member.is_file() || !wanted(&name) {
            continue;
        }
        // The sizes in the archive are claims: the bytes are counted, not believed.
        let packed = member.compressed_size().max(1);
        let of_ratio = packed
            .saturating_mul(limits.ratio_max)
            .max(limits.ratio_floor_bytes);
        let room = limits.record_bytes_max.min(of_ratio);
        bytes.clear();
        let outcome = member.take(room.saturating_add(1)).read_to_end(&mut bytes);
        unpacked = unpacked.saturating_add(bytes.len() as u64);
        if unpacked > limits.unpacked_bytes_max {
            let cause = format!("unpacked bytes over {}", limits.unpacked_bytes_max);
            return Err(ParseError::new(
                ErrorKind::TooLarge,
                Place::Record(name),
                cause,
            ));
        }
        match outcome {
            Ok(_) if bytes.len() as u64 > of_ratio => {
                let cause = format!("unpacks to more than {} times its size", limits.ratio_max);
                return Err(ParseError::new(
                    ErrorKind::TooLarge,
                    Place::Record(name),
                    cause,
                ));
            }
            Ok(_) if bytes.len() as u64 > room => {
                each(&name, Err(format!("member over {room} bytes")))
            }
            Ok(_) => each(&name, Ok(&bytes)),
            Err(error) => each(&name, Err(error.to_string())),
        }
    }
    Ok(())
}

fn zip_error(place: Place, error: &zip::result::ZipError) -> ParseError {
    match error {
        zip::result::ZipError::Io(io) => ParseError::read(place, io),
        other => ParseError::new(
            ErrorKind::Unreadable,
            place,
            format!("zip archive: {other}"),
        ),
    }
}

/// Counts the bytes that a decoder takes.
struct Counted<'a> {
    inner: &'a mut dyn Input,
    count: Rc<Cell<u64>>,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.count.set(self.count.get().saturating_add(read as u64));
        Ok(read)
    }
}

/// Stops at the limits.
struct Bounded<'a> {
    inner: Box<dyn Read + 'a>,
    unpacked: u64,
    packed: Rc<Cell<u64>>,
    mark: Mark,
    limits: Limits,
}

impl Read for Bounded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.unpacked = self.unpacked.saturating_add(read as u64);
        let record = self.mark.0.get().saturating_add(read as u64);
        self.mark.0.set(record);
        let limits = &self.limits;
        let over = |what, limit| Err(OverLimit { what, limit }.into());
        if self.unpacked > limits.unpacked_bytes_max {
            return over("unpacked bytes", limits.unpacked_bytes_max);
        }
        if self.unpacked > limits.ratio_floor_bytes
            && self.unpacked / self.packed.get().max(1) > limits.ratio_max
        {
            return over("unpacked to packed ratio", limits.ratio_max);
        }
        // The buffer above reads ahead, so a record may seem longer than it is by one buffer.
        if record > limits.record_bytes_max.saturating_add(128 << 10) {
            return over("bytes of one record", limits.record_bytes_max);
        }
        Ok(read)
    }
}

type ZstdFrame<'a> =
    ruzstd::decoding::StreamingDecoder<BufReader<Counted<'a>>, ruzstd::decoding::FrameDecoder>;

/// A zstd file may have several frames; the decoder knows one.
struct ZstdFrames<'a> {
    source: Option<BufReader<Counted<'a>>>,
    frame: Option<ZstdFrame<'a>>,
}

impl Read for ZstdFrames<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(frame) = &mut self.frame {
                let read = frame.read(buffer)?;
                if read > 0 || buffer.is_empty() {
                    return Ok(read);
                }
            }
            if let Some(ended) = self.frame.take() {
                self.source = Some(ended.into_inner());
            }
            let Some(mut source) = self.source.take() else {
                return Ok(0);
            };
            if source.fill_buf()?.is_empty() {
                self.source = Some(source);
                return Ok(0);
            }
            let frame = ZstdFrame::new(source)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
            self.frame = Some(frame);
        }
    }
}
