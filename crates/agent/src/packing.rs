//! Bodies of requests: zstd above a size where it pays.

use ruzstd::encoding::{CompressionLevel, compress_to_vec};

/// Smaller bodies go as they are: a header of HTTP would outweigh what is saved.
const PLAIN_BYTES: usize = 1024;

/// A body and whether it is packed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Packed {
    pub bytes: Vec<u8>,
    pub zstd: bool,
}

pub(crate) fn pack(bytes: Vec<u8>) -> Packed {
    if bytes.len() <= PLAIN_BYTES {
        return Packed { bytes, zstd: false };
    }
    Packed {
        bytes: compress_to_vec(bytes.as_slice(), CompressionLevel::Fastest),
        zstd: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn only_what_is_large_is_packed_and_it_comes_back() {
        assert_eq!(
            pack(b"{}".to_vec()),
            Packed {
                bytes: b"{}".to_vec(),
                zstd: false
            }
        );
        let lines: String = (0..2000)
            .map(|n| format!("{{\"name\":\"package-{n}\"}}\n"))
            .collect();
        let packed = pack(lines.clone().into_bytes());
        assert!(
            packed.zstd && packed.bytes.len() < lines.len() / 3,
            "{}",
            packed.bytes.len()
        );
        let mut back = String::new();
        ruzstd::decoding::StreamingDecoder::new(packed.bytes.as_slice())
            .unwrap()
            .read_to_string(&mut back)
            .unwrap();
        assert_eq!(back, lines);
    }
}
