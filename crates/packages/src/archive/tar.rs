//! A small tar reader for repository indexes: regular files in order, everything else passed over.
//!
//! POSIX.1-1988 ustar, with the two ways to write a longer name: GNU's `L` member, and the `path` record of a pax
//! header (POSIX.1-2001). apk's indexes are several tars in a row without the end-of-archive blocks between them, so zero blocks are skipped rather
//! than taken as the end.

use std::io::{self, Read};

const BLOCK: usize = 512;
/// Longest member that holds another one's name.
const NAME_BYTES: u64 = 64 << 10;

/// One regular file of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TarEntry {
    /// Path as written, prefix included.
    pub name: String,
    /// Size in bytes.
    pub size: u64,
}

/// Reads the entries of a tar stream.
#[derive(Debug)]
pub struct TarReader<R> {
    inner: R,
    /// Content bytes of the current entry that were not read yet.
    left: u64,
    padding: u64,
}

impl<R: Read> TarReader<R> {
    /// Starts at the beginning of an archive.
    pub fn new(inner: R) -> Self {
        Self {
            inner,
            left: 0,
            padding: 0,
        }
    }

    /// Goes to the next regular file; what was not read of the one before is passed over.
    ///
    /// # Errors
    /// When the stream fails or ends inside an entry, or a header's checksum does not hold.
    pub fn next_file(&mut self) -> io::Result<Option<TarEntry>> {
        let mut long_name = None;
        loop {
            self.skip(self.left + self.padding)?;
            (self.left, self.padding) = (0, 0);
            let mut block = [0; BLOCK];
            match read_block(&mut self.inner, &mut block)? {
                0 => return Ok(None),
                BLOCK => {}
                _ => return Err(damaged("it ends inside a header")),
            }
            if block.iter().all(|byte| *byte == 0) {
                continue;
            }
            let header = Header(&block);
            if !header.checksum_holds() {
                return Err(damaged("a header's checksum does not hold"));
            }
            let size = header
                .octal(124, 12)
                .ok_or_else(|| damaged("a size is no number"))?;
            self.left = size;
            self.padding = size.next_multiple_of(BLOCK as u64) - size;
            match header.field(156, 1) {
                [b'0' | 0] => {
                    let name = long_name.unwrap_or_else(|| header.name());
                    return Ok(Some(TarEntry { name, size }));
                }
                [b'L'] => long_name = Some(until_nul(&self.read_file(NAME_BYTES)?)),
                [b'x'] => long_name = pax_path(&self.read_file(NAME_BYTES)?),
                // A folder or link takes the long name that stood before it.
                _ => long_name = None,
            }
        }
    }

    /// Reads the rest of the current file, at most `limit` bytes of it.
    ///
    /// # Errors
    /// When the stream fails or ends early, or the file is larger than `limit`.
    pub fn read_file(&mut self, limit: u64) -> io::Result<Vec<u8>> {
        if self.left > limit {
            return Err(damaged("a file in it is larger than the limit"));
        }
        let mut bytes = Vec::new();
        let want = self.left;
        self.read_to_end(&mut bytes)?;
        if (bytes.len() as u64) < want {
            return Err(damaged("it ends inside a file"));
        }
        Ok(bytes)
    }

    fn skip(&mut self, bytes: u64) -> io::Result<()> {
        let skipped = io::copy(&mut self.inner.by_ref().take(bytes), &mut io::sink())?;
        if skipped < bytes {
            Err(damaged("it ends inside a file"))
        } else {
            Ok(())
        }
    }
}

/// Gives the content of the current file.
impl<R: Read> Read for TarReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.by_ref().take(self.left).read(buffer)?;
        if read == 0 && self.left > 0 && !buffer.is_empty() {
            return Err(damaged("it ends inside a file"));
        }
        self.left -= read as u64;
        Ok(read)
    }
}

fn until_nul(bytes: &[u8]) -> String {
    let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
    String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned()
}

/// The `path` of pax records, each `LENGTH KEY=VALUE` and a line feed, the length counting the whole record.
fn pax_path(mut records: &[u8]) -> Option<String> {
    while let Some(space) = memchr::memchr(b' ', records) {
        let length: usize = std::str::from_utf8(records.get(..space)?)
            .ok()?
            .parse()
            .ok()?;
        let record = records.get(space + 1..length.checked_sub(1)?)?;
        if let Some(path) = record.strip_prefix(b"path=") {
            return Some(String::from_utf8_lossy(path).into_owned());
        }
        records = records.get(length..)?;
    }
    None
}

