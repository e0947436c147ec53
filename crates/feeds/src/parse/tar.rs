//! A reader of tar archives, as GitHub and Canonical pack their records (POSIX.1-1988 ustar, GNU and pax long names).
//!
//! Own and small: members are only read into memory, never written to a disk, so links, owners and modes do not matter.

use super::unpack::{EachMember, Stream};
use super::{ErrorKind, Limits, ParseError, Place};
use std::io::{self, Read};

const BLOCK: u64 = 512;

pub(super) fn members(
    stream: &mut Stream<'_>,
    limits: &Limits,
    wanted: &dyn Fn(&str) -> bool,
    each: &mut EachMember<'_>,
) -> Result<(), ParseError> {
    let mut bytes = Vec::new();
    let mut long_name: Option<String> = None;
    let mut at = 0_u64;
    let mut count = 0_u64;
    loop {
        stream.mark.record();
        let mut header = [0_u8; BLOCK as usize];
        if !read_block(&mut stream.reader, &mut header)
            .map_err(|e| ParseError::read(Place::Byte(at), &e))?
        {
            return Err(ParseError::new(
                ErrorKind::Truncated,
                Place::Byte(at),
                "tar archive without its end",
            ));
        }
        if header.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
        count += 1;
        if count > limits.members_max {
            let cause = format!("more than {} members in the archive", limits.members_max);
            return Err(ParseError::new(ErrorKind::TooLarge, Place::Byte(at), cause));
        }
        let size = header.get(124..136).and_then(number).ok_or_else(|| {
            ParseError::new(
                ErrorKind::Unreadable,
                Place::Byte(at),
                "tar header without a valid size",
            )
        })?;
        let kind = header.get(156).copied().unwrap_or(0);
        let name = long_name.take().unwrap_or_else(|| plain_name(&header));
        let is_name = matches!(kind, b'L' | b'x');
        let is_file = matches!(kind, b'0' | 0);
        let keep = is_name || (is_file && wanted(&name));
        let fits = size <= limits.record_bytes_max;
        let padded = size.div_ceil(BLOCK).saturating_mul(BLOCK);
        let failed = |e: &io::Error| ParseError::read(Place::Record(name.clone()), e);
        bytes.clear();
        if keep && fits {
            stream
                .reader
                .by_ref()
                .take(size)
                .read_to_end(&mut bytes)
                .map_err(|e| failed(&e))?;
            skip(stream, padded - size).map_err(|e| failed(&e))?;
            if bytes.len() as u64 != size {
                return Err(ParseError::new(
                    ErrorKind::Truncated,
                    Place::Record(name),
                    "tar member cut off",
                ));
            }
        } else {
            skip(stream, padded).map_err(|e| failed(&e))?;
        }
        at = at.saturating_add(BLOCK).saturating_add(padded);
        match kind {
            b'L' => long_name = Some(until_nul(&bytes)),
            b'x' => long_name = pax_path(&bytes),
            _ if keep && fits => each(&name, Ok(&bytes)),
            _ if keep => each(
                &name,
                Err(format!("member over {} bytes", limits.record_bytes_max)),
            ),
            _ => {}
        }
    }
}

/// Reads one block; false at a clean end of the stream.
fn read_block(reader: &mut dyn Read, block: &mut [u8]) -> io::Result<bool> {
    let mut filled = 0;
    while let Some(rest) = block.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest)? {
            0 if filled == 0 => return Ok(false),
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => filled += read,
        }
    }
    Ok(true)
}

fn skip(stream: &mut Stream<'_>, mut bytes: u64) -> io::Result<()> {
    let mut waste = [0_u8; 8192];
    while bytes > 0 {
        stream.mark.record();
        let want = usize::try_from(bytes.min(waste.len() as u64)).unwrap_or(waste.len());
        let read = stream
            .reader
            .read(waste.get_mut(..want).unwrap_or_default())?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes -= read as u64;
    }
    Ok(())
}

/// Octal digits, or GNU's base 256 with the top bit set.
fn number(field: &[u8]) -> Option<u64> {
    if field.first()? & 0x80 != 0 {
        let (high, low) = field.split_at_checked(field.len().checked_sub(8)?)?;
        let empty = high.iter().skip(1).all(|byte| *byte == 0) && high.first() == Some(&0x80);
        let value = u64::from_be_bytes(low.try_into().ok()?);
        return empty.then_some(value);
    }
    let text = std::str::from_utf8(field).ok()?;
    let digits = text.trim_matches(['\0', ' ']);
    if digits.is_empty() {
        Some(0)
    } else {
        u64::from_str_radix(digits, 8).ok()
    }
}

fn plain_name(header: &[u8]) -> String {
    let name = until_nul(header.get(..100).unwrap_or_default());
    let prefix = match header.get(257..263) {
        Some(b"ustar\0") => until_nul(header.get(345..500).unwrap_or_default()),
        _ => String::new(),
    };
    if prefix.is_empty() {
        name
    } else {
        format!("{prefix}/{name}")
    }
}

fn until_nul(bytes: &[u8]) -> String {
    let end = bytes
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(bytes.len());
    String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned()
}

/// `path` of a pax header: records `LENGTH KEY=VALUE\n`.
fn pax_path(bytes: &[u8]) -> Option<String> {
    String::from_utf8_lossy(bytes).lines().find_map(|line| {
        line.split_once(' ')?
            .1
            .strip_prefix("path=")
            .map(str::to_owned)
    })
}
