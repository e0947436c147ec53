//! Decompression by magic number, with a limit on what comes out.

use std::io::{self, BufRead, BufReader, Read};

/// Largest window a zstd frame may ask for; `--long=27`, the most that decoders take by default.
const ZSTD_WINDOW_BYTES: u64 = 128 << 20;
/// Most memory an xz decoder may take, in KiB; the dictionary of `xz -9` is 64 MiB.
const XZ_MEMORY_KIB: u32 = 96 << 10;

/// A reader that fails, rather than ends, after `limit` bytes.
#[derive(Debug)]
pub struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R> Bounded<R> {
    /// Allows `limit` bytes.
    pub fn new(inner: R, limit: u64) -> Self {
        Self { inner, left: limit }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.left = self
            .left
            .checked_sub(read as u64)
            .ok_or_else(|| io::Error::other("it unpacks to more than the limit"))?;
        Ok(read)
    }
}

/// The plain bytes of `source`, whatever it is compressed with, at most `limit` of them.
///
/// gzip (all members), xz and bzip2 (all streams) and zstd (all frames) are known by their first bytes; anything else
/// is passed through.
///
/// # Errors
/// When the first bytes cannot be read or a frame header is damaged; later reads fail on damage or past the limit.
pub fn decoded<'a>(source: impl Read + 'a, limit: u64) -> io::Result<Bounded<Box<dyn Read + 'a>>> {
    let mut source = BufReader::with_capacity(64 << 10, source);
    let reader: Box<dyn Read + 'a> = match magic(&mut source)? {
        [0x1f, 0x8b, ..] => Box::new(flate2::bufread::MultiGzDecoder::new(source)),
        [0xfd, b'7', b'z', b'X', b'Z', 0] => Box::new(lzma_rust2::XzReader::new_mem_limit(
            source,
            true,
            XZ_MEMORY_KIB,
        )),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Box::new(ZstdFrames {
            state: Frames::Between(source),
        }),
        [b'B', b'Z', b'h', ..] => Box::new(bzip2::bufread::MultiBzDecoder::new(source)),
        _ => Box::new(source),
    };
    Ok(Bounded::new(reader, limit))
}

/// The first six bytes, zeros where there are fewer, without taking them from the stream.
fn magic(source: &mut impl BufRead) -> io::Result<[u8; 6]> {
    let mut first = [0; 6];
    for (to, from) in first.iter_mut().zip(source.fill_buf()?) {
        *to = *from;
    }
    Ok(first)
}

/// All frames of a zstd file, one after the other; the decoder itself knows one.
struct ZstdFrames<R: BufRead> {
    state: Frames<R>,
}

enum Frames<R: BufRead> {
    Between(R),
    Inside(Box<ruzstd::decoding::StreamingDecoder<R, ruzstd::decoding::FrameDecoder>>),
    Done,
}

impl<R: BufRead> Read for ZstdFrames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            match std::mem::replace(&mut self.state, Frames::Done) {
                Frames::Between(mut source) => {
                    if source.fill_buf()?.is_empty() {
                        return Ok(0);
                    }
                    let decoder = ruzstd::decoding::StreamingDecoder::new_with_max_window_size(
                        source,
                        ZSTD_WINDOW_BYTES,
                    )
                    .map_err(io::Error::other)?;
                    self.state = Frames::Inside(Box::new(decoder));
                }
                Frames::Inside(mut decoder) => {
                    let read = decoder.read(buffer)?;
                    if read > 0 {
                        self.state = Frames::Inside(decoder);
                        return Ok(read);
                    }
                    self.state = Frames::Between(decoder.into_inner());
                }
                Frames::Done => return Ok(0),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn all_members_of_a_gzip_are_read() {
        let mut file = gzip(b"one ");
        file.extend(gzip(b"two"));
        let mut text = String::new();
        decoded(&file[..], 100)
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "one two");
    }

    #[test]
    fn all_frames_of_a_zstd_are_read() {
        let frame = |bytes: &[u8]| {
            ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
        };
        let mut file = frame(b"one ");
        file.extend(frame(b"two"));
        let mut text = String::new();
        decoded(&file[..], 100)
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "one two");
    }

    #[test]
    fn a_bomb_costs_its_limit() {
        let bomb = gzip(&vec![0; 10 << 20]);
        let mut out = Vec::new();
        assert!(
            decoded(&bomb[..], 1 << 20)
                .unwrap()
                .read_to_end(&mut out)
                .is_err()
        );
        assert!(out.len() <= 2 << 20);
    }

    #[test]
    fn a_cut_file_is_an_error() {
        let whole = gzip(
            &(0..100_000u32)
                .flat_map(u32::to_le_bytes)
                .collect::<Vec<_>>(),
        );
        let mut out = Vec::new();
        assert!(
            decoded(&whole[..whole.len() / 2], 1 << 30)
                .unwrap()
                .read_to_end(&mut out)
                .is_err()
        );
    }
}
