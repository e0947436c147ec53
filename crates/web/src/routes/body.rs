//! Bodies: bounded in bytes and time, and unpacked within a bound, before anything is parsed (R9).

use crate::problem::{Code, Problem};
use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http_body_util::{BodyExt as _, Limited};
use std::io::Read as _;
use std::time::Duration;

/// Bounds of the body of one route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyLimits {
    /// Bytes as they come.
    pub bytes: u64,
    /// Bytes after unpacking; 0: packed bodies are not taken.
    pub unpacked_bytes: u64,
}

/// 2^23 bytes: memory that a packed body may ask for besides its content (RFC 8878 section 3.1.1.1.2 suggests 8 MiB).
const WINDOW_LOG: u32 = 23;
/// Above this, unpacking leaves the threads that serve everybody.
const INLINE_BYTES: u64 = 1 << 20;

/// A body as it comes.
pub(super) async fn read(
    headers: &HeaderMap,
    body: Body,
    limits: BodyLimits,
    time: Duration,
) -> Result<Bytes, Problem> {
    let declared = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|length| length > limits.bytes) {
        return Err(too_large(limits.bytes));
    }
    let bound = usize::try_from(limits.bytes).unwrap_or(usize::MAX);
    let read = Limited::new(body, bound).collect();
    let bytes = match tokio::time::timeout(time, read).await {
        Ok(Ok(collected)) => collected.to_bytes(),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            return Err(too_large(limits.bytes));
        }
        Ok(Err(_)) => return Err(Problem::invalid("the body ended early")),
        Err(_) => return Err(Problem::new(Code::TimedOut, "the body came too slowly")),
    };
    Ok(bytes)
}

/// The same, unpacked.
pub(super) async fn unpacked(
    headers: &HeaderMap,
    bytes: Bytes,
    limit: u64,
) -> Result<Bytes, Problem> {
    if !is_packed(headers, limit)? {
        return Ok(bytes);
    }
    if limit <= INLINE_BYTES {
        return unpack(&bytes, limit);
    }
    tokio::task::spawn_blocking(move || unpack(&bytes, limit))
        .await
        .map_err(Problem::internal)?
}

/// Whether a body is packed, in the one way that is taken where `limit` allows it.
pub(super) fn is_packed(headers: &HeaderMap, limit: u64) -> Result<bool, Problem> {
    match headers.get(CONTENT_ENCODING).map(|value| value.as_bytes()) {
        None | Some(b"identity") => Ok(false),
        Some(b"zstd") if limit > 0 => Ok(true),
        Some(_) => Err(Problem::new(
            Code::UnsupportedMedia,
            "this content encoding is not taken here",
        )),
    }
}

fn too_large(limit: u64) -> Problem {
    Problem::new(
        Code::TooLarge,
        format!("the body is above the limit of {limit} bytes"),
    )
}

pub(super) fn unpack(packed: &[u8], limit: u64) -> Result<Bytes, Problem> {
    let invalid =
        |error: std::io::Error| Problem::invalid(format!("the packed body is damaged: {error}"));
    let mut decoder = zstd::stream::read::Decoder::with_buffer(packed).map_err(invalid)?;
    decoder.window_log_max(WINDOW_LOG).map_err(invalid)?;
    let mut plain = Vec::new();
    decoder
        .take(limit.saturating_add(1))
        .read_to_end(&mut plain)
        .map_err(invalid)?;
    if plain.len() as u64 > limit {
        return Err(Problem::new(
            Code::TooLarge,
            format!("the body is above the limit of {limit} bytes when unpacked"),
        ));
    }
    Ok(plain.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bomb_is_stopped_at_the_limit() {
        let bomb = zstd::encode_all(&vec![0_u8; 4 << 20][..], 3).unwrap();
        assert!(bomb.len() < 4096);
        assert_eq!(unpack(&bomb, 1 << 20).unwrap_err().code(), Code::TooLarge);
        assert_eq!(unpack(&bomb, 4 << 20).unwrap().len(), 4 << 20);
    }

    #[test]
    fn damage_is_an_error() {
        let mut packed = zstd::encode_all(&b"one two three"[..], 3).unwrap();
        packed.truncate(packed.len() - 3);
        assert_eq!(unpack(&packed, 99).unwrap_err().code(), Code::Invalid);
        assert_eq!(unpack(b"plain", 99).unwrap_err().code(), Code::Invalid);
    }

    #[test]
    fn a_window_that_wants_much_memory_is_refused() {
        // RFC 8878 section 3.1.1.1: magic, a descriptor without single segment, and a window of 2 GiB.
        let huge = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x01, 0x00, 0x00];
        assert_eq!(unpack(&huge, 99).unwrap_err().code(), Code::Invalid);
    }
}
