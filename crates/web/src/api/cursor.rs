//! Cursors: where a page ended, as a text that only the list that gave it takes back.
//!
//! A position is the key of the last row, never a count, so that what is added or removed meanwhile moves nothing. The
//! check covers the list and its filters: a cursor that is cut, changed or carried to another list is refused instead of
//! answered wrongly. It is no secret and gives nothing that the caller may not see.

use crate::authority::hex;
use crate::problem::Problem;
use overlock_model::plan::Digest;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Bytes of the check: enough against accidents.
const CHECK_BYTES: usize = 8;
/// Longest cursor that is looked at; names of hosts are the longest part of a position.
const CURSOR_BYTES: usize = 4096;

/// The cursor for a position in a list; `list` names it and its filters.
pub(crate) fn seal<T: Serialize>(list: &str, position: &T) -> Result<String, Problem> {
    let position = serde_json::to_vec(position).map_err(Problem::internal)?;
    let mut bytes = check(list, &position);
    bytes.extend(position);
    Ok(hex(&bytes))
}

/// The position of a cursor.
pub(crate) fn open<T: DeserializeOwned>(list: &str, cursor: &str) -> Result<T, Problem> {
    let refused = || {
        Problem::invalid(
            "`cursor`: it is none of this list with these filters; begin again without it",
        )
    };
    let bytes = (cursor.len() <= CURSOR_BYTES)
        .then(|| bytes(cursor))
        .flatten()
        .ok_or_else(refused)?;
    let (given, position) = bytes.split_at_checked(CHECK_BYTES).ok_or_else(refused)?;
    if given != check(list, position) {
        return Err(refused());
    }
    serde_json::from_slice(position).map_err(|_| refused())
}

fn check(list: &str, position: &[u8]) -> Vec<u8> {
    let length = (list.len() as u64).to_be_bytes();
    let digest = Digest::joined(&[b"overlock cursor", &length, list.as_bytes(), position]);
    digest.bytes().iter().copied().take(CHECK_BYTES).collect()
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    hex.as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_comes_back_to_its_own_list_only() {
        let position = ("web-1".to_owned(), 7_u64);
        let cursor = seal("hosts?where=a", &position).unwrap();
        assert_eq!(
            open::<(String, u64)>("hosts?where=a", &cursor),
            Ok(position)
        );
        assert!(open::<(String, u64)>("hosts?where=b", &cursor).is_err());
        assert!(open::<(String, u64)>("hosts", &cursor).is_err());
    }

    #[test]
    fn damage_is_refused() {
        let cursor = seal("hosts", &"web-1").unwrap();
        for at in 0..cursor.len() {
            let mut other = cursor.clone().into_bytes();
            other[at] = if other[at] == b'0' { b'1' } else { b'0' };
            let other = String::from_utf8(other).unwrap();
            assert!(open::<String>("hosts", &other).is_err(), "{at}");
            assert!(open::<String>("hosts", &cursor[..at]).is_err(), "{at}");
        }
        for wrong in ["", "zz", "é", "0", &"0".repeat(CURSOR_BYTES + 2)] {
            assert!(open::<String>("hosts", wrong).is_err());
        }
    }
}
