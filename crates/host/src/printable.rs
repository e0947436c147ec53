//! Names and paths of foreign origin, made safe to print.
//!
//! A process name or a file name may hold escape sequences that rewrite a terminal, or marks that turn the reading
//! direction round so that one name looks like another. Neither ever leaves this crate.

/// The text with bytes that are not UTF-8, control characters and direction marks replaced by U+FFFD.
pub(crate) fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    if !text.contains(is_unsafe) {
        return text.into_owned();
    }
    text.replace(is_unsafe, "\u{fffd}")
}

fn is_unsafe(character: char) -> bool {
    // Direction marks: Unicode UAX #9, section 2.
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn escape_sequences_and_direction_marks_do_not_pass() {
        assert_eq!(printable(b"a\x1b[2Jb\nc"), "a\u{fffd}[2Jb\u{fffd}c");
        assert_eq!(printable("x\u{202e}gnp.exe".as_bytes()), "x\u{fffd}gnp.exe");
        assert_eq!(printable(b"\xff/bin/\xc3\xa9"), "\u{fffd}/bin/\u{e9}");
    }
}