fn damaged(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

fn read_block(reader: &mut impl Read, block: &mut [u8; BLOCK]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = block.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

struct Header<'a>(&'a [u8; BLOCK]);

impl Header<'_> {
    fn field(&self, offset: usize, length: usize) -> &[u8] {
        self.0.get(offset..offset + length).unwrap_or_default()
    }

    fn text(&self, offset: usize, length: usize) -> String {
        until_nul(self.field(offset, length))
    }

    fn octal(&self, offset: usize, length: usize) -> Option<u64> {
        let text = self.text(offset, length);
        u64::from_str_radix(text.trim(), 8).ok()
    }

    fn name(&self) -> String {
        let name = self.text(0, 100);
        let prefix = self.text(345, 155);
        if prefix.is_empty() || !self.field(257, 5).eq(b"ustar") {
            name
        } else {
            format!("{prefix}/{name}")
        }
    }

    /// The sum of all bytes, those of the checksum taken as spaces.
    fn checksum_holds(&self) -> bool {
        let sum: u64 = self.0.iter().map(|byte| u64::from(*byte)).sum();
        let own: u64 = self.field(148, 8).iter().map(|byte| u64::from(*byte)).sum();
        self.octal(148, 8) == Some(sum - own + 8 * u64::from(b' '))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One member as ustar writes it.
    pub fn member(name: &str, content: &[u8]) -> Vec<u8> {
        let mut block = [0; BLOCK];
        block[..name.len()].copy_from_slice(name.as_bytes());
        block[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        block[156] = b'0';
        block[257..263].copy_from_slice(b"ustar\0");
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        let mut out = block.to_vec();
        out.extend(content);
        out.resize(out.len().next_multiple_of(BLOCK), 0);
        out
    }

    #[test]
    fn tars_in_a_row_are_one_stream() {
        let mut stream = member("first", b"abc");
        stream.extend([0; 1024]);
        stream.extend(member("dir/second", &[7; 600]));
        let mut tar = TarReader::new(&stream[..]);
        assert_eq!(tar.next_file().unwrap().unwrap().name, "first");
        assert_eq!(tar.next_file().unwrap().unwrap().name, "dir/second");
        assert_eq!(tar.read_file(1000).unwrap(), vec![7; 600]);
        assert_eq!(tar.next_file().unwrap(), None);
    }

    /// As [`member`] with another type.
    fn typed(kind: u8, name: &str, content: &[u8]) -> Vec<u8> {
        let mut out = member(name, content);
        out[156] = kind;
        out[148..156].fill(b' ');
        let sum: u32 = out[..BLOCK].iter().map(|byte| u32::from(*byte)).sum();
        out[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        out
    }

    #[test]
    fn long_names_are_read_in_both_ways_of_writing_them() {
        let long = "d/".repeat(100) + "desc";
        let record = format!("path={long}\n");
        let pax = format!("20 ctime=1234567890\n{} {record}", record.len() + 4);
        for (kind, content) in [(b'L', format!("{long}\0")), (b'x', pax)] {
            let mut stream = typed(kind, "head", content.as_bytes());
            stream.extend(member("cut-name", b"abc"));
            stream.extend(member("next", b""));
            let mut tar = TarReader::new(&stream[..]);
            assert_eq!(tar.next_file().unwrap().unwrap().name, long);
            assert_eq!(tar.read_file(9).unwrap(), b"abc");
            assert_eq!(tar.next_file().unwrap().unwrap().name, "next");
        }
        assert_eq!(pax_path(b"99 path=x\n"), None);
        assert_eq!(pax_path(b"0 "), None);
    }

    #[test]
    fn damage_is_an_error() {
        let whole = member("name", b"abc");
        for cut in [1, 511, 513, 700] {
            let mut tar = TarReader::new(&whole[..cut]);
            let outcome = tar
                .next_file()
                .and_then(|_| tar.read_file(100))
                .and_then(|_| tar.next_file());
            assert!(outcome.is_err(), "cut at {cut}");
        }
        let mut flipped = whole;
        flipped[0] ^= 1;
        assert!(TarReader::new(&flipped[..]).next_file().is_err());
    }

    #[test]
    fn a_member_larger_than_the_limit_is_refused() {
        let stream = member("name", &[1; 100]);
        let mut tar = TarReader::new(&stream[..]);
        tar.next_file().unwrap();
        assert!(tar.read_file(99).is_err());
    }
}
