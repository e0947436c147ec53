//! A JSON document from outside: from untrusted bytes to text that is safe to hand to a parser.
//!
//! `sbom` and `inventory` both begin here, so size, compression, encoding and nesting are judged once and told with
//! the same words.

use crate::archive;
use std::borrow::Cow;
use std::io::Read;

/// Largest document in bytes, unpacked; a bill of materials of a large image with all its files has 100 MB.
pub const DOCUMENT_BYTES_MAX: u64 = 256 << 20;
/// Deepest nesting of arrays and objects; the parser itself stops at 128.
pub const DEPTH_MAX: usize = 120;

/// Why a document cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// Larger than the limit.
    #[error("it is larger than the limit of {DOCUMENT_BYTES_MAX} bytes")]
    TooLarge,
    /// It is compressed and damaged, or unpacks to more than the limit.
    #[error("it cannot be decompressed")]
    Compression(#[source] std::io::Error),
    /// The bytes are no UTF-8.
    #[error("it is not text in UTF-8: {what}")]
    Encoding {
        /// What they are.
        what: String,
    },
    /// Arrays or objects in each other beyond the limit.
    #[error("it is nested deeper than {DEPTH_MAX} levels at line {line}")]
    TooDeep {
        /// Line, counted from 1.
        line: usize,
    },
    /// No JSON, or not what its format says.
    #[error("line {line}, column {column}: {why}")]
    Json {
        /// Line, counted from 1.
        line: usize,
        /// Column, counted from 1.
        column: usize,
        /// What is wrong.
        why: String,
    },
    /// A value that the format does not allow.
    #[error("{place}: {why}")]
    Value {
        /// Where in the document, such as `packages[3].name`.
        place: String,
        /// What is wrong.
        why: String,
    },
    /// Another kind of document.
    #[error("it is {what}, not {wanted}")]
    Other {
        /// What it seems to be.
        what: &'static str,
        /// What was asked for.
        wanted: &'static str,
        /// What to do next.
        hint: &'static str,
    },
    /// The right kind of document in a version that is not read.
    #[error("it is {format} version `{version}`, which is not supported")]
    Version {
        /// Name of the format.
        format: &'static str,
        /// Version as written.
        version: String,
        /// What to do next.
        hint: &'static str,
    },
}

impl DocumentError {
    /// What to do next, where there is something.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Other { hint, .. } | Self::Version { hint, .. } => Some(hint),
            Self::Encoding { .. } => {
                Some("write the file as UTF-8; PowerShell does so with `-Encoding utf8`")
            }
            Self::Compression(_) => Some("decompress the file first, or write it again"),
            Self::TooLarge => Some("leave the file list out of it, or split it by image"),
            Self::Json { .. } | Self::TooDeep { .. } => {
                Some("the file may be cut or damaged; write it again")
            }
            Self::Value { .. } => None,
        }
    }

    /// A parser's error with its place.
    pub(crate) fn json(error: &serde_json::Error) -> Self {
        let text = error.to_string();
        let why = text
            .split(" at line ")
            .next()
            .unwrap_or_default()
            .to_owned();
        Self::Json {
            line: error.line(),
            column: error.column(),
            why,
        }
    }
}

/// The text of a document: decompressed where it is gzip, xz, zstd or bzip2, without a byte order mark, and nested no
/// deeper than [`DEPTH_MAX`].
///
/// # Errors
/// When it is too large, no UTF-8, or too deep. Whether it is JSON at all is for the parser to say.
pub fn text(bytes: &[u8]) -> Result<Cow<'_, str>, DocumentError> {
    if bytes.len() as u64 > DOCUMENT_BYTES_MAX {
        return Err(DocumentError::TooLarge);
    }
    let bytes = match bytes {
        [0x1f, 0x8b, ..]
        | [0xfd, b'7', b'z', ..]
        | [0x28, 0xb5, 0x2f, 0xfd, ..]
        | [b'B', b'Z', b'h', ..] => {
            Cow::Owned(decompressed(bytes).map_err(DocumentError::Compression)?)
        }
        plain => Cow::Borrowed(plain),
    };
    let text = match bytes {
        Cow::Borrowed(bytes) => Cow::Borrowed(utf8(bytes)?),
        Cow::Owned(bytes) => Cow::Owned(utf8(&bytes)?.to_owned()),
    };
    match too_deep(text.as_bytes()) {
        Some(line) => Err(DocumentError::TooDeep { line }),
        None => Ok(text),
    }
}

fn decompressed(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    archive::decoded(bytes, DOCUMENT_BYTES_MAX)?.read_to_end(&mut plain)?;
    Ok(plain)
}

fn utf8(bytes: &[u8]) -> Result<&str, DocumentError> {
    let wrong = |what: String| Err(DocumentError::Encoding { what });
    let bytes = match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => rest,
        [0xff, 0xfe, ..] | [_, 0, ..] => return wrong("it is UTF-16, low byte first".to_owned()),
        [0xfe, 0xff, ..] | [0, _, ..] => return wrong("it is UTF-16, high byte first".to_owned()),
        rest => rest,
    };
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(error) => wrong(format!("byte {} begins no character", error.valid_up_to())),
    }
}

/// The line at which the nesting passes the limit; brackets inside strings do not count.
fn too_deep(bytes: &[u8]) -> Option<usize> {
    let (mut depth, mut line) = (0_usize, 1);
    let mut rest = bytes.iter();
    while let Some(byte) = rest.next() {
        match byte {
            b'{' | b'[' if depth == DEPTH_MAX => return Some(line),
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'\n' => line += 1,
            b'"' => {
                while let Some(byte) = rest.next() {
                    match byte {
                        b'"' => break,
                        b'\\' => drop(rest.next()),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_told_apart() {
        assert_eq!(text(b"\xef\xbb\xbf{}").unwrap(), "{}");
        let utf16: Vec<u8> = "{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let marked: Vec<u8> = [&b"\xff\xfe"[..], &utf16].concat();
        for (bytes, word) in [
            (&utf16[..], "UTF-16"),
            (&marked, "UTF-16"),
            (b"{\"a\":\"\xe4\"}", "byte 6"),
        ] {
            let error = text(bytes).unwrap_err();
            assert!(error.to_string().contains(word), "{error}");
            assert!(error.hint().is_some());
        }
    }

    #[test]
    fn nesting_has_a_limit_and_brackets_in_strings_do_not_count() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(text(nested(DEPTH_MAX).as_bytes()).is_ok());
        assert!(matches!(
            text(nested(DEPTH_MAX + 1).as_bytes()),
            Err(DocumentError::TooDeep { line: 1 })
        ));
        assert!(matches!(
            text(nested(10_000).as_bytes()),
            Err(DocumentError::TooDeep { .. })
        ));
        assert!(text(format!("[\"\\\"{}\"]", nested(10_000)).as_bytes()).is_ok());
    }
}
