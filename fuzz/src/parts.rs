//! Several files in one input.

/// Stands between the parts of an input.
pub const BREAK: &[u8] = b"\n%%\n";

/// The first `N` parts; those that are not there are empty.
pub fn split<const N: usize>(input: &[u8]) -> [&[u8]; N] {
    let mut rest = Some(input);
    std::array::from_fn(|number| {
        let text = rest.take().unwrap_or_default();
        let found = (number + 1 < N).then(|| text.windows(BREAK.len()).position(|at| at == BREAK));
        match found.flatten() {
            Some(at) => {
                rest = Some(&text[at + BREAK.len()..]);
                &text[..at]
            }
            None => text,
        }
    })
}

/// The opposite of [`split`].
pub fn join<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    parts.into_iter().collect::<Vec<_>>().join(BREAK)
}

/// Seeds that are texts.
pub fn texts(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_back_and_the_last_keeps_the_rest() {
        assert_eq!(split::<3>(b"a\n%%\n\n%%\nc"), [&b"a"[..], b"", b"c"]);
        assert_eq!(split::<2>(b"a\n%%\nb\n%%\nc"), [&b"a"[..], b"b\n%%\nc"]);
        assert_eq!(split::<2>(b"a"), [&b"a"[..], b""]);
        assert_eq!(split::<2>(&join([&b"x"[..], b"y"])), [b"x", b"y"]);
    }
}
