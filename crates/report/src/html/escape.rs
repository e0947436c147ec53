//! Text from outside as HTML text: neutralised, then escaped for content and for quoted attributes alike.

use crate::plain;
use std::borrow::Cow;
use std::fmt::{self, Write};

/// Displays as escaped text.
pub(super) struct Escaped<'a>(Cow<'a, str>);

/// Everything in the page that is not a literal of ours passes through here.
pub(super) fn esc(text: &str) -> Escaped<'_> {
    Escaped(plain(text))
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '`' => f.write_str("&#96;")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}
