//! Text from outside made harmless for people's eyes, and how many columns it takes.
//!
//! A package name, a process name or a feed's summary may hold escape sequences that repaint a terminal, bidirectional
//! overrides that reverse what is read ("Trojan Source"), line breaks that forge rows, or a megabyte of one letter.
//! Each table cell and each piece of the page passes through [`plain`] once.

use std::borrow::Cow;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Longest text that is shown; no honest name or reason comes near.
const CHARACTERS_MAX: usize = 600;

/// What stands for a character that is not shown.
const REPLACEMENT: char = '\u{fffd}';

/// `text` without anything that could act on a terminal, reorder what is read or break a row, and of bounded length.
///
/// Line breaks and tabs become spaces; control, bidirectional and other invisible characters become U+FFFD.
///
/// ```
/// assert_eq!(overlock_report::plain("\u{1b}[31mopenssl\n"), "\u{fffd}[31mopenssl ");
/// ```
#[must_use]
pub fn plain(text: &str) -> Cow<'_, str> {
    if text.len() <= CHARACTERS_MAX && text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Cow::Borrowed(text);
    }
    let mut harmless = String::with_capacity(text.len().min(CHARACTERS_MAX * 4));
    let mut marks = 0;
    for (count, character) in text.chars().enumerate() {
        if count == CHARACTERS_MAX {
            harmless.push('…');
            break;
        }
        // A few combining marks are writing, a tower of them covers the neighbouring rows. Variation selectors change
        // how wide the character before them is, each terminal in its own way.
        marks = if character.width() == Some(0) {
            marks + 1
        } else {
            0
        };
        match character {
            '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' | '\u{85}' => harmless.push(' '),
            _ if marks > 3 || matches!(character, '\u{fe00}'..='\u{fe0f}') => {}
            _ if is_deceptive(character) => harmless.push(REPLACEMENT),
            _ => harmless.push(character),
        }
    }
    Cow::Owned(harmless)
}

/// Whether a character acts on the display instead of being displayed.
pub(crate) fn is_deceptive(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{3164}' | '\u{ffa0}' | '\u{feff}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// Terminal columns of a text (Unicode Standard Annex 11; ambiguous width counts as one).
#[must_use]
pub fn columns(text: &str) -> usize {
    text.width()
}

/// `text` in at most `width` columns, the cut marked by `…`.
#[must_use]
pub fn clip(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    if width == 0 {
        return String::new();
    }
    let mut short = head(text, width - 1).0.to_owned();
    short.push('…');
    short
}

/// `text` in lines of at most `width` columns, broken at spaces where there are any.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(2);
    let mut lines = Vec::new();
    let mut line = String::new();
    for mut word in text.split(' ').filter(|word| !word.is_empty()) {
        if !line.is_empty() && columns(&line) + 1 + columns(word) > width {
            lines.push(std::mem::take(&mut line));
        }
        while columns(word) > width {
            let (first, rest) = head(word, width);
            if first.is_empty() {
                break;
            }
            lines.push(first.to_owned());
            word = rest;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// As many whole characters as fit into `width` columns, and the rest.
fn head(text: &str, width: usize) -> (&str, &str) {
    let mut used = 0;
    for (at, character) in text.char_indices() {
        used += character.width().unwrap_or(0);
        if used > width {
            return text.split_at(at);
        }
    }
    (text, "")
}
